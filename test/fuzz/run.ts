/**
 * `npm run fuzz`: inputs for ten minutes, at least 100,000 of them, and command lines for the program itself.
 *
 *     npm run fuzz -- --seconds 60 --seed 7      for so long, from another seed
 *     npm run fuzz -- --only 123456              one input again
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { tryCommandLine } from './command-lines.js'
import type { Finding } from './fuzz.js'
import { tryInput } from './fuzz.js'
import { targets } from './targets.js'

/** Inputs for each command line: a process takes as long as hundreds of calls. */
const CALLS_PER_PROCESS = 1_000

const LEAST_INPUTS = 100_000

const { values } = parseArgs({
  options: { seconds: { type: 'string' }, seed: { type: 'string' }, only: { type: 'string' } },
})
const folder = mkdtempSync(join(tmpdir(), 'rowshift-fuzz-'))
const all = await targets(folder)
const findings: Finding[] = []
const keep = (finding: Finding | null) => {
  if (finding === null) return
  findings.push(finding)
  console.log(`${finding.target}, --only ${finding.seed}: ${finding.what}`)
}

if (values.only !== undefined) keep(await tryInput(all, Number(values.only)))
else await fuzz(Number(values.seed ?? Date.now() % 1e9))
rmSync(folder, { recursive: true, force: true })
process.exitCode = findings.length === 0 ? 0 : 1

async function fuzz(seed: number): Promise<void> {
  const seconds = Number(values.seconds ?? 600)
  const least = values.seconds === undefined ? LEAST_INPUTS : 0
  console.log(`seed ${seed}, ${seconds} s`)
  const end = performance.now() + seconds * 1000
  let inputs = 0
  let lines = 0
  for (; (performance.now() < end || inputs < least) && findings.length < 20; inputs++) {
    keep(await tryInput(all, seed + inputs))
    if (inputs % CALLS_PER_PROCESS === 0) keep(await tryCommandLine(seed + lines++, folder))
  }
  console.log(`${inputs} inputs and ${lines} command lines from seed ${seed}: ${findings.length} findings`)
}
