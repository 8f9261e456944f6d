// The page that the real server serves: what is sent over OTLP is seen on it, and the store's going away and coming back.
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { Server } from '../e2e/lib/server.ts'
import { Browser, noBrowser } from './lib/browser.ts'

const trace = '5b8efff798038103d269b633813fc60c'

suite('the page of the server', { skip: noBrowser }, () => {
  let server: Server
  let browser: Browser
  before(async () => {
    server = await Server.start()
    browser = await Browser.start()
  })
  after(async () => {
    await browser?.stop()
    await server?.close()
  })

  test('first steps, then what was sent, then its trace, also after the engine was killed', async () => {
    const page = await browser.open(server.ui)
    await page.getByText('No logs yet').waitFor()
    const now = BigInt(Date.now()) * 1_000_000n
    const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'hello' } }] }
    await send(server, 'traces', { resourceSpans: [{ resource, scopeSpans: [{ spans: [
      { traceId: trace, spanId: 'eee19b7ec3c1b174', name: 'the first span', kind: 2, startTimeUnixNano: String(now - 5_000_000n), endTimeUnixNano: String(now) },
    ] }] }] })
    await send(server, 'logs', { resourceLogs: [{ resource, scopeLogs: [{ logRecords: [
      { timeUnixNano: String(now), severityNumber: 17, body: { stringValue: 'the first record' }, traceId: trace, spanId: 'eee19b7ec3c1b174', attributes: [{ key: 'n', value: { intValue: '9007199254740993' } }] },
    ] }] }] })
    await page.locator('.row.log').getByText('the first record').waitFor()
    await server.kill('engine')
    await page.locator('.row.log').first().click()
    await page.locator('.panel').getByText('9007199254740993').waitFor()
    await page.locator('.panel').getByText('Trace', { exact: true }).click()
    await page.locator('.row.span').getByText('the first span').waitFor()
    await page.getByRole('link', { name: 'Traces' }).click()
    await page.locator('.row.trace').getByText('the first span').waitFor()
    assert.deepEqual(browser.complaints, [])
  })
})

async function send(server: Server, signal: 'logs' | 'traces', message: object): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${server.ports.http}/v1/${signal}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(message) })
  assert.equal(answer.status, 200, await answer.text())
}
