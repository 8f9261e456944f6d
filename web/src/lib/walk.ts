// Looking through a range of time from its end, in pieces: the newest are found first, there is something to see
// meanwhile, and a search can end as soon as it has enough. A piece grows as long as the store is quick with it.
import type { Span } from './time.ts'

const bucket = 300_000_000_000n // the sort key's: pieces that begin at one read no rows of others'
const quickMs = 150
const slowMs = 1500

export interface Walk {
  /** One piece; true ends the walk. */
  look: (piece: Span) => Promise<boolean>
  /** After each piece: up to where it was looked. */
  onProgress?: (reached: bigint) => void
  first?: bigint // length of the first piece
  align?: bigint // pieces begin at multiples of it
}

/** True when `look` ended it, false when the whole span was looked through. */
export async function walkBack(span: Span, walk: Walk): Promise<boolean> {
  const align = walk.align ?? bucket
  let length = walk.first ?? 2n * bucket
  for (let to = span.to; to > span.from;) {
    const aligned = ((to - length) / align) * align
    // A short rest is not worth a query of its own.
    const from = aligned - span.from < length / 4n ? span.from : aligned
    const started = performance.now()
    if (await walk.look({ from, to })) return true
    const took = performance.now() - started
    if (took < quickMs) length *= 4n
    else if (took > slowMs) length = length / 2n > align ? length / 2n : align
    to = from
    walk.onProgress?.(to)
  }
  return false
}
