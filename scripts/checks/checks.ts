// What is checked about the sources. A check gives its findings, one a line; none means it passed.
import { existsSync } from 'node:fs'
import { must, run } from '../lib/process.ts'
import type { Case } from '../lib/report.ts'
import { analyse, tidy } from './analysis.ts'
import { layers } from './layers.ts'
import { listed } from './listed.ts'
import { lockFile, sizes, words } from './text.ts'

export type Check = (files: string[]) => string[] | Promise<string[]>

const isC = (file: string) => /\.[ch]$/.test(file)

export const checks: Record<string, Check> = {
  format: async (files) => {
    const done = await run('clang-format-14', ['--dry-run', '--Werror', ...files.filter(isC)])
    return done.code === 0 ? [] : done.stderr.split('\n').filter((line) => line.includes('error:')).concat('mend: make format')
  },
  layers,
  listed,
  words,
  sizes,
  'lock file': lockFile,
  types: async () => {
    const done = await Promise.all(['.', 'web'].map((project) => run(process.execPath, ['node_modules/typescript/bin/tsc', '--project', project])))
    return done.flatMap((d) => (d.code === 0 ? [] : d.stdout.split('\n').filter(Boolean)))
  },
  'shell syntax': async (files) => {
    const scripts = files.filter((file) => /^(scripts|bench|\.ci)\/[^./]+$/.test(file))
    const done = await Promise.all(scripts.map((file) => run('bash', ['-n', file])))
    return done.flatMap((d) => d.stderr.split('\n').filter(Boolean))
  },
  cppcheck: analyse,
  'clang-tidy': tidy,
}

export async function runChecks(names: string[] = []): Promise<Case[]> {
  const unknown = names.filter((name) => !(name in checks))
  if (unknown.length > 0) throw new Error(`no check called ${unknown.join(', ')}`)
  if (!existsSync('build/build.ninja')) await must('meson', ['setup', 'build'])
  await must('ninja', ['-C', 'build', 'build.ninja']) // configures again where a meson.build changed
  const { stdout } = await must('git', ['ls-files', '--cached', '--others', '--exclude-standard'])
  const files = stdout.split('\n').filter((file) => file && existsSync(file))
  const cases: Case[] = []
  for (const [name, check] of Object.entries(checks)) {
    if (names.length > 0 && !names.includes(name)) continue
    const findings = await check(files)
    cases.push({ name, result: findings.length === 0 ? 'passed' : 'failed', detail: findings.join('\n') })
  }
  return cases
}
