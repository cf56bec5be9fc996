// Rows that go from table to table inside one server: as exact, as strict and as safe as rows that pass through rowshift.
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { programsOf } from '../faults/builds.js'
import { query, server, servers } from '../support/context.js'
import { expectRefusal, type Outcome, runWithReport, scratchFile, TestDatabase } from '../support/copying.js'
import {
  copyArgs,
  endpointsIn,
  endpointsOn,
  expectWhole,
  killedAt,
  left,
  resumed,
  ROWS,
  sessionIn,
  started,
} from '../support/killed-runs.js'
import type { TestServer } from '../support/servers.js'
import { Started } from '../support/task-fixture.js'
import { until } from '../support/until.js'

const IN_SERVER = { write_path: 'in-server' }
const POINTS = [
  'split-begun',
  'split-handed',
  'split-written',
  'split-marked',
  'split-committing',
  'split-committed',
]
const MODES = ['insert', 'ignore', 'replace', 'upsert'] as const

/** 2,000 rows; the first 1,500 are in the target already, every third of them with another value. */
const OVERLAP =
  `CREATE TABLE s (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(20), at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP);
  INSERT INTO s SELECT NULL, CONCAT('v', a.d + 10 * b.d), '2020-01-01 00:00:00' FROM D a JOIN D b JOIN D c JOIN (SELECT 1 UNION SELECT 2) e;
  CREATE TABLE t LIKE s; INSERT INTO t SELECT id, IF(id % 3 = 0, 'old', v), at FROM s ORDER BY id LIMIT 1500`.replaceAll(
    /\bD\b/g,
    `(SELECT 0 d ${[1, 2, 3, 4, 5, 6, 7, 8, 9].map((d) => `UNION ALL SELECT ${d}`).join(' ')})`,
  )

function counts({ report }: Outcome): object {
  const { rowsRead, rowsWritten, rowsChanged, rowsUnchanged, rowsSkipped, dirtyRows, status } = report
  return { rowsRead, rowsWritten, rowsChanged, rowsUnchanged, rowsSkipped, dirtyRows, status }
}

