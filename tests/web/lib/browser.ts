// Debian's Chromium, without anything that it would do on its own, and with a profile that is thrown away.
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium, type BrowserContext, type Page } from 'playwright-core'

const executable = '/usr/bin/chromium'
const flags = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
]

/** Why the browser tests cannot run, if they cannot. */
export const noBrowser = existsSync(executable) ? false : `${executable} is not installed`

export class Browser {
  readonly context: BrowserContext
  readonly #profile: string
  /** What pages complained about: each test ends with none. */
  readonly complaints: string[] = []

  private constructor(context: BrowserContext, profile: string) {
    this.context = context
    this.#profile = profile
  }

  static async start(): Promise<Browser> {
    const profile = mkdtempSync(join(tmpdir(), 'tripod-chromium-'))
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: executable, headless: true, args: flags, viewport: { width: 1440, height: 860 }, colorScheme: 'light', timezoneId: 'Europe/Berlin', locale: 'en-US',
    })
    return new Browser(context, profile)
  }

  /** A new page; it may speak to `origin` alone. */
  async open(url: string): Promise<Page> {
    const page = await this.context.newPage()
    page.setDefaultTimeout(10_000)
    const { origin } = new URL(url)
    page.on('pageerror', (error) => this.complaints.push(`error: ${error.message}`))
    page.on('console', (message) => {
      // That a request failed is what some tests are about, and is seen on the page.
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) this.complaints.push(message.text())
    })
    page.on('request', (r) => { if (new URL(r.url()).origin !== origin) this.complaints.push(`a request to ${r.url()}`) })
    await page.goto(url)
    return page
  }

  async stop(): Promise<void> {
    await this.context.close()
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** Pictures to look at, where SCREENSHOTS names a folder for them. */
export async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env.SCREENSHOTS
  if (!folder) return
  mkdirSync(folder, { recursive: true })
  await page.screenshot({ path: join(folder, `${name}.png`) })
}
