// The OpenTelemetry SDK for JavaScript, unmodified: what it sent is read back through SQL, field by field.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import type { Transport } from './lib/otlp.ts'
import { readLogs, readSpans } from './lib/read_back.ts'
import { flatLogs, flatSpans, inOrder } from './lib/records.ts'
import { sendLogs, sendSpans } from './lib/sdk.ts'
import { Server } from './lib/server.ts'

describe('OpenTelemetry SDK', () => {
  let server: Server
  before(async () => { server = await Server.start() })
  after(() => server?.close())

  for (const transport of ['grpc', 'proto', 'json'] as Transport[]) {
    const where = `ResourceAttributes['test.run'] = 'sdk ${transport}'`

    it(`logs over ${transport}`, async () => {
      const sent = await sendLogs(server.ports, transport, `sdk ${transport}`)
      await server.flush()
      assert.deepEqual(inOrder(await readLogs(server, where)), inOrder(flatLogs(sent)))
    })

    it(`spans over ${transport}`, async () => {
      const sent = await sendSpans(server.ports, transport, `sdk ${transport}`)
      await server.flush()
      assert.deepEqual(inOrder(await readSpans(server, where)), inOrder(flatSpans(sent)))
    })
  }

  // As in the SDK's documentation: nothing but environment variables.
  for (const [protocol, port] of [['grpc', 'grpc'], ['http/protobuf', 'http'], ['http/json', 'http']] as const) {
    it(`an application that only sets OTEL_EXPORTER_OTLP_PROTOCOL=${protocol}`, async () => {
      await promisify(execFile)(process.execPath, ['tests/e2e/fixtures/application.ts'], {
        env: {
          ...process.env,
          OTEL_SERVICE_NAME: `application ${protocol}`,
          OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${server.ports[port]}`,
          OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
          OTEL_LOGS_EXPORTER: 'otlp',
          OTEL_TRACES_EXPORTER: 'otlp',
          OTEL_METRICS_EXPORTER: 'none',
        },
      })
      await server.flush()
      const where = `ServiceName = 'application ${protocol}'`
      assert.deepEqual(
        await server.sql(`SELECT SpanName AS name, SpanAttributes['request'] AS request FROM otel_traces WHERE ${where} ORDER BY name`),
        [{ name: 'inner', request: '' }, { name: 'outer', request: '1' }])
      assert.equal(
        await server.count(`
          SELECT count() FROM otel_logs l JOIN otel_traces t ON l.TraceId = t.TraceId AND l.SpanId = t.SpanId
          WHERE l.${where} AND t.SpanName = 'inner' AND l.Body = 'inside'`),
        1)
    })
  }
})
