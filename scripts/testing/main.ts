// `make test`: builds in one lane, tests in another as soon as what they need is built, then one report.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { runChecks } from '../checks/checks.ts'
import { runMesonTests } from './cmocka.ts'
import { fuzzers, runFuzzers } from './fuzz.ts'
import { runNodeTests } from './node_tests.ts'
import { runPromqlScripts } from './promql.ts'
import { must } from '../lib/process.ts'
import { progress, Report, type Case } from '../lib/report.ts'

interface Build {
  dir: string
  setup: string[]
  env?: Record<string, string>
  targets?: (dir: string) => Promise<string[]> // default: all
}

interface Stage {
  name: string
  build?: Build
  run: () => Promise<Case[]>
}

const plain: Build = { dir: 'build', setup: [] }
// Sanitized code makes the compiler warn of what is not so; the plain build is the one where warnings are errors.
const sanitized = ['-Dwerror=false', '-Db_lundef=false']
const asan: Build = { dir: 'build-asan', setup: ['-Db_sanitize=address,undefined', ...sanitized] }
const tsan: Build = { dir: 'build-tsan', setup: ['-Db_sanitize=thread', ...sanitized] }
const fuzz: Build = {
  dir: 'build-fuzz',
  setup: ['-Dfuzz=true', '-Db_sanitize=address,undefined', ...sanitized],
  env: { CC: 'clang' },
  targets: fuzzers,
}

const sanitizerOptions = {
  ASAN_OPTIONS: 'detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1',
  UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1',
  TSAN_OPTIONS: 'halt_on_error=1:second_deadlock_stack=1',
}

const fuzzSeconds = Number(process.env.FUZZ_SECONDS ?? 5)
const minute = 60_000
const faultRounds = Number(process.env.FAULT_ROUNDS ?? 5)

const stages: Stage[] = [
  { name: 'tools', build: plain, run: () => runNodeTests('tests/tools/*.test.ts', { concurrency: 2, timeoutMs: minute }) },
  { name: 'check', build: plain, run: () => runChecks() },
  { name: 'unit', build: plain, run: () => runMesonTests('build', {}, []) },
  { name: 'promql', build: plain, run: () => runPromqlScripts('build') },
  {
    name: 'unit, ASan+UBSan',
    build: asan,
    run: () => runMesonTests('build-asan', sanitizerOptions, []),
  },
  {
    // TSan's shadow memory does not fit every layout that the kernel may pick: no randomization.
    name: 'unit, TSan',
    build: tsan,
    run: () => runMesonTests('build-tsan', sanitizerOptions, ['setarch', '-R']),
  },
  { name: 'e2e', build: plain, run: () => runNodeTests('tests/e2e/*.test.ts', { concurrency: 2, timeoutMs: 10 * minute }) },
  {
    // The server under sanitizers; its engine is the plain build, because libchdb does not bear them.
    name: 'e2e, ASan+UBSan',
    build: asan,
    run: () => runNodeTests('tests/e2e/otlp_*.test.ts', {
      concurrency: 2,
      timeoutMs: 10 * minute,
      env: { ...sanitizerOptions, TRIPOD_BINARY: 'build-asan/tripod' },
    }),
  },
  { name: 'browser', build: plain, run: () => runNodeTests('tests/web/*.test.ts', { concurrency: 1, timeoutMs: 5 * minute }) },
  {
    name: 'faults',
    build: plain,
    run: () => runNodeTests('tests/e2e/faults/*.test.ts', { concurrency: 2, timeoutMs: (5 + faultRounds) * 2 * minute }),
  },
  { name: 'fuzz', build: fuzz, run: async () => runFuzzers('build-fuzz', await fuzzers('build-fuzz'), fuzzSeconds) },
]

/** Sets the build directory up, or anew where its options or a meson.build changed, or where it was made without the tests' needs. */
async function configure(dir: string, setup: string[], env: Build['env']): Promise<void> {
  const stamp = `${dir}/.setup`
  const wanted = JSON.stringify([setup, env])
  if (!existsSync(`${dir}/build.ninja`)) await must('meson', ['setup', dir, ...setup], { env })
  else if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) await must('meson', ['setup', '--reconfigure', dir, ...setup], { env })
  await must('ninja', ['-C', dir, 'build.ninja'], { env })
  writeFileSync(stamp, wanted)
}

async function build({ dir, setup, env, targets }: Build): Promise<void> {
  progress(`build ${dir}`)
  await configure(dir, setup, env)
  const wanted = targets ? await targets(dir) : []
  if (targets && wanted.length === 0) return
  const beat = setInterval(() => progress(`build ${dir}, still at it`), 30_000)
  try {
    await must('ninja', ['-C', dir, '--quiet', ...wanted], { env, timeoutMs: 20 * minute })
  } finally {
    clearInterval(beat)
  }
}

async function runStage(stage: Stage, ready: Promise<void> | undefined): Promise<Case[]> {
  try {
    await ready
  } catch (error) {
    return [{ name: `build of ${stage.build!.dir}`, result: 'failed', detail: (error as Error).message }]
  }
  progress(`${stage.name} …`)
  const beat = setInterval(() => progress(`${stage.name} …`), 30_000)
  try {
    return await stage.run()
  } catch (error) {
    return [{ name: stage.name, result: 'failed', detail: String((error as Error).stack) }]
  } finally {
    clearInterval(beat)
  }
}

/** The builds one after another; a build that fails is reported by the stages that need it. */
function buildLane(wanted: Build[]): Map<Build, Promise<void>> {
  const ready = new Map<Build, Promise<void>>()
  let before: Promise<void> = Promise.resolve()
  for (const one of wanted) {
    const done = before.then(() => build(one))
    ready.set(one, done)
    before = done.catch(() => undefined)
  }
  return ready
}

async function main(names: string[]): Promise<number> {
  if (names.includes('--list')) {
    for (const { name } of stages) console.log(name)
    return 0
  }
  const chosen = names.length > 0 ? stages.filter((s) => names.includes(s.name)) : stages
  const unknown = names.filter((name) => !stages.some((s) => s.name === name))
  if (unknown.length > 0) {
    console.error(`test: no stage called ${unknown.join(', ')}; there are: ${stages.map((s) => s.name).join('; ')}`)
    return 2
  }
  const report = new Report()
  const ready = buildLane([...new Set(chosen.flatMap((s) => s.build ?? []))])
  for (const stage of chosen) report.add(stage.name, await runStage(stage, stage.build && ready.get(stage.build)))
  return report.finish(process.env.REQUIRE_PEERS === '1') ? 0 : 1
}

process.exitCode = await main(process.argv.slice(2))
