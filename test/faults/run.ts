// npm run faults: plays cases of the fault suite on servers of its own, and prints a table.
//   --cases N    so many of all cases (1200), chosen by --seed N (1); --all: all of them
//   --grep TEXT  those whose title has it; --on TEXT: those of such runs (`mysql upsert`); --list prints the titles only
//   --lanes N    so many are played on each database at a time (1; with more, an incremental run may wait for another's); --minutes N, or SIGINT to this process: after that none begins
//   --given      on the servers of the environment, without the cases that kill these
//   --write      puts the table into docs/reliability.md
import { parseArgs } from 'node:util'
import { KINDS } from './backend.js'
import { programsOf } from './builds.js'
import type { Result } from './play.js'
import { nameOf, titleOf } from './play.js'
import { tableOf, writeTable } from './results.js'
import {
  Baselines,
  casesOf,
  cellsOn,
  choose,
  complaintOf,
  playAll,
  randomOf,
  startBackends,
} from './suite.js'

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '1200' },
    lanes: { type: 'string', default: '1' },
    minutes: { type: 'string' },
    seed: { type: 'string', default: '1' },
    all: { type: 'boolean', default: false },
    on: { type: 'string', default: '' },
    given: { type: 'boolean', default: false },
    grep: { type: 'string', default: '' },
    list: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})
const started = performance.now()
const enough = new AbortController()
process.once('SIGINT', () => enough.abort())
if (values.minutes !== undefined) setTimeout(() => enough.abort(), Number(values.minutes) * 60_000).unref()
const seed = Number(values.seed)
const [program] = programsOf([{ name: 'failpoints', edits: [] }])
const named = KINDS.filter((kind) => values.on.includes(kind))
const backends = await startBackends({ given: values.given, kinds: named.length > 0 ? named : KINDS })
try {
  const cells = cellsOn(backends).filter((cell) => nameOf(cell).includes(values.on))
  const baselines = new Baselines({ program: program! })
  await baselines.find(cells)
  const random = randomOf(seed)
  const all = casesOf(cells, baselines, random).filter(
    (one) => titleOf(one).includes(values.grep) && !(values.given && one.fault.ownServer),
  )
  const chosen = values.all ? all : choose(all, Number(values.cases), random)
  console.log(`${chosen.length} of ${all.length} cases, seed ${seed}`)
  if (values.list) for (const one of chosen) console.log(titleOf(one))
  let done = 0
  const tell = (result: Result) => {
    const complaint = complaintOf(result)
    if (++done % 50 === 0) console.log(`${done} of ${chosen.length}`)
    if (complaint !== null) console.log(complaint)
  }
  const results = values.list
    ? []
    : await playAll(chosen, baselines, program!, {
        lanes: Number(values.lanes),
        signal: enough.signal,
        onResult: tell,
      })
  const minutes = Math.round((performance.now() - started) / 60_000)
  const versions = backends.map(({ kind, version }) => `${kind} ${version}`).join(', ')
  const table = tableOf(
    results,
    `seed ${seed}, ${all.length} possible cases, ${minutes} minutes, ${versions}`,
  )
  console.log(table)
  if (values.write) writeTable(table)
  process.exitCode = results.some((result) => complaintOf(result) !== null) ? 1 : 0
} finally {
  await Promise.all(backends.map((backend) => backend.stop()))
}
