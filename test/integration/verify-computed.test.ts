// Verification and repair of columns that worker threads make: looked up, and numbered by a map.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { runCli, oneServer } from '../support/context.js'
import { expectRefusal, TestDatabase } from '../support/copying.js'
import { sqliteFile, sqliteRows } from '../support/sqlite.js'
import { TaskFixture } from '../support/task-fixture.js'
import { expectDifferent, expectEqual, verify } from '../support/verifying.js'

const ROWS = 3000
const kept = { from: 'account', to: 'id', id: { type: 'snowflake', map: { table: 'id_map' } } }
const NUMBERED = { columns: [kept, 'account', 'n'], write_mode: 'upsert', read_batch: 500 }
const lookup = (more: object = {}) => ({
  columns: [
    'id',
    { from: 'k', to: 'v', lookup: { in: 'source', table: 'm', key: 'k', value: 'v', ...more } },
  ],
})

/** In memory, and asked for. */
const WAYS = [{}, { preload_mb: 0 }]

const ACCOUNTS = `CREATE TABLE src (account VARCHAR(20) COLLATE utf8mb4_bin PRIMARY KEY, n INT);
  INSERT INTO src WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 1000)
    SELECT CONCAT('U', a.i * 1000 + b.i), b.i FROM q a JOIN q b WHERE a.i <= ${ROWS / 1000}`
const TARGET =
  '(id BIGINT PRIMARY KEY, account VARCHAR(20) COLLATE utf8mb4_bin NOT NULL, n INT, UNIQUE KEY (account))'

function looking(db: TestDatabase, from: string, to: string, params: object, ...more: string[]) {
  return verify(db.url(from), db.url(to), '--params', JSON.stringify(params), ...more)
}

