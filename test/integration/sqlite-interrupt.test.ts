// Ctrl-C does not wait for whoever has locked a database file.
import { once } from 'node:events'
import { readdirSync, readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { startCli } from '../support/context.js'
import { scratchFile } from '../support/copying.js'
import { Database } from '../support/database.js'
import { TaskFixture } from '../support/task-fixture.js'

/** SQLite itself would wait for a minute. */
const LIMIT_MS = 10_000
const TABLES = 'CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (2)'

function makeDatabase(): string {
  const path = scratchFile('db')
  execute(path, TABLES)
  return path
}

function execute(path: string, sql: string): void {
  const database = new Database(path)
  database.exec(sql)
  database.close()
}

/** Sends SIGINT as soon as the program has opened the file, which another connection has locked by `lock`. */
async function expectEnd(args: readonly string[], path: string, lock: string): Promise<void> {
  const holder = new Database(path)
  holder.exec(lock)
  try {
    const child = startCli(args)
    let stderr = ''
    child.stdout.resume()
    child.stderr.on('data', (text: Buffer) => (stderr += text.toString()))
    const exit = once(child, 'exit') as Promise<[number | null]>
    for (let i = 0; i < 1000 && !hasOpen(child.pid!, path); i++) await sleep(20)
    // Until it waits for the lock, which it does for a minute.
    await sleep(500)
    const since = performance.now()
    child.kill('SIGINT')
    const [code] = await exit
    expect(code, stderr).to.equal(130)
    expect(performance.now() - since).to.be.lessThan(LIMIT_MS)
  } finally {
    holder.close()
  }
}

function hasOpen(pid: number, path: string): boolean {
  try {
    const folder = `/proc/${pid}/fd`
    return readdirSync(folder).some((fd) => readlinkSync(`${folder}/${fd}`) === path)
  } catch {
    return false
  }
}

describe('Ctrl-C while another connection holds', () => {
  it('the source, in planning, ends the run', async () => {
    const [from, to] = [makeDatabase(), makeDatabase()]
    await expectEnd(
      ['copy', '--from', `sqlite:${from}?table=t`, '--to', `sqlite:${to}?table=t`],
      from,
      'BEGIN EXCLUSIVE',
    )
  })

  it('the target ends the run before and while it writes', async () => {
    const [from, to] = [makeDatabase(), makeDatabase()]
    const endpoints = ['--from', `sqlite:${from}?table=t`, '--to', `sqlite:${to}?table=t`]
    const params = ['--param', 'write_mode=ignore']
    await expectEnd(['copy', ...endpoints, ...params], to, 'BEGIN IMMEDIATE')
    execute(to, 'PRAGMA journal_mode = WAL')
    await expectEnd(['copy', ...endpoints, ...params], to, 'BEGIN IMMEDIATE')
    await expectEnd(
      ['copy', ...endpoints, '--params', '{"pre_sql": ["DELETE FROM @table"]}'],
      to,
      'BEGIN IMMEDIATE',
    )
  })

  it('the task store ends the run', async () => {
    const fixture = await TaskFixture.create(null)
    await fixture.addTask(1, 'dst')
    const { path } = fixture.store.connection as { path: string }
    await expectEnd(['run', '1', '-c', fixture.folder], path, 'BEGIN IMMEDIATE')
  })
})
