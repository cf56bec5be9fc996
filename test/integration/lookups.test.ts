// Values looked up in other tables: found by their exact bytes whatever the way, and what becomes of keys that are not there.
import { readFileSync, writeFileSync } from 'node:fs'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { runCli, oneServer, servers } from '../support/context.js'
import { expectRefusal, TestDatabase, runWithReport, scratchFile } from '../support/copying.js'
import { TaskFixture } from '../support/task-fixture.js'
import { sqliteFile, sqliteRows } from '../support/sqlite.js'

const lookup = (more: object = {}) => ({ in: 'source', table: 'm', key: 'k', value: 'v', ...more })
const columns = (more: object = {}) => ['id', { from: 'k', to: 'v', lookup: lookup(more) }]

/** In memory, and asked for. */
const WAYS = [{}, { preload_mb: 0 }]

/** Nothing in a key may be taken for SQL, for a separator or for another spelling. */
const KEYS = `('a'), ('A'), ('a '), ('ä'), (''), ('''; DROP TABLE m; --'), ('tab\\tand\\nline'), ('back\\\\slash'), ('\\0nul'), ('\\\\N'), ('N'), ('🙂')`

describe('lookups', () => {
  it('find values by the exact bytes of their keys, in memory and asked for', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE keys_ (k VARCHAR(40) COLLATE utf8mb4_bin); INSERT INTO keys_ VALUES ${KEYS};
         CREATE TABLE m (k VARCHAR(40) COLLATE utf8mb4_general_ci, v VARCHAR(60), KEY (k));
         INSERT INTO m SELECT k, CONCAT('value of ', k) FROM keys_;
         CREATE TABLE src (id INT AUTO_INCREMENT PRIMARY KEY, k VARCHAR(40) COLLATE utf8mb4_bin NOT NULL);
         INSERT INTO src (k) SELECT a.k FROM keys_ a JOIN keys_ b;
         CREATE TABLE dst (id INT PRIMARY KEY, v VARCHAR(60))`,
      )
      for (const way of WAYS) {
        await db.query('TRUNCATE TABLE dst')
        const outcome = await db.copy('src', 'dst', { columns: columns(way) })
        expect(outcome.code, outcome.stderr).to.equal(0)
        expect(outcome.report.lookupMisses).to.equal(0)
        expect(
          await db.value(
            `SELECT COUNT(*) FROM src JOIN dst USING (id) WHERE CAST(v AS BINARY) = CAST(CONCAT('value of ', k) AS BINARY)`,
          ),
        ).to.equal('144')
      }
    }
  })

  it('find keys of other character sets, integers and bytes by an index', async () => {
    const types = {
      'VARCHAR(10) CHARACTER SET latin1 COLLATE latin1_german1_ci': `('é'), ('F'), ('ß'), ('1')`,
      'VARCHAR(10) CHARACTER SET gbk': `('中'), ('文'), ('a'), ('1')`,
      'CHAR(10) CHARACTER SET utf8': `('é'), ('中'), ('a b'), ('1')`,
      'BIGINT UNSIGNED': '(0), (7), (18446744073709551615), (1)',
      'VARBINARY(10)': `(x'00ff'), (x'090a5c'), (''), ('1')`,
      "ENUM('x','y','','1')": `('x'), ('y'), (''), ('1')`,
    }
    for (const server of oneServer()) {
      for (const [type, values] of Object.entries(types)) {
        const db = await TestDatabase.create(
          server,
          `CREATE TABLE m (k ${type} PRIMARY KEY, v INT AUTO_INCREMENT, UNIQUE (v)); INSERT INTO m (k) VALUES ${values};
           CREATE TABLE src (id INT PRIMARY KEY, k ${type} NOT NULL); INSERT INTO src SELECT v, k FROM m;
           CREATE TABLE dst (id INT PRIMARY KEY, v INT NOT NULL)`,
        )
        for (const way of WAYS) {
          await db.query('TRUNCATE TABLE dst')
          const outcome = await db.copy('src', 'dst', { columns: columns(way) })
          expect(outcome.code, `${type} ${outcome.stderr}`).to.equal(0)
          expect(await db.value('SELECT COUNT(*) FROM dst WHERE id = v'), type).to.equal('4')
        }
      }
    }
  })

  it('treat a missing key as they are told, and count it', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE m (k INT PRIMARY KEY, v VARCHAR(10)); INSERT INTO m VALUES (1, 'one'), (2, NULL);
         CREATE TABLE src (id INT PRIMARY KEY, k INT); INSERT INTO src VALUES (10, 1), (20, 2), (30, 3), (40, NULL), (50, 3);
         CREATE TABLE dst (id INT PRIMARY KEY, v VARCHAR(10))`,
      )
      const rows = async (more: object, params: object = {}) => {
        await db.query('TRUNCATE TABLE dst')
        const outcome = await db.copy('src', 'dst', { columns: columns(more), ...params })
        return { ...outcome, rows: await db.query('SELECT * FROM dst ORDER BY id') }
      }
      for (const way of WAYS) {
        const nulls = await rows({ ...way, missing: 'null' })
        expect(nulls.rows.map(([, v]) => v)).to.deep.equal(['one', null, null, null, null])
        expect(nulls.report).to.include({ lookupMisses: 2, rowsFiltered: 0, rowsWritten: 5 })

        const skipped = await rows({ ...way, missing: 'skip' })
        expect(skipped.rows.map(([id]) => id)).to.deep.equal(['10', '20', '40'])
        expect(skipped.report).to.include({ lookupMisses: 2, rowsFiltered: 2, rowsWritten: 3, rowsRead: 5 })
        expect(skipped.stdout).to.include('2 rows had a key that a lookup did not find')

        const others = await rows({ ...way, missing: { value: 'none\t\\' } })
        expect(others.rows.map(([, v]) => v)).to.deep.equal(['one', null, 'none\t\\', null, 'none\t\\'])

        const refused = await rows(way)
        expectRefusal(refused, 1, 'LOOKUP_MISSING', 'table m has no key "3"', 'id = "30"', '"missing"')
        expect(refused.rows).to.deep.equal([])

        const file = scratchFile('tsv')
        const tolerated = await rows(way, { error_limit: 2, dirty_file: file })
        expect(tolerated.code, tolerated.stderr).to.equal(0)
        expect(tolerated.rows.map(([id]) => id)).to.deep.equal(['10', '20', '40'])
        expect(tolerated.report).to.include({ dirtyRows: 2, lookupMisses: 2, dirtyReadFile: `${file}.read` })
        expect(readFileSync(`${file}.read`, 'utf8')).to.match(
          /^3\t30\tLOOKUP_MISSING\t|^30\t3\tLOOKUP_MISSING\t/m,
        )
      }
    }
  })

  it('do not choose between two values of a key', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE m (k VARCHAR(9), v INT); INSERT INTO m VALUES ('x', 1), ('y', 5), ('x', 1);
         CREATE TABLE src (id INT PRIMARY KEY, k VARCHAR(9) NOT NULL); INSERT INTO src VALUES (1, 'x'), (2, 'y');
         CREATE TABLE dst (id INT PRIMARY KEY, v INT)`,
      )
      for (const way of WAYS) {
        await db.query('TRUNCATE TABLE dst; DELETE FROM m WHERE v = 2')
        const equal = await db.copy('src', 'dst', { columns: columns(way) })
        expect(equal.code, equal.stderr).to.equal(0)
        expect(equal.stderr).to.include('m has no unique key that begins with k')
        await db.query("TRUNCATE TABLE dst; INSERT INTO m VALUES ('x', 2)")
        const two = await db.copy('src', 'dst', {
          columns: columns(way),
          error_limit: 100,
          dirty_file: scratchFile('tsv'),
        })
        expectRefusal(two, 1, 'LOOKUP_AMBIGUOUS', 'table m has two values for the key "x"')
        expect(await db.value('SELECT COUNT(*) FROM dst')).to.equal('0')
      }
    }
  })

  it('that do not fit into memory are asked for, and look through several tables', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE src (id INT PRIMARY KEY, k INT NOT NULL);
         INSERT INTO src WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 1000)
           SELECT a.i * 1000 + b.i, (a.i * 1000 + b.i) * 7 % 20000 FROM q a JOIN q b WHERE a.i <= 20;
         CREATE TABLE m0 (k INT PRIMARY KEY, v INT); CREATE TABLE m1 LIKE m0;
         INSERT INTO m0 SELECT DISTINCT k, k * 3 FROM src WHERE k % 2 = 0; INSERT INTO m1 SELECT DISTINCT k, k * 3 FROM src WHERE k % 2 = 1;
         CREATE TABLE dst (id INT PRIMARY KEY, v INT)`,
      )
      for (const preload_mb of [0.01, 0.1, 64]) {
        await db.query('TRUNCATE TABLE dst')
        const more = { table: ['m0', 'm1'], preload_mb }
        const outcome = await db.copy('src', 'dst', { columns: columns(more) })
        expect(outcome.code, outcome.stderr).to.equal(0)
        const all = 'lookup of v: all keys (20000) are in memory'
        expect(outcome.report.reasons.includes(all)).to.equal(preload_mb === 64)
        const equal = 'SELECT COUNT(*) FROM src JOIN dst USING (id) WHERE v = k * 3'
        expect(await db.value(equal)).to.equal('20000')
      }
    }
  })

  it('find what has come into the table since it was read into memory', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE m (k INT PRIMARY KEY, v INT); INSERT INTO m VALUES (1, 1);
         CREATE TABLE src (id INT PRIMARY KEY, k INT NOT NULL); INSERT INTO src VALUES (1, 1), (2, 2);
         CREATE TABLE dst (id INT PRIMARY KEY, v INT)`,
      )
      // It is read before pre_sql is run.
      const pre_sql = ['INSERT INTO m VALUES (2, 2)']
      const outcome = await db.copy('src', 'dst', { columns: columns(), pre_sql })
      expect(outcome.code, outcome.stderr).to.equal(0)
      expect(await db.value('SELECT COUNT(*) FROM dst WHERE id = v')).to.equal('2')
    }
  })

  it('look into the target, a third database and one of the configuration', async () => {
    const other = sqliteFile(
      `CREATE TABLE m (k TEXT PRIMARY KEY, v INTEGER); INSERT INTO m VALUES ('a', 1), ('b', 2)`,
    )
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE src (id INT PRIMARY KEY, k VARCHAR(9) NOT NULL); INSERT INTO src VALUES (1, 'a'), (2, 'b');
         CREATE TABLE dst (id INT PRIMARY KEY, v INT); CREATE TABLE m (k VARCHAR(9) PRIMARY KEY, v INT); INSERT INTO m VALUES ('a', 1), ('b', 2)`,
      )
      for (const where of ['target', `sqlite:${other}`, db.url('').replace(/\?.*/, '')]) {
        for (const way of WAYS) {
          await db.query('TRUNCATE TABLE dst')
          const outcome = await db.copy('src', 'dst', { columns: columns({ ...way, in: where }) })
          expect(outcome.code, outcome.stderr).to.equal(0)
          expect(outcome.stderr, 'no secret').not.to.include(server.password)
          expect(await db.value('SELECT COUNT(*) FROM dst WHERE id = v')).to.equal('2')
        }
      }
    }
  })

  it('of a task look into any connection of its configuration', async () => {
    for (const server of [...oneServer(), null]) {
      const fixture = await TaskFixture.create(server)
      const { type } = fixture.data
      const value = (sql: string) => fixture.data.value(sql)
      await value('CREATE TABLE m (k INT PRIMARY KEY, v INT)')
      await value('INSERT INTO m VALUES (1, 10), (2, 20), (3, 30)')
      const params = (name: string) =>
        JSON.stringify({ columns: ['id', { from: 'v', to: 'v', lookup: lookup({ in: name }) }] })
      await fixture.addTask(1, 'dst', { params: params(`from.${type}.app_db`) })
      await fixture.addTask(2, 'dst2', { params: params('from.nope.app_db') })
      const done = await fixture.cli('run', '1')
      expect(done.code, done.stderr).to.equal(0)
      expect(String(await value('SELECT SUM(v - id * 10) + COUNT(*) FROM dst'))).to.equal('3')
      const unknown = await fixture.cli('run', '2')
      expect(unknown.code).to.equal(2)
      expect(unknown.stderr)
        .to.include('"from.nope.app_db", which is not in')
        .and.to.include('CONNECTION_UNKNOWN')
    }
  })

  it('between SQLite databases', async () => {
    const path = sqliteFile(
      `CREATE TABLE m (k TEXT COLLATE NOCASE, v INTEGER); INSERT INTO m VALUES ('a', 1), ('A', 2), (NULL, 3);
       CREATE TABLE src (id INTEGER PRIMARY KEY, k TEXT); INSERT INTO src VALUES (1, 'a'), (2, 'A'), (3, NULL);
       CREATE TABLE dst (id INTEGER PRIMARY KEY, v INTEGER)`,
    )
    for (const way of WAYS) {
      sqliteRows(path, 'DELETE FROM dst RETURNING 1')
      const params = JSON.stringify({ columns: columns({ ...way, in: 'target' }) })
      const endpoints = ['--from', `sqlite:${path}?table=src`, '--to', `sqlite:${path}?table=dst`]
      const outcome = await runWithReport(['copy', ...endpoints, '--params', params])
      expect(outcome.code, outcome.stderr).to.equal(0)
      expect(sqliteRows(path, 'SELECT * FROM dst ORDER BY id')).to.deep.equal([
        [1, 1],
        [2, 2],
        [3, null],
      ])
    }
  })

  it('are shown in the plan, which says that a worker makes them', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE m (k INT PRIMARY KEY, v INT); CREATE TABLE src (id INT PRIMARY KEY, k INT NOT NULL); CREATE TABLE dst (id INT PRIMARY KEY, v INT)`,
      )
      const params = JSON.stringify({ columns: columns({ missing: 'skip' }) })
      const endpoints = ['--from', db.url('src'), '--to', db.url('dst')]
      const { stdout } = await runCli(['copy', ...endpoints, '--params', params, '--dry-run'])
      expect(stdout).to.match(
        /made in the worker: k looked up in source table m \(k -> v\), rows with a missing key are left out -> v \(int/,
      )
      expect(stdout).to.match(/id \(int.*\) -> id \(int.*\), exact/)
    }
  })

  it('take keys that the source computes', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE m (k VARCHAR(30) COLLATE utf8mb4_bin PRIMARY KEY, v INT NOT NULL); INSERT INTO m VALUES ('x', 10), ('y', 20), (' x -1', 100), ('y-2', 200);
         CREATE TABLE src (a VARCHAR(10) PRIMARY KEY, b INT NOT NULL); INSERT INTO src VALUES (' x ', 1), ('y', 2);
         CREATE TABLE dst (a VARCHAR(10) PRIMARY KEY, t INT, u INT, i BIGINT NOT NULL)`,
      )
      const outcome = await db.copy('src', 'dst', {
        columns: [
          'a',
          { from: 'a', to: 't', trim: true, lookup: lookup() },
          { template: '{a}-{b}', to: 'u', lookup: lookup() },
          { template: '{a}/{b}', to: 'i', id: { type: 'sequence', map: { table: 'ids' } } },
        ],
      })
      expect(outcome.code, outcome.stderr).to.equal(0)
      expect(outcome.stderr).to.match(/made in the worker: u \(pushed down: .*\) looked up in source table m/)
      expect(
        await db.query(
          "SELECT t, u FROM dst JOIN ids ON old_id = CONCAT(a, '/', u DIV 100) AND new_id = i ORDER BY a",
        ),
      ).to.deep.equal([
        ['10', '100'],
        ['20', '200'],
      ])
    }
  })

  it('that are wrong are all named before anything is written', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE m (k INT PRIMARY KEY, v INT, b VARBINARY(9), d DATE, z INT(5) ZEROFILL);
         CREATE TABLE src (id INT PRIMARY KEY, k INT NOT NULL, n INT); CREATE TABLE dst (id INT PRIMARY KEY, v INT NOT NULL, w INT, x INT, y INT, z INT)`,
      )
      const wrong = (entries: readonly object[]) => db.copy('src', 'dst', { columns: ['id', ...entries] })
      const entry = (to: string, more: object) => ({ from: 'k', to, lookup: lookup(more) })
      expectRefusal(
        await wrong([
          entry('v', { key: 'nope' }),
          entry('w', { value: 'nope' }),
          entry('x', { key: 'b' }),
          entry('y', { key: 'd' }),
          entry('z', { key: 'z', missing: { value: '0 OR 1' } }),
        ]),
        2,
        'PARAMS_INVALID',
        'columns[1]: m has no column "nope"; it has k, v, b, d, z',
        'columns[2]: m has no column "nope"',
        'columns[3]: k cannot be looked up in m.b: one is integer, the other bytes',
        'columns[4]: k cannot be looked up in m.d: keys are integers, texts or bytes, and d is date',
        'columns[5]: k cannot be looked up in m.z: z (int(5) unsigned zerofill) is written with zeros in front',
        'columns[5]: the value of "missing" is "0 OR 1", and v is integer',
      )
      expectRefusal(await wrong([entry('v', { missing: 'never' })]), 2, 'PARAMS_INVALID', 'error, null, skip')
      expectRefusal(
        await wrong([
          { to: 'v', lookup: lookup() },
          { from: 'k', to: 'w', lookup: lookup(), id: 'uuidv7' },
          { from: 'k', to: 'x', lookup: lookup({ missing: { value: 1e300 } }) },
          { to: 'y' },
        ]),
        2,
        'PARAMS_INVALID',
        'columns[1]: "lookup" needs "from"',
        'columns[2]: "lookup" and "id" exclude each other',
        'columns[3]: the value of "missing" is not exact',
        'columns[4]: one of "from", "value"',
      )
      expectRefusal(await wrong([entry('v', { table: 'nope' })]), 2, 'TABLE_NOT_FOUND', '"nope"')
      expectRefusal(await wrong([entry('v', { in: 'nope' })]), 2, 'CONNECTION_UNKNOWN', '"nope"')
      expectRefusal(await wrong([entry('v', { in: `${db.url('m')}` })]), 2, 'USAGE', 'names a table')
      expectRefusal(await wrong([entry('v', { missing: 'null' })]), 3, 'LOSSY', 'v: int', 'loses NULL')
      expectRefusal(
        await wrong([{ from: 'n', to: 'v', lookup: lookup({ value: 'z' }) }]),
        3,
        'LOSSY',
        'loses NULL',
      )
      expect(await db.value('SELECT COUNT(*) FROM dst')).to.equal('0')
    }
  })

  it('in a file, which nothing can be looked up in, are refused', async () => {
    const [server] = servers()
    const db = await TestDatabase.create(
      server!,
      `CREATE TABLE src (id INT PRIMARY KEY, k INT NOT NULL); CREATE TABLE dst (id INT PRIMARY KEY, v INT)`,
    )
    const file = scratchFile('tsv')
    writeFileSync(file, '')
    const outcome = await db.copy('src', 'dst', { columns: columns({ in: `file:${file}` }) })
    expectRefusal(outcome, 2, 'PARAMS_INVALID', 'nothing can be looked up in file:')
  })
})
