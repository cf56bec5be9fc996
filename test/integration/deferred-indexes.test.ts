// Indexes of the target that are dropped before its first row and added after its last one.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { oneServer, server, servers } from '../support/context.js'
import { runWithReport, TestDatabase } from '../support/copying.js'
import {
  endpointsIn,
  killedAt,
  resumed,
  ROWS,
  sessionIn,
  sourceSql,
  started,
  untilWaiting,
} from '../support/killed-runs.js'
import { sqliteFile, sqliteRows } from '../support/sqlite.js'
import { until } from '../support/until.js'

const SOURCE = `CREATE TABLE src (id INT PRIMARY KEY, a INT, b VARCHAR(20), p INT);
  INSERT INTO src VALUES (1, 1, 'x', 1), (2, 2, 'y', 1), (3, 3, 'z', NULL)`
/** Keys that guard something, or that something else needs, and three that are free. */
const TARGET = `CREATE TABLE parent (id INT PRIMARY KEY); INSERT INTO parent VALUES (1);
  CREATE TABLE dst (id INT PRIMARY KEY, nr BIGINT UNSIGNED NOT NULL AUTO_INCREMENT, a INT, b VARCHAR(20), p INT, n INT AS (a + 1) VIRTUAL,
    UNIQUE KEY ua (a, b), KEY by_nr (nr), KEY of_parent (p), KEY by_ba (b(3), a DESC) COMMENT 'it''s', KEY by_p (p, a), KEY \`odd) ("\` (b),
    KEY by_n (n), KEY of_child (a), FULLTEXT KEY words (b), CONSTRAINT fp FOREIGN KEY (p) REFERENCES parent (id));
  CREATE TABLE child (a INT, CONSTRAINT fc FOREIGN KEY (a) REFERENCES dst (a))`
/** MySQL wants a unique key for it. */
const targetOn = (kind: string) =>
  kind === 'mysql' ? TARGET.replace('dst (a))', 'dst (id))').replace('KEY of_child (a), ', '') : TARGET
const DEFER = { defer_indexes: true }

async function keys(db: TestDatabase, table = 'dst'): Promise<string[]> {
  const rows = await db.query(
    `SELECT DISTINCT INDEX_NAME FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '${table}'`,
  )
  return rows.map(([name]) => name!)
}

/** What SHOW CREATE TABLE says, whatever the order of the keys. */
async function ddl(db: TestDatabase): Promise<string[]> {
  const [row] = await db.query('SHOW CREATE TABLE dst')
  return row![1]!
    .split('\n')
    .map((line) => line.replace(/,$/, '').replace(/AUTO_INCREMENT=\d+ /, ''))
    .sort()
}

const remembered = (db: TestDatabase) => db.query('SELECT * FROM rowshift_checkpoint')

