// Values looked up by several columns: every part counts, byte for byte, and NULL in one of them is not a key.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { oneServer, servers } from '../support/context.js'
import { expectRefusal, TestDatabase, runWithReport } from '../support/copying.js'
import { sqliteFile, sqliteRows } from '../support/sqlite.js'
import { expectDifferent, expectEqual, verify } from '../support/verifying.js'

const lookup = (more: object = {}) => ({ in: 'source', table: 'm', key: ['a', 'b'], value: 'v', ...more })
const columns = (more: object = {}) => ['id', { from: ['a', 'b'], to: 'v', lookup: lookup(more) }]

/** In memory, and asked for. */
const WAYS = [{}, { preload_mb: 0 }]

/** Texts that a collation, a cut or a separator would take for one another. */
const TEXTS = `('é'), ('e'), ('E'), ('a'), ('a '), (' a'), (''), ('tab\\ta'), ('tab'), ('\\\\N'), ('N'), ('''; --'), ('🙂')`
/** What a JavaScript number would round is here. */
const OTHERS = {
  'BIGINT UNSIGNED': '(0), (18446744073709551615), (18446744073709551614), (9007199254740993)',
  'VARBINARY(9)': `(x''), (x'00'), (x'0009'), (x'5c4e'), (x'ff')`,
}