describe('the write path in-server', () => {
  for (const write_mode of MODES) {
    it(`stores and counts the same as the other paths, by ${write_mode}`, async () => {
      for (const server of servers()) {
        const db = await TestDatabase.create(server, OVERLAP)
        await db.query('CREATE TABLE u LIKE t; INSERT INTO u SELECT * FROM t')
        if (write_mode === 'insert') await db.query('DELETE FROM t; DELETE FROM u')
        const params = { write_mode, read_batch: 300 }
        const inside = await db.copy('s', 't', { ...params, ...IN_SERVER })
        const outside = await db.copy('s', 'u', { ...params, write_path: 'insert' })
        expect(inside.code, inside.stderr).to.equal(0)
        expect(counts(inside)).to.deep.equal(counts(outside))
        expect(inside.report.writePath).to.equal('in-server')
        const { reading, inServer } = inside.report.timeSpent!.phases
        expect([reading.seconds, inServer.seconds > 0]).to.deep.equal([0, true])
        expect(inside.report.reasons.join()).not.to.include('went by')
        await db.expectEqual('t', 'u')
      }
    })
  }

  it('copies what is new', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server, OVERLAP)
      const params = JSON.stringify({ ...IN_SERVER, mode: 'append', worker_num: 2 })
      const endpoints = ['--from', db.url('s'), '--to', db.url('t'), '--from-target']
      const outcome = await runWithReport(['copy', ...endpoints, '--params', params])
      expect(outcome.code, outcome.stderr).to.equal(0)
      expect(counts(outcome)).to.include({ rowsRead: 500, rowsWritten: 500 })
      expect(outcome.report.writePath).to.equal('in-server')
      expect(await db.value('SELECT COUNT(*) FROM t')).to.equal('2000')
    }
  })

  it('leaves rows that the target rejects to the other path, with the same words', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server, `${OVERLAP}; DELETE FROM t WHERE id > 5`)
      const copy = async (params: object) => {
        const target = await TestDatabase.create(server)
        await target.query(
          `CREATE TABLE t LIKE \`${db.database}\`.t; INSERT INTO t SELECT * FROM \`${db.database}\`.t`,
        )
        const dirty_file = scratchFile('tsv')
        const all = { read_batch: 300, error_limit: 10, dirty_file, ...params }
        const outcome = await db.copyTo('s', target.url('t'), all)
        expect(outcome.code, outcome.stderr).to.equal(0)
        const rows = await target.query('SELECT * FROM t ORDER BY id')
        return { outcome, rows, rejected: readFileSync(dirty_file, 'utf8').split('\n').sort() }
      }
      const [inside, outside] = [await copy(IN_SERVER), await copy({ write_path: 'insert' })]
      expect(inside.outcome.report.dirtyRows).to.equal(5)
      expect(counts(inside.outcome)).to.deep.equal(counts(outside.outcome))
      expect(inside.rejected).to.deep.equal(outside.rejected)
      expect(inside.rows).to.deep.equal(outside.rows)
      expect(inside.outcome.report.reasons.join('\n')).to.match(/1 split went by \S+, since/)
      expectRefusal(await db.copy('s', 't', IN_SERVER), 1, 'DUPLICATE_KEY', 'Duplicate')
    }
  })

  it('rolls a split back that a constraint rejects, and names the row', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE s (id INT PRIMARY KEY, v INT); INSERT INTO s VALUES (1, 1), (2, 2), (3, 30);
         CREATE TABLE t (id INT PRIMARY KEY, v INT, CONSTRAINT small CHECK (v < 10))`,
      )
      expectRefusal(await db.copy('s', 't', IN_SERVER), 1, 'DATA_REJECTED', 'small')
      expect(await db.value('SELECT COUNT(*) FROM t')).to.equal('0')
    }
  })

  it('changes no value: what the server would convert does not go by it', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE s (id INT PRIMARY KEY, v VARCHAR(10)); INSERT INTO s VALUES (1, '1.5');
         CREATE TABLE t (id INT PRIMARY KEY, v INT)`,
      )
      const refused = await db.copy('s', 't', { ...IN_SERVER, allow_lossy: ['v'] })
      expectRefusal(refused, 2, 'PARAMS_INVALID', 'v is not copied as it is')
    }
  })

  it('is refused where it cannot be, with the reason', async () => {
    const [mysql, mariadb] = [server('mysql'), server('mariadb')]
    const table =
      'CREATE TABLE t (id INT PRIMARY KEY, v INT UNIQUE); INSERT INTO t VALUES (1, 1); CREATE TABLE u LIKE t'
    const [db, other] = [await TestDatabase.create(mysql, table), await TestDatabase.create(mariadb, table)]
    expectRefusal(await db.copyTo('t', other.url('u'), IN_SERVER), 2, 'PARAMS_INVALID', 'not one server')
    const cases: [object, string][] = [
      [{ consistency: 'snapshot' }, 'a snapshot'],
      [{ write_mode: 'upsert' }, 'several unique keys'],
      [{ write_batch: 10 }, 'write_batch'],
      [{ speed: { byte: 1000 } }, 'bytes'],
      [{ time_zone: '+02:00' }, 'time zone'],
      [{ columns: ['id', { to: 'v', sql: 'id + 1' }] }, 'not copied as it is'],
    ]
    for (const [params, why] of cases)
      expectRefusal(await db.copy('t', 'u', { ...IN_SERVER, ...params }), 2, 'PARAMS_INVALID', why)
  })

  it('is what auto takes where one server holds many rows', async () => {
    const db = await TestDatabase.create(
      server('mysql'),
      `${OVERLAP}; CREATE TABLE big LIKE s; INSERT INTO big (v) SELECT 'v' FROM s a JOIN (SELECT 1 FROM s LIMIT 60) b; ANALYZE TABLE big; DELETE FROM t`,
    )
    const outcome = await db.copy('big', 't')
    expect(outcome.code, outcome.stderr).to.equal(0)
    expect(outcome.report.writePath).to.equal('in-server')
    expect(outcome.report.reasons.join('\n')).to.include('both ends are one server')
    await db.expectEqual('big', 't')
  })
})

