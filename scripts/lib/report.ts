// Collects the results of test cases and prints what a person needs: progress, failures in full, skips, totals.

export type Result = 'passed' | 'failed' | 'skipped'

export interface Case {
  name: string
  result: Result
  detail?: string // the output of a failure, the reason of a skip
}

const started = Date.now()

export function progress(text: string): void {
  const seconds = ((Date.now() - started) / 1000).toFixed(0).padStart(4)
  console.log(`[${seconds}s] ${text}`)
}

export class Report {
  readonly #stages: { name: string; cases: Case[] }[] = []

  add(stage: string, cases: Case[]): void {
    this.#stages.push({ name: stage, cases })
    progress(`${stage}: ${summary(cases)}`)
    for (const { name, detail } of cases.filter((c) => c.result === 'failed')) {
      console.log(`\n--- FAILED ${stage}: ${name}\n${indent(detail ?? '')}\n`)
    }
  }

  /** Prints the totals; true when something ran and nothing failed. */
  finish(skipsFail: boolean): boolean {
    const all = this.#stages.flatMap(({ name, cases }) => cases.map((c) => ({ ...c, name: `${name}: ${c.name}` })))
    const failed = all.filter((c) => c.result === 'failed')
    const skipped = all.filter((c) => c.result === 'skipped')
    const passed = all.length - failed.length - skipped.length
    console.log('')
    for (const { name, cases } of this.#stages) console.log(`${name.padEnd(24)} ${summary(cases)}`)
    if (skipped.length > 0) {
      console.log(`\nSkipped (${skipped.length})${skipsFail ? ', counted as failed because of REQUIRE_PEERS=1' : ''}:`)
      for (const { name, detail } of skipped) console.log(`  ${name}: ${detail || 'no reason given'}`)
    }
    if (failed.length > 0) {
      console.log(`\nFailed (${failed.length}):`)
      for (const { name } of failed) console.log(`  ${name}`)
    }
    const failures = failed.length + (skipsFail ? skipped.length : 0)
    if (passed === 0 && failures === 0) console.log('\nNothing ran.')
    console.log(`\n${passed} passed, ${failures} failed`)
    return failures === 0 && passed > 0
  }
}

function summary(cases: Case[]): string {
  const count = (result: Result) => cases.filter((c) => c.result === result).length
  return (['passed', 'failed', 'skipped'] as const)
    .filter((result) => count(result) > 0)
    .map((result) => `${count(result)} ${result}`)
    .join(', ') || 'nothing ran'
}

const shown = 200 // lines of a failure's output; the cause is mostly at its end

function indent(text: string): string {
  const lines = text.trimEnd().split('\n')
  const cut = lines.length > shown ? [`… ${lines.length - shown} lines before this …`, ...lines.slice(-shown)] : lines
  return cut.map((line) => `    ${line}`).join('\n')
}
