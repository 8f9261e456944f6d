// The types of attribute values, which the maps of the store hold as text: AttributeTypes has a section for each set
// (resource, scope, record, events, links), joined by "/", and a letter for each value; what is left out is a string.

export type ValueType = 'string' | 'bool' | 'int' | 'double' | 'bytes' | 'array' | 'map' | 'empty'

const letters: Record<string, ValueType> = { s: 'string', b: 'bool', i: 'int', d: 'double', x: 'bytes', a: 'array', m: 'map', e: 'empty' }

export interface Attribute {
  key: string
  value: string
  type: ValueType
}

/** The attributes of one set, in the order that they were sent in. */
export function attributesOf(map: Record<string, string>, types: string, section: number): Attribute[] {
  const own = types.split('/')[section] ?? ''
  return Object.entries(map).map(([key, value], i) => ({ key, value, type: letters[own[i] ?? 's'] ?? 'string' }))
}

/** JSON that is worth more than one line, written so; undefined for all other text. */
export function prettyJson(text: string): string | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined
  try {
    JSON.parse(text)
  } catch {
    return undefined
  }
  return indent(text)
}

/** Breaks lines and indents without touching a value: 1.0 stays 1.0, and a number of 64 bits keeps its digits. */
function indent(json: string): string {
  let out = ''
  let depth = 0
  const line = () => `\n${'  '.repeat(depth)}`
  for (const [token] of json.matchAll(/"(?:\\.|[^"\\])*"|[[\]{},:]|[^\s[\]{},:"]+/g)) {
    if (token === '{' || token === '[') {
      depth++
      out += token + line()
    } else if (token === '}' || token === ']') {
      depth--
      out = /[[{]\s*$/.test(out) ? out.trimEnd() + token : out + line() + token
    } else if (token === ',') out += token + line()
    else out += token === ':' ? ': ' : token
  }
  return out
}
