// Metrics of delta temporality become cumulative series: each sample is the sum of all deltas up to its time.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto'
import { AggregationTemporalityPreference } from '@opentelemetry/exporter-metrics-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { AggregationType, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { CUMULATIVE, DELTA, metricsRequest, readSamples } from './lib/deltas.ts'
import { send } from './lib/otlp.ts'
import { Server } from './lib/server.ts'

const SUMMED = 32
const base = BigInt(Date.now()) - 60_000n
const ms = (offset: number): string => (base + BigInt(offset)).toString()
const ns = (offset: number): string => ms(offset) + '000000'

interface Exporters { exporters: { signal: string; accepted: number; delivered: number; queued: number; filtered: number; quarantined: number; filtered_reasons: Record<string, number> }[] }

describe('delta temporality', () => {
  let server: Server
  before(async () => { server = await Server.start() })
  after(() => server?.close())

  const sum = (service: string, dataPoints: object[], aggregationTemporality = DELTA) =>
    send(server.ports, 'proto', 'metrics', metricsRequest(service, 'requests', { sum: { aggregationTemporality, isMonotonic: true, dataPoints } }))
  const point = (from: number, to: number, asDouble: number) => ({ startTimeUnixNano: ns(from), timeUnixNano: ns(to), asDouble })
  const metrics = async () =>
    ((await server.status()) as unknown as Exporters).exporters.find((e) => e.signal === 'metrics')!

  it('adds up sums, exactly', async () => {
    const points = Array.from({ length: 10 }, (_, i) => point(i * 1000, (i + 1) * 1000, 0.1))
    await sum('adds', points.slice(0, 4))
    await sum('adds', points.slice(4))
    await server.flush()
    const want = points.map((_, i) => ({ name: 'requests_total', le: '', start: ms(0), time: ms((i + 1) * 1000), value: (i + 1) / 10, flags: SUMMED }))
    const got = await readSamples(server, 'adds')
    // The sum of the ten doubles, rounded once, is 1; adding one after the other gives 0.9999999999999999.
    assert.equal(got.at(-1)?.value, 1)
    assert.deepEqual(got.map((sample) => ({ ...sample, value: Number(sample.value.toPrecision(15)) })), want)
  })

  it('leaves out what is late, sent twice or reaches back, and counts it', async () => {
    const earlier = await metrics()
    await sum('late', [point(0, 1000, 1)])
    await sum('late', [point(0, 1000, 1)]) // again
    await sum('late', [point(1000, 2000, 2)])
    await sum('late', [point(500, 1500, 4)]) // late
    await sum('late', [point(1500, 3000, 8)]) // reaches back
    await sum('late', [point(-1000, 4000, 16)]) // began before the sum
    await sum('late', [point(3500, 5000, 32)]) // after a gap
    await server.flush()
    const got = (await readSamples(server, 'late')).map(({ time, value }) => [time, value])
    assert.deepEqual(got, [[ms(1000), 1], [ms(2000), 3], [ms(5000), 35]])
    const later = await metrics()
    assert.equal(later.filtered - earlier.filtered, 4)
    assert.deepEqual(later.filtered_reasons, { delta_older_start: 1, delta_out_of_order: 2, delta_overlap: 1 })
    assert.equal(later.accepted, later.delivered + later.queued + later.filtered + later.quarantined)
  })

  it('leaves cumulative samples as they are', async () => {
    await sum('cumulative', [point(0, 1000, 5), point(0, 2000, 7)], CUMULATIVE)
    await server.flush()
    assert.deepEqual((await readSamples(server, 'cumulative')).map(({ value, flags }) => [value, flags]), [[5, 0], [7, 0]])
  })

  it('adds up histograms', async () => {
    const data = (from: number, to: number, bucketCounts: number[], sum: number) => ({
      startTimeUnixNano: ns(from), timeUnixNano: ns(to), count: bucketCounts.reduce((a, b) => a + b), sum, bucketCounts, explicitBounds: [1, 10],
    })
    const histogram = { aggregationTemporality: DELTA, dataPoints: [data(0, 1000, [1, 2, 3], 40.5), data(1000, 2000, [4, 0, 1], 20.25)] }
    await send(server.ports, 'grpc', 'metrics', metricsRequest('histogram', 'size', { histogram }))
    await server.flush()
    const got = (await readSamples(server, 'histogram')).map(({ name, le, value }) => `${name} ${le} ${value}`)
    assert.deepEqual(got, [
      'size_bucket +Inf 6', 'size_bucket +Inf 11', 'size_bucket 1 1', 'size_bucket 1 5', 'size_bucket 10 3', 'size_bucket 10 7',
      'size_count  6', 'size_count  11', 'size_sum  40.5', 'size_sum  60.75'])
  })

  it('adds up exponential histograms at the coarser scale', async () => {
    const data = (from: number, to: number, scale: number, offset: number, bucketCounts: number[], zeroCount: number) => ({
      startTimeUnixNano: ns(from), timeUnixNano: ns(to), scale, zeroCount, count: bucketCounts.reduce((a, b) => a + b) + zeroCount, sum: 1.5,
      positive: { offset, bucketCounts }, min: from + 1, max: to,
    })
    const exponentialHistogram = { aggregationTemporality: DELTA, dataPoints: [data(0, 1000, 2, 4, [1, 2, 3, 4, 5], 1), data(1000, 2000, 1, -1, [7, 0, 0, 9], 2)] }
    await send(server.ports, 'grpc', 'metrics', metricsRequest('exponential', 'spread', { exponentialHistogram }))
    await server.flush()
    const got = await server.sql(`
      SELECT Scale, toUInt32(Count) AS count, Sum, Min, Max, toUInt32(ZeroCount) AS zero, PositiveOffset, arrayMap(n -> toUInt32(n), PositiveBucketCounts) AS counts
      FROM otel_metrics_exponential FINAL WHERE MetricName = 'spread' ORDER BY Timestamp`)
    assert.deepEqual(got, [
      { Scale: 2, count: 16, Sum: 1.5, Min: 1, Max: 1000, zero: 1, PositiveOffset: 4, counts: [1, 2, 3, 4, 5] },
      // Buckets 4…8 at scale 2 are 2, 2, 3, 3, 4 at scale 1.
      { Scale: 1, count: 34, Sum: 3, Min: 1, Max: 2000, zero: 3, PositiveOffset: -1, counts: [7, 0, 0, 12, 7, 5] },
    ])
  })

  it('of the OpenTelemetry SDK', async () => {
    const exporter = new OTLPMetricExporter({
      url: `http://127.0.0.1:${server.ports.http}/v1/metrics`, temporalityPreference: AggregationTemporalityPreference.DELTA,
    })
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
    const provider = new MeterProvider({
      resource: resourceFromAttributes({ 'service.name': 'sdk' }), readers: [reader],
      views: [{ instrumentName: 'spread', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } }],
    })
    const meter = provider.getMeter('meter')
    const counter = meter.createCounter('orders')
    const duration = meter.createHistogram('duration', { unit: 's', advice: { explicitBucketBoundaries: [0.1, 1] } })
    const spread = meter.createHistogram('spread')
    for (let round = 1; round <= 3; round++) {
      counter.add(round)
      duration.record(0.5 * round)
      spread.record(2 ** round)
      await provider.forceFlush()
      await sleep(5)
    }
    await provider.shutdown()
    await server.flush()
    const got = (await readSamples(server, 'sdk')).map(({ name, le, value }) => `${name} ${le} ${value}`)
    assert.deepEqual(got, [
      ...[1, 1, 1].map((n) => `duration_seconds_bucket +Inf ${n}`).map((_, i) => `duration_seconds_bucket +Inf ${i + 1}`),
      ...[0, 0, 0].map((n) => `duration_seconds_bucket 0.1 ${n}`),
      ...[1, 2, 2].map((n) => `duration_seconds_bucket 1 ${n}`),
      ...[1, 2, 3].map((n) => `duration_seconds_count  ${n}`),
      ...[0.5, 1.5, 3].map((n) => `duration_seconds_sum  ${n}`),
      ...[1, 3, 6].map((n) => `orders_total  ${n}`),
    ])
    const [last] = await server.sql<{ count: number; sum: number }>(`
      SELECT toUInt32(Count) AS count, Sum AS sum FROM otel_metrics_exponential FINAL
      JOIN (SELECT DISTINCT SeriesId, Labels FROM otel_metrics_series) AS series USING SeriesId
      WHERE Labels['job'] = 'sdk' ORDER BY Timestamp DESC LIMIT 1`)
    assert.deepEqual(last, { count: 3, sum: 14 })
  })
})
