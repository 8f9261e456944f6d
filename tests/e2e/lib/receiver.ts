// An OTLP receiver made of grpc-js and Node's HTTP server, which keeps the bytes of every request and answers as it is told.
import { createServer, type IncomingMessage, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import * as grpc from '@grpc/grpc-js'
import type { Signal } from './otlp.ts'

export interface Received {
  signal: Signal
  bytes: Buffer // decompressed
  wire?: Buffer // HTTP: as they came
  headers: Record<string, string>
  path: string
}

export interface GrpcReply {
  code?: number // default: OK
  message?: string
  retryAfterMs?: number // sent as RetryInfo
  response?: Buffer
}

export interface HttpReply {
  status?: number // default: 200
  headers?: Record<string, string>
  body?: string
}

const services: Record<Signal, string> = { logs: 'logs.v1.LogsService', traces: 'trace.v1.TraceService', metrics: 'metrics.v1.MetricsService' }
const asIs = (bytes: Buffer): Buffer => bytes

export class GrpcReceiver implements AsyncDisposable {
  readonly received: Received[] = []
  reply: (request: Received) => GrpcReply = () => ({})
  #server: grpc.Server | undefined
  #port = 0
  readonly #tls: grpc.ServerCredentials

  constructor(tls: grpc.ServerCredentials = grpc.ServerCredentials.createInsecure()) {
    this.#tls = tls
  }

  get port(): number {
    return this.#port
  }

  /** Listens, at the second time on the same port. */
  async start(): Promise<this> {
    const server = new grpc.Server({ 'grpc.max_receive_message_length': 64 << 20 })
    for (const signal of ['logs', 'traces', 'metrics'] as const) {
      const path = `/opentelemetry.proto.collector.${services[signal]}/Export`
      const method = { path, requestStream: false, responseStream: false, requestSerialize: asIs, requestDeserialize: asIs, responseSerialize: asIs, responseDeserialize: asIs }
      server.addService({ Export: method }, { Export: this.#handler(signal, path) })
    }
    this.#port = await new Promise<number>((done, failed) =>
      server.bindAsync(`127.0.0.1:${this.#port}`, this.#tls, (error, port) => (error ? failed(error) : done(port))))
    this.#server = server
    return this
  }

  #handler(signal: Signal, path: string): grpc.handleUnaryCall<Buffer, Buffer> {
    return (call, answer) => {
      const headers = Object.fromEntries(Object.entries(call.metadata.getMap()).map(([k, v]) => [k, String(v)]))
      const request: Received = { signal, path, headers, bytes: call.request }
      const { code = grpc.status.OK, message = '', retryAfterMs, response } = this.reply(request)
      if (code === grpc.status.OK) {
        this.received.push(request)
        answer(null, response ?? Buffer.alloc(0))
        return
      }
      const metadata = new grpc.Metadata()
      if (retryAfterMs !== undefined) metadata.set('grpc-status-details-bin', retryInfo(code, message, retryAfterMs))
      answer({ code, details: message, metadata })
    }
  }

  async stop(): Promise<void> {
    this.#server?.forceShutdown()
    this.#server = undefined
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}

/** google.rpc.Status with a google.rpc.RetryInfo, by hand. */
function retryInfo(code: number, message: string, ms: number): Buffer {
  const field = (tag: number, bytes: Buffer): Buffer => Buffer.concat([Buffer.from([tag, bytes.length]), bytes])
  const duration = Buffer.from([0x08, Math.floor(ms / 1000), 0x10, ...varint((ms % 1000) * 1_000_000)])
  const any = Buffer.concat([field(0x0a, Buffer.from('type.googleapis.com/google.rpc.RetryInfo')), field(0x12, field(0x0a, duration))])
  return Buffer.concat([Buffer.from([0x08, code]), field(0x12, Buffer.from(message)), field(0x1a, any)])
}

function varint(n: number): number[] {
  return n < 128 ? [n] : [(n & 127) | 128, ...varint(Math.floor(n / 128))]
}

export class HttpReceiver implements AsyncDisposable {
  readonly received: Received[] = []
  reply: (request: Received) => HttpReply = () => ({})
  readonly #server: HttpServer
  #port = 0

  constructor() {
    this.#server = createServer((request, answer) => {
      void read(request).then((received) => {
        const { status = 200, headers = {}, body = '' } = this.reply(received)
        if (status === 200) this.received.push(received)
        answer.writeHead(status, headers).end(body)
      })
    })
  }

  get port(): number {
    return this.#port
  }

  async start(): Promise<this> {
    await new Promise<void>((done) => this.#server.listen(this.#port, '127.0.0.1', done))
    this.#port = (this.#server.address() as AddressInfo).port
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((done) => this.#server.close(done))
  }
}

async function read(request: IncomingMessage): Promise<Received> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  const body = Buffer.concat(parts)
  const coding = request.headers['content-encoding']
  const bytes = coding === 'gzip' ? gunzipSync(body) : coding === 'zstd' ? zstdDecompressSync(body) : body
  const path = request.url!
  const signal = /logs|traces|metrics/.exec(path)?.[0] as Signal
  return { signal, path, bytes, wire: body, headers: request.headers as Record<string, string> }
}
