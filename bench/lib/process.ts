// Running programs, and what the kernel says of processes.
import { spawn, execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'

export const libchdb = resolve(process.env.TRIPOD_LIBCHDB ?? 'node_modules/@chdb/lib-linux-x64-gnu/libchdb.so')

const ticks = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

/** User and system time of a process and its finished threads, in seconds. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticks
}

function statusMegabytes(pid: number, field: string): number {
  const line = readFileSync(`/proc/${pid}/status`, 'utf8').split('\n').find((line) => line.startsWith(`${field}:`))
  return Number(line?.split(/\s+/)[1]) / 1024
}

export const residentMegabytes = (pid: number): number => statusMegabytes(pid, 'VmRSS')
export const peakMegabytes = (pid: number): number => statusMegabytes(pid, 'VmHWM')

/** A program of build/bench; the lines of its stdout come one by one. */
export class Program {
  readonly #child
  readonly #lines
  readonly #end: Promise<number | null>

  constructor(name: string, args: (string | number)[]) {
    this.#child = spawn(resolve('build/bench', name), args.map(String), {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, TRIPOD_LIBCHDB: libchdb },
    })
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
    this.#end = new Promise((done, failed) => this.#child.on('close', done).on('error', failed))
  }

  async line(): Promise<string> {
    const { value, done } = await this.#lines.next()
    if (done) throw new Error(`the program ended with ${await this.#end} before it said anything`)
    return value as string
  }

  go(): void {
    this.#child.stdin.write('\n')
  }

  async end(): Promise<void> {
    this.#child.stdin.end()
    const code = await this.#end
    if (code !== 0) throw new Error(`a benchmark's program ended with ${code}`)
  }
}

export async function output(name: string, args: (string | number)[] = []): Promise<string> {
  const program = new Program(name, args)
  const lines: string[] = []
  for (;;) {
    const line = await program.line().catch(() => undefined)
    if (line === undefined) break
    lines.push(line)
  }
  await program.end()
  return lines.join('\n')
}
