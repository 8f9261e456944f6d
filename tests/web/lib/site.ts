// The page as users get it: served by the program's own code, with the store under /clickhouse/ of the same origin. The
// store can be made to fail, or to take its time.
import { spawn, type ChildProcess } from 'node:child_process'
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'

export interface Asked {
  statement: string
  aborted: boolean
}

export class Site {
  readonly url: string
  readonly asked: Asked[] = []
  /** Instead of the store's answer; undefined: the store's. */
  answer: { status: number; body: string } | undefined
  /** Whether queries wait until it is set to false. */
  held = false
  readonly #server: Server
  readonly #page: ChildProcess

  private constructor(server: Server, page: ChildProcess) {
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    this.#server = server
    this.#page = page
  }

  static async start(store: string): Promise<Site> {
    const child = spawn('build/tests/helpers/page', [], { stdio: ['pipe', 'pipe', 'inherit'] })
    const page = await new Promise<string>((resolve, reject) => {
      createInterface({ input: child.stdout }).once('line', (line) => resolve(line.replace('ready ', '')))
      child.on('error', reject).on('exit', (code) => reject(new Error(`the page's server ended with ${code}`)))
    })
    const server = createServer((req, res) => {
      if (req.url!.startsWith('/clickhouse/')) void site.#query(req, res, store)
      else pass(req, res, page, req.url!)
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const site = new Site(server, child)
    return site
  }

  stop(): void {
    this.#server.closeAllConnections()
    this.#server.close()
    this.#page.kill()
  }

  async #query(req: IncomingMessage, res: ServerResponse, store: string): Promise<void> {
    const pieces: Buffer[] = []
    for await (const piece of req) pieces.push(piece as Buffer)
    const asked = { statement: Buffer.concat(pieces).toString(), aborted: false }
    this.asked.push(asked)
    res.on('close', () => { asked.aborted = !res.writableFinished })
    while (this.held && !res.destroyed) await new Promise((done) => setTimeout(done, 10))
    if (this.answer) res.writeHead(this.answer.status, { 'content-type': 'text/plain' }).end(this.answer.body)
    else pass(req, res, store, `${req.url!.replace('/clickhouse', '')}&database=otel`, Buffer.concat(pieces)) // the server's own database
  }
}

function pass(req: IncomingMessage, res: ServerResponse, address: string, path: string, body?: Buffer): void {
  const [host, port] = address.split(':')
  const headers = { ...req.headers, host: address }
  delete headers.origin // it is the proxy's, and the store's own address is another
  const onward = request({ host, port, path, method: req.method, headers }, (answer) => {
    res.writeHead(answer.statusCode!, answer.headers)
    answer.pipe(res)
  })
  onward.on('error', (error) => {
    if (!res.headersSent) res.writeHead(502, { 'content-type': 'text/plain' })
    res.end(`${error.message}\n`)
  })
  res.on('close', () => onward.destroy())
  onward.end(body)
}
