// embed OUT.c DEPFILE DIR: builds the web page into DIR, and writes its files as C data (src/api/ui_assets.h), each as
// it is, with gzip and with brotli, so that serving one costs no CPU. DEPFILE names what it was made of.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { extname, join, relative, resolve } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { build } from 'vite'

const root = resolve(import.meta.dirname, '../..')
const contentTypes: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** Every file below, and every folder: one that is added or removed changes the folder. */
function walk(dir: string): { files: string[]; dirs: string[] } {
  const found = { files: [] as string[], dirs: [dir] }
  for (const name of readdirSync(dir).sort()) {
    const path = join(dir, name)
    if (!statSync(path).isDirectory()) found.files.push(path)
    else {
      const below = walk(path)
      found.files.push(...below.files)
      found.dirs.push(...below.dirs)
    }
  }
  return found
}

function array(name: string, bytes: Buffer): string {
  const lines: string[] = []
  for (let at = 0; at < bytes.length; at += 32) lines.push([...bytes.subarray(at, at + 32)].join(','))
  return `static const unsigned char ${name}[] = {\n${lines.join(',\n')}};\n`
}

function source(dir: string): string {
  const data: string[] = []
  const entries: string[] = []
  walk(dir).files.forEach((file, i) => {
    const path = `/${relative(dir, file)}`
    const type = contentTypes[extname(file)]
    if (!type) throw new Error(`${path}: no content type is known for this`)
    const plain = readFileSync(file)
    const codings = {
      plain,
      gzip: gzipSync(plain, { level: 9 }),
      brotli: brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: plain.length } }),
    }
    const slices = Object.entries(codings).map(([coding, bytes]) => {
      data.push(array(`${coding}_${i}`, bytes))
      return `.${coding} = {(const char *)${coding}_${i}, sizeof(${coding}_${i})}`
    })
    const hash = createHash('sha256').update(plain).digest('hex').slice(0, 16)
    const immutable = path.startsWith('/assets/')
    entries.push(`\t{.path = "${path}", .content_type = "${type}", .hash = "${hash}", .immutable = ${immutable},\n\t ${slices.join(',\n\t ')}},\n`)
  })
  return `/* Made of web/ by scripts/web/embed.ts. */\n#include "api/ui_assets.h"\n\n${data.join('\n')}
const struct ui_asset ui_assets[] = {\n${entries.join('')}};
const size_t ui_asset_count = sizeof(ui_assets) / sizeof(ui_assets[0]);\n`
}

const [out, depfile, dir] = process.argv.slice(2).map((path) => resolve(path))
if (!out || !depfile || !dir) throw new Error('usage: embed OUT.c DEPFILE DIR')
await build({ configFile: join(root, 'web/vite.config.ts'), logLevel: 'warn', build: { outDir: dir, emptyOutDir: true } })
writeFileSync(out, source(dir))
const { files, dirs } = walk(join(root, 'web'))
const made = [...files, ...dirs, import.meta.filename, join(root, 'package-lock.json')]
writeFileSync(depfile, `${process.argv[2]}: ${made.map((file) => file.replaceAll(' ', '\\ ')).join(' ')}\n`)
