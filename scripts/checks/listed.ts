// Every source, test and fuzzer is part of a target of the build: one that nobody listed would never run.
import { relative } from 'node:path'
import { must } from '../lib/process.ts'

interface Target {
  target_sources: { sources?: string[] }[]
}

export async function listed(files: string[]): Promise<string[]> {
  const { stdout } = await must('meson', ['introspect', 'build', '--targets'])
  const targets = JSON.parse(stdout) as Target[]
  const built = new Set(targets.flatMap((t) => t.target_sources.flatMap((s) => s.sources ?? [])).map((file) => relative('.', file)))
  const wanted = /^src\/.*\.c$|_(test|fuzz)\.c$/
  return files.filter((file) => wanted.test(file) && !built.has(file)).map((file) => `${file}: in no meson.build`)
}
