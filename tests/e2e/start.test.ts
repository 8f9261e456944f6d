// What a start needs of its surroundings: a data directory of its own, and file descriptors.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { binary, freePorts, Server, tripod, type Ports } from './lib/server.ts'

const agentConfig = (more: string) => (ports: Ports): string => `
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:${ports.http}"}}}}
exporters: {otlp: {endpoint: "127.0.0.1:1", tls: {insecure: true}}}
service: {pipelines: {logs: {receivers: [otlp], exporters: [otlp]}}}
ui: {endpoint: "127.0.0.1:${ports.ui}"}
${more}
`

/** An agent that is up. */
const agent = (dataDir?: string, more = '') => Server.start({ role: 'agent', config: agentConfig(more), ...(dataDir && { dataDir }) })

async function assertRefused(dataDir: string, expected: RegExp, more = ''): Promise<void> {
  const second = await Server.prepare({ role: 'agent', config: agentConfig(more), dataDir })
  second.spawn()
  const { code } = await second.exited()
  assert.equal(code, 1)
  assert.match(second.log, expected)
}

describe('a data directory', () => {
  it('has one program at a time, and is free once that was killed', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'tripod-e2e-'))
    {
      await using first = await agent(dir)
      const { pid } = await first.status()
      await assertRefused(dir, new RegExp(`another Tripod \\(pid ${pid}\\) uses ${dir}; stop it, or give this one another --data`))
      assert.ok(first.running)
      await first.killItself()
      await using next = await agent(dir)
      assert.ok(next.running)
    }
    await rm(dir, { recursive: true })
  })

  it('has a durable log of its own', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'tripod-e2e-'))
    {
      const log = join(dir, 'log')
      await using first = await agent(join(dir, 'first'), `storage: {log: {dir: "${log}"}}`)
      await assertRefused(join(dir, 'second'), new RegExp(`another Tripod \\(pid \\d+\\) uses ${log}; .*storage\\.log\\.dir`), `storage: {log: {dir: "${log}"}}`)
      assert.ok(first.running)
    }
    await rm(dir, { recursive: true })
  })
})

it('a port in use: the rest runs, and nothing says that all is well', async () => {
  const squatter = createServer()
  await new Promise<void>((done) => squatter.listen(0, '127.0.0.1', done))
  const { port } = squatter.address() as AddressInfo
  try {
    await using server = await Server.start({ role: 'agent', config: (ports) => agentConfig('')({ ...ports, http: port }) })
    assert.equal((await fetch(`${server.ui}/-/ready`)).status, 200)
    assert.match(await (await fetch(`${server.ui}/metrics`)).text(), /^tripod_ready 0$/m)
    const { code, stdout } = await tripod(['status', '--server', server.ui])
    assert.equal(code, 1)
    assert.match(stdout, /^tripod \S+ {2}● 1 listener down {2}up /)
    assert.match(stdout, new RegExp(`otlp/http +127\\.0\\.0\\.1:${port} .*cannot listen on`, 'm'))
    assert.equal((await tripod(['status', '--json', '--server', server.ui])).code, 1)
  } finally {
    squatter.close()
  }
})

it('as many connections as the system allows, whatever the shell gives', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'tripod-e2e-'))
  const [ui, http] = await freePorts(2)
  const config = join(dir, 'agent.yaml')
  await writeFile(config, agentConfig('')({ ui: ui!, http: http!, grpc: 0, clickhouse: 0 }))
  const child = spawn('sh', ['-c', 'ulimit -Sn 256; exec "$0" agent --data "$1" --config "$2"', binary, dir, config], { stdio: 'ignore' })
  const ended = new Promise((done) => child.once('exit', done))
  try {
    while (!(await fetch(`http://127.0.0.1:${ui}/-/ready`).catch(() => undefined))?.ok) {
      assert.equal(child.exitCode, null, 'the agent ended')
      await sleep(20)
    }
    const [, soft, hard] = /Max open files +(\d+) +(\d+)/.exec(await readFile(`/proc/${child.pid}/limits`, 'utf8'))!
    assert.notEqual(hard, '256')
    assert.equal(soft, hard)
  } finally {
    child.kill('SIGTERM')
    await ended
    await rm(dir, { recursive: true })
  }
})

describe('the first steps that a start prints', () => {
  it('name ports that take what is said of them', async () => {
    await using server = await Server.start()
    const { grpc, http, ui } = server.ports
    for (let i = 0; i < 50 && !server.log.includes('Ask it:'); i++) await sleep(20)
    assert.ok(server.log.includes(`OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:${grpc} (gRPC), or http://127.0.0.1:${http}\n`), server.log)
    assert.ok(server.log.includes(`query sql --server http://127.0.0.1:${ui} '`))
    const byHand = /^ {2}curl (\S+) -H 'Content-Type: application\/json' -d '(.*)'$/m.exec(server.log)!
    const answer = await fetch(byHand[1]!, { method: 'POST', headers: { 'content-type': 'application/json' }, body: byHand[2]! })
    assert.equal(answer.status, 200)
    await server.flush()
    assert.equal(await server.count("SELECT count() FROM otel_logs WHERE Body = 'hello'"), 1)
  })
})
