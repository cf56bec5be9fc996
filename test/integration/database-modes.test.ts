// Incremental modes and sync of all tables of a database, and the tables that they are not made for.
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { DatabaseReport } from '../../src/features/database/report.js'
import { runCli, servers } from '../support/context.js'
import { scratchFile, TestDatabase } from '../support/copying.js'

const TABLES = `
  CREATE TABLE account (id INT PRIMARY KEY, v INT, update_time DATETIME(3) NOT NULL);
  INSERT INTO account VALUES (1, 1, '2024-01-01'), (2, 2, '2024-01-02');
  CREATE TABLE log (id INT PRIMARY KEY, what VARCHAR(20)); INSERT INTO log VALUES (1, 'a'), (2, 'b');
  CREATE TABLE heap (v INT); INSERT INTO heap VALUES (1), (1)`

interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  readonly report: DatabaseReport
}

async function pairs() {
  return Promise.all(
    servers().map(async (server) => {
      const [from, to] = await Promise.all([TestDatabase.create(server, TABLES), TestDatabase.create(server)])
      const copy = async (...options: string[]): Promise<Outcome> => {
        const file = scratchFile('json')
        const args = ['copy', '--from', from.wholeUrl, '--to', to.wholeUrl, ...options, '--report', file]
        const result = await runCli(args)
        return { ...result, report: JSON.parse(readFileSync(file, 'utf8')) as DatabaseReport }
      }
      // A column that only some tables have is no obstacle to a full copy.
      const first = await copy('--create', '--param', 'diff_column=update_time')
      expect(first.code, first.stderr).to.equal(0)
      expect(first.report.rowsWritten).to.equal(6)
      return { from, to, copy }
    }),
  )
}

function rows({ report }: Outcome): Record<string, number> {
  return Object.fromEntries(report.tables.map(({ table, rows: written }) => [table, written]))
}

describe('modes of a copy of a database', () => {
  it('name the tables that they are not made for, and leave them out where that is asked for', async () => {
    for (const { from, to, copy } of await pairs()) {
      await from.query(`UPDATE account SET v = 9, update_time = '2024-02-01' WHERE id = 1;
        INSERT INTO log VALUES (3, 'c')`)
      const increment = ['--param', 'mode=increment', '--param', 'diff_column=update_time']
      const refused = await copy(...increment)
      expect(refused.code, refused.stderr).to.equal(2)
      expect(refused.stderr)
        .to.contain('mode "increment" is not possible for 2 tables')
        .and.contain("--exclude 'heap,log'")
      expect(await to.value('SELECT v FROM account WHERE id = 1')).to.equal('1')
      const left = await copy(...increment, '--on-table-error', 'continue')
      expect(left.code, left.stderr).to.equal(0)
      expect(rows(left)).to.deep.equal({ account: 1 })
      const reasons = left.report.leftOut.filter(({ reason }) => reason.startsWith('not possible in mode'))
      expect(reasons.map(({ table }) => table)).to.deep.equal(['heap', 'log'])
      const none = await copy(...increment, '--on-table-error', 'continue', '--tables', 'log')
      expect(none.code, none.stderr).to.equal(2)
      expect(none.stderr).to.contain('No table can be copied in mode "increment"')
      const append = await copy('--param', 'mode=append', '--exclude', 'heap', '--from-target')
      expect(append.code, append.stderr).to.equal(0)
      expect(rows(append)).to.deep.equal({ account: 0, log: 1 })
      expect(append.report.tables.map(({ run }) => run!.rowsRead)).to.deep.equal([0, 1])
      // A table without rows would pass for one whose earlier rows are there.
      await to.query('DROP TABLE log')
      const failing = ['--create', '--param', 'mode=append', '--param', 'pre_sql=["DELETE FROM nowhere"]']
      const failed = await copy(...failing, '--exclude', 'heap')
      expect(failed.code, failed.stderr).to.equal(1)
      expect(await to.query("SHOW TABLES LIKE 'log'")).to.deep.equal([])
    }
  })

  it('sync compares each table and writes what differs', async () => {
    for (const { to, copy } of await pairs()) {
      await to.query("UPDATE account SET v = 7; DELETE FROM log; INSERT INTO log VALUES (5, 'x')")
      const refused = await copy('--param', 'mode=sync')
      expect(refused.code, refused.stderr).to.equal(2)
      expect(refused.report.error!.code).to.equal('KEY_REQUIRED')
      expect(await to.value('SELECT MAX(v) FROM account')).to.equal('7')
      // A column that only some tables have is no obstacle here either.
      const options = ['--param', 'mode=sync', '--param', 'diff_column=update_time', '--exclude', 'heap']
      const synced = await copy(...options)
      expect(synced.code, synced.stderr).to.equal(0)
      expect(rows(synced)).to.deep.equal({ account: 2, log: 2 })
      expect(synced.report.tables[1]!.run!.rowsDeleted).to.equal(1)
      const again = await copy('--param', 'mode=sync', '--exclude', 'heap')
      expect(rows(again)).to.deep.equal({ account: 0, log: 0 })
    }
  })
})
