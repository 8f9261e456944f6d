// The OpenTelemetry SDK for JavaScript as an application uses it. What it sent is taken from a second exporter, in memory,
// and put into OTLP/JSON by the SDK's own serializer.
import { context, createTraceState, ROOT_CONTEXT, SeverityNumber, SpanKind, SpanStatusCode, trace, TraceFlags } from '@opentelemetry/api'
import { OTLPLogExporter as LogsGrpc } from '@opentelemetry/exporter-logs-otlp-grpc'
import { OTLPLogExporter as LogsJson } from '@opentelemetry/exporter-logs-otlp-http'
import { OTLPLogExporter as LogsProto } from '@opentelemetry/exporter-logs-otlp-proto'
import { OTLPTraceExporter as TracesGrpc } from '@opentelemetry/exporter-trace-otlp-grpc'
import { OTLPTraceExporter as TracesJson } from '@opentelemetry/exporter-trace-otlp-http'
import { OTLPTraceExporter as TracesProto } from '@opentelemetry/exporter-trace-otlp-proto'
import { JsonLogsSerializer, JsonTraceSerializer } from '@opentelemetry/otlp-transformer'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BatchLogRecordProcessor, InMemoryLogRecordExporter, LoggerProvider, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs'
import { BatchSpanProcessor, InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import type { LogsRequest, TracesRequest, Transport } from './otlp.ts'

type Ports = { grpc: number; http: number }

const endpoint = (ports: Ports, transport: Transport, signal: string) => ({
  url: transport === 'grpc' ? `http://127.0.0.1:${ports.grpc}` : `http://127.0.0.1:${ports.http}/v1/${signal}`,
})

const logExporters = { grpc: LogsGrpc, proto: LogsProto, json: LogsJson }
const traceExporters = { grpc: TracesGrpc, proto: TracesProto, json: TracesJson }

const resource = (run: string) =>
  resourceFromAttributes(
    { 'service.name': 'sdk', 'test.run': run, 'process.pid': 4711, 'host.load': 0.25, flags: [true, false], tags: ['a', 'b'] },
    { schemaUrl: 'https://example.org/schemas/sdk' })

const parse = <T>(bytes: Uint8Array | undefined): T => JSON.parse(Buffer.from(bytes!).toString()) as T

export async function sendLogs(ports: Ports, transport: Transport, run: string): Promise<LogsRequest> {
  const memory = new InMemoryLogRecordExporter()
  const provider = new LoggerProvider({
    resource: resource(run),
    processors: [
      new BatchLogRecordProcessor({ exporter: new logExporters[transport](endpoint(ports, transport, 'logs')) }),
      new SimpleLogRecordProcessor({ exporter: memory }),
    ],
  })
  const logger = provider.getLogger('sdk scope', '0.1', { schemaUrl: 'https://example.org/schemas/scope' })
  const span = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: TraceFlags.SAMPLED }
  const bodies = ['text', 7, 1.5, true, new Uint8Array([1, 2, 3]), ['a', 1, null], { nested: { deeper: [1, 'two', false] } }, undefined]
  for (const [i, body] of bodies.entries()) {
    logger.emit({
      timestamp: new Date(),
      severityNumber: SeverityNumber.INFO,
      severityText: 'INFO',
      body,
      eventName: i % 2 ? 'sdk.event' : undefined,
      attributes: { i, half: i / 2, ok: i % 2 === 0, list: [1, 2, 3], bytes: new Uint8Array([i]), map: { a: { b: 'c' } }, none: '' },
      context: i % 2 ? trace.setSpanContext(ROOT_CONTEXT, span) : undefined,
    })
  }
  await provider.forceFlush()
  const sent = parse<LogsRequest>(JsonLogsSerializer.serializeRequest(memory.getFinishedLogRecords()))
  await provider.shutdown()
  return sent
}

export async function sendSpans(ports: Ports, transport: Transport, run: string): Promise<TracesRequest> {
  const memory = new InMemorySpanExporter()
  const provider = new TracerProvider({
    resource: resource(run),
    spanProcessors: [
      new BatchSpanProcessor({ exporter: new traceExporters[transport](endpoint(ports, transport, 'traces')) }),
      new SimpleSpanProcessor({ exporter: memory }),
    ],
  })
  const tracer = provider.getTracer('sdk scope', '0.1')
  const remote = {
    traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: TraceFlags.SAMPLED, isRemote: true,
    traceState: createTraceState('vendor=1,other=2'),
  }
  const parent = tracer.startSpan('parent', { kind: SpanKind.SERVER, attributes: { 'http.status': 500, ratio: 0.5, list: ['x', 'y'] } },
    trace.setSpanContext(ROOT_CONTEXT, remote))
  const inside = trace.setSpan(context.active(), parent)
  for (const kind of [SpanKind.INTERNAL, SpanKind.CLIENT, SpanKind.PRODUCER, SpanKind.CONSUMER]) {
    const child = tracer.startSpan(`child ${kind}`, { kind, links: [{ context: remote, attributes: { link: kind } }] }, inside)
    child.addEvent('something', { count: kind, yes: true })
    child.addEvent('nothing')
    child.setStatus({ code: SpanStatusCode.OK })
    child.end()
  }
  parent.recordException(new Error('it broke'))
  parent.setStatus({ code: SpanStatusCode.ERROR, message: 'it broke' })
  parent.end()
  await provider.forceFlush()
  const sent = parse<TracesRequest>(JsonTraceSerializer.serializeRequest(memory.getFinishedSpans()))
  await provider.shutdown()
  return sent
}
