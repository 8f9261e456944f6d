// A steady sender that numbers its requests and remembers what was acknowledged, to tell afterwards what is missing or double.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { encode, GrpcClient, postHttp, type Answer, type LogsRequest } from './otlp.ts'
import { now, text } from './samples.ts'
import type { Server } from './server.ts'

export interface WriterOptions {
  transport?: 'grpc' | 'proto'
  rowsPerRequest?: number
  bodyBytes?: number
  parallel?: number
  pauseMs?: number // between two requests of one sender
}

interface Stored {
  request: string
  rows: string
  different: string
}

export class Writer implements AsyncDisposable {
  readonly acknowledged = new Set<number>()
  readonly refusals = new Map<string, number>() // by gRPC status and message
  #next = 0
  #stopped = false
  #senders: Promise<void>[] = []
  readonly #server: Server
  readonly #options: Required<WriterOptions>

  constructor(server: Server, options: WriterOptions = {}) {
    this.#server = server
    this.#options = { transport: 'grpc', rowsPerRequest: 20, bodyBytes: 200, parallel: 4, pauseMs: 2, ...options }
  }

  start(): this {
    this.#stopped = false
    this.#senders = Array.from({ length: this.#options.parallel }, () => this.#sender())
    return this
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#senders)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  get sent(): number {
    return this.#next
  }

  /** Waits until so many more requests were acknowledged. */
  async progress(requests: number, timeoutMs = 30_000): Promise<void> {
    const goal = this.acknowledged.size + requests
    const deadline = Date.now() + timeoutMs
    while (this.acknowledged.size < goal) {
      const answers = JSON.stringify([...this.refusals])
      assert.ok(Date.now() < deadline, `no ${requests} requests acknowledged in ${timeoutMs} ms; refusals: ${answers}`)
      await sleep(10)
    }
  }

  /** Each acknowledged request is there once and whole, each other one at most once, and nothing else is there. */
  async verify(): Promise<void> {
    await this.#server.flush()
    const rows = await this.#server.sql<Stored>(`
      SELECT LogAttributes['request'] AS request, toString(count()) AS rows, toString(uniqExact(LogAttributes['row'])) AS different
      FROM otel_logs WHERE ServiceName = 'writer' GROUP BY request`)
    const stored = new Map(rows.map((row) => [Number(row.request), row]))
    const want = String(this.#options.rowsPerRequest)
    const wrong = rows.filter((row) => row.rows !== want || row.different !== want)
    const missing = [...this.acknowledged].filter((request) => !stored.has(request))
    const unknown = [...stored.keys()].filter((request) => request >= this.#next)
    const total = `of ${this.acknowledged.size} acknowledged requests ${missing.length} are missing, ${wrong.length} are not there once and whole`
    assert.ok(missing.length + wrong.length + unknown.length === 0, `${total}; the first: ${JSON.stringify({
      missing: missing.slice(0, 20), wrong: wrong.slice(0, 20), unknown: unknown.slice(0, 20),
    })}`)
    assert.ok(this.acknowledged.size > 0, 'nothing was acknowledged')
  }

  async #sender(): Promise<void> {
    // The client reconnects by itself, soon.
    using client = new GrpcClient(this.#server.ports.grpc, { 'grpc.initial_reconnect_backoff_ms': 50, 'grpc.max_reconnect_backoff_ms': 200 })
    while (!this.#stopped) {
      // A number is sent once only: an unanswered request may have been stored.
      const request = this.#next++
      const body = encode('logs', this.#request(request))
      const { code, message, partial } = this.#options.transport === 'grpc' ? await client.send('logs', body, 10_000) : await this.#post(body)
      const taken = (code === 0 || code === 200) && !partial
      if (taken) this.acknowledged.add(request)
      else this.#refused(`${code} ${message} ${partial?.message ?? ''}`)
      await sleep(taken ? this.#options.pauseMs : 20)
    }
  }

  async #post(body: Buffer): Promise<Answer> {
    try {
      return await postHttp(this.#server.ports.http, 'logs', body, 'application/x-protobuf')
    } catch (error) {
      return { code: -1, message: String(error) }
    }
  }

  #refused(why: string): void {
    this.refusals.set(why, (this.refusals.get(why) ?? 0) + 1)
  }

  #request(request: number): LogsRequest {
    const body = { stringValue: 'x'.repeat(this.#options.bodyBytes) }
    const logRecords = Array.from({ length: this.#options.rowsPerRequest }, (_, row) => ({
      timeUnixNano: now(row), body, attributes: [text('request', String(request)), text('row', String(row))],
    }))
    return { resourceLogs: [{ resource: { attributes: [text('service.name', 'writer')] }, scopeLogs: [{ logRecords }] }] }
  }
}
