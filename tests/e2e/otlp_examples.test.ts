// The example requests of the OTLP specification, sent as they are over HTTP/JSON and read back through SQL, field by field.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { postHttp, type LogsRequest, type TracesRequest } from './lib/otlp.ts'
import { readLogs, readSpans } from './lib/read_back.ts'
import { flatLogs, flatSpans, inOrder } from './lib/records.ts'
import { defaultConfig, Server } from './lib/server.ts'

const folder = resolve(process.env.OTLP_EXAMPLES ?? '../shared/otlp-examples')
const skip = !existsSync(folder) && `${folder}, with the examples, is not there`

describe('the examples of the specification', { skip }, () => {
  let server: Server
  // They are of 2018.
  before(async () => {
    server = await Server.start({ config: (ports) => defaultConfig(ports, ['retention: {logs: 0, traces: 0, metrics: 0}']) })
  })
  after(() => server?.close())

  async function post(signal: 'logs' | 'traces' | 'metrics', name: string): Promise<unknown> {
    const json = readFileSync(resolve(folder, name), 'utf8')
    assert.deepEqual(await postHttp(server.ports.http, signal, json, 'application/json'), { code: 200, message: '', partial: undefined })
    await server.flush()
    return JSON.parse(json)
  }

  it('trace.json', async () => {
    const request = (await post('traces', 'trace.json')) as TracesRequest
    assert.deepEqual(await readSpans(server, '1'), flatSpans(request))
  })

  it('logs.json and events.json', async () => {
    const logs = (await post('logs', 'logs.json')) as LogsRequest
    const events = (await post('logs', 'events.json')) as LogsRequest
    assert.deepEqual(inOrder(await readLogs(server, '1')), inOrder([...flatLogs(logs), ...flatLogs(events)]))
  })
})
