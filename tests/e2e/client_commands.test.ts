// The client commands of the binary, against a server.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Server, tripod } from './lib/server.ts'

describe('client commands', () => {
  let server: Server
  before(async () => { server = await Server.start() })
  after(() => server?.close())

  it('query sql', async () => {
    const args = ['--server', server.ui, '--output', 'csv']
    const { code, stdout, stderr } = await tripod(['query', 'sql', ...args, 'SELECT 1 AS a, \'x\' AS b'])
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: '"a","b"\n1,"x"\n', stderr: '' })
  })

  it('status', async () => {
    const { code, stdout } = await tripod(['status', '--server', server.ui, '--json'])
    assert.equal(code, 0)
    assert.equal((JSON.parse(stdout) as { pid: number }).pid, (await server.status()).pid)
    assert.equal((await tripod(['status', '--server', 'http://127.0.0.1:1'])).code, 1)
  })
})