describe('defer_indexes', () => {
  it('drops the indexes of an empty table that nothing needs, and adds them as they were', async () => {
    for (const at of servers()) {
      const db = await TestDatabase.create(at, `${SOURCE}; ${targetOn(at.kind)}`)
      const before = await ddl(db)
      // Rows find the table as it is in between.
      await db.query(
        `CREATE TABLE seen (name VARCHAR(64)); CREATE TRIGGER look BEFORE INSERT ON dst FOR EACH ROW INSERT INTO seen
           SELECT DISTINCT INDEX_NAME FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'dst'`,
      )
      const params = { ...DEFER, allow_triggers: true }
      const { code, stderr, report } = await db.copy('src', 'dst', params)
      expect(code, stderr).to.equal(0)
      const seen = (await db.query('SELECT DISTINCT name FROM seen')).map(([name]) => name)
      const parents = at.kind === 'mariadb' ? ['of_child'] : []
      expect(seen).to.have.members(['PRIMARY', 'ua', 'by_nr', 'of_parent', 'by_p', ...parents, 'words'])
      expect(await ddl(db)).to.deep.equal(before)
      expect(report.reasons.join('\n'))
        .to.include('by_ba, odd) (", by_n')
        .and.to.match(/indexes that came after the last row: 3, added in/)
      expect(await remembered(db)).to.deep.equal([])
    }
  })

  it('leaves a table alone that holds rows, or whose indexes the user may not drop', async () => {
    for (const at of oneServer()) {
      const db = await TestDatabase.create(
        at,
        `${SOURCE}; CREATE TABLE dst LIKE src; ALTER TABLE dst ADD KEY ka (a); INSERT INTO dst VALUES (9, 9, '', NULL)`,
      )
      const held = await db.copy('src', 'dst', DEFER)
      expect(held.code, held.stderr).to.equal(0)
      expect(held.report.warnings.join('\n')).to.include('defer_indexes does nothing: target dst holds rows')
      const user = `deferred_${process.pid}`
      await db.query(
        `CREATE USER ${user} IDENTIFIED BY 'p'; GRANT SELECT, INSERT, UPDATE, DELETE, CREATE ON \`${db.database}\`.* TO ${user}`,
      )
      try {
        const to = db.url('dst').replace(/\/\/[^@]*@/, `//${user}:p@`)
        const params = JSON.stringify({ ...DEFER, pre_sql: 'DELETE FROM @table' })
        const denied = await runWithReport(['copy', '--from', db.url('src'), '--to', to, '--params', params])
        expect(denied.code, denied.stderr).to.equal(0)
        expect(denied.report.reasons.join('\n')).to.match(/indexes of dst come with its rows: .*ALTER/)
        expect(await remembered(db)).to.deep.equal([])
        expect(await keys(db)).to.include('ka')
      } finally {
        await db.query(`DROP USER ${user}`)
      }
    }
  })

  it('is done by whatever run comes after one that failed, which says how to do it by hand', async () => {
    for (const mode of ['init', 'sync']) {
      for (const at of oneServer()) {
        const db = await TestDatabase.create(
          at,
          `${SOURCE}; CREATE TABLE dst (id INT PRIMARY KEY, a INT, b VARCHAR(1) NOT NULL, p INT, KEY ka (a), KEY kb (b, a), KEY kc (p, a), CHECK (a < 3))`,
        )
        const failed = await db.copy('src', 'dst', { ...DEFER, allow_lossy: ['b'] })
        expect(failed.code, failed.stderr).to.equal(1)
        expect(failed.report.error!.message)
          .to.include('ALTER TABLE `dst` ADD KEY `ka` (`a`);')
          .and.to.include('ALTER TABLE `dst` ADD KEY `kb` (`b`,`a`);')
        expect(await keys(db)).to.deep.equal(['PRIMARY'])
        await db.query('DELETE FROM src WHERE id = 3')
        const next = await db.copy('src', 'dst', { mode, allow_lossy: ['b'] })
        expect(next.code, next.stderr).to.equal(0)
        const shown = await db.query('SHOW CREATE TABLE dst')
        expect(shown[0]![1]!.match(/(?<=^  KEY `)\w+/gm)).to.deep.equal(['ka', 'kb', 'kc'])
        if (mode === 'init')
          expect(next.report.warnings.join('\n')).to.include('an earlier run has dropped indexes of dst')
        expect(await db.query("SELECT * FROM rowshift_checkpoint WHERE run_id = ''")).to.deep.equal([])
      }
    }
  })

  it('forgets indexes of a table that is created anew, and those that somebody else has added', async () => {
    for (const at of oneServer()) {
      const db = await TestDatabase.create(
        at,
        `${SOURCE}; CREATE TABLE dst (id INT PRIMARY KEY, a INT, b VARCHAR(20), p INT, KEY ka (a), KEY kb (b), CHECK (a < 3))`,
      )
      const failed = await db.copy('src', 'dst', DEFER)
      expect(failed.code, failed.stderr).to.equal(1)
      await db.query('ALTER TABLE dst ADD KEY ka (a)')
      await db.query('DELETE FROM src WHERE id = 3')
      const some = await db.copy('src', 'dst', { write_mode: 'upsert' })
      expect(some.code, some.stderr).to.equal(0)
      expect(some.report.reasons.join('\n')).to.include('indexes that came after the last row: 1,')
      await db.query("DELETE FROM dst; INSERT INTO src VALUES (3, 3, 'z', NULL)")
      expect((await db.copy('src', 'dst', DEFER)).code).to.equal(1)
      const anew = await db.copy('src', 'dst', { schema_save_mode: 'recreate' })
      expect(anew.code, anew.stderr).to.equal(0)
      expect(await keys(db)).to.deep.equal(['PRIMARY'])
      expect(await db.query("SELECT * FROM rowshift_checkpoint WHERE run_id = ''")).to.deep.equal([])
    }
  })

  it('is what a large table gets that is created, and goes on when the run is killed', async () => {
    for (const at of oneServer()) {
      const db = await TestDatabase.create(at, sourceSql('id INT PRIMARY KEY, v VARCHAR(100), KEY by_v (v)'))
      await db.query(`INSERT INTO src SELECT id + ${ROWS}, v FROM src; ANALYZE TABLE src`)
      const endpoints = endpointsIn(db)
      const params = { schema_save_mode: 'create_when_not_exist' }
      const run = started(['copy'], endpoints, params)
      await until('the table', async () => run.ended || (await keys(db)).length > 0)
      await killedAt(ROWS / 4, run, endpoints)
      expect(await keys(db)).to.deep.equal(['PRIMARY'])
      const outcome = await resumed(endpoints, params)
      expect(outcome.code, outcome.stderr).to.equal(0)
      expect(await keys(db)).to.have.members(['PRIMARY', 'by_v'])
      await db.expectEqual('src', 'dst')
      expect(await remembered(db)).to.deep.equal([])
    }
  })

  it('ends soon by Ctrl-C while indexes are added, shows what it does, and is resumed', async () => {
    for (const at of servers()) {
      const db = await TestDatabase.create(
        at,
        `${SOURCE}; CREATE TABLE dst LIKE src; ALTER TABLE dst ADD KEY ka (a)`,
      )
      await db.query(
        `CREATE TRIGGER gate BEFORE INSERT ON dst FOR EACH ROW SET NEW.a = IF(GET_LOCK('${db.database}', 60) = 1, NEW.a, 0)`,
      )
      const [gate, reader] = [await sessionIn(db), await sessionIn(db)]
      await gate.query(`SELECT GET_LOCK('${db.database}', 60)`)
      const endpoints = endpointsIn(db)
      const params = { ...DEFER, allow_triggers: true, worker_num: 1 }
      const run = started(['copy'], endpoints, params)
      await until('the index is dropped', async () => run.ended || !(await keys(db)).includes('ka'))
      // Rows may come, but nobody may change their table.
      await reader.query('BEGIN')
      await reader.query('SELECT COUNT(*) FROM dst')
      await gate.end()
      await untilWaiting(db, 'ALTER TABLE')
      await until('a line of progress', () => run.ended || run.stderr.includes('3 rows, adding 1 index'))
      run.kill('SIGINT')
      expect(await run.code(), run.stderr).to.equal(130)
      expect(run.stderr).to.include('ALTER TABLE `dst` ADD KEY `ka` (`a`);')
      await reader.end()
      const outcome = await resumed(endpoints, params)
      expect(outcome.code, outcome.stderr).to.equal(0)
      expect(await keys(db)).to.include('ka')
      await db.expectEqual('src', 'dst')
      expect(await remembered(db)).to.deep.equal([])
    }
  })

  it('adds indexes of PostgreSQL over several connections, as they were', async () => {
    const db = await TestDatabase.create(
      server('postgres'),
      `CREATE SCHEMA other; CREATE TABLE src (id int PRIMARY KEY, a int, b text); INSERT INTO src VALUES (1, 1, 'x'), (2, 2, 'Y');
       CREATE TABLE other.dst (id int PRIMARY KEY, a int UNIQUE, b text); CREATE INDEX "odd "" name" ON other.dst (lower(b), a DESC) WHERE a > 0;
       CREATE INDEX ka ON other.dst (a) WITH (fillfactor = 50); CREATE INDEX kb ON other.dst USING hash (b); CREATE INDEX said ON other.dst (b);
       COMMENT ON INDEX other.said IS 'stays'; CREATE TABLE ka (x int)`,
    )
    const shown = "SELECT indexdef FROM pg_indexes WHERE tablename = 'dst' ORDER BY 1"
    const before = await db.query(shown)
    const done = await runWithReport([
      'copy',
      '--from',
      db.url('src'),
      '--to',
      db.url('other.dst'),
      '--param',
      'defer_indexes=true',
    ])
    expect(done.code, done.stderr).to.equal(0)
    expect(done.report.reasons.join('\n')).to.match(/indexes that came after the last row: 3, added in/)
    expect(await db.query(shown)).to.deep.equal(before)
    expect(await db.query('SELECT * FROM rowshift_checkpoint')).to.deep.equal([])
  })

  it('adds indexes of a SQLite file after its rows', async () => {
    const file = sqliteFile(
      `CREATE TABLE src (id INTEGER PRIMARY KEY, a INT); INSERT INTO src VALUES (1, 1), (2, 2);
       CREATE TABLE dst (id INTEGER PRIMARY KEY, a INT UNIQUE); CREATE INDEX "odd "" name" ON dst (a DESC) WHERE a > 0;
       CREATE TABLE seen (name TEXT);
       CREATE TRIGGER look BEFORE INSERT ON dst BEGIN INSERT INTO seen SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL; END`,
    )
    const before = sqliteRows(
      file,
      "SELECT sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'dst' AND sql IS NOT NULL",
    )
    const params = JSON.stringify({ ...DEFER, allow_triggers: true })
    const done = await runWithReport([
      'copy',
      '--from',
      `sqlite:${file}?table=src`,
      '--to',
      `sqlite:${file}?table=dst`,
      '--params',
      params,
    ])
    expect(done.code, done.stderr).to.equal(0)
    expect(sqliteRows(file, 'SELECT * FROM seen')).to.deep.equal([])
    expect(
      sqliteRows(
        file,
        "SELECT sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'dst' AND sql IS NOT NULL",
      ),
    ).to.have.deep.members(before)
  })
})
