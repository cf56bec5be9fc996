// Indexes that come after the rows of a table that others use, change, or name in another way.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { connect } from '../support/client.js'
import { server, servers } from '../support/context.js'
import { TestDatabase } from '../support/copying.js'

const DEFER = { defer_indexes: true }

async function keys(db: TestDatabase, kind: string): Promise<string[]> {
  const rows = await db.query(
    kind === 'postgres'
      ? "SELECT indexname FROM pg_indexes WHERE tablename = 'dst'"
      : "SELECT DISTINCT INDEX_NAME FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'dst'",
  )
  return rows.map(([name]) => name!)
}

const remembered = (db: TestDatabase) => db.query("SELECT * FROM rowshift_checkpoint WHERE run_id = ''")

describe('defer_indexes, and a table', () => {
  it('that somebody else fills: the indexes stay, and nobody waits', async () => {
    for (const at of [...servers(), server('postgres')]) {
      const db = await TestDatabase.create(
        at,
        `CREATE TABLE src (id INT PRIMARY KEY, a INT); INSERT INTO src VALUES (1, 1);
         CREATE TABLE dst (id INT PRIMARY KEY, a INT); CREATE INDEX ka ON dst (a)`,
      )
      const { host, port, user, password } = at
      const other = await connect(at.kind, { host, port, user, password, database: db.database })
      try {
        await other.query('BEGIN')
        await other.query('INSERT INTO dst VALUES (7, 7)')
        const done = await db.copy('src', 'dst', DEFER)
        expect(done.code, done.stderr).to.equal(0)
        expect(done.report.reasons.join('\n')).to.include(
          'indexes of dst come with its rows: another session uses the table',
        )
        expect(await keys(db, at.kind)).to.include('ka')
        expect(await remembered(db)).to.deep.equal([])
      } finally {
        await other.end()
      }
    }
  })

  it('that cannot have an index any more: it is given up, and the others are added', async () => {
    for (const at of [...servers(), server('postgres')]) {
      const db = await TestDatabase.create(
        at,
        `CREATE TABLE src (id INT PRIMARY KEY, a INT, b INT); INSERT INTO src VALUES (1, 1, 1), (3, 3, 3);
         CREATE TABLE dst (id INT PRIMARY KEY, a INT, b INT, gone INT, CHECK (a < 3));
         CREATE INDEX ka ON dst (a); CREATE INDEX kgone ON dst (gone); CREATE INDEX kb ON dst (b)`,
      )
      const failed = await db.copy('src', 'dst', DEFER)
      expect(failed.code, failed.stderr).to.equal(1)
      await db.query('ALTER TABLE dst DROP COLUMN gone; DELETE FROM src WHERE id = 3')
      const next = await db.copy('src', 'dst', { post_sql: 'UPDATE @table SET b = 7' })
      expect(next.code, next.stderr).to.equal(0)
      expect(next.report.reasons.join('\n')).to.include('indexes that came after the last row: 2,')
      expect(next.report.warnings.join('\n')).to.match(/index kgone of .*dst, .* is given up: .*gone.*;/)
      expect(await db.query('SELECT b FROM dst')).to.deep.equal([['7']])
      expect(await keys(db, at.kind))
        .to.include.members(['ka', 'kb'])
        .and.not.include('kgone')
      expect(await remembered(db)).to.deep.equal([])
    }
  })

  it('that is named in another way by the next run, which adds them, or makes the table anew', async () => {
    const at = server('postgres')
    for (const params of [{ schema_save_mode: undefined }, { schema_save_mode: 'recreate' }]) {
      const db = await TestDatabase.create(
        at,
        `CREATE TABLE src (id INT PRIMARY KEY, a INT); INSERT INTO src VALUES (1, 1), (3, 3);
         CREATE TABLE dst (id INT PRIMARY KEY, a INT, CHECK (a < 3)); CREATE INDEX ka ON dst (a)`,
      )
      const failed = await db.copy('src', 'dst', DEFER)
      expect(failed.code, failed.stderr).to.equal(1)
      await db.query('DELETE FROM src WHERE id = 3')
      const next = await db.copy('src', 'public.dst', params)
      expect(next.code, next.stderr).to.equal(0)
      expect((await keys(db, at.kind)).includes('ka')).to.equal(params.schema_save_mode === undefined)
      expect(await remembered(db)).to.deep.equal([])
    }
  })
})
