// The OpenTelemetry SDK for JavaScript, metrics: one of each instrument, exported once.
import { OTLPMetricExporter as MetricsGrpc } from '@opentelemetry/exporter-metrics-otlp-grpc'
import { OTLPMetricExporter as MetricsJson } from '@opentelemetry/exporter-metrics-otlp-http'
import { OTLPMetricExporter as MetricsProto } from '@opentelemetry/exporter-metrics-otlp-proto'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { AggregationType, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import type { Transport } from './otlp.ts'

const exporters = { grpc: MetricsGrpc, proto: MetricsProto, json: MetricsJson }

export async function sendMetrics(ports: { grpc: number; http: number }, transport: Transport, instance: string): Promise<void> {
  const url = transport === 'grpc' ? `http://127.0.0.1:${ports.grpc}` : `http://127.0.0.1:${ports.http}/v1/metrics`
  const reader = new PeriodicExportingMetricReader({ exporter: new exporters[transport]({ url }), exportIntervalMillis: 3_600_000 })
  const provider = new MeterProvider({
    resource: resourceFromAttributes({ 'service.name': 'shop', 'service.namespace': 'web', 'service.instance.id': instance, 'host.name': 'h1' }),
    readers: [reader],
    views: [{ instrumentName: 'size', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } }],
  })
  const meter = provider.getMeter('meter', '2.0')
  meter.createCounter('http.requests', { unit: '1', description: 'requests' }).add(3, { 'http.method': 'GET', code: 200 })
  meter.createUpDownCounter('queue.length').add(-2)
  meter.createGauge('temperature', { unit: 'Cel' }).record(21.5)
  const duration = meter.createHistogram('http.duration', { unit: 's', advice: { explicitBucketBoundaries: [0.1, 1] } })
  for (const seconds of [0.05, 0.5, 0.7, 3]) duration.record(seconds)
  const size = meter.createHistogram('size', { unit: 'By' })
  for (const bytes of [1, 2, 4, 1000]) size.record(bytes)
  await provider.forceFlush()
  await provider.shutdown()
}

/**
 * What the samples are as Prometheus series, as OpenTelemetry's "Prometheus and OpenMetrics Compatibility" says: names with unit
 * and suffix, job and instance of the resource's service, target_info with the rest of the resource.
 */
export function expectedSeries(instance: string): Record<string, number> {
  const scope = 'otel_scope_name="meter",otel_scope_version="2.0"'
  const service = `instance="${instance}",job="web/shop"`
  return {
    [`http_duration_seconds_bucket{${service},le="+Inf",${scope}}`]: 4,
    [`http_duration_seconds_bucket{${service},le="0.1",${scope}}`]: 1,
    [`http_duration_seconds_bucket{${service},le="1",${scope}}`]: 3,
    [`http_duration_seconds_count{${service},${scope}}`]: 4,
    [`http_duration_seconds_sum{${service},${scope}}`]: 4.25,
    [`http_requests_total{code="200",http_method="GET",${service},${scope}}`]: 3,
    [`queue_length{${service},${scope}}`]: -2,
    [`target_info{host_name="h1",${service}}`]: 1,
    [`temperature_celsius{${service},${scope}}`]: 21.5,
  }
}
