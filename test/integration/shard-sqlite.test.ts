// Sharded targets and many sources in SQLite files, by the program itself.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { runWithReport, scratchFile } from '../support/copying.js'
import { Database } from '../support/database.js'
import { expectEqual, verify } from '../support/verifying.js'

function filled(rows: number): string {
  const path = scratchFile('db')
  const database = new Database(path)
  database.exec('CREATE TABLE s (id INTEGER PRIMARY KEY, user_no TEXT NOT NULL, at DATETIME)')
  const insert = database.prepare('INSERT INTO s VALUES (?, ?, ?)')
  for (let i = 1; i <= rows; i++)
    insert.run(i, `u${i}`, `2024-${String((i % 12) + 1).padStart(2, '0')}-01 00:00:00`)
  database.close()
  return path
}

function value(path: string, sql: string): unknown {
  const database = new Database(path, { readOnly: true })
  try {
    return database.value(sql)
  } finally {
    database.close()
  }
}

describe('sharded targets in SQLite', () => {
  const copy = (from: string, to: string, params: object) =>
    runWithReport(['copy', '--from', from, '--to', to, '--params', JSON.stringify(params)])
  const create = { schema_save_mode: 'create_when_not_exist', worker_num: 2, read_batch: 100 }

  it('are tables of one file, and of several', async () => {
    const from = filled(500)
    const to = scratchFile('db')
    const shard = { by: 'id', hash: 'modulo' }
    const url = `sqlite:${to}?table=t_{0..3}`
    const first = await copy(`sqlite:${from}?table=s`, url, { ...create, shard })
    expect(first.code, first.stderr).to.equal(0)
    for (const n of [0, 1, 2, 3]) {
      expect(value(to, `SELECT count(*) || '/' || sum(id % 4 = ${n}) FROM t_${n}`)).to.equal('125/125')
    }
    expectEqual(await verify(`sqlite:${from}?table=s`, url, '--params', JSON.stringify({ shard })), 500)
    const bySql = { shard: { sql: 'id % 4' } }
    const again = await copy(`sqlite:${from}?table=s`, url, { ...bySql, write_mode: 'upsert' })
    expect(again.report).to.include({ rowsWritten: 0, rowsUnchanged: 500 })
    expectEqual(await verify(`sqlite:${from}?table=s`, url, '--params', JSON.stringify(bySql)), 500)
    const files = to.replace('.db', '-{a,b}.db')
    const second = await copy(`sqlite:${from}?table=s`, `sqlite:${files}?table=t_{0..1}`, {
      ...create,
      shard,
    })
    expect(second.code, second.stderr).to.equal(0)
    expect(value(to.replace('.db', '-b.db'), 'SELECT count(*) FROM t_1 WHERE id % 4 = 3')).to.equal(125)
    const back = await copy(`sqlite:${files}?table=t_{0..1}`, `sqlite:${scratchFile('db')}?table=s`, create)
    expect(back.code, back.stderr).to.equal(0)
    expect(back.report.rowsWritten).to.equal(500)
  })

  it('are made by month, by threads that race', async () => {
    const from = filled(1200)
    const to = scratchFile('db')
    const shard = { by: 'at', date: 'yyyyMM' }
    const outcome = await copy(`sqlite:${from}?table=s`, `sqlite:${to}?table=log_{yyyyMM}`, {
      ...create,
      worker_num: 4,
      shard,
    })
    expect(outcome.code, outcome.stderr).to.equal(0)
    expect(outcome.report.shards).to.have.lengthOf(12)
    expect(value(to, "SELECT count(*) FROM log_202403 WHERE at LIKE '2024-03%'")).to.equal(100)
  })
})
