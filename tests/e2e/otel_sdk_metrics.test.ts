// Metrics of the OpenTelemetry SDK for JavaScript, read back as Prometheus series.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Transport } from './lib/otlp.ts'
import { expectedSeries, sendMetrics } from './lib/sdk_metrics.ts'
import { Server } from './lib/server.ts'

interface Sample {
  name: string
  labels: Record<string, string>
  value: number
}

const readSeries = (server: Server, instance: string) =>
  server.sql<Sample>(`
    SELECT MetricName AS name, Labels AS labels, argMax(Value, Timestamp) AS value
    FROM otel_metrics_samples JOIN otel_metrics_series USING (MetricName, SeriesId)
    WHERE Labels['instance'] = '${instance}' GROUP BY name, labels`)

function selector({ name, labels }: Sample): string {
  const pairs = Object.entries(labels).filter(([label]) => label !== '__name__').sort(([a], [b]) => (a < b ? -1 : 1))
  return `${name}{${pairs.map(([label, value]) => `${label}="${value}"`).join(',')}}`
}

describe('OpenTelemetry SDK, metrics', () => {
  let server: Server
  before(async () => { server = await Server.start() })
  after(() => server?.close())

  for (const transport of ['grpc', 'proto', 'json'] as Transport[]) {
    it(`over ${transport}`, async () => {
      await sendMetrics(server.ports, transport, transport)
      await server.flush()
      const got = Object.fromEntries((await readSeries(server, transport)).map((sample) => [selector(sample), sample.value]))
      assert.deepEqual(got, expectedSeries(transport))
    })
  }
})
