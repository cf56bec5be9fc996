// Rows that the source has deleted, by a flag or for good: deleted or flagged in the target, by increments and repairs.
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { RunReport } from '../../src/index.js'
import { oneServer, server, servers } from '../support/context.js'
import { expectRefusal, type Outcome, scratchFile, TestDatabase } from '../support/copying.js'
import { TaskFixture } from '../support/task-fixture.js'
import { verify } from '../support/verifying.js'

/** In the past, so that no window has to wait. */
const [OLD, NEW, LATER] = ['2024-01-01 00:00:00', '2024-01-02 00:00:00', '2024-01-03 00:00:00']

const SOURCE = `CREATE TABLE s (id INTEGER PRIMARY KEY, mail VARCHAR(20) NOT NULL, is_deleted INTEGER, changed DATETIME NOT NULL)`

const ROWS = `INSERT INTO s VALUES (1, 'a', 0, '${OLD}'), (2, 'b', NULL, '${OLD}'), (3, 'c', 0, '${OLD}'), (4, 'd', 1, '${OLD}'), (5, 'e', 0, '${OLD}')`

interface Counts {
  readonly rowsWritten: number
  readonly rowsDeleted: number
  readonly rowsFlagged: number
  readonly found?: unknown
  readonly warnings: readonly string[]
}

async function taskWith(
  server: Parameters<typeof TaskFixture.create>[0],
  target: string,
  deletes: object,
  more: object = {},
) {
  const fixture = await TaskFixture.create(server)
  for (const sql of [SOURCE, ROWS, target]) await fixture.data.value(sql)
  const params = { mode: 'increment', diff_column: 'changed', lag: 0, worker_num: 2, deletes, ...more }
  await fixture.addTask(1, 't', { from: 's', params: JSON.stringify(params).replaceAll("'", "''") })
  /** An increment begins after the rows of before, whenever those were written. */
  const run = async (...args: string[]) => {
    if (args.length === 0) await fixture.cli('watermark', '1', '--mode', 'increment', '--set', from)
    return fixture.json<Counts>('run', '1', ...args)
  }
  let from = NEW
  const later = () => {
    from = LATER
  }
  const list = async (sql: string) => String(await fixture.data.value(sql))
  return { place: fixture, run, list, later }
}

function expectRun({ report, stderr }: Outcome, expected: Partial<RunReport>): void {
  expect(report, stderr).to.include(expected)
}

