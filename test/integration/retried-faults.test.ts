// Splits whose connection was lost, whose server was away or took no rows for a while are run again, and nothing is lost or doubled.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { createConnection, type Connection } from 'mysql2/promise'
import type { RunReport } from '../../src/index.js'
import { servers, startCli } from '../support/context.js'
import { TestDatabase, scratchFile } from '../support/copying.js'
import { startServer } from '../support/servers.js'
import { Proxy } from '../support/proxy.js'
import { until } from '../support/until.js'

const ROWS = 4000
const SPLIT = 500
/** In the second split. */
const LOCKED = 700
const TABLES = `CREATE TABLE n (i INT PRIMARY KEY);
  INSERT INTO n WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 1000) SELECT i FROM q;
  CREATE TABLE s (id INT PRIMARY KEY, v VARCHAR(1000)) STATS_SAMPLE_PAGES = 10000; CREATE TABLE t LIKE s;
  INSERT INTO s SELECT a.i + 1000 * (b.i - 1), REPEAT(CHAR(97 + a.i % 26), 400) FROM n a JOIN n b WHERE b.i <= ${ROWS / 1000};
  ANALYZE TABLE s; INSERT INTO t VALUES (${LOCKED}, 'old')`
const PARAMS = {
  worker_num: 2,
  read_batch: SPLIT,
  write_mode: 'upsert',
  retry: { attempts: 60, max_wait: 1 },
}

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  readonly report: RunReport
}

interface Started {
  readonly ended: Promise<Ended>
  /** Resolves when the run has said so; fails when it ends before that. */
  said(text: string): Promise<void>
}

function start(args: readonly string[], params: object): Started {
  const file = scratchFile('json')
  const all = [...args, '--params', JSON.stringify(params), '--report', file, '--log-level', 'warn']
  const child = startCli(all)
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  let over = false
  const ended = (async () => {
    const [code] = (await once(child, 'close')) as [number | null]
    over = true
    return { code, stdout, stderr, report: JSON.parse(readFileSync(file, 'utf8')) as RunReport }
  })()
  const said = (text: string) =>
    until(text, () => {
      if (over) throw new Error(`ended before it said ${text}: ${stderr}`)
      return stderr.includes(text)
    })
  return { ended, said }
}

function startCopy(db: TestDatabase, params: object = {}, url = (table: string) => db.url(table)): Started {
  return start(['copy', '--from', url('s'), '--to', url('t')], { ...PARAMS, ...params })
}

/** Holds the lock of a row of the target. */
async function lock({ server, database }: TestDatabase): Promise<Connection> {
  const { host, port, user, password } = server
  const connection = await createConnection({ host, port, user, password, database })
  connection.on('error', () => {})
  await connection.query('START TRANSACTION')
  await connection.query(`UPDATE t SET v = 'locked' WHERE id = ${LOCKED}`)
  return connection
}

const RUNNING = `FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID() AND info`

/** All splits are there but those of the thread that waits: what is under way is before its commit for sure. */
async function untilTwoAreLeft(db: TestDatabase): Promise<void> {
  await until(
    'all splits but two',
    async () => Number(await db.value('SELECT COUNT(*) FROM t')) > ROWS - 2 * SPLIT,
  )
  // The thread may have begun late.
  const waits = `SELECT COUNT(*) ${RUNNING} LIKE '%\`t\`%'`
  await until('one that waits', async () => (await db.value(waits)) !== '0')
}

/** Kills the connections whose statement is like that; at least one. */
async function kill(db: TestDatabase, statement: string): Promise<void> {
  let ids: (string | null)[] = []
  await until(`a statement like ${statement}`, async () => {
    ids = (await db.query(`SELECT id ${RUNNING} LIKE '${statement}'`)).map(([id]) => id!)
    return ids.length > 0
  })
  for (const id of ids) await db.query(`KILL CONNECTION ${id}`).catch(() => {})
}

