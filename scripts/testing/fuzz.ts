// Each fuzzer for some seconds, from its seeds; what it finds is kept and is a failure.
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { ending, must, run } from '../lib/process.ts'
import type { Case } from '../lib/report.ts'

/** The paths of the fuzzers in a build directory, relative to it. */
export async function fuzzers(build: string): Promise<string[]> {
  const { stdout } = await must('meson', ['introspect', build, '--targets'])
  const targets = JSON.parse(stdout) as { name: string; filename: string[] }[]
  return targets.filter((t) => t.name.startsWith('fuzz_')).map((t) => t.filename[0]!.split(`/${build}/`)[1]!)
}

export async function runFuzzers(build: string, programs: string[], seconds: number): Promise<Case[]> {
  const queue = [...programs]
  const cases: Case[] = []
  const worker = async () => {
    for (let program = queue.shift(); program; program = queue.shift()) cases.push(await fuzz(build, program, seconds))
  }
  await Promise.all([worker(), worker()]) // two cores
  return cases
}

async function fuzz(build: string, program: string, seconds: number): Promise<Case> {
  const name = basename(program).replace(/^fuzz_/, '')
  const corpus = await mkdtemp(join(tmpdir(), 'tripod-fuzz-'))
  const crashes = join(build, 'crashes')
  await mkdir(crashes, { recursive: true })
  const args = [
    `-max_total_time=${seconds}`, '-timeout=10', '-rss_limit_mb=2048', '-print_final_stats=1',
    `-artifact_prefix=${crashes}/${name}-`, corpus, `tests/fuzz/seeds/${name}`,
  ]
  const done = await run(join(build, program), args, {
    env: { UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1' },
    timeoutMs: (seconds + 120) * 1000,
  })
  await rm(corpus, { recursive: true, force: true })
  const runs = Number(/number_of_executed_units: (\d+)/.exec(done.stderr)?.[1] ?? 0)
  if (done.code === 0 && runs > 0) return { name, result: 'passed' }
  const kept = (await readdir(crashes)).filter((file) => file.startsWith(`${name}-`)).map((file) => join(crashes, file))
  const detail = `${ending(done)} after ${runs} runs\n${done.stderr.slice(-8000)}\nkept: ${kept.join(' ') || 'no input'}`
  return { name, result: 'failed', detail }
}
