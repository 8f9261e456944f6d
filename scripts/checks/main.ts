// `make check`: the checks alone, with their report.
import { Report } from '../lib/report.ts'
import { checks, runChecks } from './checks.ts'

const names = process.argv.slice(2)
if (names.includes('--list')) {
  for (const name of Object.keys(checks)) console.log(name)
} else {
  const report = new Report()
  report.add('check', await runChecks(names))
  process.exitCode = report.finish(false) ? 0 : 1
}
