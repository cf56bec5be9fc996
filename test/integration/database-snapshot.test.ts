// One moment of all tables of a database while money moves between them.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { DatabaseReport } from '../../src/features/database/report.js'
import { readFileSync, writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { connect } from '../support/client.js'
import { addressOf, oneServer, runCli, server } from '../support/context.js'
import { scratchFile, TestDatabase } from '../support/copying.js'
import type { ServerKind } from '../support/servers.js'
import { until } from '../support/until.js'

const TABLES = ['a', 'b', 'c', 'd', 'keyless']
const ROWS = 6_000
const EACH = 100
const KINDS: readonly ServerKind[] = ['mariadb', 'mysql', 'postgres']

/** Five tables, of which the last has no key. */
async function accounts(kind: ServerKind): Promise<TestDatabase> {
  const rows =
    kind === 'postgres'
      ? `SELECT i, ${EACH}, repeat('x', 90) FROM generate_series(1, ${ROWS}) i`
      : `WITH RECURSIVE d (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM d WHERE n < 99)
         SELECT x.n * 100 + y.n + 1, ${EACH}, REPEAT('x', 90) FROM d x JOIN d y ON x.n < ${ROWS / 100}`
  const sql = TABLES.map((table) => {
    const key = table === 'keyless' ? ', KEY (id)' : ', PRIMARY KEY (id)'
    const made = `CREATE TABLE ${table} (id INT NOT NULL, money INT NOT NULL, note VARCHAR(100)${key});`
    const index = 'CREATE INDEX by_id ON keyless (id);'
    const ddl = kind === 'postgres' && table === 'keyless' ? `${made.replace(key, '')} ${index}` : made
    return `${ddl} INSERT INTO ${table} ${rows};`
  })
  return TestDatabase.create(server(kind), sql.join('\n'))
}

/** Moves money from each table to the next, at both ends of the keys, until told to stop. */
async function move({ server: at, database }: TestDatabase, signal: AbortSignal): Promise<number> {
  const client = await connect(at.kind, { ...addressOf(at), database })
  let moves = 0
  try {
    for (; !signal.aborted; moves++) {
      const id = 1 + (moves % 1000)
      const [from, to] = [TABLES[moves % 5]!, TABLES[(moves + 1) % 5]!]
      await client.query('BEGIN')
      try {
        await client.query(`UPDATE ${from} SET money = money - 7 WHERE id = ${id}`)
        await client.query(`UPDATE ${to} SET money = money + 7 WHERE id = ${ROWS + 1 - id}`)
        await client.query('COMMIT')
      } catch (thrown) {
        // While all tables are being locked, it may have to give way.
        if (!(thrown as Error).message.startsWith('Deadlock')) throw thrown
        await client.query('ROLLBACK')
      }
    }
  } finally {
    await client.end()
  }
  return moves
}

const SUM = `SELECT ${TABLES.map((table) => `(SELECT SUM(money) FROM ${table})`).join(' + ')}`

describe('a snapshot of a database', () => {
  for (const kind of KINDS)
    it(`shows one moment of five tables of ${kind} while money moves between them`, async () => {
      const from = await accounts(kind)
      const to = await TestDatabase.create(server(kind))
      const file = scratchFile('json')
      const params = { consistency: 'snapshot', worker_num: 2, read_batch: 300 }
      const url = (db: TestDatabase) => `${db.server.url}/${db.database}`
      const ends = ['--from', url(from), '--to', url(to), '--create']
      const stop = new AbortController()
      const writer = move(from, stop.signal)
      const outcome = await runCli([
        'copy',
        ...ends,
        '--params',
        JSON.stringify(params),
        '--report',
        file,
      ]).finally(() => stop.abort())
      expect(await writer, 'moves during the copy').to.be.above(10)
      expect(outcome.code, outcome.stderr).to.equal(0)
      const report = JSON.parse(readFileSync(file, 'utf8')) as DatabaseReport
      expect(report).to.include({ status: 'success', rowsWritten: 5 * ROWS })
      expect(report.busySeconds).to.have.length(2)
      for (const { run } of report.tables)
        expect(run).to.include({ consistency: 'snapshot', snapshotPosition: report.snapshotPosition })
      if (kind !== 'mariadb') expect(report.snapshotPosition).to.match(/:\d+|\//)
      expect(await to.value(SUM)).to.equal(String(5 * ROWS * EACH))
      // The writer was at work: the source has moved on.
      expect(await from.value(SUM)).to.equal(String(5 * ROWS * EACH))
      const before = await to.query('SELECT id, money FROM a ORDER BY id')
      expect(await from.query('SELECT id, money FROM a ORDER BY id')).not.to.deep.equal(before)
    })

  it('fails where no thread can begin', async () => {
    const from = await TestDatabase.create(oneServer()[0]!, 'CREATE TABLE a (id INT PRIMARY KEY)')
    const to = await TestDatabase.create(oneServer()[0]!, 'CREATE TABLE a (id INT PRIMARY KEY)')
    const file = scratchFile('mjs')
    writeFileSync(
      file,
      "import { isMainThread } from 'node:worker_threads'\nif (!isMainThread) process.exit(7)",
    )
    const ends = ['--from', from.wholeUrl, '--to', to.wholeUrl]
    const outcome = await runCli(['copy', ...ends, '--param', 'consistency=snapshot'], {
      env: { NODE_OPTIONS: `--import ${pathToFileURL(file).href}` },
    })
    expect(outcome.code, outcome.stderr).to.equal(1)
    expect(outcome.stderr).to.contain('THREAD_LOST')
  })

  it('fails where the session of PostgreSQL is gone that has kept TRUNCATE away', async () => {
    const tables = ['a', 'b', 'c', 'd'].map(
      (name) =>
        `CREATE TABLE ${name} (id int PRIMARY KEY); INSERT INTO ${name} SELECT generate_series(1, 1500);`,
    )
    const from = await TestDatabase.create(server('postgres'), `${tables.join(' ')} ANALYZE`)
    const to = await TestDatabase.create(server('postgres'))
    const file = scratchFile('json')
    const params = {
      consistency: 'snapshot',
      worker_num: 1,
      read_batch: 500,
      where: 'pg_sleep(0.001) IS NOT NULL',
    }
    const ends = ['--from', from.wholeUrl, '--to', to.wholeUrl, '--create', '--report', file]
    const copy = runCli(['copy', ...ends, '--params', JSON.stringify(params)])
    const here = 'FROM pg_stat_activity WHERE datname = current_database() AND state ='
    const reading = `EXISTS (SELECT 1 ${here} 'active' AND query LIKE 'COPY (SELECT%')`
    const keeper = `${here} 'idle in transaction' AND query ~ 'pg_current_wal_lsn|SAVEPOINT kept' AND ${reading}`
    await until(
      'its end',
      async () => (await from.query(`SELECT pg_terminate_backend(pid) ${keeper}`)).length > 0,
    )
    const outcome = await copy
    expect(outcome.code, outcome.stderr).to.equal(1)
    const { status, error, rowsWritten } = JSON.parse(readFileSync(file, 'utf8')) as DatabaseReport
    expect({ status, code: error?.code }).to.deep.equal({ status: 'failed', code: 'SNAPSHOT_LOST' })
    expect(rowsWritten, 'rows of the tables that had begun').to.be.within(1, 3 * 1500)
    expect(outcome.stderr).to.contain('truncated meanwhile')
  })

  it('outlasts a table that fails while its splits are being planned', async () => {
    const made = ['a', 'b', 'c'].map((name) => `CREATE TABLE ${name} (id INT PRIMARY KEY, v VARCHAR(200));`)
    const rows = (count: number) =>
      `WITH RECURSIVE d (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM d WHERE n < 199)
       SELECT x.n * 200 + y.n, REPEAT('x', 100) FROM d x JOIN d y WHERE x.n < ${count / 200}`
    const filled = `INSERT INTO a ${rows(40_000)}; INSERT INTO b ${rows(2_000)}; INSERT INTO c ${rows(2_000)}; ANALYZE TABLE a, b, c`
    const from = await TestDatabase.create(oneServer()[0]!, `${made.join(' ')} ${filled}`)
    const to = await TestDatabase.create(oneServer()[0]!, `${made.join(' ')} INSERT INTO a VALUES (60, '')`)
    const file = scratchFile('json')
    const params = { consistency: 'snapshot', worker_num: 1, read_batch: 50 }
    const ends = ['--from', from.wholeUrl, '--to', to.wholeUrl, '--on-table-error', 'continue']
    const outcome = await runCli(['copy', ...ends, '--params', JSON.stringify(params), '--report', file])
    expect(outcome.code, outcome.stderr).to.equal(1)
    const { tables } = JSON.parse(readFileSync(file, 'utf8')) as DatabaseReport
    expect(tables.map(({ status }) => status)).to.deep.equal(['failed', 'success', 'success'])
  })
})
