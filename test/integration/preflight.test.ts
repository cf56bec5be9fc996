// What is found before a row moves: nothing is written, and the message says what to do.
import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { oneServer, query, runCli, servers } from '../support/context.js'
import { expectRefusal, TestDatabase, runWithReport } from '../support/copying.js'
import type { TestServer } from '../support/servers.js'
import { startServer } from '../support/servers.js'

const SMALL =
  "CREATE TABLE src (id INT PRIMARY KEY, v VARCHAR(20)); INSERT INTO src VALUES (1,'a'),(2,'b'),(3,'c')"

/** A user of this file, with no rights but those given. */
async function limitedUser(server: TestServer, ...grants: string[]): Promise<(url: string) => string> {
  const name = `fid_${process.pid}`
  await query(
    server,
    [`DROP USER IF EXISTS ${name}`, `CREATE USER ${name} IDENTIFIED BY 'pw'`]
      .concat(grants.map((grant) => `GRANT ${grant} TO ${name}`))
      .join('; '),
  )
  return (url) => url.replace(/\/\/[^@]*@/, `//${name}:pw@`)
}

describe('before a row moves', () => {
  after(async () => {
    for (const server of servers()) await query(server, `DROP USER IF EXISTS fid_${process.pid}`)
  })

  it('a privilege that is missing, on either side, or on a column only', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server, `${SMALL}; CREATE TABLE dst LIKE src`)
      const { database } = db
      const copy = (as: (url: string) => string, params = {}) =>
        runCli([
          'copy',
          '--from',
          as(db.url('src')),
          '--to',
          as(db.url('dst')),
          '--params',
          JSON.stringify(params),
        ])
      const noInsert = await limitedUser(server, `SELECT ON ${database}.*`)
      expectRefusal(await copy(noInsert), 1, 'ACCESS_DENIED', 'INSERT command denied', 'dst', 'privileges')
      const noSelect = await limitedUser(server, `INSERT ON ${database}.*`)
      expectRefusal(await copy(noSelect), 1, 'ACCESS_DENIED', 'SELECT command denied', 'src')
      const hidden = await limitedUser(
        server,
        `SELECT (id) ON ${database}.src`,
        `SELECT, INSERT ON ${database}.dst`,
      )
      expectRefusal(await copy(hidden), 1, 'ACCESS_DENIED', 'hidden from this user', '"columns"')
      expect(await db.value('SELECT COUNT(*) FROM dst')).to.equal('0')
      const listed = await copy(hidden, { columns: ['id'] })
      expect(listed.code, listed.stderr).to.equal(0)
    }
  })

  it('a target that may be written, not read, when it is to say how far it was filled', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server, `${SMALL}; CREATE TABLE dst LIKE src`)
      const writer = await limitedUser(server, `INSERT ON ${db.database}.dst`)
      const endpoints = ['--from', db.url('src'), '--to', writer(db.url('dst'))]
      const asked = await runCli(['copy', ...endpoints, '--from-target', '--param', 'mode=append'])
      expectRefusal(asked, 1, 'ACCESS_DENIED', 'highest id of table dst')
    }
  })

  it('a trigger of the target, unless it is allowed', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(
        server,
        `${SMALL}; CREATE TABLE dst LIKE src; CREATE TRIGGER louder BEFORE INSERT ON dst FOR EACH ROW SET NEW.v = UPPER(NEW.v)`,
      )
      expectRefusal(await db.copy('src', 'dst'), 3, 'LOSSY', 'louder', '"allow_triggers": true')
      expect(await db.value('SELECT COUNT(*) FROM dst')).to.equal('0')
      const { code, report } = await db.copy('src', 'dst', { allow_triggers: true })
      expect(code).to.equal(0)
      expect(report.warnings.join('\n')).to.include('louder')
    }
  })

  it('a trigger that runs when a row is updated, where rows are', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `${SMALL}; CREATE TABLE dst LIKE src; CREATE TRIGGER louder BEFORE UPDATE ON dst FOR EACH ROW SET NEW.v = UPPER(NEW.v)`,
      )
      expectRefusal(await db.copy('src', 'dst', { write_mode: 'upsert' }), 3, 'LOSSY', 'louder')
      expect((await db.copy('src', 'dst', { write_mode: 'ignore' })).code).to.equal(0)
    }
  })

  it('a foreign key, or a trigger, that notices rows which are replaced', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(
        server,
        `${SMALL}; CREATE TABLE dst LIKE src; INSERT INTO dst VALUES (1, 'z');
         CREATE TABLE c (d INT, CONSTRAINT to_d FOREIGN KEY (d) REFERENCES dst (id) ON DELETE CASCADE); INSERT INTO c VALUES (1)`,
      )
      const replace = { write_mode: 'replace' }
      expectRefusal(await db.copy('src', 'dst', replace), 3, 'LOSSY', 'to_d', 'ON DELETE CASCADE', '"upsert"')
      expect(await db.value('SELECT COUNT(*) FROM c')).to.equal('1')
      const unchecked = { ...replace, session: ['SET foreign_key_checks = 0'] }
      expect((await db.copy('src', 'dst', unchecked)).code).to.equal(0)
      expect(await db.value('SELECT COUNT(*) FROM c')).to.equal('1')
      await db.query('DROP TABLE c; CREATE TRIGGER hears AFTER DELETE ON dst FOR EACH ROW SET @heard = 1')
      expectRefusal(await db.copy('src', 'dst', replace), 3, 'LOSSY', 'hears')
    }
  })

  it('a trigger that finds a duplicate in another table refuses the row', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(
        server,
        `${SMALL}; CREATE TABLE dst LIKE src; CREATE TABLE seen (v VARCHAR(20) PRIMARY KEY); INSERT INTO seen VALUES ('b');
         CREATE TRIGGER see AFTER INSERT ON dst FOR EACH ROW INSERT INTO seen VALUES (NEW.v)`,
      )
      const params = { allow_triggers: true, write_mode: 'upsert', write_path: 'insert' }
      expectRefusal(await db.copy('src', 'dst', params), 1, 'DUPLICATE_KEY', "'b'", 'id = "2"')
    }
  })

  it('a foreign key of the target: a warning, and an error for an orphan', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE parent (id INT PRIMARY KEY); INSERT INTO parent VALUES (1);
         CREATE TABLE src (id INT PRIMARY KEY, p INT); INSERT INTO src VALUES (1, 1), (2, 99);
         CREATE TABLE dst (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES parent (id))`,
      )
      const { code, stderr, report } = await db.copy('src', 'dst')
      expect(code, stderr).to.equal(1)
      expect(report.warnings.join('\n')).to.include('dst refers to parent')
      expect(report.error!.code).to.equal('DATA_REJECTED')
      expect(await db.value('SELECT COUNT(*) FROM dst')).to.equal('0')
    }
  })

  it('keys that the collation of the target takes for equal', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE src (k VARCHAR(20) COLLATE utf8mb4_bin, n INT, PRIMARY KEY (k, n));
         INSERT INTO src VALUES ('b', 1), ('é', 2), ('E', 3), ('e', 2), ('b', 2);
         CREATE TABLE dst (k VARCHAR(20) COLLATE utf8mb4_general_ci, n INT, PRIMARY KEY (k, n))`,
      )
      expectRefusal(await db.copy('src', 'dst'), 3, 'LOSSY', 'PRIMARY', '"e" and "é"', 'collation')
      expect(await db.value('SELECT COUNT(*) FROM dst')).to.equal('0')
      const some = await db.copy('src', 'dst', { where: "k <> 'é'" })
      expect(some.code, some.stderr).to.equal(0)
      expect(some.report.rowsWritten).to.equal(4)
    }
  })

  it('a row that is larger than a statement to the target may be', async () => {
    const small = await startServer('mariadb', { serverArgs: ['--max-allowed-packet=1M'] })
    try {
      const source = await TestDatabase.create(
        servers()[0]!,
        `CREATE TABLE t (id INT PRIMARY KEY, v LONGBLOB); INSERT INTO t VALUES (1, 'x'), (2, REPEAT('y', 1500000))`,
      )
      await query(small, 'CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY, v LONGBLOB)')
      const endpoints = ['copy', '--from', source.url('t'), '--to', `${small.url}/d?table=t`]
      const outcome = await runWithReport([...endpoints, '--param', 'write_path=insert'])
      const advice = ['max_allowed_packet', '"write_path": "load-data"']
      expectRefusal(outcome, 1, 'ROW_TOO_LARGE', 'id = "2"', '1500000 bytes', ...advice)
      expect(outcome.report).to.include({ rowsRead: 0, splits: 0 })
      expect(await query(small, 'SELECT COUNT(*) FROM d.t')).to.deep.equal([['0']])

      // A load has no such limit.
      for (const write_mode of ['insert', 'upsert', 'ignore']) {
        const loaded = await runWithReport([...endpoints, '--param', `write_mode=${write_mode}`])
        expect(loaded.code, loaded.stderr).to.equal(0)
        expect(loaded.report).to.include({ rowsRead: 2, writePath: 'load-data' })
        expect(loaded.report.reasons.join('\n')).to.include('max_allowed_packet')
      }
      expect(await query(small, 'SELECT id, LENGTH(v), MD5(v) FROM d.t ORDER BY id')).to.deep.equal(
        await source.query('SELECT id, LENGTH(v), MD5(v) FROM t ORDER BY id'),
      )
      await query(small, 'TRUNCATE d.t; SET GLOBAL local_infile = OFF')
      expectRefusal(await runWithReport(endpoints), 1, 'ROW_TOO_LARGE', 'id = "2"', ...advice)
      expect(await query(small, 'SELECT COUNT(*) FROM d.t')).to.deep.equal([['0']])
    } finally {
      await small.stop()
    }
  })

  it('values that cannot be written as text: the row is named', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(
        server,
        `SET sql_mode = ''; CREATE TABLE src (id INT PRIMARY KEY, e ENUM('a', 'b')); INSERT INTO src VALUES (1, 'a'), (2, 'b'), (3, 'x');
         CREATE TABLE dst LIKE src; CREATE TABLE js (id INT PRIMARY KEY, j JSON); CREATE TABLE jd LIKE js;
         INSERT INTO js VALUES (1, '{"a": 1.10}'), (2, JSON_OBJECT('a', CAST(1.10 AS DECIMAL(5,2))))`,
      )
      const outcome = await db.copy('src', 'dst')
      expect(outcome.report.warnings.join('\n'))
        .to.include('index 0')
        .and.include('e, in the row with id = "3"')
      expectRefusal(outcome, 1, 'DATA_REJECTED')
      const json = await db.copy('js', 'jd')
      if (server.kind === 'mysql')
        expectRefusal(json, 3, 'LOSSY', 'DECIMAL at $."a", in the row with id = "2"', '"allow_lossy": ["j"]')
      else expect(json.report.warnings).to.deep.equal([])
      const allowed = await db.copy('js', 'jd', { allow_lossy: ['j'], where: 'id = 2' })
      if (server.kind === 'mysql') expect(allowed.report).to.include({ status: 'success', rowsWritten: 1 })
      else expectRefusal(allowed, 2, 'PARAMS_INVALID', 'not lossy')
    }
  })
})

describe('a read-only target', () => {
  const started: TestServer[] = []
  before(async () => {
    started.push(
      ...(await Promise.all(
        (['mariadb', 'mysql'] as const).map((kind) => startServer(kind, { serverArgs: ['--read-only=ON'] })),
      )),
    )
  })
  after(() => Promise.all(started.map((server) => server.stop())))

  it('is refused for a user whom that binds, and written to by one whom it does not', async () => {
    for (const server of started) {
      await query(server, 'CREATE DATABASE d')
      await query(server, `${SMALL}; CREATE TABLE dst LIKE src`, 'd')
      const as = await limitedUser(server, 'SELECT, INSERT ON d.*')
      const endpoints = (user: (url: string) => string) => {
        const url = user(`${server.url}/d`)
        return ['copy', '--from', `${url}?table=src`, '--to', `${url}?table=dst`]
      }
      expectRefusal(await runCli(endpoints(as)), 2, 'READ_ONLY', 'read_only', 'Nothing was written')
      const outcome = await runCli(endpoints((url) => url))
      expect(outcome.code, outcome.stderr).to.equal(0)
    }
  })
})
