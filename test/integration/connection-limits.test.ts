// Servers that take no more connections: a run goes on with the threads that have theirs, and says so.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { oneServer, query, server, servers } from '../support/context.js'
import { expectRefusal, TestDatabase, runWithReport } from '../support/copying.js'
import { TaskFixture } from '../support/task-fixture.js'
import type { Verified } from '../support/verifying.js'
import { expectEqual } from '../support/verifying.js'

const ROWS = 2000
const MANY_SPLITS = { worker_num: 8, read_batch: 100 }
const WENT_ON = /^went on with [1-7] of 8 threads: .*max_user_connections.*worker_num/

/** Runs `use` with the URLs of a user who may have so many connections at a time. */
async function limited(
  db: TestDatabase,
  limit: number,
  use: (url: (table: string) => string) => Promise<void>,
) {
  const user = `few_${db.database}`.slice(-30)
  await query(
    db.server,
    `CREATE USER '${user}'@'%' IDENTIFIED BY 'secret' WITH MAX_USER_CONNECTIONS ${limit};
     GRANT ALL ON \`${db.database}\`.* TO '${user}'@'%'`,
  )
  try {
    await use((table) => db.url(table).replace(/\/\/[^@]*@/, `//${user}:secret@`))
  } finally {
    await query(db.server, `DROP USER '${user}'@'%'`)
  }
}

async function sourceAt(db: TestDatabase): Promise<void> {
  await db.query(
    `CREATE TABLE s (id INT PRIMARY KEY, v VARCHAR(20)); CREATE TABLE t LIKE s;
     CREATE TABLE n (id BIGINT PRIMARY KEY, old INT UNIQUE, v VARCHAR(20));
     INSERT INTO s WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 1000) SELECT i, CONCAT('v', i) FROM q;
     INSERT INTO s SELECT id + 1000, v FROM s`,
  )
}

