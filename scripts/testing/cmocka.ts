// The C tests: meson runs the programs, cmocka writes TAP, and each case is counted here.
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ending, run, type Finished } from '../lib/process.ts'
import type { Case } from '../lib/report.ts'

/** One line of meson's testlog.json. */
interface Program {
  name: string
  command: string[]
  result: string // OK, FAIL, ERROR, TIMEOUT, SKIP, …
  returncode: number
  stdout?: string
  stderr?: string
}

/** These have one case, and the exit code tells: scripts, and the driver that runs all seeds of a fuzzer. */
function isSingleCase(name: string, command: string[]): boolean {
  return name.startsWith('fuzz_seeds_') || command[0]!.endsWith('.sh')
}

export async function runMesonTests(build: string, env: Record<string, string>, wrapper: string[]): Promise<Case[]> {
  const log = join(build, 'meson-logs', 'testlog.json')
  await rm(log, { force: true })
  const args = ['test', '-C', build, '--no-rebuild', '--num-processes', '2', '--timeout-multiplier', '4']
  const command = [...wrapper, 'meson', ...args]
  const done = await run(command[0]!, command.slice(1), {
    env: { ...env, CMOCKA_MESSAGE_OUTPUT: 'TAP' },
    timeoutMs: 1_200_000,
  })
  const text = await readFile(log, 'utf8').catch(() => '')
  const programs = text.split('\n').filter(Boolean).map((line) => JSON.parse(line) as Program)
  const cases = programs.flatMap(casesOf)
  return cases.concat(disagreement(done, cases))
}

/** meson's own verdict must not be better or worse than what was counted. */
function disagreement(done: Finished, cases: Case[]): Case[] {
  const failed = cases.some((c) => c.result === 'failed')
  if (cases.length > 0 && (done.code === 0 || failed)) return []
  const why = cases.length === 0 ? 'no test ran' : 'meson counted a failure that no test reported'
  return [{ name: 'meson test', result: 'failed', detail: `${why} (${ending(done)})\n${done.stdout}${done.stderr}` }]
}

export function casesOf(program: Program): Case[] {
  const name = program.name.replace(/^.* \/ /, '')
  const output = `${program.stdout ?? ''}${program.stderr ?? ''}`
  const ok = program.result === 'OK'
  if (program.result === 'SKIP') return [{ name, result: 'skipped', detail: output.trim().split('\n').at(-1) }]
  if (isSingleCase(name, program.command)) return [{ name, result: ok ? 'passed' : 'failed', detail: output }]
  const { cases, planned } = parseTap(program.stdout ?? '')
  for (const c of cases) {
    c.name = `${name}: ${c.name}`
    if (c.result === 'failed') c.detail += program.stderr ? `\n${program.stderr}` : ''
  }
  if (cases.length !== planned || planned === 0) {
    const detail = `${planned} cases planned, ${cases.length} reported, ${program.result}\n${output}`
    cases.push({ name: `${name}: the program`, result: 'failed', detail })
  } else if (!ok && !cases.some((c) => c.result === 'failed')) {
    // For example leaks, which the sanitizer reports at exit.
    cases.push({ name: `${name}: the program`, result: 'failed', detail: `${program.result} (${program.returncode})\n${output}` })
  }
  return cases
}

/** cmocka 1.1's TAP: several groups, each with its plan; a skip is `not ok 2 # SKIP name`. */
export function parseTap(text: string): { cases: Case[]; planned: number } {
  const cases: Case[] = []
  let planned = 0
  for (const line of text.split('\n')) {
    const plan = /^1\.\.(\d+)$/.exec(line)
    const skip = /^(?:not )?ok \d+ # SKIP (.*)$/.exec(line)
    const outcome = /^(not )?ok \d+ - (.*)$/.exec(line)
    const last = cases.at(-1)
    if (plan) planned += Number(plan[1])
    else if (skip) cases.push({ name: skip[1]!, result: 'skipped', detail: '' })
    else if (outcome) cases.push({ name: outcome[2]!, result: outcome[1] ? 'failed' : 'passed', detail: '' })
    else if (last && last.result !== 'passed' && line.startsWith('# ')) last.detail += `${line.slice(2)}\n`
  }
  return { cases, planned }
}