async function running(server: TestServer, database: string): Promise<number> {
  const [row] = await query(
    server,
    `SELECT COUNT(*) FROM information_schema.processlist WHERE db = '${database}' AND info LIKE 'INSERT INTO%SELECT%src%'`,
  )
  return Number(row![0])
}

describe('a copy inside the server', () => {
  it('goes on where it was killed', async () => {
    for (const server of servers()) {
      const endpoints = await endpointsOn(server)
      await killedAt(ROWS / 6, started(['copy'], endpoints, IN_SERVER), endpoints)
      const before = await left(endpoints)
      const outcome = await resumed(endpoints, IN_SERVER)
      await expectWhole(endpoints, outcome, before)
      expect(outcome.report.writePath).to.equal('in-server')
    }
  })

  it('loses and doubles no row when it dies, at whatever moment', async () => {
    const [program] = programsOf([{ name: 'failpoints', edits: [] }])
    for (const [i, point] of POINTS.entries()) {
      const endpoints = await endpointsOn(servers()[i % 2]!, 'id INT, v VARCHAR(100)')
      const params = { ...IN_SERVER, where: 'id >= 0', read_batch: 5000 }
      const env = { ROWSHIFT_FAILPOINT: `${point}:4:kill` }
      const run = new Started(['copy', ...copyArgs(endpoints, params)], { env, program: program! })
      expect(await run.code(), `${point}: ${run.stderr}`).to.equal(null)
      const outcome = await resumed(endpoints, params)
      expect(outcome.code, outcome.stderr).to.equal(0)
      await endpoints.expectEqual()
    }
  })

  it('is ended in the server by Ctrl-C, and locks no row of the source', async () => {
    for (const server of servers()) {
      const endpoints = await endpointsOn(server)
      const { db } = endpoints
      const holder = await sessionIn(db)
      await holder.query('BEGIN')
      await holder.query("INSERT INTO dst VALUES (50, 'first')")
      const run = started(['copy'], endpoints, { ...IN_SERVER, where: 'id >= 0', worker_num: 1 })
      await until('a statement that waits', async () => (await running(server, db.database)) > 0)
      const session = await sessionIn(db)
      await session.query('SET innodb_lock_wait_timeout = 1')
      await session.query("UPDATE src SET v = 'changed' WHERE id <= 60")
      await session.end()
      run.kill('SIGINT')
      expect(await run.code()).to.equal(130)
      await until('its end', async () => (await running(server, db.database)) === 0)
      await holder.end()
      expect(await db.value('SELECT COUNT(*) FROM dst')).to.equal('0')
    }
  })
})

