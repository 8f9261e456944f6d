/// <reference lib="dom" />
// The page in Chromium, on the real engine's data.
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import type { Page } from 'playwright-core'
import { Browser, noBrowser, picture } from './lib/browser.ts'
import { nanos, Shop, type LogRow } from './lib/shop.ts'
import { Site } from './lib/site.ts'
import { Store } from './lib/store.ts'

const second = 1_000_000_000n
const nowNs = (): bigint => BigInt(Date.now()) * 1_000_000n

const rows = (page: Page) => page.locator('.row.log')
const texts = async (page: Page, selector: string): Promise<string[]> => page.locator(selector).allTextContents()
const param = (page: Page, name: string): string | null => new URL(page.url()).searchParams.get(name)

async function filter(page: Page, text: string): Promise<void> {
  await page.keyboard.press('/')
  await page.keyboard.type(text)
  await page.keyboard.press('Enter')
}

suite('the page', { skip: noBrowser }, () => {
  let store: Store
  let site: Site
  let browser: Browser
  let shop: Shop

  before(async () => {
    store = await Store.start()
    shop = await store.fillShop({ visits: 3000, hours: 12, now: nowNs() })
    site = await Site.start(store.address)
    browser = await Browser.start()
  })
  after(async () => {
    await browser?.stop()
    site?.stop()
    store?.stop()
  })

  /** A page for one test, which must not have complained when it ends. */
  const show = async (path: string, use: (page: Page) => Promise<void>, on = site): Promise<void> => {
    browser.complaints.length = 0
    const page = await browser.open(on.url + path)
    try {
      await use(page)
      assert.deepEqual(browser.complaints, [])
    } catch (error) {
      await picture(page, 'failed')
      throw error
    } finally {
      on.answer = undefined
      on.held = false
      await page.close()
    }
  }

  test('logs: newest first, with a histogram', () => show('/', async (page) => {
    await rows(page).first().waitFor()
    await page.locator('.histogram rect').first().waitFor()
    const times = await texts(page, '.row.log time')
    assert.ok(times.length > 20)
    assert.deepEqual(times, times.toSorted().reverse())
    assert.match(await page.title(), /Logs/)
    await picture(page, 'logs')
  }))

  test('a filter, by keyboard; what it finds is marked, and it is in the URL', () => show('/logs?last=12h', async (page) => {
    await rows(page).first().waitFor()
    await filter(page, 'level>=error charge')
    await page.locator('.row.log mark').first().waitFor()
    assert.equal(param(page, 'q'), 'level>=error charge')
    const expected = shop.logs.filter((l) => l.SeverityNumber >= 17 && /charge/i.test(l.Body)).length
    await page.getByText(`${expected} records, all there are in this range`).waitFor()
    assert.ok((await texts(page, '.row.log .level')).every((l) => l === 'error'))
    await page.goBack()
    await page.locator('.row.log.info').first().waitFor()
    assert.equal(await page.locator('.filter input').inputValue(), '')
    await page.goForward()
    await page.locator('.row.log mark').first().waitFor()
    assert.equal(await page.locator('.filter input').inputValue(), 'level>=error charge')
  }))

  test('a filter that makes no sense is not sent', () => show('/logs', async (page) => {
    await rows(page).first().waitFor()
    await filter(page, 'level:loud')
    await page.getByText('level can be trace, debug').waitFor()
    assert.equal(param(page, 'q'), null)
  }))

  test('fields are completed', () => show('/logs?last=12h', async (page) => {
    await rows(page).first().waitFor()
    await page.keyboard.press('/')
    await page.keyboard.type('ser')
    await page.keyboard.press('Tab')
    await page.keyboard.type('pay')
    await picture(page, 'filter')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.waitForFunction(() => [...document.querySelectorAll('.row.log .service')].every((e) => e.textContent === 'payment'))
    assert.equal(param(page, 'q'), 'service:payment')
  }))

  test('a record: opened, walked through and closed by keyboard; its link opens it again', () => show('/logs?last=12h&q=level:error+declined', async (page) => {
    await rows(page).first().waitFor()
    await page.keyboard.press('j')
    await page.locator('.panel .body-text').waitFor()
    const first = page.url()
    await page.keyboard.press('ArrowDown')
    await page.waitForFunction((was) => location.href !== was, first)
    await page.locator('.row.log.selected').waitFor()
    await page.waitForFunction(() => document.querySelector('.panel .body-text')?.textContent?.slice(0, 30) === document.querySelector('.row.selected .body')?.textContent?.slice(0, 30))
    await picture(page, 'record')
    await page.reload()
    await page.locator('.row.log.selected').waitFor()
    await page.locator('.panel .body-text').waitFor()
    await page.keyboard.press('Escape')
    await page.locator('.panel').waitFor({ state: 'detached' })
    assert.equal(param(page, 'record'), null)
  }))

  test('a record shows the types of its attributes, nested ones laid out, and filters for a value', () => show('/logs?last=12h&q=app.payment.request:*', async (page) => {
    await rows(page).first().click()
    await page.locator('.panel .attribute pre').getByText('"last4": "4242"').waitFor()
    assert.ok((await texts(page, '.panel .type')).includes('map'))
    assert.match(await page.locator('.panel .when').textContent() ?? '', /\d\d:\d\d:\d\d\.\d{9} UTC\+01:00/)
    assert.match(await page.locator('.panel .when').getAttribute('title') ?? '', /\d{9} UTC$/)
    const row = page.locator('.panel .attribute', { hasText: 'exception.type' })
    await row.hover()
    await row.getByTitle('Without').click()
    assert.match(param(page, 'q') ?? '', /app\.payment\.request:\* -exception\.type:\w+/)
  }))

  test('from a record to its trace, to its logs, and back', () => show('/logs?last=12h&q=placing', async (page) => {
    await rows(page).first().click()
    await page.locator('.panel').getByText('Trace', { exact: true }).click()
    await page.locator('.row.span.selected').waitFor()
    await page.locator('.panel .facts').waitFor()
    await picture(page, 'trace')
    await page.getByRole('tab', { name: 'Logs' }).click()
    await page.locator('.row.log').getByText('placing order').waitFor()
    await picture(page, 'trace-logs')
    await page.goBack()
    await page.locator('.row.span').first().waitFor()
    await page.goBack()
    await page.locator('.row.log.selected').waitFor()
  }))

  test('a drag over the histogram zooms, and back is back', () => show('/logs?last=12h', async (page) => {
    await page.locator('.histogram rect').first().waitFor()
    const box = (await page.locator('.histogram-plot').boundingBox())!
    await page.mouse.move(box.x + box.width * 0.5, box.y + 20)
    await page.mouse.down()
    await page.mouse.move(box.x + box.width * 0.6, box.y + 25, { steps: 5 })
    await page.mouse.up()
    await page.waitForFunction(() => location.search.includes('from='))
    const length = Date.parse(param(page, 'to')!) - Date.parse(param(page, 'from')!)
    assert.ok(Math.abs(length - 1.2 * 3_600_000) < 60_000, `${length} ms`)
    await rows(page).first().waitFor()
    await page.goBack()
    assert.equal(param(page, 'from'), null)
  }))

  test('the time picker: relative and absolute', () => show('/logs', async (page) => {
    await rows(page).first().waitFor()
    await page.keyboard.press('t')
    await page.locator('.picker .popover').waitFor()
    await picture(page, 'picker')
    await page.getByRole('button', { name: '6 hours' }).click()
    assert.equal(param(page, 'last'), '6h')
    await page.keyboard.press('t')
    await page.locator('.picker-absolute').getByRole('button', { name: 'Apply' }).click()
    assert.equal(Date.parse(param(page, 'to')!) - Date.parse(param(page, 'from')!), 6 * 3_600_000)
  }))

  test('live: new records come by themselves', () => show('/logs?last=15m&live=1&q=service:live', async (page) => {
    await page.getByText('Nothing matches').waitFor()
    await page.keyboard.press('l')
    await page.waitForFunction(() => !location.search.includes('live=1'))
    const record = (i: number): LogRow => ({ ...shop.logs[0]!, Timestamp: nanos(nowNs() - second), ServiceName: 'live', Body: `live ${i}`, SeverityText: 'INFO', SeverityNumber: 9 })
    await store.insert('otel_logs', [record(1)])
    await page.keyboard.press('r')
    await page.getByText('live 1').waitFor()
    await page.keyboard.press('l')
    await store.insert('otel_logs', [record(2)])
    await page.getByText('live 2').waitFor()
    await store.insert('otel_logs', [record(3)])
    await page.getByText('live 3').waitFor()
    assert.deepEqual(await texts(page, '.row.log .body'), ['live 3', 'live 2', 'live 1'])
  }))

  test('traces: newest first, with what is in each', () => show('/traces?last=12h', async (page) => {
    await page.locator('.row.trace').first().waitFor()
    await page.locator('.dots i').first().waitFor()
    await page.locator('.density rect').first().waitFor()
    const times = await texts(page, '.row.trace time')
    assert.deepEqual(times, times.toSorted().reverse())
    await picture(page, 'traces')
    await filter(page, 'status:error duration>4s')
    await page.waitForFunction(() => [...document.querySelectorAll('.row.trace')].every((r) => r.classList.contains('failed')))
    const slow = shop.spans.filter((s) => !s.ParentSpanId && s.StatusCode === 'Error' && s.Duration > 4e9).length
    await page.getByText(`${slow} trace`).waitFor()
    await page.keyboard.press('j')
    await page.keyboard.press('Enter')
    await page.locator('.row.span').first().waitFor()
    assert.match(page.url(), /\/trace\/[0-9a-f]{32}$/)
  }))

  test('a drag over the durations filters by them', () => show('/traces?last=12h', async (page) => {
    await page.locator('.density rect').first().waitFor()
    const box = (await page.locator('.histogram-plot').boundingBox())!
    await page.mouse.move(box.x + box.width * 0.2, box.y + 2)
    await page.mouse.down()
    await page.mouse.move(box.x + box.width * 0.9, box.y + box.height * 0.4, { steps: 5 })
    await page.mouse.up()
    await page.waitForFunction(() => location.search.includes('duration'))
    assert.match(param(page, 'q')!, /^duration>=[\d.]+(ms|s)( duration<[\d.]+s)?$/)
  }))

  test('a trace: folded, zoomed, with events; found by its id alone', async () => {
    const failed = shop.spans.find((s) => s['Events.Name'].length > 0)!
    const count = shop.spans.filter((s) => s.TraceId === failed.TraceId).length
    await show(`/trace/${failed.TraceId}?span=${failed.SpanId}`, async (page) => {
      await page.locator('.panel .event').getByText('exception', { exact: true }).waitFor()
      assert.equal(await page.locator('.row.span').count(), count)
      await picture(page, 'exception')
      await page.keyboard.press('Escape')
      await page.locator('.panel').waitFor({ state: 'detached' })
      await page.locator('.row.span .fold[aria-expanded=true]').first().click()
      assert.equal(await page.locator('.row.span').count(), 1)
      await page.getByText(`+${count - 1}`).waitFor()
      await page.locator('.row.span .fold[aria-expanded=false]').first().click()
      const box = (await page.locator('.overview').boundingBox())!
      await page.mouse.move(box.x + 5, box.y + 9)
      await page.mouse.down()
      await page.mouse.move(box.x + box.width / 10, box.y + 9, { steps: 3 })
      await page.mouse.up()
      await page.getByTitle('See all of it').click()
      await page.getByTitle('See all of it').waitFor({ state: 'detached' })
    })
  })

  test('a trace whose root never came, in pieces', async () => {
    const trace = shop.visit(nowNs() - 60n * second)
    const parts = shop.spans.filter((s) => s.TraceId === trace).slice(1)
    await store.insert('otel_traces', parts)
    await store.sql(`INSERT INTO otel_traces_trace_id_ts SELECT TraceId, min(Timestamp), max(addNanoseconds(Timestamp, Duration)) FROM otel_traces WHERE TraceId = '${trace}' GROUP BY TraceId`)
    await show(`/trace/${trace}`, async (page) => {
      await page.getByText('was not received').first().waitFor()
      assert.equal(await page.locator('.row.span:not(.missing)').count(), parts.length)
    })
    await show('/trace/00000000000000000000000000000001', async (page) => {
      await page.getByText('This trace is not here').waitFor()
    })
  })

  test('nothing matches, nothing in this time', () => show('/logs?q=nosuchword', async (page) => {
    await page.getByText('Nothing matches').waitFor()
    await picture(page, 'no-match')
    await page.locator('.message').getByText('Clear the filter').click()
    await rows(page).first().waitFor()
    await page.goto(`${site.url}/logs?from=2031-01-01T00:00:00.000Z&to=2031-01-02T00:00:00.000Z`)
    await page.getByText('Nothing in this time').waitFor()
  }))

  test('the store is away, and comes back', () => show('/logs', async (page) => {
    await rows(page).first().waitFor()
    site.answer = { status: 503, body: 'the engine is being started\n' }
    await page.goto(`${site.url}/logs?last=3h`)
    await page.getByRole('heading', { name: 'The store is starting' }).waitFor()
    await picture(page, 'away')
    site.answer = undefined
    await rows(page).first().waitFor()
  }))

  test('a query that fails says why', () => show('/logs', async (page) => {
    await rows(page).first().waitFor()
    site.answer = { status: 500, body: 'Code: 241. DB::Exception: Memory limit (total) exceeded: would use 4.00 GiB. (MEMORY_LIMIT_EXCEEDED)\n' }
    await page.goto(`${site.url}/logs?last=3h`)
    await page.getByText('Memory limit (total) exceeded').waitFor()
    await picture(page, 'error')
    site.answer = undefined
    await page.getByRole('button', { name: 'Try again' }).click()
    await rows(page).first().waitFor()
  }))

  test('a long search says how far it is, and can be stopped', () => show('/logs', async (page) => {
    await rows(page).first().waitFor()
    site.held = true
    await filter(page, 'anything')
    await page.getByRole('button', { name: 'Stop' }).click()
    await page.getByRole('button', { name: 'Stop' }).waitFor({ state: 'detached' })
    const until = Date.now() + 5000
    while (!site.asked.at(-1)!.aborted && Date.now() < until) await page.waitForTimeout(20)
    assert.ok(site.asked.at(-1)!.aborted, 'the request is given up, so that the store can stop')
    site.held = false
    await page.getByRole('button', { name: 'Go on' }).click()
    await page.getByText('Nothing matches').waitFor()
  }))

  test('dark, and without anything of another origin', () => show('/traces?last=12h', async (page) => {
    await page.emulateMedia({ colorScheme: 'dark' })
    await page.locator('.dots i').first().waitFor()
    const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor)
    assert.equal(background, 'rgb(20, 22, 26)')
    await picture(page, 'traces-dark')
  }))

  test('scripts in a log line are text', async () => {
    const body = '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>'
    await store.insert('otel_logs', [{ ...shop.logs[0]!, Timestamp: nanos(nowNs() - second), ServiceName: '<b>evil</b>', Body: body, LogAttributes: { '<i>k</i>': '<i>v</i>' } }])
    await show('/logs?last=15m&q=onerror', async (page) => {
      await rows(page).first().click()
      await page.locator('.panel .body-text').getByText('<script>').waitFor()
      await page.locator('.panel').getByText('<i>k</i>').waitFor()
      assert.doesNotMatch(await page.title(), /owned/)
    })
  })

  test('an empty store says how to send the first data, and shows it when it comes', async () => {
    const empty = await Store.start()
    const page = await Site.start(empty.address)
    try {
      await show('/', async (tab) => {
        await tab.getByText('No logs yet').waitFor()
        assert.match((await tab.locator('.snippet').allTextContents()).join('\n'), /curl .*http:\/\/127\.0\.0\.1:\d+\/v1\/logs/)
        await picture(tab, 'empty')
        await empty.insert('otel_logs', [{ ...shop.logs[0]!, Timestamp: nanos(nowNs() - second), Body: 'hello' }])
        await tab.locator('.row.log').getByText('hello').waitFor()
      }, page)
    } finally {
      page.stop()
      empty.stop()
    }
  })

  test('100,000 records scroll as smoothly as 100', async () => {
    const big = await Store.start()
    const page = await Site.start(big.address)
    try {
      const now = nowNs()
      const many = Array.from({ length: 100_000 }, (_, i) => ({ ...shop.logs[i % shop.logs.length]!, Timestamp: nanos(now - BigInt(i) * 30_000_000n - second) }))
      await big.insert('otel_logs', many)
      await show('/logs?last=1h', async (tab) => {
        await rows(tab).first().waitFor()
        for (let shown = 0; shown < 100_000;) {
          shown = await tab.evaluate(() => {
            const list = document.querySelector('.list')!
            list.scrollTop = list.scrollHeight
            return Math.round(document.querySelector('.list-space')!.clientHeight / 24)
          })
          await tab.waitForTimeout(5)
        }
        assert.ok(await rows(tab).count() < 150, 'only what is in sight is in the document')
        const { frames, work } = await frameWork(tab, scrollThrough)
        console.log(`scrolling through 100,000 records: ${frames} frames, ${work.toFixed(1)} ms of script, style and layout each`)
        assert.ok(work < 16, `${work.toFixed(1)} ms of script, style and layout a frame`)
      }, page)
    } finally {
      page.stop()
      big.stop()
    }
  })
})

/** How long the page itself works for each frame, in ms: unlike the frames' times, nothing of other processes is in it. */
async function frameWork(page: Page, action: () => Promise<number>): Promise<{ frames: number; work: number }> {
  const session = await page.context().newCDPSession(page)
  await session.send('Performance.enable')
  const seconds = async (): Promise<number> => {
    const { metrics } = await session.send('Performance.getMetrics')
    return metrics.filter((m) => /^(Script|Layout|RecalcStyle)Duration$/.test(m.name)).reduce((sum, m) => sum + m.value, 0)
  }
  const before = await seconds()
  const frames = await page.evaluate(action)
  return { frames, work: ((await seconds() - before) * 1000) / frames }
}

/** In the page: scrolls far in each frame for two seconds; gives how many there were. */
async function scrollThrough(): Promise<number> {
  const list = document.querySelector('.list')!
  let frames = 0
  for (const end = performance.now() + 2000; performance.now() < end; frames++) {
    await new Promise((done) => requestAnimationFrame(done))
    list.scrollTop = (list.scrollTop + 7777) % (list.scrollHeight - list.clientHeight)
  }
  return frames
}
