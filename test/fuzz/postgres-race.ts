// One seed of the incremental fuzz on PostgreSQL: writers, prepared transactions and rollbacks, then quiet, one more run, and the server's verdict.
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type Client } from '../support/client.js'
import { addressOf } from '../support/context.js'
import { TestDatabase } from '../support/copying.js'
import type { TestServer } from '../support/servers.js'
import { difference } from '../support/snapshot.js'
import { StoredTask } from '../support/stored-task.js'
import { until } from '../support/until.js'
import { diceOf, type Dice } from './incremental-tables.js'

const WRITERS = 3
/** Enough for ten seeds at once. */
export const RACE_ARGS = ['-c', 'max_prepared_transactions=50', '-c', 'max_connections=200']

export interface PostgresRace {
  readonly runs: number
  /** Rows that the target lacks or has otherwise, or that are written twice; empty when there are none. */
  readonly faults: readonly string[]
}

/** A transaction may have its time and its numbers long before it changes anything. */
export const LOG = 'id bigserial PRIMARY KEY, v int NOT NULL'
const ACCOUNT = 'id int PRIMARY KEY, v int NOT NULL, changed timestamptz DEFAULT now()'
const STAMP = `CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.changed = now(); RETURN NEW; END'`
const stamped = (table: string) =>
  `CREATE TRIGGER stamped BEFORE UPDATE ON ${table} FOR EACH ROW EXECUTE FUNCTION stamp(); CREATE INDEX ON ${table} (changed)`

export const open = ({ server, database }: TestDatabase): Promise<Client> =>
  connect(server.kind, { ...addressOf(server), database })

/** The clock of the server is so much later than now. */
export async function untilLater(db: TestDatabase, seconds: number): Promise<void> {
  const then = await db.value(`SELECT clock_timestamp() + ${seconds} * interval '1 second'`)
  await until('the clock', async () => (await db.value(`SELECT clock_timestamp() >= '${then!}'`)) === 't')
}

async function write(db: TestDatabase, dice: Dice, end: number, name: string): Promise<void> {
  const session = await open(db)
  try {
    for (let n = 0; Date.now() < end; n++) {
      await session.query('BEGIN')
      // The time of this transaction, and perhaps a number, before it has anything else.
      const early = dice.chance(0.3) ? (await session.query("SELECT nextval('log_id_seq')"))[0]![0]! : null
      if (dice.chance(0.3)) await sleep(dice.chance(0.4) ? dice.below(2_000) : dice.below(80))
      if (early !== null) await session.query(`INSERT INTO log VALUES (${early}, ${n})`)
      for (let i = dice.below(4); i >= 0; i--) {
        const id = 1 + dice.below(300)
        await session.query(
          `INSERT INTO log (v) VALUES (${dice.below(1e6)}), (${n}); UPDATE account SET v = v + 1 WHERE id = ${id}`,
        )
        const more = `INSERT INTO account (id, v) VALUES (${1000 + dice.below(1e6)}, 1) ON CONFLICT DO NOTHING`
        if (dice.chance(0.1)) await session.query(more)
        if (dice.chance(0.1))
          await session.query(`SAVEPOINT s; ${more}; INSERT INTO log (v) VALUES (1); ROLLBACK TO s`)
        await sleep(dice.chance(0.1) ? dice.below(1_500) : dice.below(20))
      }
      if (dice.chance(0.15)) {
        await session.query(`PREPARE TRANSACTION '${name}'`)
        await sleep(dice.below(600))
        await session.query(`${dice.chance(0.7) ? 'COMMIT' : 'ROLLBACK'} PREPARED '${name}'`)
      } else await session.query(dice.chance(0.1) ? 'ROLLBACK' : 'COMMIT')
    }
  } finally {
    await session.end()
  }
}

async function retried(db: TestDatabase, dice: Dice, end: number, name: string): Promise<void> {
  for (;;) {
    try {
      return await write(db, dice, end, name)
    } catch (error) {
      // A deadlock of two writers, whose connection goes with its transaction.
      if ((error as { code?: string }).code !== '40P01') throw error
    }
  }
}

export const raceTables = (server: TestServer<'postgres'>, sql = ''): Promise<TestDatabase> =>
  TestDatabase.create(
    server,
    `${STAMP}; CREATE TABLE log (${LOG}); CREATE TABLE log2 (LIKE log INCLUDING ALL); CREATE TABLE account (${ACCOUNT}); ${stamped('account')};
     CREATE TABLE account2 (LIKE account INCLUDING ALL); INSERT INTO account SELECT n, 0 FROM generate_series(1, 300) n; ${sql}`,
  )
export const append = (db: TestDatabase, from = 'log', more: object = {}) =>
  new StoredTask(db.url(from), db.url('log2'), { mode: 'append', worker_num: 1, ...more })
export const increment = (db: TestDatabase, more: object = {}) =>
  new StoredTask(db.url('account'), db.url('account2'), {
    mode: 'increment',
    diff_column: 'changed',
    worker_num: 1,
    ...more,
  })
export const at = ({ server, database }: TestDatabase, table: string) => ({ server, database, table })
export const differs = async (db: TestDatabase) =>
  (await difference(at(db, 'log'), at(db, 'log2'))) ??
  (await difference(at(db, 'account'), at(db, 'account2')))

/** Writers and runs at the same time, quiet, one more run; then the tables must be equal, and a further run has nothing to write. */
export async function postgresRace(
  server: TestServer<'postgres'>,
  seed: number,
  writingMs: number,
): Promise<PostgresRace> {
  const db = await raceTables(server)
  const tasks = [append(db), increment(db)]
  const run = async () => {
    const written = []
    for (const task of tasks) written.push((await task.run()).rowsWritten)
    return written
  }
  // A first run waits for everybody; those after it are what is tried.
  await db.query('INSERT INTO log (v) VALUES (0)')
  await untilLater(db, 1.2)
  await run()
  const end = Date.now() + writingMs
  const writers = Array.from({ length: WRITERS }, (_, i) =>
    retried(db, diceOf(seed * 100 + i), end, `${seed}_${i}`),
  )
  const dice = diceOf(seed)
  let runs = 0
  for (; Date.now() < end; runs++) {
    await run()
    await sleep(dice.below(200))
  }
  await Promise.all(writers)
  await untilLater(db, 1.5)
  await run()
  const wrong = await differs(db)
  const again = await run()
  return {
    runs,
    faults: [
      ...(wrong === null ? [] : [`seed ${seed}: ${wrong}`]),
      ...(again.join() === '0,0'
        ? []
        : [`seed ${seed}: a run that finds nothing new writes ${again.join(' and ')} rows`]),
    ],
  }
}
