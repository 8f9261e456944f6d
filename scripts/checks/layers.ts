// Includes point down the layers of ARCHITECTURE.md only; headers stand alone and are no umbrellas.
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { run } from '../lib/process.ts'
import { compileFlags } from './analysis.ts'

// Folders of src/, lowest first; those of one row do not include each other.
const rows = [
  ['base'],
  ['wire'],
  ['net', 'telemetry'],
  ['store'],
  ['pipeline'],
  ['receivers', 'processors', 'connectors', 'exporters', 'lang'],
  ['query'],
  ['api', 'alerting'],
  ['kubernetes'],
  ['app'],
]
const rank = new Map(rows.flatMap((row, i) => row.map((folder) => [folder, i] as const)))

interface Source {
  file: string
  includes: string[] // the quoted ones: the project's own
  code: string // without comments and preprocessor lines
}

export async function layers(files: string[]): Promise<string[]> {
  const sources = await Promise.all(files.filter((f) => /^src\/.*\.[ch]$/.test(f)).map(read))
  const headers = sources.filter(({ file }) => file.endsWith('.h'))
  return [
    ...sources.flatMap(upward),
    ...headers.filter(isUmbrella).map(({ file }) => `${file}: only includes other headers; include those where they are used`),
    ...(await Promise.all(headers.map(({ file }) => standsAlone(file)))).flat(),
  ]
}

async function read(file: string): Promise<Source> {
  const text = await readFile(file, 'utf8')
  const includes = [...text.matchAll(/^\s*#\s*include\s+"([^"]+)"/gm)].map((m) => m[1]!)
  const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '').replace(/^\s*#(?:.*\\\n)*.*$/gm, '')
  return { file, includes, code }
}

/** The layer of a file under src/; a file in src/ itself (main) is part of app. */
export function layerOf(path: string): string {
  const folder = dirname(path).split('/')[0]!
  return folder === '.' ? 'app' : folder
}

export function upward({ file, includes }: Pick<Source, 'file' | 'includes'>): string[] {
  const from = layerOf(file.replace(/^src\//, ''))
  if (!rank.has(from)) return [`${file}: src/${from} is no layer; the list is in scripts/checks/layers.ts and ARCHITECTURE.md`]
  return includes.flatMap((include) => {
    const to = layerOf(include)
    if (!include.includes('/')) return [`${file}: include "${include}" by its path from src/`]
    if (to === from) return []
    if (!rank.has(to)) return [`${file}: include "${include}": src/${to} is no layer`]
    if (rank.get(to)! < rank.get(from)!) return []
    return [`${file}: ${from} may not include "${include}": ${to} is ${rank.get(to) === rank.get(from) ? 'beside' : 'above'} it`]
  })
}

function isUmbrella({ includes, code }: Source): boolean {
  return includes.length > 1 && code.trim() === ''
}

async function standsAlone(file: string): Promise<string[]> {
  const done = await run('gcc', ['-fsyntax-only', '-x', 'c', ...(await compileFlags()), file])
  return done.code === 0 ? [] : [`${file}: does not compile alone`, ...done.stderr.split('\n').slice(0, 5)]
}
