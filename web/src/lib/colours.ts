// A service has the same colour wherever it appears: by its name, moved on where another has that colour already, and
// remembered, so that it is the same tomorrow.

export const colourCount = 12
const key = 'tripod.colours'
const mostRemembered = 200
const given = remembered()

function remembered(): Map<string, number> {
  try {
    const entries = Object.entries(JSON.parse(localStorage.getItem(key) ?? '{}') as Record<string, unknown>)
    return new Map(entries.filter((e): e is [string, number] => Number.isInteger(e[1]) && (e[1] as number) >= 0 && (e[1] as number) < colourCount))
  } catch {
    return new Map()
  }
}

/** The number of a colour, from 0; style.css has them as --service-N. */
export function serviceColour(service: string): number {
  const known = given.get(service)
  if (known !== undefined) return known
  const taken = new Set(given.values())
  let at = hash(service) % colourCount
  for (let i = 0; i < colourCount && taken.has(at); i++) at = (at + 1) % colourCount
  given.set(service, at)
  if (given.size <= mostRemembered) localStorage.setItem(key, JSON.stringify(Object.fromEntries(given)))
  return at
}

export function serviceVariable(service: string): string {
  return `var(--service-${serviceColour(service)})`
}

/** FNV-1a. */
function hash(text: string): number {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return h >>> 0
}
