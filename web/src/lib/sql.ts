// SQL with bound parameters only: what comes from a user is never part of a statement's text. The text comes from
// template literals in this program, and each value in them becomes a parameter of the type that it has.

/** A value that is sent beside the statement. */
export type Value = string | number | bigint | readonly string[]

/** A piece of a statement, with the values that belong to it. */
export class Sql {
  readonly strings: readonly string[]
  readonly values: readonly (Value | Sql)[]

  constructor(strings: readonly string[], values: readonly (Value | Sql)[]) {
    this.strings = strings
    this.values = values
  }
}

export function sql(strings: TemplateStringsArray, ...values: (Value | Sql)[]): Sql {
  return new Sql(strings, values)
}

/** All of them; `empty` where there are none. */
export function all(conditions: readonly Sql[]): Sql {
  return joined(conditions, ' AND ', '1')
}

/** Any of them. */
export function any(conditions: readonly Sql[]): Sql {
  return joined(conditions, ' OR ', '0')
}

export function not(condition: Sql): Sql {
  return sql`NOT (${condition})`
}

function joined(conditions: readonly Sql[], separator: string, empty: string): Sql {
  if (conditions.length === 0) return new Sql([empty], [])
  if (conditions.length === 1) return conditions[0]!
  return new Sql(['(', ...conditions.slice(1).map(() => separator), ')'], conditions)
}

export interface Statement {
  text: string
  params: Record<string, string>
}

/** The statement's text, in which each value is a `{p1:Type}`, and the values in ClickHouse's notation. */
export function compile(query: Sql): Statement {
  const params: Record<string, string> = {}
  const names = new Map<string, string>()
  const write = (part: Sql): string =>
    part.strings.reduce((text, string, i) => {
      const value = part.values[i - 1]!
      if (value instanceof Sql) return text + write(value) + string
      const [type, written] = [typeOf(value), notation(value)]
      // What stands in a statement twice is sent once.
      const name = names.get(type + written) ?? `p${names.size + 1}`
      names.set(type + written, name)
      params[name] = written
      return `${text}{${name}:${type}}${string}`
    })
  return { text: write(query), params }
}

function typeOf(value: Value): string {
  if (typeof value === 'string') return 'String'
  if (typeof value === 'bigint') return 'Int64'
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'Int64' : 'Float64'
  return 'Array(String)'
}

// Parameters are read in the notation of TabSeparated, so a line break or a backslash as it is would end or change them.
const escapes: Record<string, string> = { '\\': '\\\\', '\n': '\\n', '\t': '\\t', '\r': '\\r', '\0': '\\0', "'": "\\'" }

function notation(value: Value): string {
  if (typeof value === 'string') return value.replace(/[\\\n\t\r\0]/g, (c) => escapes[c]!)
  if (typeof value === 'object') return `[${value.map((v) => `'${v.replace(/[\\\n\t\r\0']/g, (c) => escapes[c]!)}'`).join(',')}]`
  return String(value)
}