describe('verify of made columns', () => {
  it('finds and mends ids that are not those of the map', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server, `${ACCOUNTS}; CREATE TABLE t ${TARGET}`)
      const copied = await db.copy('src', 't', NUMBERED)
      expect(copied.code, copied.stderr).to.equal(0)
      const check = (...more: string[]) => looking(db, 'src', 't', NUMBERED, ...more)
      const equal = await check()
      expectEqual(equal, ROWS)
      expect(equal.report.reasons.join()).to.include('worker threads make id')
      expect(equal.report.warnings).to.deep.equal([])

      const map = () => db.query('SELECT * FROM id_map ORDER BY old_id')
      const before = await map()
      await db.query(
        `UPDATE t SET id = 7 WHERE account = 'U1001'; UPDATE t SET n = -1 WHERE account = 'U1002';
         INSERT INTO src VALUES ('new', 1)`,
      )
      const found = await check()
      expectDifferent(found, 1, 0, 2)
      expect(found.report.found!.differentRows).to.have.deep.members([
        { key: { account: 'U1001' }, columns: ['id'] },
        { key: { account: 'U1002' }, columns: ['n'] },
      ])
      expect(found.report.found!.missingRows).to.deep.equal([{ account: 'new' }])
      expect(found.report.found!.unmade).to.equal(1)
      const [unmade] = found.report.found!.unmadeRows
      expect(unmade).to.deep.include({ key: { account: 'new' }, code: 'LOOKUP_MISSING' })
      expect(unmade!.message).to.include('id_map has no id for the key "new"')
      expect(found.stdout).to.include('has no id for the key "new"')
      expect(await map()).to.deep.equal(before)

      const repaired = await check('--repair')
      expect(repaired.code, repaired.stderr + repaired.stdout).to.equal(0)
      expect(repaired.report).to.include({ rowsWritten: 3, rowsDeleted: 0 })
      expectEqual(await check(), ROWS + 1)
      expect(
        await db.value('SELECT COUNT(*) FROM t JOIN id_map ON old_id = account AND new_id = id'),
      ).to.equal(`${ROWS + 1}`)
      expect(await map()).to.have.length(ROWS + 1)
    }
  })

  it('counts a row without a key for its id as missing, and leaves it alone', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE src (no INT PRIMARY KEY, account INT); INSERT INTO src VALUES (1, 10), (2, 20), (3, NULL);
         CREATE TABLE t (no INT PRIMARY KEY, id INT, UNIQUE KEY (id))`,
      )
      const sequence = { type: 'sequence', map: { table: 'id_map' } }
      const params = { columns: ['no', { from: 'account', to: 'id', id: sequence }], error_limit: 1 }
      expect((await db.copy('src', 't', { ...params, write_mode: 'upsert' })).code).to.equal(0)
      const check = (...more: string[]) => looking(db, 'src', 't', params, ...more)
      expectDifferent(await check(), 1, 0, 0)
      await db.query('INSERT INTO t VALUES (3, 99)')
      const found = await check()
      expectDifferent(found, 0, 0, 1)
      expect(found.report.found!.differentRows).to.deep.equal([{ key: { no: '3' }, columns: ['id'] }])
      expect(found.report.found!.unmadeRows[0]!.message).to.include('account is NULL')
      const repaired = await check('--repair')
      expect(repaired.code).to.equal(4)
      expect(repaired.report).to.include({ rowsWritten: 0, rowsDeleted: 0 })
      expect(await db.value('SELECT id FROM t WHERE no = 3')).to.equal('99')
    }
  })

  it('makes looked-up values again, and says which keys are missing', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE m (k INT PRIMARY KEY, v INT); INSERT INTO m VALUES (1, 10), (2, NULL);
         CREATE TABLE src (id INT PRIMARY KEY, k INT); INSERT INTO src VALUES (10, 1), (20, 2), (30, 3), (40, NULL), (50, 4);
         CREATE TABLE t (id INT PRIMARY KEY, v INT)`,
      )
      for (const way of WAYS) {
        const check = (more: object, ...options: string[]) =>
          looking(db, 'src', 't', lookup({ ...way, ...more }), ...options)
        await db.query(
          'TRUNCATE TABLE t; INSERT INTO t VALUES (10, 10), (20, NULL), (30, NULL), (40, NULL), (50, NULL)',
        )
        expectEqual(await check({ missing: 'null' }), 5)
        expectDifferent(await check({ missing: { value: 7 } }), 0, 0, 2)
        const skipped = await check({ missing: 'skip' })
        expectDifferent(skipped, 0, 2, 0)
        expect(skipped.report).to.include({ rowsRead: 5, rowsFiltered: 2 })

        // What a copy refuses is neither right nor extra where it stands in the target all the same.
        await db.query('DELETE FROM t WHERE id = 50; UPDATE t SET v = 11 WHERE id = 10')
        const found = await check({})
        expectDifferent(found, 1, 0, 2)
        expect(found.report.found!.missingRows).to.deep.equal([{ id: '50' }])
        expect(found.report.found!.differentRows).to.have.deep.members([
          { key: { id: '10' }, columns: ['v'] },
          { key: { id: '30' }, columns: ['v'] },
        ])
        expect(found.report.found!.unmadeRows.map(({ key }) => key['id'])).to.have.members(['30', '50'])

        const repaired = await check({}, '--repair')
        expect(repaired.code, repaired.stderr + repaired.stdout).to.equal(4)
        expect(repaired.report).to.include({ rowsWritten: 1, rowsDeleted: 0 })
        expect(repaired.report.left).to.include({ missing: 1, extra: 0, different: 1, unmade: 2 })
        expect(await db.query('SELECT * FROM t ORDER BY id')).to.deep.equal([
          ['10', '10'],
          ['20', null],
          ['30', null],
          ['40', null],
        ])
        const fixed = await check({ missing: 'skip' }, '--repair')
        expect(fixed.code, fixed.stderr + fixed.stdout).to.equal(0)
        expect(fixed.report).to.include({ rowsDeleted: 1 })
      }
    }
  })

  it('finds ids in shards that they decide about', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `${ACCOUNTS}; CREATE TABLE t_0 ${TARGET}; CREATE TABLE t_1 LIKE t_0`,
      )
      const params = { ...NUMBERED, shard: { by: 'id', hash: 'modulo' }, worker_num: 2 }
      const copied = await db.copy('src', 't_{0..1}', params)
      expect(copied.code, copied.stderr).to.equal(0)
      const check = (...more: string[]) => looking(db, 'src', 't_{0..1}', params, ...more)
      expectEqual(await check(), ROWS)
      const [[account]] = (await db.query('SELECT account FROM t_0 ORDER BY account LIMIT 1')) as [[string]]
      await db.query(
        `INSERT INTO t_1 SELECT * FROM t_0 WHERE account = '${account}'; DELETE FROM t_0 WHERE account = '${account}';
         INSERT INTO src VALUES ('new', 1)`,
      )
      const found = await check()
      expectDifferent(found, 2, 1, 0)
      expect(found.report.found!.missingRows).to.have.deep.members([
        { account: 'new' },
        { account, shard: 't_0' },
      ])
      expect(found.report.found!.extraRows).to.deep.equal([{ account, shard: 't_1' }])
      const repaired = await check('--repair')
      expect(repaired.code, repaired.stderr + repaired.stdout).to.equal(0)
      expectEqual(await check(), ROWS + 1)
      expect(await db.value('SELECT COUNT(*) FROM t_0 WHERE id % 2 = 1')).to.equal('0')
    }
  })

  it('looks into an id map with no more than SELECT', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server, `${ACCOUNTS}; CREATE TABLE t ${TARGET}`)
      expect((await db.copy('src', 't', NUMBERED)).code).to.equal(0)
      const user = `verify_made_${process.pid}`
      const url = (table: string) => db.url(table).replace(/\/\/.*@/, () => `//${user}:p@`)
      await db.query(
        `CREATE USER '${user}'@'%' IDENTIFIED BY 'p'; GRANT SELECT ON \`${db.database}\`.* TO '${user}'@'%'`,
      )
      try {
        expectEqual(await verify(url('src'), url('t'), '--params', JSON.stringify(NUMBERED)), ROWS)
      } finally {
        await db.query(`DROP USER '${user}'@'%'`)
      }
    }
  })

  it('needs the id map, and passes over ids that none keeps', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server, `${ACCOUNTS}; CREATE TABLE t ${TARGET}`)
      expectRefusal(await looking(db, 'src', 't', NUMBERED), 2, 'TABLE_NOT_FOUND', 'id_map')
      const params = { columns: [{ to: 'id', id: 'snowflake' }, 'account', 'n'] }
      expect((await db.copy('src', 't', params)).code).to.equal(0)
      const equal = await looking(db, 'src', 't', params)
      expectEqual(equal, ROWS)
      expect(equal.report.warnings.join()).to.include('column id is not compared')
      expectRefusal(
        await looking(db, 'src', 't', params, '--repair'),
        2,
        'PARAMS_INVALID',
        'id cannot be repaired',
      )
    }
  })

  it('works between SQLite databases', async () => {
    const path = sqliteFile(
      `CREATE TABLE m (k TEXT PRIMARY KEY, v INTEGER); INSERT INTO m VALUES ('a', 1), ('b', 2);
       CREATE TABLE src (account TEXT PRIMARY KEY NOT NULL, k TEXT); INSERT INTO src VALUES ('x', 'a'), ('y', 'b'), ('z', 'b');
       CREATE TABLE t (id INTEGER PRIMARY KEY, account TEXT NOT NULL UNIQUE, v INTEGER)`,
    )
    const looked = { from: 'k', to: 'v', lookup: { in: `sqlite:${path}`, table: 'm', key: 'k', value: 'v' } }
    const params = JSON.stringify({ columns: [kept, 'account', looked], write_mode: 'upsert' })
    const endpoints = [`sqlite:${path}?table=src`, `sqlite:${path}?table=t`] as const
    const copied = await runCli(['copy', '--from', endpoints[0], '--to', endpoints[1], '--params', params])
    expect(copied.code, copied.stderr).to.equal(0)
    const check = (...more: string[]) => verify(...endpoints, '--params', params, ...more)
    expectEqual(await check(), 3)
    sqliteRows(path, "UPDATE t SET id = 5 WHERE account = 'x' RETURNING 1")
    sqliteRows(path, "UPDATE t SET v = 9 WHERE account = 'y' RETURNING 1")
    sqliteRows(path, "INSERT INTO src VALUES ('new', 'a') RETURNING 1")
    const found = await check()
    expectDifferent(found, 1, 0, 2)
    expect(sqliteRows(path, 'SELECT COUNT(*) FROM id_map')).to.deep.equal([[3]])
    const repaired = await check('--repair')
    expect(repaired.code, repaired.stderr + repaired.stdout).to.equal(0)
    expectEqual(await check(), 4)
  })

  it('of a task is mode sync too, with lookups in its connections', async () => {
    for (const server of [...oneServer(), null]) {
      const fixture = await TaskFixture.create(server)
      const value = (sql: string) => fixture.data.value(sql)
      await value('CREATE TABLE m (k INTEGER NOT NULL PRIMARY KEY, v INT)')
      await value('INSERT INTO m VALUES (1, 10), (2, 20), (3, 30)')
      for (const table of ['src', 'dst']) {
        await value(`DROP TABLE ${table}`)
        await value(`CREATE TABLE ${table} (id INTEGER NOT NULL PRIMARY KEY, v INT)`)
      }
      await value('INSERT INTO src VALUES (1, 1), (2, 2), (3, 3)')
      const { columns } = lookup({ in: `from.${fixture.data.type}.app_db` })
      const params = JSON.stringify({ columns: [columns[0], { ...(columns[1] as object), from: 'v' }] })
      await fixture.addTask(1, 'dst', { params })
      const synced = await fixture.cli('run', '1', '--mode', 'sync')
      expect(synced.code, synced.stderr + synced.stdout).to.equal(0)
      expect(Number(await value('SELECT SUM(v - id * 10) + COUNT(*) FROM dst'))).to.equal(3)
      await value('UPDATE dst SET v = 11 WHERE id = 1')
      expect((await fixture.cli('verify', '1')).code).to.equal(4)
      expect((await fixture.cli('verify', '1', '--repair')).code).to.equal(0)
      expect((await fixture.cli('verify', '1')).code).to.equal(0)
    }
  })
})
