// Tables that a run makes for shards that are missing.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { servers } from '../support/context.js'
import { TestDatabase } from '../support/copying.js'

describe('a sharded target', () => {
  it('makes missing tables like those that are there', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE s (id INT PRIMARY KEY, v INT, d DATETIME NOT NULL);
         INSERT INTO s VALUES (1, 1, '2024-01-01'), (2, 2, '2024-02-01');
         CREATE TABLE t_202401 (id INT PRIMARY KEY, val VARCHAR(20) COLLATE utf8mb4_bin, d DATETIME NOT NULL, src VARCHAR(10) NOT NULL, KEY (val));
         CREATE TABLE h_1 LIKE t_202401`,
      )
      const params = (shard: object) => ({
        columns: ['id', { from: 'v', to: 'val' }, 'd', { to: 'src', value: 'x' }],
        schema_save_mode: 'create_when_not_exist',
        shard,
      })
      const byMonth = await db.copy('s', 't_{yyyyMM}', params({ by: 'd', date: 'yyyyMM' }))
      expect(byMonth.report, byMonth.stderr).to.include({ rowsWritten: 2, error: null })
      expect(await db.query('SELECT id, val, src FROM t_202402')).to.deep.equal([['2', '2', 'x']])
      const hashed = await db.copy('s', 'h_{0..1}', params({ by: 'id', hash: 'modulo' }))
      expect(hashed.report, hashed.stderr).to.include({ rowsWritten: 2, error: null })
      const ddl = async (table: string) => (await db.query(`SHOW CREATE TABLE ${table}`))[0]![1]!
      for (const [made, model] of [
        ['t_202402', 't_202401'],
        ['h_0', 'h_1'],
      ] as const)
        expect((await ddl(made)).replaceAll(made, model)).to.equal(await ddl(model))
    }
  })
})
