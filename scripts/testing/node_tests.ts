// The tests in TypeScript: node's own runner, with a reporter that writes one line of JSON a case.
import { glob } from 'node:fs/promises'
import { ending, run } from '../lib/process.ts'
import type { Case } from '../lib/report.ts'

export interface NodeTestOptions {
  concurrency: number
  env?: Record<string, string>
  timeoutMs: number
}

export async function runNodeTests(pattern: string, options: NodeTestOptions): Promise<Case[]> {
  const files = (await Array.fromAsync(glob(pattern))).sort()
  if (files.length === 0) return []
  const cases: Case[] = []
  const args = ['--test', `--test-concurrency=${options.concurrency}`, '--test-reporter=./scripts/testing/reporter.ts']
  const done = await run(process.execPath, [...args, ...files], {
    env: { SERVER_LOG: '1', ...options.env }, // the reporter shows the server's log below a failure
    timeoutMs: options.timeoutMs,
    onLine: (line) => {
      const record = parseLine(line)
      if (record) cases.push(record)
    },
  })
  if (done.timedOut || (done.code !== 0 && !cases.some((c) => c.result === 'failed'))) {
    cases.push({ name: pattern, result: 'failed', detail: `${ending(done)}\n${done.stderr}` })
  }
  return cases
}

function parseLine(line: string): Case | undefined {
  if (!line.startsWith('{"case":')) return undefined
  return (JSON.parse(line) as { case: Case }).case
}
