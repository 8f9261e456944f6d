// Runs one command to its end, with a deadline for it and everything that it started.
import { spawn } from 'node:child_process'

export interface Finished {
  code: number | null
  signal: NodeJS.Signals | null
  timedOut: boolean
  stdout: string
  stderr: string
}

export interface RunOptions {
  env?: Record<string, string>
  timeoutMs?: number
  onLine?: (line: string) => void // each line of stdout, as it comes
}

export function run(command: string, args: string[], options: RunOptions = {}): Promise<Finished> {
  return new Promise((resolve, reject) => {
    // A group of its own, so that the deadline reaches grandchildren too.
    const child = spawn(command, args, {
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    running.add(child.pid!)
    let stdout = ''
    let stderr = ''
    let partial = ''
    let timedOut = false
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
      if (!options.onLine) return
      const lines = (partial + text).split('\n')
      partial = lines.pop()!
      lines.forEach(options.onLine)
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => { stderr += text })
    const deadline = setTimeout(() => {
      timedOut = true
      killGroup(child.pid!)
    }, options.timeoutMs ?? 600_000)
    child.on('error', (error) => {
      clearTimeout(deadline)
      reject(error)
    })
    child.on('close', (code, signal) => {
      clearTimeout(deadline)
      running.delete(child.pid!)
      resolve({ code, signal, timedOut, stdout, stderr })
    })
  })
}

/** Runs a command that is expected to succeed; the error carries its output. */
export async function must(command: string, args: string[], options: RunOptions = {}): Promise<Finished> {
  const done = await run(command, args, options)
  if (done.code !== 0) throw new Error(`${[command, ...args].join(' ')}: ${ending(done)}\n${done.stdout}${done.stderr}`)
  return done
}

/** How a command ended, for people. */
export function ending(done: Finished): string {
  if (done.timedOut) return 'ran out of time'
  return done.signal ? `killed by ${done.signal}` : `exit code ${done.code}`
}

const running = new Set<number>()

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It ended by itself in the meantime.
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    running.forEach(killGroup)
    process.exit(130)
  })
}
