// What must not be in any file: work put off, paths and addresses of somebody's machine, too much in one file.
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname } from 'node:path'

const putOff = /\b(TODO|FIXME|HACK)\b|\bXXX\b(?!\/)/ // but not a path like store/XXX/file
const homes = /(?<![\w.])\/(home|Users)\/\w+\/|(?<![\w.])\/root\//
// Where packages come from is the business of the machine's settings.
const registries = /:\/\/(registry|deb|security|pypi|proxy|static|files)\.[a-z]/
const binary = /\.(png|ico|woff2?|gz|zst|bin|pb)$/
const generated = /^package-lock\.json$|^tests\/fuzz\/seeds\//
const maxLines = 1000

export async function words(files: string[]): Promise<string[]> {
  const parent = dirname(process.cwd())
  const here = parent.length > 1 ? [process.cwd(), parent + '/'] : [process.cwd() + '/']
  const own = [...here, ...(homedir().length > 1 ? [homedir() + '/'] : [])]
  return everyLine(files, (line) => {
    if (putOff.test(line)) return 'puts work off'
    if (homes.test(line) || own.some((path) => hasPath(line, path))) return 'an absolute path of a machine'
    if (registries.test(line)) return 'the address of a package registry'
    return undefined
  })
}

/** A path of this machine at its start, not within `a/src/b`; one folder at the top, such as /src/, tells nothing. */
function hasPath(line: string, path: string): boolean {
  const at = line.indexOf(path)
  return at >= 0 && path.split('/').length > 3 && !/[\w.]/.test(line[at - 1] ?? ' ')
}

export async function sizes(files: string[]): Promise<string[]> {
  const long = async (file: string) => {
    const lines = (await readFile(file, 'utf8')).split('\n').length - 1
    return lines > maxLines ? [`${file}: ${lines} lines; one concept a file, at most about ${maxLines}`] : []
  }
  return (await Promise.all(files.filter((file) => /\.([ch]|tsx?)$/.test(file)).map(long))).flat()
}

export async function lockFile(): Promise<string[]> {
  const lock = await readFile('package-lock.json', 'utf8')
  const wanted = JSON.parse(await readFile('package.json', 'utf8')) as Record<string, Record<string, string>>
  const loose = ['dependencies', 'devDependencies', 'optionalDependencies']
    .flatMap((kind) => Object.entries(wanted[kind] ?? {}))
    .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
    .map(([name, version]) => `package.json: ${name} "${version}" is not an exact version`)
  return /"resolved":/.test(lock) ? [...loose, 'package-lock.json: has download addresses ("resolved"); see .npmrc'] : loose
}

async function everyLine(files: string[], judge: (line: string) => string | undefined): Promise<string[]> {
  const judgeFile = async (file: string) => {
    if (binary.test(file) || generated.test(file) || file === 'scripts/checks/text.ts') return []
    const lines = (await readFile(file, 'utf8')).split('\n')
    return lines.flatMap((line, i) => {
      const why = judge(line)
      return why ? [`${file}:${i + 1}: ${why}: ${line.trim().slice(0, 120)}`] : []
    })
  }
  return (await Promise.all(files.map(judgeFile))).flat()
}