async function expectCopied(db: TestDatabase, { ended }: Started, ...reasons: string[]): Promise<RunReport> {
  const { code, stdout, stderr, report } = await ended
  expect(code, stderr).to.equal(0)
  expect(Object.keys(report.retryReasons).sort(), stderr).to.deep.equal(reasons.sort())
  expect(report.retries).to.equal(Object.values(report.retryReasons).reduce((a, b) => a + b))
  expect(report).to.include({ rowsRead: ROWS, rowsWritten: ROWS, rowsChanged: 1 })
  for (const reason of reasons) expect(stdout).to.contain(` ${reason}`)
  await db.expectEqual('s', 't')
  return report
}

describe('a split whose connection is killed', () => {
  it('is written again', async () => {
    await Promise.all(
      servers().map(async (server) => {
        const db = await TestDatabase.create(server, TABLES)
        const locked = await lock(db)
        const run = startCopy(db)
        await untilTwoAreLeft(db)
        await kill(db, '%`t`%')
        await run.said('"retries":1')
        await locked.rollback()
        await locked.end()
        await expectCopied(db, run, 'CONNECTION_LOST')
      }),
    )
  })

  it('is read again, and looked for again', async () => {
    await Promise.all(
      servers().map(async (server) => {
        const db = await TestDatabase.create(server, TABLES)
        const run = startCopy(db, { where: 'SLEEP(0.001) = 0' })
        await until('rows', async () => (await db.value('SELECT COUNT(*) > 1 FROM t')) === '1')
        for (let times = 0; times < 3; times++) await kill(db, 'SELECT%SLEEP(0.001)%')
        await expectCopied(db, run, 'CONNECTION_LOST')
      }),
    )
  })
})

describe('a target that takes no rows for a while', () => {
  it('is waited for while it is read-only, and met again by new connections, which may lead elsewhere', async () => {
    await Promise.all(
      servers().map(async (server) => {
        const db = await TestDatabase.create(server, TABLES)
        const user = `r${db.database.slice(-20)}`
        await db.query(
          `CREATE USER ${user} IDENTIFIED BY 'Pw-1'; GRANT ALL ON \`${db.database}\`.* TO ${user}`,
        )
        const url = (table: string) => db.url(table).replace(/\/\/.*@/, `//${user}:Pw-1@`)
        const locked = await lock(db)
        const proxy = await Proxy.to(server)
        const run = startCopy(db, {}, (table) => (table === 't' ? proxy.url(url(table)) : url(table)))
        await untilTwoAreLeft(db)
        const before = proxy.links.length
        // It waits for the statement that waits for us, and every other one waits for it.
        let isSet = false
        const set = db.query('SET GLOBAL read_only = 1').then(() => (isSet = true))
        try {
          const asked = `SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'SET GLOBAL read_only%'`
          await until('read_only', async () => isSet || (await db.value(asked)) === '1')
          await locked.rollback()
          await locked.end()
          await set
          await run.said('error 1290')
          await until('another connection', () => proxy.links.length > before)
        } finally {
          await db.query('SET GLOBAL read_only = 0')
        }
        await expectCopied(db, run, 'READ_ONLY')
        proxy.close()
        await db.query(`DROP USER ${user}`)
      }),
    )
  })
})

describe('a server that is killed and comes back', () => {
  for (const kind of ['mariadb', 'mysql'] as const) {
    it(`gets all rows (${kind})`, async () => {
      const server = await startServer(kind, { serverArgs: ['--max-connections=100'] })
      try {
        const db = await TestDatabase.create(server, TABLES)
        await lock(db)
        const run = startCopy(db)
        await untilTwoAreLeft(db)
        await server.restart()
        const { retryReasons } = await expectCopied(db, run, 'CONNECTION_FAILED', 'CONNECTION_LOST')
        expect(retryReasons['CONNECTION_LOST']).to.be.at.least(1)
      } finally {
        await server.stop()
      }
    })
  }
})
