// Static analysis of the C sources, with what the build knows about how they are compiled.
import { availableParallelism } from 'node:os'
import { readFile } from 'node:fs/promises'
import { run } from '../lib/process.ts'

interface Command {
  file: string
  command: string
}

async function commands(): Promise<Command[]> {
  return JSON.parse(await readFile('build/compile_commands.json', 'utf8')) as Command[]
}

/** The include paths, definitions and language of the project's own sources. */
export async function compileFlags(): Promise<string[]> {
  const own = (await commands()).find(({ file }) => file.startsWith('../src/'))
  if (!own) throw new Error('build/compile_commands.json names no file of src/')
  const words = own.command.replaceAll('-isystem ', '-isystem').split(' ')
  // Paths are relative to the build directory.
  return words.filter((word) => /^(-I|-D|-std=|-isystem|-march=)/.test(word)).map((word) => word.replace(/^-I(?!\/)/, '-Ibuild/'))
}

// Of these, all that was found here was wrong: the compiler's own check and the leak check at run time are better at it, and
// shifts of negative numbers are what GCC says they are.
const suppressed = [
  'missingInclude', 'unusedFunction', 'memleak', 'returnDanglingLifetime', 'shiftTooManyBitsSigned', 'uninitvar', 'legacyUninitvar',
]

export async function analyse(): Promise<string[]> {
  const done = await run('cppcheck', [
    '--quiet', `-j${availableParallelism()}`, '--std=c17', '--enable=warning,performance,portability',
    '--inline-suppr', ...suppressed.map((id) => `--suppress=${id}`), '--error-exitcode=1',
    '--template={file}:{line}: {id}: {message}', '-D__GNUC__=12', '-D_GNU_SOURCE', '-Isrc', 'src',
  ])
  if (done.code === 0) return []
  return done.stderr.split('\n').filter(Boolean)
}

/** The checks are chosen in .clang-tidy. */
export async function tidy(files: string[]): Promise<string[]> {
  const queue = files.filter((file) => /^src\/.*\.c$/.test(file))
  const findings: string[] = []
  const worker = async () => {
    for (let file = queue.shift(); file; file = queue.shift()) {
      const done = await run('clang-tidy-14', ['--quiet', '-p', 'build', file])
      if (done.code === 0 && done.stdout.trim() === '') continue
      findings.push(...done.stdout.split('\n').filter((line) => /: (warning|error): /.test(line)))
      if (done.code !== 0 && done.stdout.trim() === '') findings.push(`${file}: ${done.stderr}`)
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, worker))
  return findings
}
