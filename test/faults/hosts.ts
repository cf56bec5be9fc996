// npm run faults:hosts: plays faults at random moments on copies over three hosts, each a network namespace, until so many are played.
//   --faults N (60), --on mariadb|mysql|postgres (mariadb), --rows N of each copy (60000), --seed N (1)
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { server, stopServers } from '../support/context.js'
import { hashed, hashingTransform, HostLab, type HostTables, KEYED } from '../support/host-copy.js'
import type { ServerKind } from '../support/servers.js'
import type { Started } from '../support/task-fixture.js'
import { randomOf } from './suite.js'

const { values } = parseArgs({
  options: {
    faults: { type: 'string', default: '60' },
    on: { type: 'string', default: 'mariadb' },
    rows: { type: 'string', default: '60000' },
    seed: { type: 'string', default: '1' },
  },
})
const rows = Number(values.rows)
const random = randomOf(Number(values.seed))
const HOSTS = [0, 1, 2]
/** Longer than the lock of a split, and shorter than what is waited for. */
const AWAY_MS = [500, 9_000] as const

/** So long that servers and hosts must do without each other. Once into each kind of target. */
const LONG_CUT_MS = 60_000
const LONG_CUT = `networks cut for ${LONG_CUT_MS / 1000} s`
const LONG_CUTS = 2

const KILLED = 'coordinators killed'

const played = new Map<string, number>()
let copies = 0
let wrong = 0

const lab = await HostLab.create()
const params = { transform: hashingTransform(), retry: { attempts: 20, max_wait: 2 } }
const on = new Map<number, ChildProcessWithoutNullStreams>()
try {
  while (count() < Number(values.faults)) await copyWithFaults()
} finally {
  await lab.killWorkers()
  await lab.remove()
  await stopServers()
}
console.log(`${count()} faults: ${[...played].map(([name, times]) => `${times} ${name}`).join(', ')}`)
console.log(
  wrong === 0
    ? 'Every row is there once, and as it should be, and no run ended that was to go on.'
    : `${wrong} copies or ends were WRONG.`,
)
process.exitCode = wrong === 0 ? 0 : 1

async function copyWithFaults(): Promise<void> {
  const at = server(values.on as ServerKind)
  // Without a key, a row that is stored twice is there twice; with one, two workers wait for each other.
  const made = await (copies++ % 2 === 0 ? lab.tables(at, rows) : lab.tables(at, rows, KEYED))
  for (const host of HOSTS) begin(host, made)
  let run = lab.begin(made, params)
  for (;;) {
    await Promise.race([run.code(), sleep(between(300, 2_500))])
    const name = run.ended ? null : await fault(made, run)
    if (!run.ended) continue
    if ((await run.code()) === 0) break
    // All other faults are gone over, but for a split that has ended three workers.
    const nothing = /no checkpoints of this copy/.test(run.stderr)
    // One that begins while Redis is away says so, and has written nothing.
    const early = /rowshift: redis:.* could not be reached: .*\[CONNECTION_FAILED\]/.test(run.stderr)
    const promised = name !== KILLED && !nothing && !early && !run.stderr.includes('[THREAD_LOST]')
    if (promised) wrong++
    const said = run.stderr.split('\n').findLast((line) => line.includes('rowshift: ')) ?? ''
    console.log(`  ended with ${await run.code()}${promised ? ' WRONG' : ''}: ${said}`)
    // A run that was killed before its first split has nothing to be resumed.
    const command = nothing ? ['copy'] : ['resume', 'latest']
    run = lab.begin(made, params, command)
  }
  const [all, right] = await hashed(made)
  const exact = all === rows && right === rows
  if (!exact) wrong++
  console.log(`${count()} faults; ${all} rows, ${right} of ${rows} right${exact ? '' : ' WRONG'}`)
  await lab.killWorkers()
}

/** Resolves to its name. */
async function fault(made: HostTables, run: Started): Promise<string> {
  const host = pick(HOSTS)
  const worker = on.get(host)!
  const away = between(...AWAY_MS)
  const cut = async (time: number) => {
    lab.network.cut(host)
    await sleep(time)
    lab.network.mend(host)
  }
  const faults: readonly (readonly [string, () => unknown])[] = [
    [
      'workers killed',
      () => {
        worker.kill('SIGKILL')
        begin(host, made)
      },
    ],
    [
      'workers suspended and woken',
      async () => {
        worker.kill('SIGSTOP')
        await sleep(away)
        worker.kill('SIGCONT')
      },
    ],
    ['networks cut', () => cut(away)],
    ['restarts of an emptied Redis', () => lab.redis.restart()],
    [
      KILLED,
      async () => {
        run.kill('SIGKILL')
        await run.code()
      },
    ],
    [
      'coordinators suspended and woken',
      async () => {
        run.kill('SIGSTOP')
        await sleep(away)
        run.kill('SIGCONT')
      },
    ],
  ]
  const isLong = copies <= LONG_CUTS && (played.get(LONG_CUT) ?? 0) < copies
  const [name, play] = isLong ? ([LONG_CUT, () => cut(LONG_CUT_MS)] as const) : pick(faults)
  played.set(name, (played.get(name) ?? 0) + 1)
  await play()
  return name
}

function begin(host: number, made: HostTables): void {
  on.set(host, lab.worker(host, made))
}

function count(): number {
  return [...played.values()].reduce((sum, times) => sum + times, 0)
}

function between(least: number, most: number): number {
  return least + random(most - least)
}

function pick<T>(from: readonly T[]): T {
  return from[random(from.length)]!
}
