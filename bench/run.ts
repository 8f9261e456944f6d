// make bench: measures everything and writes a Markdown table to bench/results/.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { arch, cpus, loadavg, release, totalmem } from 'node:os'
import { resolve } from 'node:path'
import { measureForwarding } from './lib/agent.ts'
import { measureLatency } from './lib/latency.ts'
import { measureLimit, type Limit } from './lib/limit.ts'
import { median, options, signals, type Signal } from './lib/options.ts'
import { output } from './lib/process.ts'
import { measureWhole, type Whole } from './lib/whole.ts'

interface Row {
  what: string
  measured: string
  target?: string
  missed?: boolean
  costs?: string[]
}

const rows: Row[] = []
const details: string[] = []

function report(row: Row): void {
  rows.push(row)
  console.log(`${row.what}: ${row.measured}${row.target ? ` (target ${row.target}${row.missed ? ', missed' : ''})` : ''}`)
}

const spread = (values: number[], digits = 2): string =>
  `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)} to ${Math.max(...values).toFixed(digits)})`

/** us of CPU a row. */
const perRow = (cpu: number, result: { rows: number }): number => (cpu / result.rows) * 1e6

const unit: Record<Signal, string> = { logs: 'log', traces: 'span', metrics: 'sample' }

// The rounds of one thing and the other alternate, so that both see the same neighbours on the machine.
async function stored(signal: Signal): Promise<number> {
  const limits: Limit[] = []
  const wholes: Whole[] = []
  for (let round = 0; round < options.rounds; round++) {
    wholes.push(await measureWhole(signal, { profile: round === options.rounds - 1 }))
    limits.push(await measureLimit(signal))
  }
  const partRows = Math.round(median(wholes.map((w) => w.rows / w.inserted)))
  const same = await measureLimit(signal, partRows)
  const all = (w: Whole): number => perRow(w.serverCpu + w.engineCpu, w)
  const ratios = wholes.map((w, i) => perRow(limits[i]!.cpu, limits[i]!) / all(w))
  const ofEngine = wholes.map((w) => w.serverCpu / w.engineCpu)
  const peak = Math.max(...wholes.map((w) => w.serverMegabytes))
  const costs = wholes.at(-1)!.costs
  report({
    what: `${signal}: the engine's limit against the whole, CPU of everything`,
    measured: spread(ratios), target: '≥ 0.70', missed: median(ratios) < 0.7, costs,
  })
  report({
    what: `${signal}: the same, the limit's INSERTs as small as the server's were (${partRows} rows)`,
    measured: (perRow(same.cpu, same) / median(wholes.map(all))).toFixed(2),
  })
  report({
    what: `${signal}: CPU of the main process against the engine's`,
    measured: spread(ofEngine), target: '≤ 0.20', missed: median(ofEngine) > 0.2, costs,
  })
  report({ what: `${signal}: most memory of the main process`, measured: `${peak.toFixed(0)} MB`, target: '≤ 150 MB', missed: peak > 150 })
  details.push(
    `| ${signal} | ${wholes[0]!.rows} | ${spread(limits.map((l) => perRow(l.cpu, l)))} | ${spread(wholes.map(all))} | ` +
    `${spread(wholes.map((w) => perRow(w.serverCpu, w)))} | ${spread(wholes.map((w) => perRow(w.engineCpu, w)))} | ` +
    `${spread(wholes.map((w) => w.seconds), 1)} | ${wholes.map((w) => w.inserted).join(', ')} | ${(wholes[0]!.bytes / wholes[0]!.rows).toFixed(1)} | ` +
    `${Math.max(...wholes.map((w) => w.engineMegabytes)).toFixed(0)} |`,
  )
  if (signal === 'logs') {
    const idle = median(wholes.map((w) => w.idleMegabytes))
    report({ what: 'idle memory of the main process', measured: `${idle.toFixed(1)} MB`, target: '≤ 20 MB', missed: idle > 20 })
  }
  return median(wholes.map((w) => w.rows / w.seconds))
}

async function gzip(): Promise<void> {
  for (const signal of signals) {
    const whole = await measureWhole(signal, { encoding: 'gzip' })
    report({
      what: `${signal}, gzip: CPU of the main process against the engine's`,
      measured: `${(whole.serverCpu / whole.engineCpu).toFixed(2)} (${perRow(whole.serverCpu, whole).toFixed(2)} µs a ${unit[signal]})`,
    })
  }
}

async function small(): Promise<void> {
  const whole = await measureWhole('logs', { rows: 100_000, batch: 1, inFlight: 256 })
  report({
    what: '100,000 requests of one log: CPU of the main process; most memory; parts',
    measured: `${perRow(whole.serverCpu, whole).toFixed(1)} µs each; ${whole.serverMegabytes.toFixed(0)} MB; ${whole.inserted}`,
  })
}

