// Rows whose time or id is fixed long before anybody can see them: a later run must bring each of them.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { createConnection, type Connection } from 'mysql2/promise'
import { servers } from '../support/context.js'
import { race } from '../fuzz/incremental-race.js'
import { TestDatabase } from '../support/copying.js'
import { StoredTask } from '../support/stored-task.js'
import { untilLater } from '../support/until.js'

/** Longer than a run stays behind a clock that nobody holds. */
const PAST_LAG_S = 3.1

interface Scene {
  readonly db: TestDatabase
  readonly task: StoredTask
  /** A session that is closed at the end. */
  readonly open: () => Promise<Connection>
}

interface Scenario {
  readonly name: string
  /** Columns of the source, `s`, and of the target, `s2`. */
  readonly columns: string
  /** Of the source. */
  readonly options?: string
  readonly params: object
  /** Gets a row under way, calls `run` in between, and lets the row arrive. */
  readonly play: (scene: Scene, run: () => Promise<void>) => Promise<void>
}

const TIMED = `id INT AUTO_INCREMENT PRIMARY KEY, v INT,
  u TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6), KEY (u)`
const INCREMENT = { mode: 'increment', diff_column: 'u' }

/** Begins a statement and resolves once the server shows it as waiting or running. */
async function begin(
  db: TestDatabase,
  session: Connection,
  sql: string,
): Promise<{ done: Promise<unknown> }> {
  const done = session.query(sql)
  done.catch(() => {})
  const last = sql.slice(sql.lastIndexOf(';') + 1).trim()
  const shown = `SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE '${last.slice(0, 20)}%' AND ID <> CONNECTION_ID()`
  for (let look = 0; (await db.value(shown)) === '0' && look < 100; look++) await sleep(20)
  return { done }
}

const scenarios: readonly Scenario[] = [
  {
    name: 'an UPDATE behind LOCK TABLES, before it has a transaction',
    columns: TIMED,
    params: INCREMENT,
    async play({ db, open }, run) {
      const [lock, writer] = [await open(), await open()]
      await lock.query('LOCK TABLES s READ')
      const { done } = await begin(db, writer, 'UPDATE s SET v = v + 10 WHERE id = 2')
      await untilLater(db, PAST_LAG_S)
      await run()
      await lock.query('UNLOCK TABLES')
      await done
    },
  },
  {
    name: 'an INSERT that is slow before its first row',
    columns: TIMED,
    params: INCREMENT,
    async play({ db, open }, run) {
      const { done } = await begin(db, await open(), 'INSERT INTO s (v) VALUES (SLEEP(6))')
      await untilLater(db, PAST_LAG_S)
      await run()
      await done
    },
  },
  {
    name: 'a transaction that is younger than the statement it began with',
    columns: TIMED,
    params: INCREMENT,
    async play({ db, open }, run) {
      const [lock, writer] = [await open(), await open()]
      await lock.query('LOCK TABLES s READ')
      const { done } = await begin(db, writer, 'START TRANSACTION; UPDATE s SET v = v + 10 WHERE id = 2')
      await untilLater(db, PAST_LAG_S)
      await lock.query('UNLOCK TABLES')
      await done
      await untilLater(db, PAST_LAG_S)
      await run()
      await writer.query('COMMIT')
    },
  },
  {
    name: 'an id whose row waits for a gap of another partition',
    columns: 'id INT AUTO_INCREMENT PRIMARY KEY, v INT',
    options: 'PARTITION BY HASH (id) PARTITIONS 2',
    params: { mode: 'append' },
    async play({ db, open }, run) {
      const [gap, slow] = [await open(), await open()]
      // Up to the end of the partition of odd ids.
      await gap.query('START TRANSACTION; SELECT * FROM s WHERE id = 1001 FOR UPDATE')
      const { done } = await begin(db, slow, 'INSERT INTO s (id, v) VALUES (5, 55)')
      await db.query('INSERT INTO s (id, v) VALUES (6, 66)')
      await run()
      await gap.query('ROLLBACK')
      await done
    },
  },
  {
    name: 'an id in a second unique key, whose row waits for a gap of the primary key',
    columns: 'g CHAR(4) PRIMARY KEY, v INT, id INT NOT NULL AUTO_INCREMENT, UNIQUE KEY (id)',
    params: { mode: 'append', pk: 'id' },
    async play({ db, open }, run) {
      const [gap, slow] = [await open(), await open()]
      await gap.query("START TRANSACTION; SELECT * FROM s WHERE g = 'c' FOR UPDATE")
      const { done } = await begin(db, slow, "INSERT INTO s (g, v) VALUES ('b', 55)")
      await db.query("INSERT INTO s (g, v) VALUES ('x', 66)")
      await run()
      await gap.query('ROLLBACK')
      await done
    },
  },
]

