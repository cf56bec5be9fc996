// Splits that lose against another's lock are run again.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { createConnection } from 'mysql2/promise'
import type { RunReport, VerifyReport } from '../../src/index.js'
import { oneServer, servers, startCli } from '../support/context.js'
import { expectRefusal, TestDatabase, scratchFile } from '../support/copying.js'

const SHORT_WAIT = { session: ['SET innodb_lock_wait_timeout = 1'] }

/** 100 rows in both tables, all different; the target refuses row 7. */
async function tables(db: TestDatabase): Promise<void> {
  await db.query(
    `CREATE TABLE s (id INT PRIMARY KEY, n INT); CREATE TABLE t (id INT PRIMARY KEY, n INT, CHECK (n <> 7));
     INSERT INTO s WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 100) SELECT i, i FROM q;
     INSERT INTO t SELECT id, -n FROM s`,
  )
}

/** Starts a command; `retried` resolves when it says that something is run again. */
function startWatched(args: readonly string[]) {
  const child = startCli([...args])
  const ended = once(child, 'exit') as Promise<[number | null]>
  let stderr = ''
  const retried = new Promise<void>((resolve) => {
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk
      if (stderr.includes('"retries":1')) resolve()
    })
  })
  return { ended, retried }
}

/** Locks the last row of the target as long as `work` takes. */
async function whileLocked(db: TestDatabase, work: () => Promise<void>): Promise<void> {
  const { host, port, user, password } = db.server
  const connection = await createConnection({ host, port, user, password, database: db.database })
  try {
    await connection.query('START TRANSACTION')
    await connection.query('UPDATE t SET n = -1000 WHERE id = 100')
    await work()
    await connection.query('ROLLBACK')
  } finally {
    await connection.end()
  }
}

describe('a repair that meets a lock', () => {
  it('is run again', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server)
      await tables(db)
      await db.query('INSERT INTO t VALUES (101, 0)')
      const report_file = scratchFile('json')
      const params = JSON.stringify({ ...SHORT_WAIT, where: 'id > 50' })
      const endpoints = ['--from', db.url('s'), '--to', db.url('t'), '--params', params]
      const args = ['verify', ...endpoints, '--repair', '--report', report_file, '--log-level', 'warn']
      const { ended, retried } = startWatched(args)
      await whileLocked(db, async () => {
        await Promise.race([retried, ended])
      })
      const [code] = await ended
      const report = JSON.parse(readFileSync(report_file, 'utf8')) as VerifyReport
      expect(code, JSON.stringify(report.error)).to.equal(0)
      expect(report).to.include({ rowsWritten: 50, rowsDeleted: 1 })
      expect(report.retries).to.be.within(1, 5)
      expect(await db.value('SELECT COUNT(*) FROM s JOIN t USING (id, n)')).to.equal('50')
    }
  })
})

describe('a split that meets a lock', () => {
  it('is run again, and leaves what was refused once only', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server)
      await tables(db)
      const dirty_file = scratchFile('tsv')
      const report_file = scratchFile('json')
      const params = { ...SHORT_WAIT, write_mode: 'upsert', error_limit: 1, dirty_file }
      const endpoints = ['--from', db.url('s'), '--to', db.url('t')]
      const args = ['copy', ...endpoints, '--params', JSON.stringify(params), '--report', report_file]
      const { ended, retried } = startWatched([...args, '--log-level', 'warn'])
      await whileLocked(db, async () => {
        await Promise.race([retried, ended])
      })
      const [code] = await ended
      const report = JSON.parse(readFileSync(report_file, 'utf8')) as RunReport
      expect(code, JSON.stringify(report.error)).to.equal(0)
      expect(report).to.include({ rowsRead: 100, rowsWritten: 99, rowsChanged: 99, dirtyRows: 1 })
      expect(report.retries).to.be.within(1, 5)
      expect(readFileSync(dirty_file, 'utf8')).to.match(/^7\t7\tDATA_REJECTED\t[^\n]*\n$/)
      expect(await db.value('SELECT COUNT(*) FROM s JOIN t USING (id, n)')).to.equal('99')
    }
  })

  it('fails after five more tries', async () => {
    await Promise.all(
      servers().map(async (server) => {
        const db = await TestDatabase.create(server)
        await tables(db)
        await whileLocked(db, async () => {
          const outcome = await db.copy('s', 't', {
            ...SHORT_WAIT,
            write_mode: 'upsert',
            where: 'id > 50',
          })
          expectRefusal(outcome, 1, 'LOCK_CONFLICT', '1205', 'table t')
          expect(outcome.report).to.include({ status: 'failed', retries: 5, rowsWritten: 0 })
        })
        expect(await db.value('SELECT COUNT(*) FROM t WHERE n = -id')).to.equal('100')
      }),
    )
  })
})
