// `tripod agent`, durable log on, from OTLP/gRPC to OTLP/gRPC; another agent takes what it sends.
import { Server, type Ports } from '../../tests/e2e/lib/server.ts'
import type { Signal } from './options.ts'
import { cpuSeconds, peakMegabytes } from './process.ts'
import { flush, Load } from './whole.ts'

export interface Forwarded {
  rows: number
  cpu: number // seconds, of the agent that is measured
  megabytes: number // most, of the same
}

const config = (ports: Ports, exporter: string): string => `
receivers:
  otlp: {protocols: {grpc: {endpoint: "127.0.0.1:${ports.grpc}"}}}
exporters:
  ${exporter}
service:
  pipelines:
    logs: {receivers: [otlp], exporters: [${exporter.slice(0, exporter.indexOf(':'))}]}
    traces: {receivers: [otlp], exporters: [${exporter.slice(0, exporter.indexOf(':'))}]}
ui: {endpoint: "127.0.0.1:${ports.ui}"}
`

const start = (exporter: string): Promise<Server> => Server.start({ role: 'agent', config: (ports) => config(ports, exporter) })

export async function measureForwarding(signal: Signal, rows: number): Promise<Forwarded> {
  await using sink = await start('debug: {verbosity: basic}')
  await using agent = await start(`otlp: {endpoint: "127.0.0.1:${sink.ports.grpc}", compression: none, tls: {insecure: true}}`)
  const { pid } = await agent.status()
  const load = new Load(agent, signal, { rows })
  await load.ready()
  const before = cpuSeconds(pid)
  const sent = await load.send()
  if (sent.failed) throw new Error(`${sent.failed} of ${sent.requests} requests failed`)
  await flush(agent)
  return { rows: sent.rows, cpu: cpuSeconds(pid) - before, megabytes: peakMegabytes(pid) }
}
