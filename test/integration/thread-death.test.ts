// A worker thread that dies is replaced, and its splits are done again, by what their checkpoints say; where that is not safe, the run ends, at once
// and with an error that says so.
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { RunReport } from '../../src/index.js'
import { connect } from '../support/client.js'
import { oneServer, ready, server, servers, startCli } from '../support/context.js'
import type { Outcome } from '../support/copying.js'
import { runWithReport, TestDatabase, scratchFile } from '../support/copying.js'
import type { TestServer } from '../support/servers.js'
import { until } from '../support/until.js'

const ROWS = 4000
const SPLIT = 500
/** One of each split but the first two. */
const LOCKED = `id % ${SPLIT} = 200 AND id > ${2 * SPLIT}`
const DEFINITION = 'id INT PRIMARY KEY, v VARCHAR(1000)'
const KEYLESS = 'id INT NOT NULL, v VARCHAR(1000)'
const PARAMS = { worker_num: 2, read_batch: SPLIT, retry: { attempts: 20, max_wait: 1 } }

/** With a row in the target, unless that has no key. */
async function tablesOn(on: TestServer, target = DEFINITION): Promise<TestDatabase> {
  const db = await TestDatabase.create(on, `CREATE TABLE s (${DEFINITION}); CREATE TABLE t (${target})`)
  const rows =
    on.kind === 'postgres'
      ? `SELECT i, repeat('x', 400) FROM generate_series(1, ${ROWS}) AS q (i)`
      : `WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 1000)
           SELECT a.i + 1000 * (b.i - 1), REPEAT('x', 400) FROM q a JOIN q b ON b.i <= ${ROWS / 1000}`
  await db.query(`INSERT INTO s ${rows}`)
  await db.query(on.kind === 'postgres' ? 'ANALYZE s' : 'ANALYZE TABLE s')
  return db
}

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

