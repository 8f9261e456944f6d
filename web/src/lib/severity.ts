// OpenTelemetry's severity numbers: six levels of four numbers each; 0 says nothing.

export const levels = ['unset', 'trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const
export type Level = (typeof levels)[number]

/** What programs write as severity text where they give no number. */
export const levelNames: Record<Exclude<Level, 'unset'>, readonly string[]> = {
  trace: ['trace', 'finest', 'verbose'],
  debug: ['debug', 'fine', 'dbg'],
  info: ['info', 'information', 'notice', 'inf'],
  warn: ['warn', 'warning', 'wrn'],
  error: ['error', 'err', 'severe'],
  fatal: ['fatal', 'critical', 'crit', 'emergency', 'emerg', 'alert', 'panic'],
}

const byName = new Map(Object.entries(levelNames).flatMap(([level, names]) => names.map((name) => [name, level as Level])))

/** The level that a name means: "Warning" is warn. */
export function levelOf(name: string): Level | undefined {
  return byName.get(name.toLowerCase())
}

/** The level of a severity number from 1 to 24; 0 is unset. */
export function levelOfNumber(number: number): Level {
  return levels[number <= 0 ? 0 : Math.min(6, Math.ceil(number / 4))]!
}

/** The severity numbers of a level, both inclusive. */
export function numbersOf(level: Exclude<Level, 'unset'>): { first: number; last: number } {
  const index = levels.indexOf(level)
  return { first: index * 4 - 3, last: index * 4 }
}