describe('a server with few connections', () => {
  it('is copied, compared and repaired by the threads that have theirs', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server)
      await sourceAt(db)
      await limited(db, 8, async (url) => {
        const run = (command: string, to: string, params: object, ...more: string[]) => {
          const endpoints = ['--from', url('s'), '--to', url(to)]
          const asked = JSON.stringify({ ...MANY_SPLITS, ...params })
          return runWithReport([command, ...endpoints, '--params', asked, ...more])
        }
        const copied = await run('copy', 't', {})
        expect(copied.code, copied.stderr).to.equal(0)
        expect(copied.report).to.include({ rowsRead: ROWS, rowsWritten: ROWS, error: null })
        expect(copied.report.threadsGaveUp).to.match(WENT_ON)
        expect(copied.report.warnings).to.include(copied.report.threadsGaveUp)
        expect(copied.stdout.trimEnd().split('\n').at(-1)).to.equal(
          `WARNING: ${copied.report.threadsGaveUp}.`,
        )
        await db.expectEqual('s', 't')

        const verified = (await run('verify', 't', {})) as Verified
        expectEqual(verified, ROWS)
        expect(verified.report.threadsGaveUp).to.match(WENT_ON)
        await db.query("DELETE FROM t WHERE id % 7 = 0; UPDATE t SET v = 'x' WHERE id % 5 = 0")
        const repaired = await run('verify', 't', {}, '--repair')
        expect(repaired.code, repaired.stderr).to.equal(0)
        expect(repaired.stdout).to.include('WARNING: went on with')
        await db.expectEqual('s', 't')

        // Its lock needs a connection too, for which a thread makes room.
        await db.query('TRUNCATE t')
        const snapshot = await run('copy', 't', { consistency: 'snapshot' })
        expect(snapshot.code, snapshot.stderr).to.equal(0)
        expect(snapshot.report.threadsGaveUp).to.match(WENT_ON)
        await db.expectEqual('s', 't')

        // Threads that have theirs meet the limit in the middle of the work, when ids are given.
        const columns = [
          { from: 'id', to: 'id', id: { type: 'snowflake', map: { table: 'm' } } },
          { from: 'id', to: 'old' },
          'v',
        ]
        const numbered = await run('copy', 'n', { columns })
        expect(numbered.code, numbered.stderr).to.equal(0)
        expect(numbered.report.threadsGaveUp).to.match(WENT_ON)
        const arrived =
          'SELECT COUNT(*) FROM n JOIN s ON n.old = s.id AND n.v = s.v JOIN m ON old_id = s.id AND new_id = n.id'
        expect(await db.value(arrived)).to.equal(String(ROWS))
        expect(await db.value('SELECT COUNT(*) FROM m')).to.equal(String(ROWS))
      })
    }
  })

  it('runs a task, whose history is as ever', async () => {
    for (const server of servers()) {
      const tasks = await TaskFixture.create(server)
      const db = tasks.database
      await db.query(
        'INSERT INTO src WITH RECURSIVE q (i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM q WHERE i < 1000) SELECT i, i FROM q',
      )
      await limited(db, 6, async (url) => {
        const { hostname: host, port, username: user, password } = new URL(url('src'))
        const side = { mysql: { app_db: { host, port: Number(port), user, password, db: db.database } } }
        writeFileSync(join(tasks.folder, 'db_global.json'), JSON.stringify({ from: side, to: side }))
        await tasks.addTask(1, 'dst', { params: JSON.stringify({ ...MANY_SPLITS, read_batch: 50 }) })
        const outcome = await tasks.cli('run', '1')
        expect(outcome.code, outcome.stderr).to.equal(0)
        expect(outcome.stdout).to.include('WARNING: went on with')
        await db.expectEqual('src', 'dst')
        const history = await tasks.cli('history', '1', '--json')
        expect(history.stdout).to.include('"success"').and.to.include('went on with')
      })
    }
  })

  it('copies a database with all its indexes', async () => {
    for (const at of oneServer()) {
      const names = ['a', 'b', 'c', 'd', 'e', 'f']
      const tables = names.map(
        (name) => `CREATE TABLE ${name} (id INT PRIMARY KEY, x INT, y VARCHAR(20), KEY (x), KEY (y));
          INSERT INTO ${name} WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 1000) SELECT i, i % 7, i FROM q`,
      )
      const from = await TestDatabase.create(at, tables.join(';'))
      const to = await TestDatabase.create(at)
      await limited(from, 6, async (url) => {
        await query(at, `GRANT ALL ON \`${to.database}\`.* TO '${new URL(url('a')).username}'@'%'`)
        const source = url('a').replace(/\?.*/, '')
        const target = `${source.slice(0, source.lastIndexOf('/'))}/${to.database}`
        const params = ['--params', JSON.stringify({ worker_num: 4, read_batch: 100, defer_indexes: true })]
        const copied = await runWithReport(['copy', '--from', source, '--to', target, '--create', ...params])
        expect(copied.code, copied.stderr).to.equal(0)
      })
      for (const name of names) {
        const [, ddl] = (await to.query(`SHOW CREATE TABLE ${name}`))[0]!
        expect(ddl).to.include('KEY `x`').and.to.include('KEY `y`')
        expect(await to.value(`SELECT COUNT(*) FROM ${name}`)).to.equal('1000')
      }
    }
  })

  it('has room for a thread when the only split is too large for the process that began with it', async () => {
    const db = await TestDatabase.create(
      server('postgres'),
      `CREATE TABLE s (id int PRIMARY KEY, v text); CREATE TABLE t (LIKE s INCLUDING ALL);
       INSERT INTO s SELECT i, repeat(md5(i::text), 160) FROM generate_series(1, 8000) i`,
    )
    const user = `${db.database}_few`
    await db.query(
      `CREATE ROLE ${user} LOGIN PASSWORD 'secret' CONNECTION LIMIT 4; GRANT ALL ON s, t TO ${user}`,
    )
    const url = (table: string) => db.url(table).replace(/\/\/[^@]*@/, `//${user}:secret@`)
    const copied = await runWithReport(['copy', '--from', url('s'), '--to', url('t')])
    await db.query(`DROP OWNED BY ${user}; DROP ROLE ${user}`)
    expect(copied.code, copied.stderr).to.equal(0)
    expect(copied.report).to.include({ rowsRead: 8000, rowsWritten: 8000, error: null })
    await db.expectEqual('s', 't')
  })

  it('that has none for any thread is an error', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server)
      await sourceAt(db)
      await limited(db, 3, async (url) => {
        const params = JSON.stringify({ worker_num: 2, pre_sql: [] })
        const outcome = await runWithReport([
          'copy',
          '--from',
          url('s'),
          '--to',
          url('t'),
          '--params',
          params,
        ])
        expectRefusal(outcome, 1, 'CONNECTION_LIMIT', 'worker_num', 'max_user_connections')
        expect(await db.value('SELECT COUNT(*) FROM t')).to.equal('0')
      })
    }
  })
})
