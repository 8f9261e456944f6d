// Senders of metrics of delta temporality, and what the store made of them.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { encode, GrpcClient } from './otlp.ts'
import { now, text } from './samples.ts'
import type { Server } from './server.ts'

export const DELTA = 1
export const CUMULATIVE = 2

/** A request of one metric: `data` is its sum, histogram or exponentialHistogram. */
export const metricsRequest = (service: string, name: string, data: object) => ({
  resourceMetrics: [{
    resource: { attributes: [text('service.name', service)] },
    scopeMetrics: [{ scope: {}, metrics: [{ name, ...data }] }],
  }],
})

export interface Sample {
  name: string
  le: string
  start: string // ms
  time: string // ms
  value: number
  flags: number
}

/** What the store has of a service, after it has replaced what was sent again. */
export const readSamples = (server: Server, service: string): Promise<Sample[]> =>
  server.sql<Sample>(`
    SELECT MetricName AS name, Labels['le'] AS le, toString(toUnixTimestamp64Milli(StartTimestamp)) AS start,
      toString(toUnixTimestamp64Milli(Timestamp)) AS time, Value AS value, Flags AS flags
    FROM (SELECT *, Value FROM otel_metrics_samples FINAL) AS samples
    JOIN (SELECT DISTINCT SeriesId, Labels FROM otel_metrics_series) AS series USING SeriesId
    WHERE Labels['job'] = '${service}' AND MetricName != 'target_info' ORDER BY name, le, Timestamp`)

/**
 * Senders of increments, each of its own series of a sum and a histogram. A request that is not answered is sent again
 * as it was until it is: then all increments count once each, or the sums are wrong.
 */
export class DeltaWriter implements AsyncDisposable {
  readonly sums = new Map<string, bigint>() // by sender: what was acknowledged
  acknowledged = 0
  repeated = 0
  #stopped = false
  #giveUp = Infinity
  #senders: Promise<void>[] = []
  readonly #server: Server
  readonly #parallel: number

  constructor(server: Server, parallel = 3) {
    this.#server = server
    this.#parallel = parallel
  }

  start(): this {
    this.#senders = Array.from({ length: this.#parallel }, (_, i) => this.#sender(`sender-${i}`))
    return this
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#giveUp = Date.now() + 20_000
    await Promise.all(this.#senders)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async progress(requests: number, timeoutMs = 30_000): Promise<void> {
    const goal = this.acknowledged + requests
    const deadline = Date.now() + timeoutMs
    while (this.acknowledged < goal) {
      assert.ok(Date.now() < deadline, `no ${requests} requests acknowledged in ${timeoutMs} ms`)
      await sleep(10)
    }
  }

  /** Every sample is the sum of all increments up to its time: the last one of all of them. */
  async verify(): Promise<void> {
    await this.#server.flush()
    const rows = await this.#server.sql<{ name: string; sender: string; last: number; falls: string; starts: string }>(`
      SELECT name, sender, argMax(Value, Timestamp) AS last, toString(uniqExact(StartTimestamp)) AS starts,
        toString(countIf(Value < before)) AS falls
      FROM (
        SELECT MetricName AS name, Labels['sender'] AS sender, Timestamp, StartTimestamp, Value,
          lagInFrame(Value) OVER (PARTITION BY SeriesId ORDER BY Timestamp ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS before
        FROM (SELECT *, Value FROM otel_metrics_samples FINAL) AS samples
        JOIN (SELECT DISTINCT SeriesId, Labels FROM otel_metrics_series) AS series USING SeriesId
        WHERE Labels['job'] = 'deltas' AND Labels['le'] IN ('', '+Inf') AND MetricName != 'target_info')
      GROUP BY name, sender ORDER BY name, sender`)
    const senders = [...this.sums.keys()].sort()
    const want = ['increments_total', 'sizes_bucket', 'sizes_count', 'sizes_sum'].flatMap((name) =>
      senders.map((sender) => ({ name, sender, last: Number(this.sums.get(sender)), starts: '1', falls: '0' })))
    assert.deepEqual(rows, want.map(({ name, sender, last, starts, falls }) => ({ name, sender, last, starts, falls })))
  }

  async #sender(name: string): Promise<void> {
    using client = new GrpcClient(this.#server.ports.grpc, { 'grpc.initial_reconnect_backoff_ms': 50, 'grpc.max_reconnect_backoff_ms': 200 })
    let last = now()
    this.sums.set(name, 0n)
    while (!this.#stopped) {
      await sleep(2)
      const increment = BigInt(1 + Math.floor(Math.random() * 1000))
      const time = now()
      const body = encode('metrics', this.#request(name, last, time, increment))
      for (;;) {
        const { code, message, partial } = await client.send('metrics', body, 5_000)
        if (code === 0) {
          assert.equal(partial?.rejected ?? 0, 0, partial?.message ?? '')
          break
        }
        assert.ok(Date.now() < this.#giveUp, `a request is not acknowledged: ${code} ${message}`)
        this.repeated++
        await sleep(20)
      }
      this.acknowledged++
      this.sums.set(name, this.sums.get(name)! + increment)
      last = time
    }
  }

  #request(sender: string, startTimeUnixNano: string, timeUnixNano: string, increment: bigint): object {
    const point = { attributes: [text('sender', sender)], startTimeUnixNano, timeUnixNano }
    const n = increment.toString()
    return {
      resourceMetrics: [{
        resource: { attributes: [text('service.name', 'deltas')] },
        scopeMetrics: [{
          metrics: [
            { name: 'increments', sum: { aggregationTemporality: DELTA, isMonotonic: true, dataPoints: [{ ...point, asInt: n }] } },
            {
              name: 'sizes',
              histogram: { aggregationTemporality: DELTA, dataPoints: [{ ...point, count: n, sum: Number(increment), bucketCounts: [n, 0], explicitBounds: [1] }] },
            },
          ],
        }],
      }],
    }
  }
}
