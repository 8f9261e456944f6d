// One row in a block that the store refuses: it alone is in the quarantine, from where it can be sent again.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { assertOnlyBadRowMissing, refuseBadRows, sendWithBadRow } from '../lib/refusal.ts'
import { Server } from '../lib/server.ts'
import { Writer } from '../lib/writer.ts'

it('a row that the store refuses', async () => {
  await using server = await Server.start()
  await refuseBadRows(server)
  await using writer = new Writer(server).start()
  await writer.progress(10)
  await sendWithBadRow(server, 1000)
  await writer.progress(10)
  await writer.stop()
  await assertOnlyBadRowMissing(server, 1000)
  await writer.verify()
})

interface Entry { id: string; target: string; rows: number }

const quarantined = async (server: Server) =>
  (await (await fetch(`${server.ui}/-/quarantine`)).json() as { entries: Entry[] }).entries

const retry = async (server: Server, id: string) => {
  const answer = await fetch(`${server.ui}/-/quarantine/${id}/retry`, { method: 'POST' })
  return { status: answer.status, text: await answer.text() }
}

it('an entry that many retry at once is stored once', async () => {
  await using server = await Server.start()
  await refuseBadRows(server)
  await sendWithBadRow(server, 10)
  await server.flush()
  const [entry] = await quarantined(server)
  assert.equal((await retry(server, entry!.id)).status, 400, 'the store refuses it still')
  await server.engineSql('ALTER TABLE otel_logs DROP CONSTRAINT no_bad_rows')
  const answers = await Promise.all(Array.from({ length: 8 }, () => retry(server, entry!.id)))
  const codes = answers.map(({ status }) => status)
  assert.equal(codes.filter((code) => code === 200).length, 1, JSON.stringify(answers))
  assert.ok(codes.every((code) => [200, 404, 409].includes(code)), JSON.stringify(answers))
  assert.equal(await server.count(`SELECT count() FROM otel_logs WHERE ServiceName = 'refused'`), 10)
  assert.deepEqual(await quarantined(server), [])
})

it('an entry of a table without cut ids can be retried', async () => {
  await using server = await Server.start()
  await server.engineSql(`ALTER TABLE otel_log_streams ADD CONSTRAINT no_streams CHECK ServiceName != 'refused'`)
  await server.flush()
  await sendWithBadRow(server, 10)
  await server.flush()
  const [entry] = await quarantined(server)
  assert.equal(entry?.target, 'otel_log_streams')
  await server.engineSql('ALTER TABLE otel_log_streams DROP CONSTRAINT no_streams')
  assert.deepEqual(await retry(server, entry.id), { status: 200, text: 'stored\n' })
  assert.equal(await server.count(`SELECT count() FROM otel_log_streams WHERE ServiceName = 'refused'`), 1)
})
