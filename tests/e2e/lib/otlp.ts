// OTLP messages made by hand and sent over each transport. A request is kept in its OTLP/JSON form: ids in hex, bytes in
// base64, 64-bit integers as strings. protobufjs and grpc-js turn it into bytes and carry it.
import assert from 'node:assert/strict'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import * as grpc from '@grpc/grpc-js'
import protobuf from 'protobufjs'

export type Signal = 'logs' | 'traces' | 'metrics'
export type Transport = 'grpc' | 'proto' | 'json'
export type Compression = 'none' | 'gzip' | 'zstd'

export interface Value {
  stringValue?: string
  boolValue?: boolean
  intValue?: string
  doubleValue?: number | 'NaN' | 'Infinity' | '-Infinity'
  bytesValue?: string
  arrayValue?: { values: Value[] }
  kvlistValue?: { values: KeyValue[] }
}

export interface KeyValue {
  key: string
  value: Value
}

export interface Resource {
  attributes?: KeyValue[]
  droppedAttributesCount?: number
}

export interface Scope {
  name?: string
  version?: string
  attributes?: KeyValue[]
  droppedAttributesCount?: number
}

export interface LogRecord {
  timeUnixNano?: string
  observedTimeUnixNano?: string
  severityNumber?: number
  severityText?: string
  body?: Value
  attributes?: KeyValue[]
  droppedAttributesCount?: number
  flags?: number
  traceId?: string
  spanId?: string
  eventName?: string
}

export interface LogsRequest {
  resourceLogs: {
    resource?: Resource
    schemaUrl?: string
    scopeLogs: { scope?: Scope; schemaUrl?: string; logRecords: LogRecord[] }[]
  }[]
}

export interface SpanEvent {
  timeUnixNano: string
  name?: string
  attributes?: KeyValue[]
  droppedAttributesCount?: number
}

export interface SpanLink {
  traceId: string
  spanId: string
  traceState?: string
  attributes?: KeyValue[]
  droppedAttributesCount?: number
  flags?: number
}

export interface Span {
  traceId: string
  spanId: string
  parentSpanId?: string
  traceState?: string
  flags?: number
  name?: string
  kind?: number
  startTimeUnixNano: string
  endTimeUnixNano: string
  attributes?: KeyValue[]
  droppedAttributesCount?: number
  events?: SpanEvent[]
  droppedEventsCount?: number
  links?: SpanLink[]
  droppedLinksCount?: number
  status?: { code?: number; message?: string }
}

export interface TracesRequest {
  resourceSpans: {
    resource?: Resource
    schemaUrl?: string
    scopeSpans: { scope?: Scope; schemaUrl?: string; spans: Span[] }[]
  }[]
}

export interface PartialSuccess {
  rejected: number
  message: string
}

const protoRoot = 'node_modules/@elastic/mockotlpserver/'
const services: Record<Signal, string> = { logs: 'Logs', traces: 'Trace', metrics: 'Metrics' }

function loadProtos(): protobuf.Root {
  const root = new protobuf.Root()
  root.resolvePath = (_origin, target) => (target.startsWith('opentelemetry/') ? protoRoot + target : target)
  root.loadSync(['logs', 'trace', 'metrics'].map((s) => `opentelemetry/proto/collector/${s}/v1/${s}_service.proto`))
  // The package has version 1.4 of the protocol; these fields came later.
  root.lookupType('opentelemetry.proto.logs.v1.LogRecord').add(new protobuf.Field('eventName', 12, 'string'))
  const entity = new protobuf.Type('EntityRef')
    .add(new protobuf.Field('schemaUrl', 1, 'string'))
    .add(new protobuf.Field('type', 2, 'string'))
    .add(new protobuf.Field('idKeys', 3, 'string', 'repeated'))
  root.define('opentelemetry.proto.common.v1').add(entity)
  root
    .lookupType('opentelemetry.proto.resource.v1.Resource')
    .add(new protobuf.Field('entityRefs', 3, 'opentelemetry.proto.common.v1.EntityRef', 'repeated'))
  return root
}

const root = loadProtos()

function messageType(signal: Signal, what: 'Request' | 'Response'): protobuf.Type {
  const service = services[signal]
  return root.lookupType(`opentelemetry.proto.collector.${service.toLowerCase()}.v1.Export${service}Service${what}`)
}

/** Ids are hex in OTLP/JSON, where protobuf's own JSON has base64. */
function withBinaryIds(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withBinaryIds)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) =>
      /^(trace|span|parentSpan)Id$/.test(key) ? [key, Buffer.from(inner as string, 'hex')] : [key, withBinaryIds(inner)]))
}

