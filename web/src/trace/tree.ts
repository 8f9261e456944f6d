// A trace's spans as a tree. Spans may come late or never: one whose parent is not there hangs below a stand-in for it.
import type { TraceSpanRow } from '../lib/queries.ts'

export interface Node {
  id: string
  parent: Node | undefined
  children: Node[]
  missing: boolean // no span of that id was received: a stand-in, with the time of what is below it
  start: bigint
  end: bigint
  name: string
  kind: string
  service: string
  error: boolean
  message: string
  events: { time: bigint; name: string }[]
  links: number
  below: number // how many spans hang below it, at any depth
  errorsBelow: number
}

export interface Tree {
  roots: Node[]
  start: bigint
  end: bigint
  spans: number
  services: string[] // in the order that they appear
  errors: number
}

export function buildTree(rows: readonly TraceSpanRow[]): Tree {
  const nodes = new Map<string, Node>()
  const parents = new Map<Node, string>()
  for (const row of rows) {
    const node = nodeOf(row)
    // The same id twice is a mistake of the sender's; both are shown.
    if (!nodes.has(node.id)) nodes.set(node.id, node)
    parents.set(node, row[2])
  }
  const all = [...parents.keys()]
  const standIns = new Map<string, Node>()
  for (const [node, parentId] of parents) {
    if (!parentId) continue
    const parent = nodes.get(parentId) ?? standIn(standIns, parentId)
    if (isWithin(parent, node)) continue // a circle of parents: it is cut here
    node.parent = parent
    parent.children.push(node)
  }
  const roots = [...all.filter((n) => !n.parent), ...standIns.values()]
  roots.forEach(finish)
  roots.sort(byStart)
  return {
    roots,
    start: least(all.map((n) => n.start)),
    end: all.reduce((end, n) => (n.end > end ? n.end : end), 0n),
    spans: all.length,
    services: [...new Set(all.map((n) => n.service))],
    errors: all.filter((n) => n.error).length,
  }
}

function nodeOf([time, id, , name, kind, service, duration, status, message, eventTimes, eventNames, links]: TraceSpanRow): Node {
  const start = BigInt(time)
  return {
    id, parent: undefined, children: [], missing: false, start, end: start + BigInt(duration), name, kind, service,
    error: status === 'Error', message, events: eventTimes.map((t, i) => ({ time: BigInt(t), name: eventNames[i] ?? '' })), links, below: 0, errorsBelow: 0,
  }
}

function standIn(made: Map<string, Node>, id: string): Node {
  let node = made.get(id)
  if (!node) {
    node = {
      id, parent: undefined, children: [], missing: true, start: 0n, end: 0n, name: 'missing span', kind: '', service: '', error: false, message: '',
      events: [], links: 0, below: 0, errorsBelow: 0,
    }
    made.set(id, node)
  }
  return node
}

function isWithin(node: Node | undefined, other: Node): boolean {
  for (; node; node = node.parent) if (node === other) return true
  return false
}

/** Sorts the children and sums up what is below, without recursion: a trace may be as deep as it is long. */
function finish(root: Node): void {
  const order: Node[] = []
  for (const stack = [root]; stack.length > 0;) {
    const node = stack.pop()!
    order.push(node)
    stack.push(...node.children)
  }
  for (const node of order.reverse()) {
    node.children.sort(byStart)
    for (const child of node.children) {
      node.below += child.below + (child.missing ? 0 : 1)
      node.errorsBelow += child.errorsBelow + (child.error ? 1 : 0)
    }
    if (!node.missing) continue
    node.start = least(node.children.map((c) => c.start))
    node.end = node.children.reduce((end, c) => (c.end > end ? c.end : end), 0n)
  }
}

function byStart(a: Node, b: Node): number {
  if (a.start !== b.start) return a.start < b.start ? -1 : 1
  return a.end > b.end ? -1 : a.end < b.end ? 1 : 0
}

function least(times: bigint[]): bigint {
  return times.reduce((first, t) => (t < first ? t : first), times[0] ?? 0n)
}

export interface Line {
  node: Node
  depth: number
}

/** The nodes in the order that they are shown, without what is below collapsed ones. */
export function visibleLines(tree: Tree, collapsed: ReadonlySet<string>): Line[] {
  const lines: Line[] = []
  const stack: Line[] = tree.roots.map((node) => ({ node, depth: 0 })).reverse()
  while (stack.length > 0) {
    const line = stack.pop()!
    lines.push(line)
    if (collapsed.has(line.node.id)) continue
    for (let i = line.node.children.length - 1; i >= 0; i--) stack.push({ node: line.node.children[i]!, depth: line.depth + 1 })
  }
  return lines
}
