// A row that the store refuses, however often it is sent: a constraint on the table says so.
import assert from 'node:assert/strict'
import { send, type LogsRequest } from './otlp.ts'
import { now, text } from './samples.ts'
import type { Server } from './server.ts'

const bad = 'refuse me'

export async function refuseBadRows(server: Server): Promise<void> {
  await server.engineSql(`ALTER TABLE otel_logs ADD CONSTRAINT no_bad_rows CHECK Body != '${bad}'`)
  // An insert that was under way does not know of it yet.
  await server.flush()
}

/** `rows` rows of the service 'refused', the bad one somewhere among them. */
export async function sendWithBadRow(server: Server, rows: number): Promise<void> {
  const at = Math.floor(Math.random() * rows)
  const request: LogsRequest = {
    resourceLogs: [{
      resource: { attributes: [text('service.name', 'refused')] },
      scopeLogs: [{
        logRecords: Array.from({ length: rows }, (_, row) => ({
          timeUnixNano: now(row), body: { stringValue: row === at ? bad : 'good' }, attributes: [text('row', String(row))],
        })),
      }],
    }],
  }
  await send(server.ports, 'proto', 'logs', request)
}

/** All but the bad one are there, once. */
export async function assertOnlyBadRowMissing(server: Server, rows: number): Promise<void> {
  await server.flush()
  const [stored] = await server.sql<{ rows: string; different: string; bad: string }>(`
    SELECT toString(count()) AS rows, toString(uniqExact(LogAttributes['row'])) AS different, toString(countIf(Body = '${bad}')) AS bad
    FROM otel_logs WHERE ServiceName = 'refused'`)
  const [{ create }] = await server.sql<{ create: string }>(`SELECT create_table_query AS create FROM system.tables WHERE name = 'otel_logs'`) as [{ create: string }]
  assert.match(create, /no_bad_rows/, 'the store has lost the constraint')
  assert.deepEqual(stored, { rows: String(rows - 1), different: String(rows - 1), bad: '0' })
}
