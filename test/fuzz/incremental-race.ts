// One seed of the incremental fuzz: writers, locks and killed runs, then quiet, one more run, and the servers' verdict.
import { setTimeout as sleep } from 'node:timers/promises'
import type { TestServer } from '../support/servers.js'
import { TaskFixture } from '../support/task-fixture.js'
import { diceOf, tables } from './incremental-tables.js'
import { hold, write, type Written } from './incremental-writers.js'

const WRITERS = 5
const HOLDERS = 2
/** After the last writer: longer than a window stays behind. */
const QUIET_MS = 4_000

export interface RaceResult {
  readonly written: Written
  readonly runs: number
  readonly kills: number
  /** Rows that the target lacks or has otherwise, or has too many; empty when there are none. */
  readonly faults: readonly string[]
}

/** Runs all tasks again and again for so long; about one run in `killed` is killed with SIGKILL. */
export async function race(
  server: TestServer,
  seed: number,
  seconds: number,
  killed: number,
): Promise<RaceResult> {
  const fixture = await TaskFixture.create(server)
  const { database } = fixture.database
  for (const [i, { name, columns, options = '', params }] of tables.entries()) {
    await fixture.data.value(`CREATE TABLE ${name} (${columns}) ENGINE=InnoDB ${options}`)
    await fixture.data.value(`CREATE TABLE ${name}_2 (${columns}) ENGINE=InnoDB`)
    await fixture.addTask(i + 1, `${name}_2`, { from: name, params: JSON.stringify(params) })
  }
  const written: Written = { transactions: 0, prepared: 0, refused: 0, locks: 0 }
  const until = Date.now() + seconds * 1000
  const others = (count: number, work: typeof write, name: string) =>
    Array.from({ length: count }, (_, i) =>
      work({
        server,
        database,
        dice: diceOf(seed * 1000 + i + name.length * 100),
        name: `${seed}_${name}${i}`,
        until,
        written,
      }),
    )
  const busy = [...others(WRITERS, write, 'writer'), ...others(HOLDERS, hold, 'hold')]
  const dice = diceOf(seed)
  let runs = 0
  let kills = 0
  const faults: string[] = []
  const run = async (kill: boolean) => {
    runs++
    const started = fixture.start('run', '--all', '--parallel', '2')
    if (kill) {
      await Promise.race([sleep(300 + dice.below(1_500)), started.code()])
      if (!started.ended) kills++
      started.kill('SIGKILL')
    }
    const code = await started.code()
    if (!kill && code !== 0) faults.push(`run ${runs} ended with ${code}: ${started.stderr.slice(-2000)}`)
  }
  while (Date.now() < until) {
    await run(dice.chance(1 / killed))
    await sleep(dice.below(300))
  }
  await Promise.all(busy)
  await sleep(QUIET_MS)
  await run(false)
  await run(false)
  for (const { name } of tables) {
    const lost = await fixture.data.value(
      `SELECT COUNT(*) FROM (SELECT * FROM ${name} EXCEPT SELECT * FROM ${name}_2) q`,
    )
    if (lost !== '0') faults.push(`${name}: ${String(lost)} rows lost or old`)
    // No statement deletes rows, so what else the target has was never committed.
    const extra = await fixture.data.value(
      `SELECT COUNT(*) FROM (SELECT * FROM ${name}_2 EXCEPT SELECT * FROM ${name}) q`,
    )
    if (extra !== '0') faults.push(`${name}: ${String(extra)} rows that the source does not have`)
  }
  return { written, runs, kills, faults }
}
