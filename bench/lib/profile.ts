// Where the server's time goes, when perf is there and may be used.
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export class Profile {
  readonly #dir = mkdtempSync(join(tmpdir(), 'tripod-perf-'))
  readonly #child
  readonly #end: Promise<void>

  constructor(pid: number) {
    this.#child = spawn('perf', ['record', '-q', '-F', '499', '-p', String(pid), '-o', join(this.#dir, 'data')], { stdio: 'ignore' })
    this.#end = new Promise((done) => this.#child.on('close', () => done()).on('error', () => done()))
  }

  /** The largest costs, as "12.3% symbol"; none when there is no perf. */
  async largest(count: number): Promise<string[]> {
    this.#child.kill('SIGINT')
    await this.#end
    try {
      const text = execFileSync('perf', ['report', '-i', join(this.#dir, 'data'), '--stdio', '--sort', 'symbol'], {
        encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'],
      })
      return [...text.matchAll(/^\s+([\d.]+%)\s+\[.\] *(\S+)/gm)].slice(0, count).map(([, part, symbol]) => `${part} ${symbol}`)
    } catch {
      return []
    } finally {
      rmSync(this.#dir, { recursive: true, force: true })
    }
  }
}
