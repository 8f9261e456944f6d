// After kill -9: undoes what the killed process changed and did not sync. Reads the journal of tests/e2e/faults/unsynced.c.
import { closeSync, existsSync, ftruncateSync, linkSync, openSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'
import { join, resolve } from 'node:path'

const kinds = { data: 1, create: 2, rename: 3, unlink: 4, sync: 5 }
const headBytes = 56

interface Entry {
  kind: number
  number: bigint
  inode: bigint
  offset: bigint
  oldSize: bigint
  path: string
  other: string
  kept: string
  data: Buffer
}

const library = resolve('build/tests/e2e/faults/libunsynced.so')

/** The environment that makes a server note its changes below `dir`, but not those in `except`. */
export function noting(dir: string, journal: string, except = ''): Record<string, string> {
  return { LD_PRELOAD: library, UNSYNCED_DIR: dir, UNSYNCED_JOURNAL: journal, UNSYNCED_EXCEPT: except }
}

/** Undoes, last one first; returns how many changes. The journal starts anew. */
export function powerCut(dir: string, journal: string): number {
  const entries = readJournal(journal)
  const syncs = entries.filter((e) => e.kind === kinds.sync)
  const covered = new Map<bigint, bigint>() // inode to the last covered number
  for (const sync of syncs) {
    if ((covered.get(sync.inode) ?? -1n) < sync.offset) covered.set(sync.inode, sync.offset)
  }
  const lost = entries.filter((e) => e.kind !== kinds.sync && e.number > (covered.get(e.inode) ?? -1n))
  for (const entry of lost.reverse()) undo(dir, entry)
  for (const { kept } of entries) if (kept) rmSync(kept, { force: true })
  rmSync(journal, { force: true })
  return lost.length
}

function readJournal(journal: string): Entry[] {
  if (!existsSync(journal)) return []
  const bytes = readFileSync(journal)
  const entries: Entry[] = []
  for (let at = 0; at + headBytes <= bytes.length;) {
    const [kind, pathLength, otherLength, keptLength, dataLength] = [0, 4, 8, 12, 16].map((o) => bytes.readUInt32LE(at + o)) as [number, number, number, number, number]
    const [number, inode, offset, oldSize] = [24, 32, 40, 48].map((o) => bytes.readBigUInt64LE(at + o)) as [bigint, bigint, bigint, bigint]
    at += headBytes
    const take = (length: number) => bytes.subarray(at, (at += length))
    const [path, other, kept] = [pathLength, otherLength, keptLength].map((length) => take(length).toString()) as [string, string, string]
    entries.push({ kind, number, inode, offset, oldSize, path, other, kept, data: take(dataLength) })
  }
  return entries
}

function undo(dir: string, { kind, inode, offset, oldSize, path, other, kept, data }: Entry): void {
  switch (kind) {
    case kinds.data: {
      const file = pathOf(dir, inode)
      if (!file) return // removed for good, and that was synced
      const fd = openSync(file, 'r+')
      ftruncateSync(fd, Number(oldSize))
      writeSync(fd, data, 0, data.length, Number(offset))
      closeSync(fd)
      return
    }
    case kinds.create:
      rmSync(path, { force: true })
      return
    case kinds.rename:
      // When the change was noted but not made, the file is still where it was.
      if (!existsSync(path) && existsSync(other)) renameSync(other, path)
      if (kept && existsSync(kept)) {
        rmSync(other, { force: true })
        linkSync(kept, other)
      }
      return
    case kinds.unlink:
      if (!existsSync(path) && existsSync(kept)) linkSync(kept, path)
      return
    default:
      throw new Error(`no such kind of entry: ${kind}`)
  }
}

function pathOf(dir: string, inode: bigint): string | undefined {
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile() && statSync(path, { bigint: true }).ino === inode) return path
  }
  return undefined
}
