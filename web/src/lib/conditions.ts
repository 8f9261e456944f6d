// What a filter's terms mean for the columns of the tables.
import { parseDuration, type FieldTerm, type Pattern, type Problem, type Term } from './filter.ts'
import { levelNames, levelOf, levels, numbersOf, type Level } from './severity.ts'
import { all, any, not, sql, type Sql } from './sql.ts'

export class FilterError extends Error {
  readonly problem: Problem
  constructor(message: string) {
    super(message)
    this.problem = { at: 0, message }
  }
}

type Table = 'logs' | 'spans'

/** The rows of otel_logs that all terms hold for. Throws a FilterError for a term that makes no sense. */
export function logsCondition(terms: readonly Term[]): Sql {
  return all(terms.map((term) => signed(term, term.kind === 'text' ? bodyContains(term.text) : field(term, 'logs'))))
}

/** The same for otel_traces. */
export function spansCondition(terms: readonly Term[]): Sql {
  return all(terms.map((term) => signed(term, term.kind === 'text' ? spanContains(term.text) : field(term, 'spans'))))
}

function signed(term: Term, condition: Sql): Sql {
  return term.negated ? not(condition) : condition
}

// --- words and phrases: anywhere in the text, in any case --------------------------------------------------------

const isTraceId = (text: string): boolean => /^[0-9a-f]{32}$/i.test(text)

function contains(column: Sql, text: string): Sql {
  // The plain function is several times faster and is the same where there are only ASCII letters to fold.
  const ascii = !/[^\0-\x7f]/.test(text)
  return ascii ? sql`positionCaseInsensitive(${column}, ${text}) > 0` : sql`positionCaseInsensitiveUTF8(${column}, ${text}) > 0`
}

function bodyContains(text: string): Sql {
  const inBody = contains(sql`Body`, text)
  return isTraceId(text) ? any([sql`TraceId = ${text.toLowerCase()}`, inBody]) : inBody
}

function spanContains(text: string): Sql {
  if (isTraceId(text)) return sql`TraceId = ${text.toLowerCase()}`
  return any([
    contains(sql`SpanName`, text),
    contains(sql`StatusMessage`, text),
    sql`arrayExists(v -> ${contains(sql`v`, text)}, mapValues(SpanAttributes))`,
  ])
}

// --- fields --------------------------------------------------------------------------------------------------------

const textColumns: Record<Table, Record<string, Sql>> = {
  logs: {
    service: sql`ServiceName`, body: sql`Body`, trace_id: sql`TraceId`, trace: sql`TraceId`, span_id: sql`SpanId`, span: sql`SpanId`,
    scope: sql`ScopeName`, event: sql`EventName`,
  },
  spans: {
    service: sql`ServiceName`, name: sql`SpanName`, trace_id: sql`TraceId`, trace: sql`TraceId`, span_id: sql`SpanId`, span: sql`SpanId`,
    parent_id: sql`ParentSpanId`, scope: sql`ScopeName`, message: sql`StatusMessage`,
  },
}

/** The words that `field:` in the filter box knows besides attribute keys. */
export const fieldNames: Record<Table, readonly string[]> = {
  logs: ['service', 'level', 'body', 'trace_id', 'span_id', 'scope', 'event'],
  spans: ['service', 'name', 'status', 'duration', 'kind', 'trace_id', 'span_id', 'parent_id', 'scope', 'message'],
}

const maps: Record<Table, readonly Sql[]> = {
  logs: [sql`LogAttributes`, sql`ResourceAttributes`, sql`ScopeAttributes`],
  spans: [sql`SpanAttributes`, sql`ResourceAttributes`, sql`ScopeAttributes`],
}

function field(term: FieldTerm, table: Table): Sql {
  const name = term.key.toLowerCase()
  if (term.attribute) return attribute(term, table)
  if (table === 'logs' && (name === 'level' || name === 'severity')) return level(term)
  if (table === 'spans' && name === 'duration') return duration(term)
  if (table === 'spans' && (name === 'status' || name === 'kind')) return enumeration(term, name === 'status' ? sql`StatusCode` : sql`SpanKind`)
  const column = Object.hasOwn(textColumns[table], name) ? textColumns[table][name] : undefined
  if (!column) return attribute(term, table)
  const isId = name.endsWith('_id') || name === 'trace' || name === 'span'
  return text(isId ? { ...term, values: term.values.map((v) => ({ ...v, text: v.text.toLowerCase() })) } : term, column)
}

