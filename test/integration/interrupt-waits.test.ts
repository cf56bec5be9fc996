// Ctrl-C does not wait for what a server waits for, and the server does not go on with it either.
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { createConnection, type Connection } from 'mysql2/promise'
import { describe, it } from 'mocha'
import { servers, startCli } from '../support/context.js'
import { TestDatabase } from '../support/copying.js'

/** Most that a run takes to end on a busy machine; what it waits for would take a minute. */
const LIMIT_MS = 10_000

interface Wait {
  /** What another session does meanwhile. */
  readonly hold?: readonly string[]
  readonly params?: object
  readonly command?: readonly string[]
  /** What the statement that then waits begins with, or has in it. */
  readonly waits: string
}

const SOURCE = { hold: ['LOCK TABLES src WRITE'], waits: 'src' }
const ROW = { hold: ['START TRANSACTION', 'UPDATE dst SET v = 3 WHERE id = 2'], waits: 'INTO `dst`' }
const SLOW = 'DO SLEEP(60)'

const WAITS: Readonly<Record<string, Wait>> = {
  'the target table is locked': {
    // Loads and checks would fail at once.
    hold: ['LOCK TABLES dst WRITE'],
    params: { pre_sql: ['DELETE FROM @table'] },
    waits: 'dst',
  },
  'a row of the target is locked': { ...ROW, params: { write_mode: 'upsert' } },
  'a repair meets a locked row': { ...ROW, command: ['verify', '--repair'] },
  'a copy is planned, and the source is locked': SOURCE,
  'a dry run is planned, and the source is locked': { ...SOURCE, command: ['copy', '--dry-run'] },
  'a comparison is planned, and the source is locked': { ...SOURCE, command: ['verify'] },
  'a session is set up': { params: { session: [SLOW] }, waits: SLOW },
  'pre_sql takes long': { params: { pre_sql: [SLOW] }, waits: SLOW },
  'post_sql takes long': { params: { write_mode: 'upsert', post_sql: [SLOW] }, waits: SLOW },
  'rows are read slowly': { params: { write_mode: 'upsert', where: 'SLEEP(60) = 0' }, waits: 'SLEEP(60)' },
}

describe('Ctrl-C ends a run and what the servers do for it while', () => {
  for (const [what, wait] of Object.entries(WAITS)) {
    it(what, async () => {
      for (const server of servers()) {
        const db = await TestDatabase.create(
          server,
          `CREATE TABLE src (id INT PRIMARY KEY, v INT); INSERT INTO src VALUES (1, 1), (2, 2), (3, 3);
           CREATE TABLE dst LIKE src; INSERT INTO dst VALUES (2, 1)`,
        )
        const { host, port, user, password } = server
        const holder = await createConnection({ host, port, user, password, database: db.database })
        try {
          for (const sql of wait.hold ?? []) await holder.query(sql)
          await expectEnd(db, wait, holder)
        } finally {
          await holder.end()
        }
      }
    })
  }
})

async function expectEnd(db: TestDatabase, wait: Wait, holder: Connection): Promise<void> {
  const { command = ['copy'], params = {}, waits } = wait
  const endpoints = ['--from', db.url('src'), '--to', db.url('dst')]
  const child = startCli([...command, ...endpoints, '--params', JSON.stringify({ worker_num: 2, ...params })])
  let stderr = ''
  child.stdout.resume()
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString()))
  const exit = once(child, 'exit') as Promise<[number | null]>
  const others = `DB = '${db.database}' AND ID NOT IN (CONNECTION_ID(), ${holder.threadId})`
  const waiting = `SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ${others} AND TIME >= 1 AND LOCATE('${waits}', INFO) > 0`
  let ended = false
  void exit.then(() => (ended = true))
  while (!ended && (await db.value(waiting)) === '0') await sleep(100)
  expect(ended, `it did not wait: ${stderr}`).to.equal(false)
  const since = performance.now()
  child.kill('SIGINT')
  const [code] = await exit
  const took = performance.now() - since
  expect(code, stderr).to.equal(130)
  expect(took, stderr).to.be.lessThan(LIMIT_MS)
  expect(stderr).to.include('[INTERRUPTED]')
  const left = `SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ${others}`
  for (let i = 0; i < LIMIT_MS / 100 && (await db.value(left)) !== '0'; i++) await sleep(100)
  expect(await db.value(left), 'sessions left on the server').to.equal('0')
}