describe('the write path in-server of PostgreSQL', () => {
  const TABLES = `CREATE TABLE s (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v varchar(20), n numeric, j jsonb, at timestamptz, b bytea, f real, u uuid DEFAULT gen_random_uuid());
    INSERT INTO s (v, n, j, at, b, f) SELECT 'v' || i, i / 7::numeric, '{"a": 1.50}', now(), decode(md5(i::text), 'hex'), i / 3::real FROM generate_series(1, 2000) i;
    CREATE TABLE t (LIKE s INCLUDING ALL)`

  for (const write_mode of ['insert', 'ignore'] as const) {
    it(`stores and counts the same as COPY, by ${write_mode}`, async () => {
      const db = await TestDatabase.create(
        server('postgres'),
        `${TABLES}; CREATE TABLE c (LIKE s INCLUDING ALL)`,
      )
      const there = "OVERRIDING SYSTEM VALUE SELECT id, 'old', u FROM s WHERE id <= 1500 AND id % 3 = 0"
      if (write_mode === 'ignore')
        await db.query(`INSERT INTO t (id, v, u) ${there}; INSERT INTO c (id, v, u) ${there}`)
      const params = { write_mode, read_batch: 300 }
      const inside = await db.copy('s', 't', { ...params, ...IN_SERVER })
      const outside = await db.copy('s', 'c', { ...params, write_path: 'copy' })
      expect(inside.code, inside.stderr).to.equal(0)
      expect(counts(inside)).to.deep.equal(counts(outside))
      expect(inside.report.reasons.join()).not.to.include('went by')
      await db.expectEqual('t', 'c')
    })
  }

  it('loses and doubles no row when it dies', async () => {
    const [program] = programsOf([{ name: 'failpoints', edits: [] }])
    for (const point of ['split-marked', 'split-committed']) {
      const db = await TestDatabase.create(
        server('postgres'),
        "CREATE TABLE src (id int PRIMARY KEY, v text); INSERT INTO src SELECT i, 'v' || i FROM generate_series(1, 20000) i; CREATE TABLE dst (id int, v text)",
      )
      const endpoints = endpointsIn(db)
      const params = { ...IN_SERVER, where: 'id >= 0' }
      const env = { ROWSHIFT_FAILPOINT: `${point}:4:kill` }
      const run = new Started(['copy', ...copyArgs(endpoints, params)], { env, program: program! })
      expect(await run.code(), `${point}: ${run.stderr}`).to.equal(null)
      expect(Number(await db.value('SELECT count(*) FROM dst')), point).to.be.above(0)
      const outcome = await resumed(endpoints, params)
      expect(outcome.code, outcome.stderr).to.equal(0)
      expect(outcome.report.writePath).to.equal('in-server')
      await endpoints.expectEqual()
    }
  })

  it('counts what an upsert changes, and leaves the rest', async () => {
    const tables = 'CREATE TABLE s (id int PRIMARY KEY, v text); CREATE TABLE t (LIKE s INCLUDING ALL)'
    const db = await TestDatabase.create(
      server('postgres'),
      `${tables}; INSERT INTO s SELECT i, 'v' || i FROM generate_series(1, 1000) i; INSERT INTO t SELECT id, CASE WHEN id % 4 = 0 THEN 'old' ELSE v END FROM s WHERE id <= 800`,
    )
    const { code, stderr, report } = await db.copy('s', 't', { ...IN_SERVER, write_mode: 'upsert' })
    expect(code, stderr).to.equal(0)
    expect(report).to.include({ rowsRead: 1000, rowsWritten: 400, rowsChanged: 200, rowsUnchanged: 600 })
    await db.expectEqual('s', 't')
  })

  it('leaves rows that the target rejects to COPY, and is refused where a trigger may drop rows', async () => {
    const db = await TestDatabase.create(
      server('postgres'),
      `CREATE TABLE s (id int PRIMARY KEY, v int); INSERT INTO s SELECT i, i FROM generate_series(1, 100) i; CREATE TABLE t (id int PRIMARY KEY, v int CHECK (v <> 50))`,
    )
    const dirty_file = scratchFile('tsv')
    const { code, stderr, report } = await db.copy('s', 't', { ...IN_SERVER, error_limit: 1, dirty_file })
    expect(code, stderr).to.equal(0)
    expect(report).to.include({ rowsWritten: 99, dirtyRows: 1 })
    expect(report.reasons.join()).to.include('1 split went by copy')
    await db.query(`CREATE FUNCTION drop_it() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
      CREATE TRIGGER d BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION drop_it(); TRUNCATE t`)
    const refused = await db.copy('s', 't', { ...IN_SERVER, allow_triggers: true })
    expectRefusal(refused, 2, 'PARAMS_INVALID', 'a trigger or a rule')
    await db.query(`DROP TABLE t; CREATE TABLE t (id int, v int) PARTITION BY RANGE (id);
      CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (90);
      CREATE FOREIGN DATA WRAPPER elsewhere; CREATE SERVER elsewhere FOREIGN DATA WRAPPER elsewhere;
      CREATE FOREIGN TABLE t2 PARTITION OF t FOR VALUES FROM (90) TO (200) SERVER elsewhere`)
    expectRefusal(await db.copy('s', 't', IN_SERVER), 2, 'PARAMS_INVALID', 'stored in this database')
    const other = await TestDatabase.create(server('postgres'), 'CREATE TABLE t (id int PRIMARY KEY, v int)')
    expectRefusal(await db.copyTo('s', other.url('t'), IN_SERVER), 2, 'PARAMS_INVALID', 'not one database')
  })
})
