// A reporter for `node --test`: each case as one line of JSON; a failure with what its file had written so far.
import { basename } from 'node:path'
import { inspect } from 'node:util'
import type { TestEvent } from 'node:test/reporters'
import type { Case } from '../lib/report.ts'

export default async function* reporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const written = new Map<string, string>()
  for await (const { type, data } of source) {
    if (type === 'test:stdout' || type === 'test:stderr') {
      written.set(data.file, ((written.get(data.file) ?? '') + data.message).slice(-100_000))
    }
    if (type !== 'test:pass' && type !== 'test:fail') continue
    // A suite is counted by its cases, unless it failed by itself (in a hook) before they could run.
    if (data.details.type === 'suite' && !(type === 'test:fail' && ownFailure(data.details.error))) continue
    const file = data.file ?? ''
    const record: Case = { name: `${basename(file, '.test.ts')}: ${data.name}`, result: 'passed' }
    const skip = data.skip ?? data.todo
    if (type === 'test:fail') {
      record.result = 'failed'
      record.detail = `${inspect(data.details.error.cause ?? data.details.error)}\n${written.get(file) ?? ''}`
    } else if (skip !== undefined && skip !== false) {
      record.result = 'skipped'
      record.detail = String(skip)
    }
    yield `${JSON.stringify({ case: record })}\n`
  }
}

function ownFailure(error: Error & { failureType?: string }): boolean {
  return error.failureType !== 'subtestsFailed'
}