/** How many sessions wait for a lock. */
const WAITING = {
  mysql: "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'",
  postgres: `SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
}

/** While both threads wait for a lock, one of them dies, or both do. */
async function deadRun(
  db: TestDatabase,
  whose: 'one' | 'all',
  params: object,
): Promise<{ code: number | null; stderr: string; report: RunReport }> {
  const { host, port, user, password } = db.server
  await db.query(`INSERT INTO t (id, v) SELECT id, 'old' FROM s WHERE ${LOCKED}`)
  const holder = await connect(db.server.kind, { host, port, user, password, database: db.database })
  await holder.query('START TRANSACTION')
  await holder.query(`UPDATE t SET v = 'locked'`)
  const [flag, file] = [scratchFile('flag'), scratchFile('json')]
  const all = { ...PARAMS, write_mode: 'upsert', ...params }
  const args = ['copy', '--from', db.url('s'), '--to', db.url('t'), '--params', JSON.stringify(all)]
  const child = startCli([...args, '--report', file], { env: { NODE_OPTIONS: deadly(flag, whose) } })
  child.stdout.resume()
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const exit = once(child, 'exit') as Promise<[number | null]>
  try {
    const waiting = WAITING[db.server.kind === 'postgres' ? 'postgres' : 'mysql']
    await until('both threads to wait', async () => {
      // MySQL shows the same transactions again to whoever asks within 0.1 s.
      await setTimeout(150)
      return (await db.value(waiting)) === '2'
    })
    writeFileSync(flag, '')
    if (whose === 'one') {
      await until('a thread to die', () => existsSync(`${flag}.seen`))
      await holder.query('ROLLBACK')
    }
    const [code] = await exit
    return { code, stderr, report: JSON.parse(readFileSync(file, 'utf8')) as RunReport }
  } finally {
    child.kill('SIGKILL')
    await holder.end()
  }
}

function expectThreadLost({ code, stderr, report }: Awaited<ReturnType<typeof deadRun>>): void {
  expect(code, stderr).to.equal(1)
  expect(report.error).to.include({ code: 'THREAD_LOST' })
  // Which of the two notices of its end comes first is up to Node.
  expect(report.error!.message).to.match(/^A worker thread ended: /)
}

/** Copies through a module that may end its thread. */
function transformed(db: TestDatabase, code: string, params: object = {}, env = {}): Promise<Outcome> {
  const file = scratchFile('mjs')
  writeFileSync(file, code)
  const all = JSON.stringify({ ...PARAMS, transform: file, ...params })
  return runWithReport(['copy', '--from', db.url('s'), '--to', db.url('t'), '--params', all], env)
}

/** JavaScript: true in one call of one thread only. */
function onlyOnce(flag: string): string {
  return `(() => { try { return writeFileSync(${JSON.stringify(flag)}, '', { flag: 'wx' }) === undefined } catch { return false } })()`
}

async function expectCopied(db: TestDatabase, { code, stderr, report }: Outcome, reason: string) {
  expect(code, stderr).to.equal(0)
  expect(Object.keys(report.retryReasons), stderr).to.deep.equal([reason])
  expect(report).to.include({ rowsRead: ROWS, rowsWritten: ROWS })
  await db.expectEqual('s', 't')
  expect(await db.value('SELECT COUNT(*) FROM rowshift_checkpoint')).to.equal('0')
}

describe('a worker thread that dies', () => {
  it('is replaced, and its splits are done again', async () => {
    await Promise.all(
      [...servers(), server('postgres')].map(async (on) => {
        await ready(on)
        const db = await tablesOn(on)
        const { code, stderr, report } = await deadRun(db, 'one', {})
        expect(code, stderr).to.equal(0)
        // Its session may still hold the lock.
        expect(report.retryReasons).to.include.keys('THREAD_LOST')
        expect(report).to.include({ rowsRead: ROWS, rowsWritten: ROWS })
        await db.expectEqual('s', 't')
      }),
    )
  })

  it('is not replaced in a snapshot, where a new one would see another moment, nor where ids have its number', async () => {
    const [on] = oneServer()
    const db = await tablesOn(on!)
    expectThreadLost(await deadRun(db, 'one', { consistency: 'snapshot' }))
    const numbered = await tablesOn(on!, 'id INT PRIMARY KEY, v VARCHAR(1000), n BIGINT DEFAULT 0')
    const columns = ['id', 'v', { to: 'n', id: 'snowflake' }]
    expectThreadLost(await deadRun(numbered, 'one', { columns }))
  })

  it('ends the run when all others die too, and those that would take their place', async () => {
    const [on] = oneServer()
    expectThreadLost(await deadRun(await tablesOn(on!), 'all', {}))
  })
})

describe('a transform that ends its thread', () => {
  const FS = "import { writeFileSync } from 'node:fs'\n"

  it('is called again in another one, where no row is there twice', async () => {
    await Promise.all(
      [...servers(), server('postgres')].map(async (on) => {
        await ready(on)
        // Without a key, so that rows could be there twice.
        const db = await tablesOn(on, KEYLESS)
        const flag = scratchFile('flag')
        const outcome = await transformed(
          db,
          `${FS}export default (row) => { if (row.id === 2321 && ${onlyOnce(flag)}) process.exit(3); return row }`,
        )
        await expectCopied(db, outcome, 'TRANSFORM_FAILED')
      }),
    )
  })

  it('is called again when it has not come back', async () => {
    const [on] = oneServer()
    const db = await tablesOn(on!, KEYLESS)
    const flag = scratchFile('flag')
    const outcome = await transformed(
      db,
      `${FS}export default (row) => { if (row.id === 2321 && ${onlyOnce(flag)}) for (;;); return row }`,
      { transform_timeout: 1 },
    )
    await expectCopied(db, outcome, 'TRANSFORM_TIMEOUT')
  })

  it('may run out of memory', async () => {
    const [on] = oneServer()
    const db = await tablesOn(on!, KEYLESS)
    // All rows would take 320 MB, and two splits take 80.
    const outcome = await transformed(
      db,
      'const kept = []\nexport default (row) => { kept.push(new Array(10_000).fill(row.id)); return row }',
      { worker_num: 1 },
      { NODE_OPTIONS: '--max-old-space-size=250' },
    )
    await expectCopied(db, outcome, 'TRANSFORM_FAILED')
  })

  it('ends the run when it does so at the same row again', async () => {
    const [on] = oneServer()
    const db = await tablesOn(on!)
    const { code, stderr, report } = await transformed(
      db,
      'export default (row) => { if (row.id === 2321) process.exit(3); return row }',
    )
    expect(code, stderr).to.equal(1)
    expect(report.error).to.include({ code: 'TRANSFORM_FAILED' })
    // Of all splits that were in hand, once.
    expect(report.error!.message.split('at the row with id = "2321"')).to.have.length(2)
    expect(report.error!.message).to.include('rowshift resume')
    expect(report.retryReasons).to.deep.equal({ TRANSFORM_FAILED: report.retries })
  })
})