describe('incremental runs beside writers that wait', () => {
  for (const scenario of scenarios) {
    it(`bring ${scenario.name}`, async () => {
      await Promise.all(
        servers().map(async (server) => {
          const { columns, options = '', params } = scenario
          const db = await TestDatabase.create(
            server,
            `CREATE TABLE s (${columns}) ${options}; CREATE TABLE s2 (${columns})`,
          )
          const key = columns.startsWith('g')
            ? "g, v) VALUES ('a', 1), ('m', 2), ('z', 3)"
            : 'v) VALUES (1), (2), (3)'
          await db.query(`INSERT INTO s (${key}`)
          const task = new StoredTask(db.url('s'), db.url('s2'), { worker_num: 1, ...params })
          await untilLater(db, PAST_LAG_S)
          await task.run()
          const sessions: Connection[] = []
          const open = async () => {
            const { host, port, user, password } = server
            const at = { host, port, user, password, database: db.database, multipleStatements: true }
            const session = await createConnection(at)
            sessions.push(session)
            return session
          }
          let warnings = ''
          try {
            await scenario.play({ db, task, open }, async () => {
              warnings = (await task.run()).warnings.join()
            })
          } finally {
            await Promise.all(sessions.map((session) => session.end()))
          }
          await untilLater(db, PAST_LAG_S)
          await task.run()
          const lost = await db.query('SELECT * FROM s EXCEPT SELECT * FROM s2')
          expect(lost, `${server.kind}; the run in between said: ${warnings}`).to.deep.equal([])
          expect(await db.value('SELECT COUNT(*) FROM s2')).to.equal(await db.value('SELECT COUNT(*) FROM s'))
        }),
      )
    })
  }

  it('do not wait for long reads and idle readers', async () => {
    await Promise.all(
      servers().map(async (server) => {
        const db = await TestDatabase.create(
          server,
          `CREATE TABLE s (${TIMED}); CREATE TABLE s2 (${TIMED}); CREATE TABLE other (i INT); INSERT INTO other VALUES (1)`,
        )
        const { host, port, user, password } = server
        const options = { host, port, user, password, database: db.database, multipleStatements: true }
        const [idle, reader] = await Promise.all([createConnection(options), createConnection(options)])
        await idle.query('START TRANSACTION; SELECT COUNT(*) FROM s; SELECT COUNT(*) FROM other')
        await db.query('INSERT INTO s (v) VALUES (1)')
        const { done: long } = await begin(db, reader, 'SELECT SLEEP(20), i FROM other')
        await untilLater(db, PAST_LAG_S)
        const task = new StoredTask(db.url('s'), db.url('s2'), { worker_num: 1, ...INCREMENT })
        expect((await task.run()).rowsWritten, server.kind).to.equal(1)
        const [[id]] = (await db.query(
          `SELECT ID FROM information_schema.PROCESSLIST WHERE INFO LIKE 'SELECT SLEEP(20)%'`,
        )) as [[string]]
        await db.query(`KILL ${id}`)
        await long.catch(() => {})
        await idle.end()
      }),
    )
  })

  it('lose nothing beside random writers, locks, prepared transactions and killed runs', async () => {
    await Promise.all(
      servers().map(async (server) => {
        const { faults, runs } = await race(server, 1, 10, 4)
        expect(faults, server.kind).to.deep.equal([])
        expect(runs).to.be.above(2)
      }),
    )
  }).timeout(240_000)
})