function text(term: FieldTerm, column: Sql): Sql {
  if (term.operator === 'is') return any(term.values.map((v) => equals(column, v)))
  if (term.operator === 'matches') return any(term.values.map((v) => sql`match(${column}, ${regex(v.text)})`))
  return any(term.values.map((v) => compare(sql`toFloat64OrNull(${column})`, term, number(term, v))))
}

function equals(column: Sql, value: Pattern): Sql {
  if (!value.wildcards) return sql`${column} = ${value.text}`
  if (value.text === '*') return sql`${column} != ''`
  return sql`${column} LIKE ${value.text.replace(/[\\%_]/g, '\\$&').replaceAll('*', '%')}`
}

function attribute(term: FieldTerm, table: Table): Sql {
  return any(maps[table].map((map) => {
    if (term.operator === 'is' && term.values.some((v) => v.text === '*' && v.wildcards)) return sql`mapContains(${map}, ${term.key})`
    return text(term, sql`${map}[${term.key}]`)
  }))
}

function compare(column: Sql, term: FieldTerm, value: number): Sql {
  const comparison = {
    '>': sql`${column} > ${value}`, '>=': sql`${column} >= ${value}`, '<': sql`${column} < ${value}`, '<=': sql`${column} <= ${value}`,
  }[term.operator as '>' | '>=' | '<' | '<=']
  // Where there is no number nothing holds; NULL would be neither true nor, excluded, false.
  return sql`ifNull(${comparison}, 0)`
}

function number(term: FieldTerm, value: Pattern): number {
  const n = Number(value.text)
  if (value.text === '' || Number.isNaN(n)) throw new FilterError(`${term.key}${term.operator} wants a number, not “${value.text}”.`)
  return n
}

function regex(pattern: string): string {
  try {
    new RegExp(pattern)
  } catch {
    throw new FilterError(`“${pattern}” is not a regular expression.`)
  }
  return pattern
}

function enumeration(term: FieldTerm, column: Sql): Sql {
  if (term.operator !== 'is') throw new FilterError(`${term.key} can only be compared with “:” and “!=”.`)
  return any(term.values.map((v) => equals(sql`lower(${column})`, { ...v, text: v.text.toLowerCase() })))
}

function duration(term: FieldTerm): Sql {
  if (term.operator === 'matches') throw new FilterError('duration can be compared with :, >, >=, <, and <=.')
  return any(term.values.map((value) => {
    const ns = parseDuration(value.text)
    if (ns === undefined) throw new FilterError(`duration wants a number with a unit such as 100ms or 1.5s, not “${value.text}”.`)
    return term.operator === 'is' ? sql`Duration = ${ns}` : compare(sql`Duration`, term, ns)
  }))
}

function level(term: FieldTerm): Sql {
  return any(term.values.map((value) => {
    if (value.text.toLowerCase() === 'unset') return sql`(SeverityNumber = 0 AND SeverityText = '')`
    if (value.text === '*') return sql`(SeverityNumber > 0 OR SeverityText != '')`
    const named = levelOf(value.text)
    if (!named || named === 'unset' || term.operator === 'matches') {
      throw new FilterError(`level can be trace, debug, info, warn, error, fatal or unset, not “${value.text}”.`)
    }
    return any(wanted(named, term.operator).map(isLevel))
  }))
}

function wanted(named: Level, operator: FieldTerm['operator']): Exclude<Level, 'unset'>[] {
  const at = levels.indexOf(named)
  const holds = { is: (i: number) => i === at, matches: () => false, '>': (i: number) => i > at, '>=': (i: number) => i >= at, '<': (i: number) => i < at, '<=': (i: number) => i <= at }
  return levels.filter((l, i): l is Exclude<Level, 'unset'> => l !== 'unset' && holds[operator](i))
}

function isLevel(named: Exclude<Level, 'unset'>): Sql {
  const { first, last } = numbersOf(named)
  return sql`(SeverityNumber BETWEEN ${first} AND ${last} OR SeverityNumber = 0 AND lower(SeverityText) IN ${levelNames[named]})`
}