async function latency(rate: number): Promise<void> {
  const steady = await measureLatency(rate)
  const { answer, visible } = steady
  const three = (t: { p50: number; p99: number; max: number }): string => `${t.p50.toFixed(1)} / ${t.p99.toFixed(1)} / ${t.max.toFixed(1)} ms`
  const at = `at ${Math.round(rate / 1000)},000 logs/s (half of what was stored)`
  report({ what: `answer, p50 / p99 / max, ${at}`, measured: three(answer), target: 'p99 ≤ 20 ms', missed: answer.p99 > 20 })
  report({
    what: `logs: CPU of the main process against the engine's, ${at}`,
    measured: `${(steady.serverCpu / steady.engineCpu).toFixed(2)} (${perRow(steady.serverCpu, steady).toFixed(2)} µs against ${perRow(steady.engineCpu, steady).toFixed(2)} a log)`,
  })
  report({ what: `from the answer to a query's result, p50 / p99 / max, ${at}`, measured: three(visible), target: 'p99 ≤ 2 s', missed: visible.p99 > 2000 })
}

async function agent(): Promise<void> {
  for (const signal of ['logs', 'traces'] as const) {
    const rounds = []
    for (let round = 0; round < options.rounds; round++) rounds.push(await measureForwarding(signal, options.rows))
    const rates = rounds.map((r) => r.rows / r.cpu / 1e6)
    const peak = Math.max(...rounds.map((r) => r.megabytes))
    report({ what: `agent, ${signal}: forwarded a second of its CPU`, measured: `${spread(rates)} M`, target: '≥ 1 M', missed: median(rates) < 1 })
    report({ what: `agent, ${signal}: most memory`, measured: `${peak.toFixed(1)} MB`, target: '≤ 30 MB', missed: peak > 30 })
  }
}

async function disk(): Promise<void> {
  for (const signal of ['logs', 'traces'] as const) {
    const limit = await measureLimit(signal, options.partRows, true)
    const own = limit.main_bytes! / limit.rows, foreign = limit.foreign_bytes! / limit.rows
    report({
      what: `bytes on disk of a ${unit[signal]}, merged, against the exporter's own table`,
      measured: `${own.toFixed(1)} against ${foreign.toFixed(1)}: ${(own / foreign).toFixed(2)} (all tables of the signal: ${(limit.merged_bytes! / limit.rows).toFixed(1)})`,
      target: '≤ 1.0', missed: own > foreign,
    })
  }
}

async function decode(): Promise<string> {
  const text = await output('decode_bench')
  for (const [name, target] of [['logs', 3], ['spans', 2]] as const) {
    const speed = Number(new RegExp(`^${name} .*best +([\\d.]+)\\)`, 'm').exec(text)?.[1])
    report({ what: `decode alone, ${name}`, measured: `${speed} GB/s`, target: `≥ ${target} GB/s`, missed: speed < target })
  }
  return text
}

async function programs(): Promise<string[]> {
  return [
    '## bench_engine\n\n```', await output('bench_engine', [resolve('build/tripod'), 500_000, options.rounds]), '```\n',
    '## metrics_bench\n\n```', await output('metrics_bench'), '```\n',
  ]
}

const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8' }).trim()

function header(): string[] {
  const cpu = cpus()
  const version = (name: string): string => (JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8')) as { version: string }).version
  const dirty = git('status', '--porcelain', '--untracked-files=no') ? ', with changes' : ''
  return [
    `# Figures of ${new Date().toISOString().slice(0, 10)}\n`,
    `- commit ${git('rev-parse', '--short=12', 'HEAD')}${dirty}; libchdb ${version('@chdb/lib-linux-x64-gnu')}`,
    `- ${cpu.length} × ${cpu[0]!.model} (${arch()}), ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Linux ${release()}; load average ${loadavg().map((l) => l.toFixed(1)).join(' ')} at the start`,
    `- ${options.rows} rows of each signal, ${options.batch} a request, ${options.rounds} rounds: medians, and least to most in parentheses\n`,
  ]
}

function write(path: string, head: string[], more: string[]): void {
  const table = rows.map(({ what, measured, target = '', missed, costs }) =>
    `| ${what} | ${measured} | ${target} | ${missed ? ['missed', ...(costs ?? [])].join('; ') : target && 'met'} |`)
  writeFileSync(path, [
    ...head, '| what | measured | target | |', '| --- | --- | --- | --- |', ...table, '',
    ...(details.length ? [
      '| signal | rows | limit, µs a row | whole, µs a row | server | engine | s until stored | parts | bytes a row | engine, MB |',
      '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |', ...details, '',
    ] : []), ...more,
  ].join('\n'))
}

async function main(): Promise<void> {
  const head = header()
  const more: string[] = []
  let rate = 100_000
  const sections: [string, () => Promise<void>][] = [
    ['decode', async () => { more.push('## decode_bench\n\n```', await decode(), '```\n') }],
    ['logs', async () => { rate = Math.round(await stored('logs') / 2) }],
    ['traces', async () => { await stored('traces') }],
    ['metrics', async () => { await stored('metrics') }],
    ['gzip', gzip],
    ['small', small],
    ['latency', () => latency(rate)],
    ['agent', agent],
    ['disk', disk],
    ['programs', async () => { more.push(...await programs()) }],
  ]
  mkdirSync('bench/results', { recursive: true })
  const path = `bench/results/${new Date().toISOString().slice(0, 16).replace(':', '')}.md`
  for (const [name, measure] of sections) {
    if (options.only && !options.only.includes(name)) continue
    await measure()
    write(path, head, more)
  }
  console.log(`\n${path}`)
}

await main()
