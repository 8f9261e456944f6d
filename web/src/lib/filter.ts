// The filter box: words and "phrases" to look for, and field:value terms. All must hold; "-" in front excludes.

export type Operator = 'is' | 'matches' | '>' | '>=' | '<' | '<='

export interface TextTerm {
  kind: 'text'
  text: string
  negated: boolean
}

export interface FieldTerm {
  kind: 'field'
  key: string
  attribute: boolean // the key was quoted: an attribute, even where a field has that name
  operator: Operator
  values: Pattern[] // any of them
  negated: boolean
}

/** A value to compare with. `wildcards`: "*" stands for any text; alone for any value at all. */
export interface Pattern {
  text: string
  wildcards: boolean
}

export type Term = TextTerm | FieldTerm

export interface Problem {
  at: number // where in the text
  message: string
}

export type Parsed = { terms: Term[]; problem?: undefined } | { terms: Term[]; problem: Problem }

const key = /[\p{L}_@][\p{L}\p{N}_.@/-]*/uy
const operators = ['!=', '!~', '>=', '<=', ':', '=', '~', '>', '<'] as const

export function parseFilter(input: string): Parsed {
  const reader = new Reader(input)
  const terms: Term[] = []
  try {
    for (reader.skipSpace(); !reader.atEnd; reader.skipSpace()) terms.push(reader.term())
    return { terms }
  } catch (error) {
    if (error instanceof Misread) return { terms, problem: error.problem }
    throw error
  }
}

class Misread extends Error {
  readonly problem: Problem
  constructor(at: number, message: string) {
    super(message)
    this.problem = { at, message }
  }
}

class Reader {
  readonly #input: string
  #at = 0

  constructor(input: string) {
    this.#input = input
  }

  get atEnd(): boolean {
    return this.#at >= this.#input.length
  }

  skipSpace(): void {
    while (!this.atEnd && /\s/.test(this.#input[this.#at]!)) this.#at++
  }

  term(): Term {
    const negated = this.#input[this.#at] === '-' && this.#at + 1 < this.#input.length && !/\s/.test(this.#input[this.#at + 1]!)
    if (negated) this.#at++
    const field = this.#field(negated)
    if (field) return field
    const text = this.#input[this.#at] === '"' ? this.#quoted() : this.#word(/\s/)
    return { kind: 'text', text, negated }
  }

  /** key op value, or undefined (and nothing is read) where it is text. */
  #field(negated: boolean): FieldTerm | undefined {
    const start = this.#at
    const name = this.#key()
    const operator = name === undefined ? undefined : operators.find((op) => this.#input.startsWith(op, this.#at))
    // http://example.com is text, and so is a word that ends in a colon.
    const after = operator && this.#input.slice(this.#at + operator.length)
    if (!name || !operator || !after || /^(\/\/|\s)/.test(after)) {
      this.#at = start
      return undefined
    }
    this.#at += operator.length
    const values = [this.#pattern()]
    while (this.#input[this.#at] === ',' && this.#at + 1 < this.#input.length && !/\s/.test(this.#input[this.#at + 1]!)) {
      this.#at++
      values.push(this.#pattern())
    }
    const exclude = operator.startsWith('!')
    return { kind: 'field', key: name.key, attribute: name.quoted, operator: meaning[operator], values, negated: negated !== exclude }
  }

  #key(): { key: string; quoted: boolean } | undefined {
    if (this.#input[this.#at] === '"') {
      const end = closing(this.#input, this.#at)
      return end >= 0 && operators.some((op) => this.#input.startsWith(op, end + 1)) ? { key: this.#quoted(), quoted: true } : undefined
    }
    key.lastIndex = this.#at
    const found = key.exec(this.#input)
    if (!found) return undefined
    this.#at = key.lastIndex
    return { key: found[0], quoted: false }
  }

  #pattern(): Pattern {
    if (this.#input[this.#at] === '"') return { text: this.#quoted(), wildcards: false }
    const text = this.#word(/[\s,]/)
    return { text, wildcards: text.includes('*') }
  }

  #word(end: RegExp): string {
    const start = this.#at
    while (!this.atEnd && !end.test(this.#input[this.#at]!)) this.#at++
    return this.#input.slice(start, this.#at)
  }

  #quoted(): string {
    const start = this.#at
    const end = closing(this.#input, start)
    if (end < 0) throw new Misread(start, 'This quotation mark is not closed.')
    this.#at = end + 1
    return this.#input.slice(start + 1, end).replace(/\\(["\\])/g, '$1')
  }
}

const meaning: Record<(typeof operators)[number], Operator> = {
  ':': 'is', '=': 'is', '!=': 'is', '~': 'matches', '!~': 'matches', '>': '>', '>=': '>=', '<': '<', '<=': '<=',
}

/** Where the quotation that starts at `at` ends; -1 when it does not. */
function closing(input: string, at: number): number {
  for (let i = at + 1; i < input.length; i++) {
    if (input[i] === '\\') i++
    else if (input[i] === '"') return i
  }
  return -1
}

/** `text` as one value or word of a filter, quoted where it has to be. */
export function quote(text: string): string {
  return /^[^\s",*\\-][^\s",*\\]*$/.test(text) && !/^\/\//.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`
}

/** A term as the box shows it. */
export function fieldTerm(name: string, value: string, options: { negated?: boolean; attribute?: boolean; operator?: string } = {}): string {
  const plain = !options.attribute && /^[\p{L}_@][\p{L}\p{N}_.@/-]*$/u.test(name)
  const written = plain ? name : `"${name.replace(/["\\]/g, '\\$&')}"`
  return `${options.negated ? '-' : ''}${written}${options.operator ?? ':'}${quote(value)}`
}

/** The filter with one more term; the same filter when it has the term already. */
export function withTerm(filter: string, term: string): string {
  const opposite = term.startsWith('-') ? term.slice(1) : `-${term}`
  const terms = split(filter).filter((t) => t !== opposite)
  return terms.includes(term) ? filter : [...terms, term].join(' ')
}

/** The filter without the terms of one field. */
export function withoutField(filter: string, field: string): string {
  return split(filter).filter((text) => !parseFilter(text).terms.some((t) => t.kind === 'field' && t.key === field)).join(' ')
}

/** The filter's terms as they are written. */
function split(filter: string): string[] {
  return filter.match(/(?:"(?:\\.|[^"\\])*"?|[^\s"])+/g) ?? []
}

/** A number with a unit, "100ms" or "1.5s", in nanoseconds. */
export function parseDuration(text: string): number | undefined {
  const found = /^(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)?$/.exec(text)
  if (!found) return undefined
  const size = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 }[found[2] ?? 'ms']!
  return Math.round(Number(found[1]) * size)
}
