// The number of threads of a copy that nobody has chosen follows what is measured, and what servers refuse.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { createConnection } from 'mysql2/promise'
import type { RunReport } from '../../src/index.js'
import { oneServer, query, startCli } from '../support/context.js'
import { runWithReport, scratchFile, TestDatabase } from '../support/copying.js'

const CHANGED = /^began with ([2-4]) threads and ended with (\d)/

/** Reading a row takes a while that is not spent on a processor, so another thread helps however busy the machine is. */
const SLOW = { columns: ['*', { sql: 'SLEEP(0.004)', to: 'slept' }], read_batch: 50 }

function tables(rows: number): string {
  return `CREATE TABLE s (id INT PRIMARY KEY, v VARCHAR(20)); CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20), slept INT);
    INSERT INTO s WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 1000) SELECT i, CONCAT('v', i) FROM q;
    INSERT INTO s SELECT a.id + 1000 * b.id, a.v FROM s a JOIN s b WHERE b.id < ${rows / 1000}`
}

const COPIED = 'SELECT COUNT(*) FROM s JOIN t USING (id, v)'

function changeOf({ reasons }: RunReport): { readonly first: number; readonly last: number } {
  const reason = reasons.find((text) => CHANGED.test(text))
  expect(reason, reasons.join('\n')).not.to.equal(undefined)
  const [, first, last] = CHANGED.exec(reason!)!
  return { first: Number(first), last: Number(last) }
}

describe('a copy that may choose its threads', () => {
  it('takes more of them, and says so', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server, tables(4000))
      const { code, report, stderr } = await db.copy('s', 't', { ...SLOW, worker_num: undefined })
      expect(code, stderr).to.equal(0)
      expect(report).to.include({ rowsWritten: 4000, threadsGaveUp: null })
      const { first, last } = changeOf(report)
      expect(report.workerNum).to.equal(last)
      expect(report.busySeconds.length, 'a thread more at least').to.be.within(first + 1, 8)
      expect(stderr).to.match(/ \d threads/)
      expect(await db.value(COPIED)).to.equal('4000')
    }
  })

  it('stays with those that have connections', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server, tables(2000))
      const user = `few_${db.database}`.slice(-30)
      const { first } = await planned(db)
      // Its own two, and two for each thread.
      await query(
        server,
        `CREATE USER '${user}'@'%' IDENTIFIED BY 'secret' WITH MAX_USER_CONNECTIONS ${2 + 2 * first};
         GRANT ALL ON \`${db.database}\`.* TO '${user}'@'%'`,
      )
      try {
        const url = (table: string) => db.url(table).replace(/\/\/[^@]*@/, `//${user}:secret@`)
        const asked = ['--from', url('s'), '--to', url('t'), '--params', JSON.stringify(SLOW)]
        const { code, report, stderr } = await runWithReport(['copy', ...asked])
        expect(code, stderr).to.equal(0)
        expect(report).to.include({ rowsWritten: 2000, workerNum: first })
        expect(report.threadsGaveUp).to.match(new RegExp(`^went on with ${first} of ${first + 1} threads: `))
        expect(await db.value(COPIED)).to.equal('2000')
      } finally {
        await query(server, `DROP USER '${user}'@'%'`)
      }
    }
  })

  it('goes on with fewer when the target makes them wait for locks', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server, tables(1000))
      const file = scratchFile('json')
      const params = { ...SLOW, session: ['SET innodb_lock_wait_timeout = 1'] }
      const endpoints = ['--from', db.url('s'), '--to', db.url('t'), '--params', JSON.stringify(params)]
      const { host, port, user, password } = server
      const other = await createConnection({ host, port, user, password, database: db.database })
      try {
        await other.query('START TRANSACTION')
        await other.query("INSERT INTO t VALUES (75, 'mine', 0)")
        const child = startCli(['copy', ...endpoints, '--report', file, '--log-level', 'info'])
        const ended = once(child, 'exit') as Promise<[number | null]>
        let stderr = ''
        const retried = new Promise<void>((resolve) => {
          child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
            stderr += chunk
            if (stderr.includes('"retries":1')) resolve()
          })
        })
        await Promise.race([retried, ended])
        await other.query('ROLLBACK')
        const [code] = await ended
        expect(code, stderr).to.equal(0)
        const report = JSON.parse(readFileSync(file, 'utf8')) as RunReport
        expect(report.retryReasons).to.have.property('LOCK_CONFLICT')
        expect(changeOf(report).last).to.be.at.most(changeOf(report).first)
        expect(report.reasons.join('\n')).to.match(/the servers refused work \d time/)
        expect(await db.value(COPIED)).to.equal('1000')
      } finally {
        await other.end()
      }
    }
  })
})

async function planned(db: TestDatabase): Promise<{ readonly first: number }> {
  const { stderr, report } = await db.copy('s', 't', {
    where: 'FALSE',
    columns: ['*'],
    worker_num: undefined,
  })
  const first = /(\d) to 8 threads/.exec(stderr)?.[1]
  expect(report.error).to.equal(null)
  return { first: Number(first) }
}
