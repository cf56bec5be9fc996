// A repair does what a copy may do: it creates tables, makes ids and moves rows; what it cannot do is refused before it begins.
import { existsSync } from 'node:fs'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { oneServer } from '../support/context.js'
import { expectRefusal, TestDatabase, scratchFile } from '../support/copying.js'
import type { Verified } from '../support/verifying.js'
import { expectEqual, verify } from '../support/verifying.js'

const CREATE = { schema_save_mode: 'create_when_not_exist', worker_num: 2 }
const MONTHS = { by: 'd', date: 'yyyyMM' }

async function sourceAt(db: TestDatabase): Promise<void> {
  await db.query(
    `CREATE TABLE s (id INT PRIMARY KEY, u INT NOT NULL, d DATE, v INT);
     INSERT INTO s VALUES (1, 0, '2024-01-05', 1), (2, 1, '2024-01-06', 2), (3, 0, '2024-02-05', 3), (4, 1, '2024-02-09', 4)`,
  )
}

function looking(from: string, to: string, params: object, ...more: string[]): Promise<Verified> {
  return verify(from, to, '--params', JSON.stringify(params), ...more)
}

/** Repairs, sees that both ends are equal afterwards, and that a second look agrees. */
async function expectRepaired(
  from: string,
  to: string,
  params: object,
  expected: { readonly written: number; readonly deleted: number; readonly rows: number },
): Promise<Verified> {
  const repaired = await looking(from, to, params, '--repair')
  expect(repaired.code, repaired.stderr + repaired.stdout).to.equal(0)
  expect(repaired.report).to.include({ rowsWritten: expected.written, rowsDeleted: expected.deleted })
  expectEqual(await looking(from, to, params), expected.rows)
  return repaired
}

