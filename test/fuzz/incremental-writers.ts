// Writers that make it hard for incremental runs: long transactions, XA, rollbacks, and locks that make others wait.
import { setTimeout as sleep } from 'node:timers/promises'
import { createConnection, type Connection } from 'mysql2/promise'
import type { TestServer } from '../support/servers.js'
import type { Dice, FuzzTable } from './incremental-tables.js'
import { tables } from './incremental-tables.js'

/** Deadlock, lock wait timeout (also for a new id), duplicate key, a changed record: what writers do to each other. */
const EXPECTED = new Set([1213, 1467, 1205, 1062, 1020, 1614, 1400, 1402, 1399])
const LEVELS = ['READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE', 'READ UNCOMMITTED']

export interface Written {
  transactions: number
  prepared: number
  refused: number
  locks: number
}

export interface WriterOptions {
  readonly server: TestServer
  readonly database: string
  readonly dice: Dice
  /** Of the run and the writer, for names of XA transactions. */
  readonly name: string
  readonly until: number
  readonly written: Written
}

async function open({ server, database }: WriterOptions): Promise<Connection> {
  const { host, port, user, password } = server
  const session = await createConnection({ host, port, user, password, database, multipleStatements: true })
  await session.query('SET innodb_lock_wait_timeout = 4, lock_wait_timeout = 10')
  return session
}

/** One transaction after another until the time is over. */
export async function write(options: WriterOptions): Promise<void> {
  const { dice, until, written } = options
  let session = await open(options)
  for (let n = 0; Date.now() < until; n++) {
    const table = tables[dice.below(tables.length)]!
    try {
      await session.query(`SET SESSION TRANSACTION ISOLATION LEVEL ${LEVELS[dice.below(LEVELS.length)]!}`)
      if (dice.chance(0.4)) await session.query(table.change(dice))
      else if (dice.chance(0.2)) session = await prepared(options, session, table, n)
      else await transaction(session, table, dice)
      written.transactions++
    } catch (error) {
      if (!EXPECTED.has((error as { errno?: number }).errno ?? 0)) throw error
      written.refused++
      await session.end()
      session = await open(options)
    }
    await sleep(dice.below(100))
  }
  await session.end()
}

async function transaction(session: Connection, table: FuzzTable, dice: Dice): Promise<void> {
  const long = dice.chance(0.2)
  await session.query('START TRANSACTION')
  if (dice.chance(0.2)) await session.query(`SELECT COUNT(*) FROM ${table.name}`)
  for (let n = dice.below(4); n >= 0; n--) {
    await session.query(table.change(dice))
    if (dice.chance(0.1)) await session.query(`SAVEPOINT s; ${table.change(dice)}; ROLLBACK TO SAVEPOINT s`)
    await sleep(dice.below(long ? 2_000 : 100))
  }
  await session.query(dice.chance(0.8) ? 'COMMIT' : 'ROLLBACK')
}

/** Prepared, perhaps left by its connection, and ended by the next one; resolves to the connection to go on with. */
async function prepared(
  options: WriterOptions,
  session: Connection,
  table: FuzzTable,
  n: number,
): Promise<Connection> {
  const { dice, name, written } = options
  const xid = `'${name}_${n}'`
  await session.query(`XA START ${xid}; ${table.change(dice)}; XA END ${xid}; XA PREPARE ${xid}`)
  written.prepared++
  let next = session
  if (dice.chance(0.5)) {
    await session.end()
    next = await open(options)
  }
  await sleep(dice.below(4_000))
  // The server may still be at taking leave of the connection that prepared it.
  for (let attempt = 0; ; attempt++) {
    try {
      await next.query(`XA ${dice.chance(0.7) ? 'COMMIT' : 'ROLLBACK'} ${xid}`)
      return next
    } catch (error) {
      // One that changed nothing is gone with its connection.
      const unknown = (error as { errno?: number }).errno === 1397
      if (unknown && attempt === 400) return next
      if (!unknown && attempt === 50) throw error
      await sleep(50)
    }
  }
}

/** Makes writers wait in the middle of a statement: for LOCK TABLES, FLUSH TABLES, or a gap that new rows belong into. */
export async function hold(options: WriterOptions): Promise<void> {
  const { dice, until, written } = options
  while (Date.now() < until) {
    const { name } = tables[dice.below(tables.length)]!
    const session = await open(options)
    const how = [
      `LOCK TABLES ${name} READ`,
      `FLUSH TABLES ${name} WITH READ LOCK`,
      `START TRANSACTION; SELECT COUNT(*) FROM ${name} WHERE v >= 0 FOR UPDATE`,
    ]
    try {
      await session.query(how[dice.below(how.length)]!)
      written.locks++
      await sleep(500 + dice.below(2_500))
    } catch (error) {
      if (!EXPECTED.has((error as { errno?: number }).errno ?? 0)) throw error
    }
    await session.query('UNLOCK TABLES; ROLLBACK')
    await session.end()
    await sleep(dice.below(500))
  }
}
