import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { RunReport } from '../../src/index.js'
import { oneServer, query, servers, startCli } from '../support/context.js'
import { TestDatabase, scratchFile } from '../support/copying.js'
import { until } from '../support/until.js'

const DIGITS = `(SELECT 0 d ${[1, 2, 3, 4, 5, 6, 7, 8, 9].map((d) => `UNION ALL SELECT ${d}`).join(' ')})`
const MANY = `CREATE TABLE src (id INT PRIMARY KEY, v VARCHAR(100)); CREATE TABLE dst LIKE src;
  INSERT INTO src SELECT a.d + b.d * 10 + c.d * 100 + e.d * 1000 + f.d * 10000, REPEAT('x', 100)
  FROM ${DIGITS} a JOIN ${DIGITS} b JOIN ${DIGITS} c JOIN ${DIGITS} e JOIN ${DIGITS} f`

describe('Ctrl-C', () => {
  for (const signal of ['SIGINT', 'SIGHUP'] as const) {
    it(`by ${signal} ends with 130, a report, closed connections and just the rows it reported`, async () => {
      for (const server of servers()) {
        const db = await TestDatabase.create(server, MANY)
        await db.query(
          'CREATE TRIGGER slow BEFORE INSERT ON dst FOR EACH ROW SET NEW.v = IF(NEW.id % 1000 = 0 AND SLEEP(0.05) = 0, NEW.v, NEW.v)',
        )
        const report = scratchFile('json')
        const params = JSON.stringify({ read_batch: 1000, worker_num: 3, allow_triggers: true })
        const child = startCli([
          'copy',
          '--from',
          db.url('src'),
          '--to',
          db.url('dst'),
          '--params',
          params,
          '--report',
          report,
        ])
        let stderr = ''
        child.stderr.on('data', (text: Buffer) => (stderr += text.toString()))
        child.stdout.resume()
        while ((await db.value('SELECT COUNT(*) FROM dst')) === '0') await sleep(50)
        const stopped = performance.now()
        child.kill(signal)
        if (signal === 'SIGHUP') {
          // A terminal that closes sends it by its shell and by the kernel.
          while (!stderr.includes('Stopping')) await sleep(10)
          child.kill(signal)
        }
        const [code] = (await once(child, 'exit')) as [number]
        expect(code, stderr).to.equal(130)
        expect(performance.now() - stopped).to.be.lessThan(10_000)
        expect(stderr)
          .to.include('[INTERRUPTED]')
          .and.not.to.match(/^\s+at .*:\d+/m)

        const { status, rowsWritten, error } = JSON.parse(readFileSync(report, 'utf8')) as RunReport
        expect(status).to.equal('interrupted')
        expect(error!.code).to.equal('INTERRUPTED')
        await noConnections(db)
        expect(await db.value('SELECT COUNT(*) FROM dst')).to.equal(String(rowsWritten))
        expect(rowsWritten).to.be.within(1000, 99_000)
      }
    })
  }

  it('leaves splits that are nearly stored the time to be committed', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server, MANY)
      // The last row of each split takes a while.
      await db.query(
        'CREATE TRIGGER slow BEFORE INSERT ON dst FOR EACH ROW SET NEW.v = IF(NEW.id % 1000 = 999 AND SLEEP(0.7) = 0, NEW.v, NEW.v)',
      )
      const report = scratchFile('json')
      const params = JSON.stringify({ read_batch: 1000, worker_num: 1, allow_triggers: true })
      const endpoints = ['--from', db.url('src'), '--to', db.url('dst')]
      const child = startCli(['copy', ...endpoints, '--params', params, '--report', report])
      child.stdout.resume()
      child.stderr.resume()
      await until('the first split', async () => (await db.value('SELECT COUNT(*) FROM dst')) !== '0')
      const before = Number(await db.value('SELECT COUNT(*) FROM dst'))
      child.kill('SIGINT')
      expect(await once(child, 'exit')).to.deep.equal([130, null])
      const { rowsWritten } = JSON.parse(readFileSync(report, 'utf8')) as RunReport
      expect(await db.value('SELECT COUNT(*) FROM dst')).to.equal(String(rowsWritten))
      expect(rowsWritten).to.be.within(before + 1000, before + 4000)
    }
  })
})

/** The server notices a closed connection when its statement ends. */
async function noConnections(db: TestDatabase): Promise<void> {
  const sql = `SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = '${db.database}' AND ID <> CONNECTION_ID()`
  for (let i = 0; i < 100; i++) {
    if ((await query(db.server, sql))[0]![0] === '0') return
    await sleep(100)
  }
  throw new Error('connections of the interrupted run are still open')
}
