import { useEffect, useRef, useState } from 'preact/hooks'
import { fieldNames, FilterError, logsCondition, spansCondition } from '../lib/conditions.ts'
import { parseFilter, type Problem } from '../lib/filter.ts'
import { change, place } from '../lib/location.ts'
import { levels } from '../lib/severity.ts'
import { Icon } from './icons.tsx'
import { useKeys } from './keys.ts'

export interface FilterBoxProps {
  table: 'logs' | 'spans'
  placeholder: string
  services: readonly string[] // that are offered after service:
}

/** What is wrong with a filter, if anything is. */
export function filterProblem(text: string, table: 'logs' | 'spans'): Problem | undefined {
  const { terms, problem } = parseFilter(text)
  if (problem) return problem
  try {
    if (table === 'logs') logsCondition(terms)
    else spansCondition(terms)
  } catch (error) {
    if (error instanceof FilterError) return error.problem
    throw error
  }
  return undefined
}

export function FilterBox({ table, placeholder, services }: FilterBoxProps) {
  const applied = place.value.params.get('q') ?? ''
  const [text, setText] = useState(applied)
  const [focused, setFocused] = useState(false)
  const [chosen, setChosen] = useState(-1)
  const [problem, setProblem] = useState<Problem | undefined>(() => filterProblem(applied, table))
  const input = useRef<HTMLInputElement>(null)
  useEffect(() => {
    setText(applied)
    setProblem(filterProblem(applied, table))
  }, [applied, table])
  useKeys({ '/': () => { input.current?.focus(); input.current?.select() } })

  const offers = focused ? suggestions(text, input.current?.selectionStart ?? text.length, table, services) : []
  const apply = () => {
    const wrong = filterProblem(text, table)
    setProblem(wrong)
    if (wrong) return
    change({ q: text.trim() || undefined, record: undefined })
    input.current?.blur()
  }
  const take = (offer: Suggestion) => {
    const field = input.current!
    field.setRangeText(offer.text, offer.from, offer.to, 'end') // the caret is right at once, also for who types on
    setText(field.value)
    setChosen(-1)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape') {
      if (chosen >= 0) setChosen(-1)
      else {
        setText(applied)
        input.current?.blur()
      }
    } else if (event.key === 'Enter') {
      if (offers[chosen]) take(offers[chosen])
      else apply()
    } else if ((event.key === 'ArrowDown' || event.key === 'ArrowUp') && offers.length > 0) {
      event.preventDefault()
      const step = event.key === 'ArrowDown' ? 1 : -1
      setChosen((chosen + step + offers.length + 1) % (offers.length + 1) === offers.length ? -1 : (chosen + step + offers.length) % offers.length)
    } else if (event.key === 'Tab' && offers.length > 0 && !event.shiftKey) {
      event.preventDefault()
      take(offers[Math.max(0, chosen)]!)
    }
  }

  return (
    <div class={`filter ${problem ? 'wrong' : ''} ${text.trim() !== applied ? 'changed' : ''}`}>
      <Icon name="search" />
      <input
        ref={input} type="text" value={text} placeholder={placeholder} spellcheck={false} autocomplete="off" autocapitalize="off" aria-label="Filter"
        onInput={(e) => { setText(e.currentTarget.value); setChosen(-1); setProblem(undefined) }}
        onKeyDown={onKeyDown} onFocus={() => setFocused(true)} onBlur={() => { setFocused(false); setChosen(-1) }}
      />
      {text.trim() !== applied && <kbd class="hint">Enter ↵</kbd>}
      {text ? <button class="ghost" title="Clear the filter" onMouseDown={(e) => { e.preventDefault(); setText(''); setProblem(undefined); change({ q: undefined, record: undefined }) }}><Icon name="close" /></button>
        : !focused && <kbd>/</kbd>}
      {problem && <div class="filter-problem" role="alert"><Icon name="warning" />{problem.message}</div>}
      {!problem && focused && (
        <div class="popover offers" onMouseDown={(e) => e.preventDefault()}>
          {offers.map((offer, i) => (
            <button key={offer.text} class={i === chosen ? 'chosen' : ''} onClick={() => take(offer)}><code>{offer.text}</code><span class="faint">{offer.note}</span></button>
          ))}
          <FilterHelp table={table} />
        </div>
      )}
    </div>
  )
}

function FilterHelp({ table }: { table: 'logs' | 'spans' }) {
  const examples: [string, string][] = table === 'logs'
    ? [['declined "card was"', 'a word, a phrase'], ['-health', 'without it'], ['level>=warn service:cart,payment', 'fields; any of several'], ['http.route:/cart* app.order.id:*', 'attributes; * is any text'], ['http.response.status_code>=500', 'numbers; also ~ for a regular expression']]
    : [['checkout', 'a word in the name or an attribute'], ['service:payment status:error', 'fields'], ['duration>250ms -kind:internal', 'durations; - excludes'], ['db.system:redis http.route:/cart*', 'attributes; * is any text']]
  return (
    <dl class="filter-help">
      {examples.map(([term, what]) => <div key={term}><dt><code>{term}</code></dt><dd>{what}</dd></div>)}
    </dl>
  )
}

interface Suggestion {
  from: number
  to: number
  text: string
  note: string
}

/** What the word at the caret may become: a field's name, or a value of a field whose values are known. */
function suggestions(text: string, caret: number, table: 'logs' | 'spans', services: readonly string[]): Suggestion[] {
  const start = text.slice(0, caret).search(/\S+$/)
  const word = start < 0 ? '' : text.slice(start, caret)
  const from = start < 0 ? caret : start
  const value = /^(-?)(service|level|status|kind)([:=])([^"]*)$/.exec(word)
  if (value) {
    const [, sign, field, op, typed] = value
    const known: readonly string[] = field === 'service' ? services : field === 'level' ? levels.slice(1) : field === 'status' ? ['error', 'ok', 'unset'] : ['server', 'client', 'internal', 'producer', 'consumer']
    return known.filter((v) => v.toLowerCase().startsWith(typed!.toLowerCase()) && v !== typed).slice(0, 8)
      .map((v) => ({ from, to: caret, text: `${sign}${field}${op}${/[\s",]/.test(v) ? `"${v}"` : v} `, note: '' }))
  }
  const typed = word.replace(/^-/, '')
  if (!/^[a-z_]+$/.test(typed)) return []
  return fieldNames[table].filter((name) => name.startsWith(typed)).map((name) => ({ from, to: caret, text: `${word.startsWith('-') ? '-' : ''}${name}:`, note: 'field' }))
}
