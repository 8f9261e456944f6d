// The store's text of values back to values: see src/telemetry/value_text.h and attr_types.h for the form.
import type { KeyValue, Value } from './otlp.ts'

const types: Record<string, string> = {
  s: 'string', b: 'bool', i: 'int', d: 'double', x: 'bytes', a: 'array', m: 'map', e: 'empty',
}

/** `signature`: the row's AttributeTypes; `section`: 0 resource, 1 scope, 2 record, 3… events and links. */
export function attributes(keys: string[], texts: string[], signature: string, section: number): KeyValue[] {
  const letters = signature.split('/')[section] ?? ''
  return keys.map((key, i) => ({ key, value: value(texts[i]!, types[letters[i] ?? 's']!) }))
}

export function value(text: string, type: string): Value {
  switch (type) {
    case 'empty': return {}
    case 'string': return { stringValue: text }
    case 'bool': return { boolValue: text === 'true' }
    case 'int': return { intValue: text }
    case 'double': return { doubleValue: double(text) }
    case 'bytes': return { bytesValue: text }
    case 'array':
    case 'map': return new Nested(text).parse()
    default: throw new Error(`no such type of value: ${type}`)
  }
}

function double(text: string): Value['doubleValue'] {
  return /^(NaN|-?Infinity)$/.test(text) ? (text as 'NaN') : Number(text)
}

/** A JSON parser that keeps what JSON.parse loses: large integers, 1.0 against 1, the order of keys, duplicates. */
class Nested {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  parse(): Value {
    const result = this.#value()
    if (this.#at !== this.#text.length) throw new Error(`more after the value: ${this.#text}`)
    return result
  }

  #value(): Value {
    const c = this.#text[this.#at]
    if (c === '[') return { arrayValue: { values: this.#list(']', () => this.#value()) } }
    if (c === '{') return this.#object()
    if (c === '"') return { stringValue: this.#string() }
    const [token] = /^(?:true|false|null|-?\d+(\.\d+)?([eE][+-]?\d+)?)/.exec(this.#text.slice(this.#at)) ?? []
    if (token === undefined) throw new Error(`not JSON at ${this.#at}: ${this.#text}`)
    this.#at += token.length
    if (token === 'null') return {}
    if (token === 'true' || token === 'false') return { boolValue: token === 'true' }
    return /[.eE]/.test(token) ? { doubleValue: Number(token) } : { intValue: token }
  }

  #object(): Value {
    const members = this.#list('}', () => {
      const key = this.#string()
      this.#expect(':')
      return { key, value: this.#value() }
    })
    const [only] = members
    if (members.length === 1 && only!.key === '$bytes') return { bytesValue: only!.value.stringValue }
    if (members.length === 1 && only!.key === '$double') return { doubleValue: double(only!.value.stringValue!) }
    const unescaped = members.map((m) => ({ ...m, key: m.key.startsWith('$$') ? m.key.slice(1) : m.key }))
    return { kvlistValue: { values: unescaped } }
  }

  #list<T>(end: string, item: () => T): T[] {
    const items: T[] = []
    this.#at++
    while (this.#text[this.#at] !== end) {
      if (items.length > 0) this.#expect(',')
      items.push(item())
    }
    this.#at++
    return items
  }

  #string(): string {
    const [token] = /^"(?:[^"\\]|\\.)*"/.exec(this.#text.slice(this.#at)) ?? []
    if (token === undefined) throw new Error(`no string at ${this.#at}: ${this.#text}`)
    this.#at += token.length
    return JSON.parse(token) as string
  }

  #expect(c: string): void {
    if (this.#text[this.#at] !== c) throw new Error(`no ${c} at ${this.#at}: ${this.#text}`)
    this.#at++
  }
}
