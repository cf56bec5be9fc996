// Transforms between databases of different kinds, and of cells that lookups and ids make.
import { writeFileSync } from 'node:fs'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { servers } from '../support/context.js'
import { TestDatabase, runWithReport, scratchFile } from '../support/copying.js'
import { sqliteFile, sqliteRows } from '../support/sqlite.js'

function moduleOf(text: string): string {
  const file = scratchFile('mjs')
  writeFileSync(file, text)
  return file
}

function copy(from: string, to: string, params: object) {
  return runWithReport(['copy', '--from', from, '--to', to, '--params', JSON.stringify(params)])
}

describe('transforms of other pairs', () => {
  it('keep what stands in SQLite, of whatever type', async () => {
    const table =
      'CREATE TABLE t (id INTEGER PRIMARY KEY, i INTEGER, r REAL, x TEXT, b BLOB, n NUMERIC, d DATE, u)'
    const from =
      sqliteFile(`${table}; INSERT INTO t VALUES (1, 9223372036854775807, 1e300, 'tab' || char(9) || '中😀', x'00090a5cff', 1.5, '2026-11-21', 'any'),
      (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL), (-9223372036854775808, 0, 0.1, '\\N', x'5c', 12345678901234, '2026-01-01', '0.1')`)
    for (const text of [
      'export default (row) => ({ ...row })',
      'export const batch = (rows) => [...rows].reverse()',
    ]) {
      const to = sqliteFile(table)
      const outcome = await copy(`sqlite:${from}?table=t`, `sqlite:${to}?table=t`, {
        transform: moduleOf(text),
      })
      expect(outcome.code, outcome.stderr).to.equal(0)
      const rows =
        'SELECT CAST(id AS TEXT), typeof(i), CAST(i AS TEXT), typeof(r), r, hex(x), hex(b), typeof(n), n, typeof(d), d, typeof(u), u FROM t ORDER BY id'
      expect(sqliteRows(to, rows)).to.deep.equal(sqliteRows(from, rows))
    }
  })

  it('go from server to SQLite and back', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE s (id INT PRIMARY KEY, big BIGINT UNSIGNED, amount DECIMAL(30,10), x DOUBLE, name VARCHAR(40), raw VARBINARY(10), at DATETIME(6));
         INSERT INTO s VALUES (1, 9223372036854775807, 12345678901234567890.0123456789, 0.1, '中😀\\t', x'00095cff', '2026-11-21 10:00:00.000001'), (2, NULL, NULL, NULL, NULL, NULL, NULL);
         CREATE TABLE t LIKE s`,
      )
      const file = sqliteFile(
        'CREATE TABLE t (id INTEGER PRIMARY KEY, big INTEGER, amount TEXT, x REAL, name TEXT, raw BLOB, at DATETIME)',
      )
      const transform = moduleOf('export default ({ ...row }) => row')
      const there = await copy(db.url('s'), `sqlite:${file}?table=t`, { transform })
      expect(there.code, there.stderr).to.equal(0)
      const back = await copy(`sqlite:${file}?table=t`, db.url('t'), { transform })
      expect(back.code, back.stderr).to.equal(0)
      await db.expectEqual('s', 't')
    }
  })

  it('get what lookups and ids have made', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE m (k INT PRIMARY KEY, v BIGINT); INSERT INTO m VALUES (0, 1000), (1, 1001), (2, 1002);
         CREATE TABLE s (id INT PRIMARY KEY, k INT NOT NULL, secret INT);
         INSERT INTO s WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 1000) SELECT i, i % 4, i FROM q;
         CREATE TABLE t (new_id BIGINT PRIMARY KEY, old INT, found BIGINT, label VARCHAR(40))`,
      )
      const columns = [
        { to: 'new_id', id: 'snowflake' },
        { from: 'id', to: 'old' },
        {
          from: 'k',
          to: 'found',
          lookup: { in: 'source', table: 'm', key: 'k', value: 'v', missing: 'skip' },
        },
        { from: 'secret', to: 'hidden' },
      ]
      const transform = moduleOf(`export const columns = ['label']
        export default (row) => {
          if (row.old === 503 || row.old === 501) throw new Error('no')
          return { ...row, label: [typeof row.new_id, typeof row.found, row.hidden].join() }
        }`)
      const params = { columns, transform, error_limit: 2, dirty_file: scratchFile('tsv') }
      const outcome = await copy(db.url('s'), db.url('t'), params)
      expect(outcome.code, outcome.stderr).to.equal(0)
      // 503 has no key that is found, so only 501 comes to the function.
      expect(outcome.report).to.include({
        rowsFiltered: 250,
        rowsWritten: 749,
        dirtyRows: 1,
        lookupMisses: 250,
      })
      expect(
        await db.value(
          `SELECT COUNT(DISTINCT new_id) FROM t JOIN s ON s.id = old WHERE found = 1000 + s.k AND label = CONCAT('bigint,bigint,', old)`,
        ),
      ).to.equal('749')
    }
  })
})
