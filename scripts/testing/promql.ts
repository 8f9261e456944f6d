// PromQL's test scripts: Prometheus' own, where they are, and those of this repository. One file is one case.
import { existsSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { ending, run, type Finished } from '../lib/process.ts'
import type { Case } from '../lib/report.ts'

const own = 'tests/lang/promql'
/** Prometheus' promql/promqltest/testdata, which is not part of this repository. */
const reference = process.env.PROMQLTEST_SCRIPTS ?? '../shared/promqltest'

export async function runPromqlScripts(build: string): Promise<Case[]> {
  const program = join(build, 'tests', 'promqltest')
  const cases: Case[] = []
  if (existsSync(reference)) {
    for (const file of scriptsIn(reference)) cases.push(await runScript(program, file, `Prometheus, ${basename(file)}`))
  } else {
    const detail = `no folder ${reference}: put promql/promqltest/testdata of Prometheus there, or name it in PROMQLTEST_SCRIPTS`
    cases.push({ name: 'Prometheus\' scripts', result: 'skipped', detail })
  }
  const scripts = scriptsIn(own)
  for (const file of scripts) cases.push(await runScript(program, file, basename(file)))
  const done = await run(program, ['--functions', ...scripts])
  cases.push({ name: 'each function has a case', result: done.code === 0 ? 'passed' : 'failed', detail: output(done) })
  return cases
}

function scriptsIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.endsWith('.test')).sort().map((name) => join(folder, name))
}

async function runScript(program: string, file: string, name: string): Promise<Case> {
  const done = await run(program, [file], { timeoutMs: 300_000 })
  return { name, result: verdict(done), detail: output(done) }
}

/** A program that stopped before its totals, or that ran nothing, has not passed. */
export function verdict(done: Pick<Finished, 'code' | 'stdout'>): 'passed' | 'failed' {
  const totals = /^(\d+) passed, (\d+) failed\n$/m.exec(done.stdout)
  return done.code === 0 && totals && Number(totals[1]) > 0 && Number(totals[2]) === 0 ? 'passed' : 'failed'
}

function output(done: Finished): string {
  return `${done.stdout}${done.stderr}${done.code === 0 ? '' : ending(done)}`
}