describe('repair', () => {
  it('moves a row to another shard when its id is new too, and replaces one whose key is its id', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server)
      await sourceAt(db)
      await db.query(
        `CREATE TABLE t_0 (id BIGINT PRIMARY KEY, old INT NOT NULL, u INT, UNIQUE KEY (old)); CREATE TABLE t_1 LIKE t_0;
         CREATE TABLE n_0 (id BIGINT PRIMARY KEY, old INT NOT NULL, u INT); CREATE TABLE n_1 LIKE n_0; CREATE TABLE one LIKE n_0`,
      )
      const paramsFor = (table: string, type: string, shard: object | null) => ({
        ...CREATE,
        columns: [{ from: 'id', to: 'id', id: { type, map: { table } } }, { from: 'id', to: 'old' }, 'u'],
        ...(shard === null ? {} : { shard }),
      })
      const byUser = paramsFor('m', 'snowflake', { by: 'u', hash: 'modulo' })
      const byId = paramsFor('m_n', 'sequence', { by: 'id', hash: 'modulo' })
      const single = paramsFor('m_one', 'snowflake', null)
      const [s, t, n, one] = ['s', 't_{0..1}', 'n_{0..1}', 'one'].map((table) => db.url(table)) as [
        string,
        string,
        string,
        string,
      ]
      // Their maps do not exist either.
      const all = { written: 4, deleted: 0, rows: 4 }
      await expectRepaired(s, t, byUser, all)
      await expectRepaired(s, n, byId, all)
      await expectRepaired(s, one, single, all)
      await db.query(
        `UPDATE s SET u = 1 WHERE id = 1; DELETE FROM m WHERE old_id = 1;
         DELETE FROM m_n WHERE old_id = 2; DELETE FROM m_one WHERE old_id = 2`,
      )
      const moved = { written: 1, deleted: 1, rows: 4 }
      await expectRepaired(s, t, byUser, moved)
      // Row 1 differs in u as well.
      await expectRepaired(s, n, byId, { ...moved, written: 2 })
      await expectRepaired(s, one, single, { ...moved, written: 2 })
      expect(await db.query('SELECT old FROM t_0 UNION ALL SELECT old FROM t_1')).to.have.length(4)
      expect(await db.value('SELECT COUNT(*) FROM t_0 WHERE old = 1')).to.equal('0')
      expect(await db.value('SELECT COUNT(*) FROM one')).to.equal('4')
    }
  })

  it('creates the tables that a copy would: of months, shards, one, and in several databases', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server)
      const other = await TestDatabase.create(server)
      await sourceAt(db)
      const source = db.url('s')
      const both = `${server.url}/{${db.database},${other.database}}?table=l_{yyyyMM}`
      const params = { ...CREATE, shard: { database: { sql: 'u' }, table: MONTHS } }
      const all = { written: 4, deleted: 0, rows: 4 }
      await expectRepaired(source, both, params, all)
      await db.query(
        "INSERT INTO s VALUES (5, 1, '2024-03-01', 5); UPDATE s SET d = '2024-04-01' WHERE id = 3",
      )
      await expectRepaired(source, both, params, { written: 2, deleted: 1, rows: 5 })
      expect(await other.query('SELECT * FROM l_202403')).to.deep.equal([['5', '1', '2024-03-01', '5']])
      expect(await db.query('SELECT id FROM l_202404')).to.deep.equal([['3']])

      const shards = { ...CREATE, shard: { by: 'id', hash: 'modulo' } }
      await db.query('CREATE TABLE h_1 LIKE s; INSERT INTO h_1 VALUES (9, 9, NULL, 9), (1, 0, NULL, 1)')
      await expectRepaired(source, db.url('h_{0..2}'), shards, { written: 5, deleted: 1, rows: 5 })
      // One database, but found by a pattern.
      const last = db.database.at(-1)!
      const one = `${server.url}/${db.database.slice(0, -1)}{${last}..${last}}?table=p_{0..1}`
      await expectRepaired(source, one, shards, { written: 5, deleted: 0, rows: 5 })
      await expectRepaired(source, db.url('whole'), CREATE, { written: 5, deleted: 0, rows: 5 })
      const empty = await db.copy('s', 'nothing', { ...CREATE, mode: 'sync', where: 'id < 0' })
      expect(empty.code, empty.stderr).to.equal(0)
      expect(await db.query('SELECT * FROM nothing')).to.deep.equal([])

      const file = scratchFile('db')
      await expectRepaired(source, `sqlite:${file}?table=whole`, CREATE, { written: 5, deleted: 0, rows: 5 })
      const dates = { ...CREATE, shard: MONTHS }
      await expectRepaired(source, `sqlite:${scratchFile('db')}?table=l_{yyyyMM}`, dates, {
        ...all,
        written: 5,
        rows: 5,
      })
      // Its unique keys have other names there.
      await expectRepaired(`sqlite:${file}?table=whole`, db.url('back'), CREATE, {
        written: 5,
        deleted: 0,
        rows: 5,
      })
    }
  })

  it('refuses what it cannot write before it changes anything', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server)
      await sourceAt(db)
      await db.query(
        "CREATE TABLE l_202401 LIKE s; INSERT INTO l_202401 VALUES (1, 0, '2024-01-05', 99), (7, 1, '2024-01-01', 0)",
      )
      const tables = async () => (await db.query('SHOW TABLES')).map(([name]) => name)
      const before = [await db.query('SELECT * FROM l_202401'), await tables()]
      const months = db.url('l_{yyyyMM}')
      const repair = (params: object) => looking(db.url('s'), months, params, '--repair')
      const mayNot = await repair({ shard: MONTHS, worker_num: 2 })
      expectRefusal(mayNot, 1, 'SHARD_UNKNOWN', 'there is no table l_202402', 'Nothing was changed')
      const deletes = await repair({ ...CREATE, shard: MONTHS, max_delete: 0 })
      expectRefusal(deletes, 1, 'DELETES_REFUSED', 'or in the wrong shard', 'Nothing was changed')
      await db.query('INSERT INTO s VALUES (8, 1, NULL, 8)')
      expectRefusal(
        await repair({ ...CREATE, shard: MONTHS }),
        1,
        'SHARD_UNKNOWN',
        'd = NULL',
        'Nothing was changed',
      )
      expect([await db.query('SELECT * FROM l_202401'), await tables()]).to.deep.equal(before)

      const file = scratchFile('db')
      const missing = await looking(db.url('s'), `sqlite:${file}?table=t`, {}, '--repair')
      expectRefusal(missing, 2, 'TABLE_NOT_FOUND', 'schema_save_mode')
      expect(existsSync(file)).to.equal(false)
      const transformed = await repair({ ...CREATE, shard: MONTHS, transform: './none.mjs' })
      expectRefusal(transformed, 2, 'PARAMS_INVALID', 'cannot be repeated')
    }
  })
})