describe('lookups by several columns', () => {
  for (const [type, values] of Object.entries(OTHERS))
    it(`compare every part by its bytes (text and ${type})`, async () => {
      for (const server of servers()) {
        const db = await TestDatabase.create(
          server,
          `CREATE TABLE t (a VARCHAR(20) COLLATE utf8mb4_bin); INSERT INTO t VALUES ${TEXTS}; CREATE TABLE o (b ${type}); INSERT INTO o VALUES ${values};
           CREATE TABLE m (b ${type}, v INT AUTO_INCREMENT UNIQUE, a VARCHAR(20) COLLATE utf8mb4_general_ci, KEY (b, a)); INSERT INTO m (a, b) SELECT a, b FROM t JOIN o;
           INSERT INTO m (a, b) VALUES ('a', NULL), (NULL, '1'), ('a', NULL);
           CREATE TABLE src (id INT PRIMARY KEY, a VARCHAR(20) COLLATE utf8mb4_bin, b ${type}); INSERT INTO src SELECT v, a, b FROM m;
           CREATE TABLE dst (id INT PRIMARY KEY, v INT)`,
        )
        for (const way of WAYS) {
          await db.query('TRUNCATE TABLE dst')
          const outcome = await db.copy('src', 'dst', { columns: columns(way) })
          expect(outcome.code, outcome.stderr).to.equal(0)
          expect(outcome.report.lookupMisses).to.equal(0)
          const wrong =
            'SELECT COUNT(*) FROM src JOIN dst USING (id) WHERE NOT v <=> IF(a IS NULL OR b IS NULL, NULL, id)'
          expect(await db.value(wrong)).to.equal('0')
          expect(await db.value('SELECT COUNT(*) FROM dst')).to.equal(
            await db.value('SELECT COUNT(*) FROM m'),
          )
        }
      }
    })

  it('name all parts of a key that is missing or has two values', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE m (a VARCHAR(9), b INT, v INT); INSERT INTO m VALUES ('x', 1, 10), ('x', 2, 20);
         CREATE TABLE src (id INT PRIMARY KEY, a VARCHAR(9), b INT); INSERT INTO src VALUES (1, 'x', 1), (2, 'y', 2), (3, NULL, 2);
         CREATE TABLE dst (id INT PRIMARY KEY, v INT)`,
      )
      const missing = await db.copy('src', 'dst', { columns: columns() })
      expectRefusal(
        missing,
        1,
        'LOOKUP_MISSING',
        'table m has no key "y", "2", for v of the row with id = "2"',
      )
      expect(missing.stderr).to.include('m has no unique key that begins with a or b')
      await db.query("INSERT INTO m VALUES ('x', 2, 21)")
      for (const way of WAYS) {
        await db.query("UPDATE src SET a = 'x'")
        const two = await db.copy('src', 'dst', { columns: columns(way) })
        expectRefusal(two, 1, 'LOOKUP_AMBIGUOUS', 'two values for the key "x", "2": "20" and "21"')
        expect(await db.value('SELECT COUNT(*) FROM dst')).to.equal('0')
      }
    }
  })

  it('are verified, and fixed', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE m (a VARCHAR(9), b INT, v INT, UNIQUE KEY (b, a)); INSERT INTO m VALUES ('x', 1, 10), ('x', 2, 20), ('y', 1, 30);
         CREATE TABLE src (id INT PRIMARY KEY, a VARCHAR(9), b INT); INSERT INTO src VALUES (1, 'x', 1), (2, 'x', 2), (3, 'y', 1), (4, 'y', NULL);
         CREATE TABLE dst (id INT PRIMARY KEY, v INT)`,
      )
      const params = { columns: columns() }
      const copied = await db.copy('src', 'dst', params)
      expect(copied.code, copied.stderr).to.equal(0)
      expect(copied.stderr).to.include('made in the worker: a, b looked up in source table m (a, b -> v)')
      const check = (...more: string[]) =>
        verify(db.url('src'), db.url('dst'), '--params', JSON.stringify(params), ...more)
      expectEqual(await check(), 4)
      await db.query('UPDATE dst SET v = 11 WHERE id > 2')
      expectDifferent(await check(), 0, 0, 2)
      await check('--repair')
      expect(await db.query('SELECT v FROM dst ORDER BY id')).to.deep.equal([['10'], ['20'], ['30'], [null]])
    }
  })

  it('look into SQLite too', async () => {
    const path = sqliteFile(
      `CREATE TABLE m (a TEXT COLLATE NOCASE, b INTEGER, v INTEGER); INSERT INTO m VALUES ('a', 1, 1), ('A', 1, 2), ('a ', 9223372036854775807, 3), (NULL, 1, 4);
       CREATE TABLE src (id INTEGER PRIMARY KEY, a TEXT, b INTEGER); INSERT INTO src SELECT v, a, b FROM m;
       CREATE TABLE dst (id INTEGER PRIMARY KEY, v INTEGER)`,
    )
    for (const way of WAYS) {
      sqliteRows(path, 'DELETE FROM dst RETURNING 1')
      const params = JSON.stringify({ columns: columns({ ...way, in: 'target' }) })
      const endpoints = ['--from', `sqlite:${path}?table=src`, '--to', `sqlite:${path}?table=dst`]
      const outcome = await runWithReport(['copy', ...endpoints, '--params', params])
      expect(outcome.code, outcome.stderr).to.equal(0)
      const rows = [1, 2, 3, 4].map((id) => [id, id === 4 ? null : id])
      expect(sqliteRows(path, 'SELECT * FROM dst ORDER BY id')).to.deep.equal(rows)
    }
  })

  it('that do not go together are named before anything is written', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE m (a VARCHAR(9), b DATE, v INT); CREATE TABLE src (id INT PRIMARY KEY, a VARCHAR(9), b INT); CREATE TABLE dst (id INT PRIMARY KEY, v INT, w INT, x INT, y INT)`,
      )
      const entry = (more: object) => ({ from: ['a', 'b'], to: 'v', lookup: lookup(), ...more })
      const wrong = (...entries: object[]) => db.copy('src', 'dst', { columns: ['id', ...entries] })
      expectRefusal(
        await wrong(
          entry({ lookup: lookup({ key: 'a' }) }),
          entry({ to: 'w', trim: true }),
          { from: ['a', 'b'], to: 'x' },
          { from: ['a', 'b'], lookup: lookup() },
        ),
        2,
        'PARAMS_INVALID',
        'columns[1]: "from" names 2 and "key" of "lookup" 1',
        'columns[2]: "trim" would change one value',
        'columns[3]: a list in "from" is for "lookup"',
        'columns[4]: "to" is missing',
      )
      expectRefusal(
        await wrong(entry({ from: ['a', 'nope'] }), entry({ to: 'w' })),
        2,
        'PARAMS_INVALID',
        'columns[1]: source src has no column "nope"',
      )
      expectRefusal(
        await wrong(entry({})),
        2,
        'PARAMS_INVALID',
        'columns[1]: b cannot be looked up in m.b: keys are integers, texts or bytes, and b is date',
      )
    }
  })
})