export function encode(signal: Signal, request: object): Buffer {
  const type = messageType(signal, 'Request')
  return Buffer.from(type.encode(type.fromObject(withBinaryIds(request) as object)).finish())
}

/** A request's bytes as an object; ids are base64, integers of 64 bits strings. */
export function decodeRequest(signal: Signal, bytes: Uint8Array): unknown {
  const type = messageType(signal, 'Request')
  return type.toObject(type.decode(bytes), { longs: String, bytes: String })
}

export interface Answer {
  code: number // gRPC's status code, or HTTP's status
  message: string
  partial?: PartialSuccess
}

interface ExportResponse {
  partialSuccess?: Record<string, unknown>
}

function partialOf(response: ExportResponse): PartialSuccess | undefined {
  if (!response.partialSuccess) return undefined
  const { errorMessage, ...counts } = response.partialSuccess
  return { rejected: Number(Object.values(counts)[0] ?? 0), message: String(errorMessage ?? '') }
}

function decodeAnswer(signal: Signal, bytes: Uint8Array): PartialSuccess | undefined {
  const type = messageType(signal, 'Response')
  return partialOf(type.toObject(type.decode(bytes), { longs: String }) as ExportResponse)
}

/** One gRPC channel; closed with `using`. */
export class GrpcClient implements Disposable {
  readonly #client: grpc.Client

  constructor(port: number, options: grpc.ClientOptions = {}) {
    this.#client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), options)
  }

  send(signal: Signal, body: Buffer, deadlineMs = 30_000): Promise<Answer> {
    const service = services[signal]
    const path = `/opentelemetry.proto.collector.${service.toLowerCase()}.v1.${service}Service/Export`
    return new Promise((done) => {
      this.#client.makeUnaryRequest(
        path, (bytes: Buffer) => bytes, (bytes: Buffer) => bytes, body, new grpc.Metadata(),
        { deadline: Date.now() + deadlineMs },
        (error, bytes) => {
          if (error) done({ code: error.code, message: error.details })
          else done({ code: grpc.status.OK, message: '', partial: decodeAnswer(signal, bytes!) })
        })
    })
  }

  [Symbol.dispose](): void {
    this.#client.close()
  }
}

const compressors: Record<Compression, (bytes: Buffer) => Buffer> = {
  none: (bytes) => bytes,
  gzip: (bytes) => gzipSync(bytes),
  zstd: (bytes) => zstdCompressSync(bytes),
}

export async function postHttp(
  port: number, signal: Signal, body: Buffer | string, type: string, headers: Record<string, string> = {},
): Promise<Answer> {
  const answer = await fetch(`http://127.0.0.1:${port}/v1/${signal}`, {
    method: 'POST',
    headers: { 'content-type': type, ...headers },
    body: typeof body === 'string' ? body : new Uint8Array(body),
  })
  const bytes = Buffer.from(await answer.arrayBuffer())
  if (answer.status !== 200) return { code: answer.status, message: bytes.toString() }
  const json = type.startsWith('application/json')
  assert.equal(answer.headers.get('content-type')?.split(';')[0], json ? 'application/json' : 'application/x-protobuf')
  const partial = json ? partialOf(JSON.parse(bytes.toString()) as ExportResponse) : decodeAnswer(signal, bytes)
  return { code: 200, message: '', partial }
}

/** Sends a request that must be accepted whole. */
export async function send(
  ports: { grpc: number; http: number }, transport: Transport, signal: Signal, request: object, compression: Compression = 'none',
): Promise<void> {
  const answer = await attempt(ports, transport, signal, request, compression)
  assert.deepEqual({ ...answer, partial: answer.partial?.rejected ?? 0 }, { code: transport === 'grpc' ? 0 : 200, message: '', partial: 0 })
}

async function attempt(
  ports: { grpc: number; http: number }, transport: Transport, signal: Signal, request: object, compression: Compression,
): Promise<Answer> {
  if (transport === 'grpc') {
    assert.notEqual(compression, 'zstd', 'grpc-js knows gzip only')
    const algorithm = compression === 'gzip' ? grpc.compressionAlgorithms.gzip : grpc.compressionAlgorithms.identity
    using client = new GrpcClient(ports.grpc, { 'grpc.default_compression_algorithm': algorithm })
    return await client.send(signal, encode(signal, request))
  }
  const plain = transport === 'json' ? Buffer.from(JSON.stringify(request)) : encode(signal, request)
  const headers: Record<string, string> = compression === 'none' ? {} : { 'content-encoding': compression }
  const type = transport === 'json' ? 'application/json' : 'application/x-protobuf'
  return postHttp(ports.http, signal, compressors[compression](plain), type, headers)
}
