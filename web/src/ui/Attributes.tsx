import { Fragment, type ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { prettyJson, type Attribute } from '../lib/attributes.ts'
import { Icon } from './icons.tsx'

export type OnFilter = (key: string, value: string, negated: boolean) => void

export function Section({ title, note, children }: { title: string; note?: ComponentChildren; children: ComponentChildren }) {
  const [open, setOpen] = useState(true)
  return (
    <section class={`section ${open ? '' : 'closed'}`}>
      <h3><button onClick={() => setOpen(!open)} aria-expanded={open}><Icon name={open ? 'down' : 'right'} />{title}</button>{note && <span class="faint">{note}</span>}</h3>
      {open && children}
    </section>
  )
}

export function Attributes({ title, attributes, dropped, onFilter }: { title: string; attributes: readonly Attribute[]; dropped: number; onFilter?: OnFilter }) {
  if (attributes.length === 0 && dropped === 0) return null
  const sorted = [...attributes].sort((a, b) => (a.key < b.key ? -1 : 1))
  return (
    <Section title={title} note={dropped > 0 ? `${dropped} dropped by the sender` : undefined}>
      <div class="attributes">
        {sorted.map((attribute) => <Row key={attribute.key} attribute={attribute} onFilter={onFilter} />)}
      </div>
    </Section>
  )
}

/** A key may be broken after its dots. */
export function Key({ name }: { name: string }) {
  return <>{name.split(/(?<=[._/])/).map((part, i) => <Fragment key={i}>{i > 0 && <wbr />}{part}</Fragment>)}</>
}

const numeric = new Set(['int', 'double', 'bool'])

function Row({ attribute: { key, value, type }, onFilter }: { attribute: Attribute; onFilter: OnFilter | undefined }) {
  const json = type === 'map' || type === 'array' || type === 'string' ? prettyJson(value) : undefined
  return (
    <div class="attribute">
      <div class="attribute-key" title={key}><Key name={key} /></div>
      <div class={`attribute-value ${numeric.has(type) ? 'number' : ''}`}>
        {json ? <pre>{json}</pre> : value === '' ? <span class="faint">{type === 'empty' ? 'no value' : 'empty'}</span> : value}
        {type !== 'string' && <span class="type">{type}</span>}
      </div>
      <div class="attribute-actions">
        {onFilter && <button title={`Only ${key}: this value`} onClick={() => onFilter(key, value, false)}><Icon name="plus" /></button>}
        {onFilter && <button title={`Without ${key}: this value`} onClick={() => onFilter(key, value, true)}><Icon name="minus" /></button>}
        <Copy text={value} title="Copy the value" />
      </div>
    </div>
  )
}

export function Copy({ text, title, label }: { text: string; title: string; label?: string }) {
  const [done, setDone] = useState(false)
  const copy = async () => {
    await navigator.clipboard.writeText(text)
    setDone(true)
    setTimeout(() => setDone(false), 1200)
  }
  return <button title={title} onClick={() => { void copy() }}><Icon name={done ? 'check' : 'copy'} />{label}</button>
}
