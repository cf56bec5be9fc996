// A worker thread that dies ends the run, at once and with an error that says so; what it had in hand is not written a second time.
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { createConnection } from 'mysql2/promise'
import type { RunReport } from '../../src/index.js'
import { servers, startCli } from '../support/context.js'
import { TestDatabase, scratchFile } from '../support/copying.js'
import { until } from '../support/until.js'

const ROWS = 4000
const LOCKED = 700
const TABLES = `CREATE TABLE s (id INT PRIMARY KEY, v VARCHAR(1000)); CREATE TABLE t LIKE s;
  INSERT INTO s WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 1000)
    SELECT a.i + 1000 * (b.i - 1), REPEAT('x', 400) FROM q a JOIN q b ON b.i <= ${ROWS / 1000};
  INSERT INTO t VALUES (${LOCKED}, 'old')`

/** `one`: the first thread that sees the file dies; `all`: every thread does, those that begin later too. */
function deadly(flag: string, whose: 'one' | 'all'): string {
  const file = scratchFile('mjs')
  writeFileSync(
    file,
    `import { existsSync, renameSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'
const flag = ${JSON.stringify(flag)}
function die() {
  if (!existsSync(flag)) return
  try {
    ${whose === 'one' ? "renameSync(flag, flag + '.seen')" : ''}
  } catch {
    return
  }
  process.exit(7)
}
if (!isMainThread) {
  die()
  setInterval(die, 20).unref()
}`,
  )
  return `--import ${pathToFileURL(file).href}`
}

async function deadRun(db: TestDatabase, whose: 'one' | 'all', params: object): Promise<RunReport> {
  const { host, port, user, password } = db.server
  const holder = await createConnection({ host, port, user, password, database: db.database })
  await holder.query('START TRANSACTION')
  await holder.query(`UPDATE t SET v = 'locked' WHERE id = ${LOCKED}`)
  const [flag, file] = [scratchFile('flag'), scratchFile('json')]
  const all = { worker_num: 2, read_batch: 500, write_mode: 'upsert', ...params }
  const args = ['copy', '--from', db.url('s'), '--to', db.url('t'), '--params', JSON.stringify(all)]
  const child = startCli([...args, '--report', file], { env: { NODE_OPTIONS: deadly(flag, whose) } })
  child.stdout.resume()
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const exit = once(child, 'exit') as Promise<[number | null]>
  try {
    await until('rows', async () => Number(await db.value('SELECT COUNT(*) FROM t')) > 1)
    writeFileSync(flag, '')
    const [code] = await exit
    expect(code, stderr).to.equal(1)
    return JSON.parse(readFileSync(file, 'utf8')) as RunReport
  } finally {
    child.kill('SIGKILL')
    await holder.end()
  }
}

function expectThreadLost({ error, retries }: RunReport): void {
  expect(error).to.include({ code: 'THREAD_LOST' })
  // Which of the two notices of its end comes first is up to Node.
  expect(error!.message).to.match(/^A worker thread ended: /)
  expect(retries).to.equal(0)
}

describe('a worker thread that dies', () => {
  for (const consistency of ['split', 'snapshot']) {
    it(`ends the run (consistency: ${consistency})`, async () => {
      await Promise.all(
        servers().map(async (server) => {
          const db = await TestDatabase.create(server, TABLES)
          expectThreadLost(await deadRun(db, 'one', { consistency }))
        }),
      )
    })
  }

  it('ends the run when all others die too, and those that would take their place', async () => {
    await Promise.all(
      servers().map(async (server) => {
        const db = await TestDatabase.create(server, TABLES)
        expectThreadLost(await deadRun(db, 'all', {}))
      }),
    )
  })
})