describe('deletes', () => {
  it('a flagged row is deleted in the target, also where another row takes its unique value', async () => {
    for (const server of [...servers(), null]) {
      const target =
        'CREATE TABLE t (id INTEGER PRIMARY KEY, mail VARCHAR(20) NOT NULL UNIQUE, changed DATETIME NOT NULL)'
      const { place, run, list, later } = await taskWith(server, target, { source_flag: 'is_deleted' })
      const ids = server
        ? 'SELECT GROUP_CONCAT(CONCAT(id, mail) ORDER BY id) FROM t'
        : 'SELECT GROUP_CONCAT(x) FROM (SELECT id || mail AS x FROM t ORDER BY id) q'
      expect(await run('--mode', 'init')).to.include({ rowsWritten: 4, rowsDeleted: 0, error: null })
      expect(await list(ids)).to.equal('1a,2b,3c,5e')
      // 6 takes over what 3 had, 7 was deleted before anybody has seen it.
      await place.data.value(`UPDATE s SET is_deleted = 1, changed = '${NEW}' WHERE id = 3`)
      await place.data.value(`UPDATE s SET mail = 'B', changed = '${NEW}' WHERE id = 2`)
      await place.data.value(`INSERT INTO s VALUES (6, 'c', 0, '${NEW}'), (7, 'x', 1, '${NEW}')`)
      expect(await run()).to.include({ rowsWritten: 2, rowsDeleted: 1, rowsFlagged: 0, error: null })
      expect(await list(ids)).to.equal('1a,2B,5e,6c')
      later()
      expect(await run()).to.include({ rowsWritten: 0, rowsDeleted: 0 })
      // A row that comes back, and one that goes for good.
      await place.data.value(`UPDATE s SET is_deleted = 0, mail = 'z', changed = '${LATER}' WHERE id = 3`)
      await place.data.value('DELETE FROM s WHERE id = 5')
      expect(await run()).to.include({ rowsWritten: 1, rowsDeleted: 0 })
      expect((await place.cli('verify', '1')).code).to.equal(4)
      expect(await run('--mode', 'sync')).to.include({ rowsWritten: 0, rowsDeleted: 1, rowsFlagged: 0 })
      expect(await list(ids)).to.equal('1a,2B,3z,6c')
      expect((await place.cli('verify', '1')).code).to.equal(0)
    }
  })

  it('a deletion that fails leaves nothing of its split', async () => {
    for (const server of servers()) {
      const target =
        'CREATE TABLE t (id INTEGER PRIMARY KEY, mail VARCHAR(20) NOT NULL, changed DATETIME NOT NULL)'
      const retry = { attempts: 1, max_wait: 1 }
      const { place, run, list } = await taskWith(server, target, { source_flag: 'is_deleted' }, { retry })
      await run('--mode', 'init')
      await place.database.query(
        `UPDATE s SET is_deleted = 1, changed = '${NEW}' WHERE id = 3; INSERT INTO s VALUES (6, 'f', 0, '${NEW}');
         CREATE TRIGGER locked BEFORE DELETE ON t FOR EACH ROW SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'locked'`,
      )
      await place.cli('watermark', '1', '--mode', 'increment', '--set', NEW)
      const file = scratchFile('json')
      const outcome = await place.cli('run', '1', '--report', file)
      expectRefusal(outcome, 1, 'LOCK_CONFLICT')
      const report = JSON.parse(readFileSync(file, 'utf8')) as RunReport
      expect(report.error!.details).to.not.have.property('inDoubt')
      expect(report).to.include({ retries: 1 })
      // With it, the other rows of the split are rolled back.
      expect(await list('SELECT GROUP_CONCAT(id ORDER BY id) FROM t')).to.equal('1,2,3,5')
    }
  })

  it('a flagged or missing row is flagged in the target', async () => {
    for (const server of [...servers(), null]) {
      const target =
        'CREATE TABLE t (id INTEGER PRIMARY KEY, mail VARCHAR(20) NOT NULL, gone INTEGER NOT NULL DEFAULT 0, changed DATETIME NOT NULL)'
      const deletes = { source_flag: { sql: 'is_deleted = 1' }, target: { flag: 'gone' } }
      const { place, run, list, later } = await taskWith(server, target, deletes)
      await place.data.value('ALTER TABLE s RENAME COLUMN is_deleted TO del')
      expectRefusal(await place.cli('run', '1', '--mode', 'init'), 2, 'PARAMS_INVALID', 'is_deleted')
      await place.data.value('ALTER TABLE s RENAME COLUMN del TO is_deleted')
      await place.data.value('ALTER TABLE t ADD is_deleted INTEGER')
      const gone = server
        ? 'SELECT GROUP_CONCAT(id ORDER BY id) FROM t WHERE gone = 1'
        : 'SELECT GROUP_CONCAT(id) FROM (SELECT id FROM t WHERE gone = 1 ORDER BY id) q'
      const first = await run('--mode', 'init')
      expect(first).to.include({ rowsWritten: 5, error: null })
      expect(await list(gone)).to.equal('4')
      await place.data.value(`UPDATE s SET is_deleted = 1, changed = '${NEW}' WHERE id IN (1, 3)`)
      await place.data.value(`UPDATE s SET is_deleted = 0, changed = '${NEW}' WHERE id = 4`)
      expect(await run()).to.include({ rowsWritten: 3, rowsDeleted: 0, rowsFlagged: 2, error: null })
      expect(await list(gone)).to.equal('1,3')
      // Gone for good: no increment sees it, a repair flags it, once.
      await place.data.value('DELETE FROM s WHERE id IN (3, 5)')
      later()
      expect(await run()).to.include({ rowsWritten: 0, rowsFlagged: 0 })
      expect((await place.cli('verify', '1')).code).to.equal(4)
      expect(await run('--mode', 'sync')).to.include({
        rowsWritten: 0,
        rowsDeleted: 0,
        rowsFlagged: 1,
        error: null,
      })
      expect(await list(gone)).to.equal('1,3,5')
      expect((await place.cli('verify', '1')).code).to.equal(0)
      expect(await run('--mode', 'sync')).to.include({ rowsWritten: 0, rowsFlagged: 0, error: null })
      // And back again.
      await place.data.value(`INSERT INTO s VALUES (5, 'E', 0, '${LATER}')`)
      expect(await run('--mode', 'sync')).to.include({ rowsWritten: 1, rowsFlagged: 0, error: null })
      expect(await list(gone)).to.equal('1,3')
      expect(await list('SELECT COUNT(*) FROM t')).to.equal('5')
    }
  })

  it('a row of PostgreSQL is deleted in the target, or flagged by a boolean, an integer or a time', async () => {
    const columns = `id int PRIMARY KEY, mail text NOT NULL, changed timestamp NOT NULL`
    const db = await TestDatabase.create(
      server('postgres'),
      `CREATE TABLE s (${columns}, is_deleted boolean); CREATE TABLE removed (${columns}, UNIQUE (mail)); CREATE TABLE by_boolean (${columns}, gone boolean NOT NULL DEFAULT false);
       CREATE TABLE by_integer (${columns}, gone smallint NOT NULL DEFAULT 0); CREATE TABLE by_time (${columns}, gone timestamptz)`,
    )
    const flagged = { by_boolean: 'gone', by_integer: 'gone = 1', by_time: 'gone IS NOT NULL' }
    for (const [table, condition] of Object.entries({ removed: null, ...flagged })) {
      await db.query(
        `TRUNCATE s; INSERT INTO s SELECT i, 'm' || i, '${OLD}', i = 4 FROM generate_series(1, 5) i; UPDATE s SET is_deleted = NULL WHERE id = 2`,
      )
      const timed = table === 'by_time'
      const deletes = {
        ...(timed ? {} : { source_flag: 'is_deleted' }),
        ...(condition === null ? {} : { target: { flag: 'gone' } }),
      }
      const params = { columns: ['id', 'mail', 'changed'], deletes }
      const ids = async () =>
        `${await db.value(`SELECT string_agg(concat(id, mail), ',' ORDER BY id) FROM ${table}${condition === null ? '' : ` WHERE ${condition}`}`)}`
      expectRun(await db.copy('s', table, params), { error: null })
      if (!timed) {
        expect(await ids()).to.equal(condition === null ? '1m1,2m2,3m3,5m5' : '4m4')
        // 6 takes over what 3 had, 7 was deleted before anybody has seen it.
        await db.query(
          `UPDATE s SET is_deleted = true, changed = '${NEW}' WHERE id = 3; INSERT INTO s VALUES (6, 'm3', '${NEW}', false), (7, 'x', '${NEW}', true)`,
        )
        const increment = { ...params, mode: 'increment', diff_column: 'changed' }
        expectRun(await db.copy('s', table, increment), { error: null })
        expect(await ids()).to.equal(condition === null ? '1m1,2m2,5m5,6m3' : '3m3,4m4,7x')
      }
      await db.query('DELETE FROM s WHERE id IN (3, 5)')
      const counted = condition === null ? { rowsDeleted: 1 } : { rowsFlagged: timed ? 2 : 1, rowsDeleted: 0 }
      expectRun(await db.copy('s', table, { ...params, mode: 'sync' }), { error: null, ...counted })
      expect(await ids()).to.equal(condition === null ? '1m1,2m2,6m3' : timed ? '3m3,5m5' : '3m3,4m4,5m5,7x')
      expect((await verify(db.url('s'), db.url(table), '--params', JSON.stringify(params))).code).to.equal(0)
    }
  })

  it('a missing row gets the time at which it was flagged, in each shard, and max_delete holds', async () => {
    for (const server of servers()) {
      const columns = 'id INT PRIMARY KEY, v INT, deleted_at TIMESTAMP(3) NULL'
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE s (id INT PRIMARY KEY, v INT); INSERT INTO s VALUES (1, 1), (2, 2), (3, 3), (4, 4), (5, 5);
         CREATE TABLE t_0 (${columns}); CREATE TABLE t_1 (${columns}); CREATE TABLE t (${columns})`,
      )
      const deletes = { target: { flag: 'deleted_at' } }
      const shard = { by: 'id', hash: 'modulo' }
      for (const [to, params] of [
        ['t', { deletes }],
        ['t_{0..1}', { deletes, shard }],
      ] as const) {
        await db.query('REPLACE INTO s VALUES (1, 1), (2, 2), (3, 3), (4, 4), (5, 5)')
        const copied = await db.copy('s', to, params)
        if (copied.code !== 0 && to !== 't') throw new Error(copied.stderr)
        expect(copied.report, copied.stderr).to.include({ rowsWritten: 5 })
        await db.query('DELETE FROM s WHERE id IN (2, 3)')
        const all = to === 't' ? 't' : '(SELECT * FROM t_0 UNION ALL SELECT * FROM t_1) q'
        const few = await db.copy('s', to, { ...params, mode: 'sync', max_delete: 1 })
        expectRefusal(few, 1, 'DELETES_REFUSED', 'id = 2')
        expect(await db.value(`SELECT COUNT(*) FROM ${all} WHERE deleted_at IS NOT NULL`)).to.equal('0')
        const { report, stderr } = await db.copy('s', to, { ...params, mode: 'sync' })
        expect(report, stderr).to.include({ rowsFlagged: 2, rowsDeleted: 0, rowsWritten: 0 })
        expect(
          await db.query(
            `SELECT id, ABS(TIMESTAMPDIFF(SECOND, deleted_at, CURRENT_TIMESTAMP)) < 600 FROM ${all} WHERE deleted_at IS NOT NULL ORDER BY id`,
          ),
        ).to.deep.equal([
          ['2', '1'],
          ['3', '1'],
        ])
      }
      expect((await verify(db.url('s'), db.url('t'), '--params', JSON.stringify({ deletes }))).code).to.equal(
        0,
      )
      expect((await verify(db.url('s'), db.url('t'))).code).to.equal(4)
    }
  })

  it('a time of any year is a flag, for copies and comparisons', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(
        server,
        `SET sql_mode = ''; CREATE TABLE s (id INT PRIMARY KEY, d DATETIME(3)); CREATE TABLE t (id INT PRIMARY KEY, gone TINYINT NOT NULL);
         INSERT INTO s VALUES (1, NULL), (2, '1970-01-01 00:00:00'), (3, '1969-12-31 00:00:00'), (4, '1970-01-01 00:00:01'), (5, '0001-01-01 00:00:00.001'), (6, '0000-00-00')`,
      )
      const params = { columns: ['id'], deletes: { source_flag: 'd', target: { flag: 'gone' } } }
      const { code, stderr } = await db.copy('s', 't', params)
      expect(code, stderr).to.equal(0)
      expect(await db.value('SELECT GROUP_CONCAT(id ORDER BY id) FROM t WHERE gone = 1')).to.equal('2,3,4,5')
      const checked = await verify(db.url('s'), db.url('t'), '--params', JSON.stringify(params))
      expect(checked.code, checked.stdout).to.equal(0)
    }
  })

  it('that cannot be done are refused before anything is written', async () => {
    const db = await TestDatabase.create(
      oneServer()[0]!,
      `CREATE TABLE s (id INT PRIMARY KEY, code INT NOT NULL, c CHAR(1), d INT, at DATETIME, changed DATETIME NOT NULL);
       CREATE TABLE t (id INT, code INT PRIMARY KEY, c CHAR(1), d INT, at DATETIME NOT NULL DEFAULT '2024-01-01', changed DATETIME NOT NULL, w INT AS (d) STORED, x DATETIME);
       CREATE TABLE t_0 LIKE s; CREATE TABLE t_1 LIKE s; CREATE TABLE s_0 LIKE s; CREATE TABLE s_1 LIKE s; INSERT INTO s VALUES (1, 1, 'Y', 1, NULL, '${OLD}')`,
    )
    const increment = { mode: 'increment', diff_column: 'changed' }
    const cases: [object, string, ...string[]][] = [
      [{ deletes: {} }, 't', 'says nothing'],
      [{ deletes: { source_flag: 'd' }, mode: 'append' }, 't', 'mode "append"'],
      [{ deletes: { source_flag: 'd' }, ...increment, write_mode: 'ignore' }, 't', 'write_mode "upsert"'],
      [{ deletes: { source_flag: 'd' }, transform: 'x.mjs' }, 't', 'a transform'],
      [{ deletes: { source_flag: 'dd' } }, 't', 'no column "dd"', 'code'],
      [{ deletes: { source_flag: 'c' } }, 't', 'source_flag', 'type char', 'write a condition'],
      [{ deletes: { source_flag: { sql: 'd = ' } } }, 't', 'params.deletes.source_flag'],
      [{ deletes: { target: { flag: 'y' } } }, 't', 'params.deletes.target', 'no column "y"'],
      [{ deletes: { target: { flag: 'c' } }, columns: ['id', 'code'] }, 't', 'cannot be a flag'],
      [{ deletes: { target: { flag: 'w' } } }, 't', 'generated'],
      [
        {
          deletes: { source_flag: 'd', target: { flag: 'code' } },
          columns: ['id', 'changed'],
          write_mode: 'upsert',
        },
        't',
        'code cannot be the flag',
      ],
      [{ deletes: { target: { flag: 'at' } }, columns: ['id', 'code'] }, 't', 'must take NULL'],
      [
        { deletes: { target: { flag: 'd' } }, columns: ['*', { from: 'd', to: 'd' }] },
        't',
        'fed by params.columns[1]',
      ],
      [{ deletes: { source_flag: 'd', target: { flag: 'x' } } }, 't', 'the time at which a row was deleted'],
      [{ deletes: { source_flag: 'd' }, ...increment }, 't', 'matched by code', 'not a unique key of s'],
    ]
    for (const [params, to, ...words] of cases) {
      const outcome = await db.copy('s', to, {
        columns: ['id', 'code', 'c', 'd', 'changed'],
        ...params,
      })
      expectRefusal(outcome, 2, 'PARAMS_INVALID', ...words)
    }
    const params = { deletes: { source_flag: 'd' }, ...increment }
    const parts = await db.copy('s', 't_{0..1}', { ...params, shard: { by: 'id', hash: 'modulo' } })
    expectRefusal(parts, 2, 'PARAMS_INVALID', 'rows of one table only', '"flag"')
    expectRefusal(await db.copy('s_{0..1}', 's', params), 2, 'PARAMS_INVALID', 'the source is several')
    expect(await db.value('SELECT COUNT(*) FROM t')).to.equal('0')
  })

  it('need the privilege DELETE, said before anything is written', async () => {
    for (const server of servers()) {
      const table = '(id INT PRIMARY KEY, d INT, changed DATETIME NOT NULL)'
      const db = await TestDatabase.create(server, `CREATE TABLE s ${table}; CREATE TABLE t ${table}`)
      await db.query(`INSERT INTO s VALUES (1, 0, '${OLD}'), (2, 1, '${OLD}')`)
      const user = `nodel_${db.database.slice(-12)}`
      await db.query(
        `CREATE USER ${user} IDENTIFIED BY 'x'; GRANT SELECT, INSERT, UPDATE, CREATE TEMPORARY TABLES ON \`${db.database}\`.* TO ${user}`,
      )
      const to = new URL(db.url('t'))
      Object.assign(to, { username: user, password: 'x' })
      const params = { mode: 'increment', diff_column: 'changed', deletes: { source_flag: 'd' } }
      expectRefusal(await db.copyTo('s', to.href, params), 1, 'ACCESS_DENIED', 'Deleting rows of table t')
      expect(await db.value('SELECT COUNT(*) FROM t')).to.equal('0')
      await db.query(`GRANT DELETE ON \`${db.database}\`.* TO ${user}`)
      const { report, stderr } = await db.copyTo('s', to.href, params)
      expect(report, stderr).to.include({ rowsWritten: 1, error: null })
      await db.query(`DROP USER ${user}`)
    }
  })
})
