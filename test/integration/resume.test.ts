// Runs that end early, however they end, and go on from there.
import { writeFileSync } from 'node:fs'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { oneServer, servers } from '../support/context.js'
import { expectRefusal, TestDatabase, runWithReport, scratchFile } from '../support/copying.js'
import type { CopyEndpoints } from '../support/killed-runs.js'
import {
  copyArgs,
  endpointsOn,
  expectWhole,
  KEYED,
  killedAt,
  left,
  resumed,
  ROWS,
  sessionIn,
  sourceSql,
  started,
} from '../support/killed-runs.js'
import { Proxy } from '../support/proxy.js'
import type { Started } from '../support/task-fixture.js'
import type { TestServer } from '../support/servers.js'
import { sqliteRows, sqliteRun } from '../support/sqlite.js'
import { until } from '../support/until.js'

async function intoSqlite(server: TestServer): Promise<CopyEndpoints> {
  const path = scratchFile('db')
  sqliteRun(path, `PRAGMA journal_mode = WAL; CREATE TABLE dst (${KEYED})`)
  const db = await TestDatabase.create(server, sourceSql(KEYED))
  return {
    from: db.url('src'),
    to: `sqlite:${path}?table=dst`,
    value: async (sql) => sqliteRows(path, sql)[0]?.[0],
    expectEqual: async () => {
      const sql = 'SELECT COUNT(*), SUM(id), COUNT(DISTINCT id), MIN(v), MAX(v) FROM'
      const there = sqliteRows(path, `${sql} dst`)[0]!.map(String)
      expect(there).to.deep.equal((await db.query(`${sql} src`))[0]!.map(String))
    },
  }
}

describe('a copy that is killed', () => {
  for (const mode of ['insert', 'ignore', 'replace', 'upsert']) {
    it(`goes on from there, twice, by ${mode}`, async () => {
      for (const server of mode === 'insert' ? servers() : oneServer()) {
        const endpoints = await endpointsOn(server)
        const params = { write_mode: mode }
        await killedAt(ROWS / 6, started(['copy'], endpoints, params), endpoints)
        await killedAt(
          ROWS / 2,
          started(['resume', 'latest'], endpoints, { ...params, worker_num: 1 }),
          endpoints,
        )
        const before = await left(endpoints)
        expect(before.rows).to.be.within(ROWS / 2, ROWS - 1)
        const outcome = await resumed(endpoints, params)
        await expectWhole(endpoints, outcome, before)
        expect(outcome.report.resumed!.attempt).to.equal(3)
      }
    })
  }

  it('stores no row twice in a table that has no key to refuse it', async () => {
    for (const server of servers()) {
      const endpoints = await endpointsOn(server, 'id INT, v VARCHAR(100)')
      await killedAt(ROWS / 3, started(['copy'], endpoints), endpoints)
      const before = await left(endpoints)
      await expectWhole(endpoints, await resumed(endpoints), before)
    }
  })

  it('copies rows without a key once, too', async () => {
    const source = 'id INT NULL UNIQUE, v VARCHAR(100)'
    const [server] = oneServer()
    const endpoints = await endpointsOn(server!, 'id INT NULL, v VARCHAR(100)', source)
    await endpoints.db.query('UPDATE src SET id = NULL WHERE id % 100 = 0')
    await killedAt(ROWS / 3, started(['copy'], endpoints), endpoints)
    const before = await left(endpoints)
    await expectWhole(endpoints, await resumed(endpoints), before)
  })

  it('goes on in SQLite', async () => {
    const endpoints = await intoSqlite(oneServer()[0]!)
    await killedAt(ROWS / 3, started(['copy'], endpoints), endpoints)
    const before = await left(endpoints)
    await expectWhole(endpoints, await resumed(endpoints), before)
  })

  it('goes on with a table that it made', async () => {
    const [server] = oneServer()
    const endpoints = await endpointsOn(server!)
    await endpoints.db.query('DROP TABLE dst; ALTER TABLE src ADD INDEX (v)')
    const first = started(['copy', '--create'], endpoints)
    await until('the table', async () =>
      Boolean(
        await endpoints
          .value(
            "SELECT COUNT(*) > 0 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'dst'",
          )
          .then((there) => there === '1'),
      ),
    )
    await killedAt(ROWS / 3, first, endpoints)
    const before = await left(endpoints)
    await expectWhole(endpoints, await resumed(endpoints), before)
    const indexes = await endpoints.db.query('SHOW INDEX FROM dst')
    expect(indexes.map(([, , name]) => name)).to.deep.equal(['PRIMARY', 'v'])
  })

  it('before the commit has stored neither the rows of a split nor its checkpoint', async () => {
    for (const server of servers()) {
      const endpoints = await endpointsOn(server, 'id INT, v VARCHAR(100)')
      const holder = await sessionIn(endpoints.db)
      const run = started(['copy'], endpoints)
      await until('some rows', async () => Number(await endpoints.value('SELECT COUNT(*) FROM dst')) > 5000)
      // Every split stops between its last row and its commit.
      await holder.query('BEGIN')
      await holder.query("SELECT * FROM rowshift_checkpoint WHERE split = '' FOR UPDATE")
      const waiting = `SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'INSERT INTO rowshift_checkpoint%' AND db = DATABASE()`
      await until('all threads to wait', async () => Number(await endpoints.value(waiting)) === 3)
      run.kill('SIGKILL')
      await run.code()
      await holder.end()
      const before = await left(endpoints)
      expect(Number(await endpoints.value('SELECT COUNT(*) FROM dst'))).to.equal(before.rows)
      await expectWhole(endpoints, await resumed(endpoints), before)
    }
  })

  it('after the commit was sent has stored both or neither', async () => {
    for (const server of servers()) {
      const endpoints = await endpointsOn(server, 'id INT, v VARCHAR(100)')
      const holder = await sessionIn(endpoints.db)
      const run = started(['copy'], endpoints)
      await until('some rows', async () => Number(await endpoints.value('SELECT COUNT(*) FROM dst')) > 5000)
      await holder.query('FLUSH TABLES WITH READ LOCK')
      const seen = await endpoints.value('SELECT COUNT(*) FROM dst')
      run.kill('SIGKILL')
      await run.code()
      await holder.query('UNLOCK TABLES')
      await holder.end()
      const before = await left(endpoints)
      expect(Number(await endpoints.value('SELECT COUNT(*) FROM dst'))).to.equal(before.rows)
      expect(before.rows).to.be.at.least(Number(seen))
      await expectWhole(endpoints, await resumed(endpoints), before)
    }
  })
})

describe('a copy that is interrupted', () => {
  it('names the command that goes on, which does', async () => {
    const endpoints = await endpointsOn(oneServer()[0]!)
    const run = started(['copy'], endpoints)
    await until('some rows', async () => Number(await endpoints.value('SELECT COUNT(*) FROM dst')) > 5000)
    run.kill('SIGINT')
    expect(await run.code(), run.stderr).to.equal(130)
    const { runId } = run.report()
    expect(run.stderr).to.include(`"rowshift resume ${runId} --from URL --to URL"`)
    const before = await left(endpoints)
    const outcome = await resumed(endpoints, {}, runId)
    await expectWhole(endpoints, outcome, before)
    expect(outcome.report.resumed!.run).to.equal(runId)
    expect(outcome.stderr).to.include(`goes on with run ${runId}`)
    expectRefusal(await resumed(endpoints, {}, runId), 3, 'RESUME_REFUSED', `Run ${runId} cannot be resumed`)
  })

  it('fails by a row, which is corrected, and goes on', async () => {
    const endpoints = await endpointsOn(oneServer()[0]!)
    await endpoints.db.query("INSERT INTO dst VALUES (40000, 'in the way')")
    const params = { worker_num: 1 }
    const failed = await runWithReport(['copy', ...copyArgs(endpoints, params)])
    expect(failed.code, failed.stderr).to.equal(1)
    expect(failed.report.error!.message).to.include(`rowshift resume ${failed.report.runId}`)
    await endpoints.db.query('DELETE FROM dst WHERE id = 40000')
    const before = await left(endpoints)
    await expectWhole(endpoints, await resumed(endpoints, params), before)
  })
})

/** A process that is suspended while it commits keeps everybody waiting until its connection is closed. */
async function stopBetweenCommits(run: Started, db: TestDatabase): Promise<void> {
  const free = "SELECT 1 FROM rowshift_checkpoint WHERE split = '' FOR UPDATE NOWAIT"
  await until('a moment between two commits', async () => {
    run.kill('SIGSTOP')
    const found = await db.query(free).catch(() => null)
    if (found === null) run.kill('SIGCONT')
    return found !== null
  })
}

describe('a run that is suspended', () => {
  it('commits nothing when another process has gone on with it', async () => {
    for (const server of servers()) {
      const endpoints = await endpointsOn(server, 'id INT, v VARCHAR(100)')
      const run = started(['copy'], endpoints)
      await until('some rows', async () => Number(await endpoints.value('SELECT COUNT(*) FROM dst')) > 5000)
      await stopBetweenCommits(run, endpoints.db)
      const outcome = await resumed(endpoints)
      run.kill('SIGCONT')
      expect(await run.code(), run.stderr).to.equal(1)
      // A server does not wait for rows for ever.
      expect(run.stderr, run.stderr).to.match(/\[(RUN_TAKEN|CONNECTION_LOST)\]/)
      expect(outcome.code, outcome.stderr).to.equal(0)
      await endpoints.expectEqual()
      expect(Number(await endpoints.value('SELECT COUNT(*) FROM rowshift_checkpoint'))).to.equal(0)
    }
  })

  it('writes no rows that have waited for others, either', async () => {
    for (const server of servers()) {
      const table = '(id INT PRIMARY KEY, v INT UNIQUE)'
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE src ${table}; CREATE TABLE dst ${table};
         INSERT INTO src (id, v) VALUES (1, 4), (2, 2), (3, 3), (4, 1); INSERT INTO dst VALUES (1, 1), (4, 4)`,
      )
      // Only rows that have waited change row 1; somebody takes the run over at this very moment.
      for (const event of ['INSERT', 'UPDATE'])
        await db.query(
          `CREATE TRIGGER taken_${event} AFTER ${event} ON dst FOR EACH ROW UPDATE rowshift_checkpoint SET attempt = 9 WHERE split = '' AND NEW.id = 1`,
        )
      const params = { write_mode: 'upsert', read_batch: 2, worker_num: 1, allow_triggers: true }
      const endpoints = ['--from', db.url('src'), '--to', db.url('dst')]
      const outcome = await runWithReport(['copy', ...endpoints, '--params', JSON.stringify(params)])
      expect(outcome.report.error, outcome.stderr).to.include({ code: 'RUN_TAKEN' })
      expect(await db.query('SELECT id, v FROM dst WHERE id IN (1, 4) ORDER BY id')).to.deep.equal([
        ['1', '1'],
        ['4', '4'],
      ])
    }
  })
})

describe('a commit without an answer', () => {
  it('is looked up, and the split is written again only if it is not stored', async () => {
    for (const server of servers()) {
      const endpoints = await endpointsOn(server, 'id INT, v VARCHAR(100)')
      let cut = 0
      // The main thread comes first; a thread is cut at its third commit.
      const proxy = await Proxy.to(server, (link, index) => {
        link.fault = index > 0 && cut++ < 2 ? { kind: 'cut', after: 'COMMIT' } : null
      })
      try {
        const through = { ...endpoints, to: proxy.url(endpoints.to) }
        const outcome = await runWithReport(['copy', ...copyArgs(through, { worker_num: 2 })])
        expect(outcome.code, outcome.stderr).to.equal(0)
        expect(outcome.report.retries).to.be.at.least(1)
        expect(outcome.report.rowsRead).to.equal(ROWS)
        await endpoints.expectEqual()
      } finally {
        proxy.close()
      }
    }
  })
})

describe('resume is refused', () => {
  it('when rows are gone, tables or params have changed, and names the difference', async () => {
    const [server] = oneServer()
    const endpoints = await endpointsOn(server!)
    await killedAt(ROWS / 6, started(['copy'], endpoints), endpoints)
    expectRefusal(await resumed(endpoints, { where: 'id > 5' }), 3, 'RESUME_REFUSED', 'other params (where)')
    expectRefusal(await resumed(endpoints, {}, 'nobody'), 3, 'RESUME_REFUSED', 'no checkpoints of it')
    await endpoints.db.query('ALTER TABLE src ADD COLUMN w INT')
    expectRefusal(await resumed(endpoints), 3, 'RESUME_REFUSED', 'columns of the source were altered (w)')
    await endpoints.db.query('ALTER TABLE src DROP COLUMN w; TRUNCATE TABLE dst')
    expectRefusal(await resumed(endpoints), 3, 'RESUME_REFUSED', 'which holds 0 by now')
    // The same copy, begun anew, takes its place.
    const anew = await runWithReport(['copy', ...copyArgs(endpoints)])
    expect(anew.code, anew.stderr).to.equal(0)
    expect(anew.report.resumed).to.equal(null)
    await endpoints.expectEqual()
    expect(Number(await endpoints.value('SELECT COUNT(*) FROM rowshift_checkpoint'))).to.equal(0)
    expectRefusal(await resumed(endpoints), 3, 'RESUME_REFUSED', 'There is no unfinished run to resume')
  })

  it('when a table that is replaced into was emptied', async () => {
    const endpoints = await endpointsOn(oneServer()[0]!)
    const params = { write_mode: 'replace' }
    await killedAt(ROWS / 6, started(['copy'], endpoints, params), endpoints)
    const other = { ...params, write_batch: 10 }
    expectRefusal(await resumed(endpoints, other), 3, 'RESUME_REFUSED', 'other params (write_batch)')
    await endpoints.db.query('TRUNCATE TABLE dst')
    const retry = { ...params, retry: { attempts: 1 } }
    expectRefusal(await resumed(endpoints, retry), 3, 'RESUME_REFUSED', 'which holds 0 by now')
  })

  it('when another run has made the table anew since, or may have; one that only wrote rows is no obstacle', async () => {
    const [server] = oneServer()
    const endpoints = await endpointsOn(server!, 'id INT, v VARCHAR(100)')
    await killedAt(ROWS / 6, started(['copy'], endpoints), endpoints)
    const other = (params: object) =>
      runWithReport(['copy', ...copyArgs(endpoints, { where: 'id < 3000', ...params })])
    const beside = await other({})
    expect(beside.code, beside.stderr).to.equal(0)
    await killedAt(ROWS / 2, started(['resume', 'latest'], endpoints), endpoints)
    const anew = await other({ pre_sql: ['DO 0'] })
    expect(anew.code, anew.stderr).to.equal(0)
    const why = `run ${anew.report.runId} has made dst anew since, or run pre_sql`
    expectRefusal(await resumed(endpoints), 3, 'RESUME_REFUSED', why)
    await endpoints.db.query('UPDATE rowshift_checkpoint SET superseded_by = NULL')
    const outcome = await resumed(endpoints)
    expect(outcome.code, outcome.stderr).to.equal(0)
    expect(await endpoints.value('SELECT COUNT(*) FROM dst')).to.equal(String(ROWS + 6000))
    await endpoints.db.query('TRUNCATE TABLE dst')
    await killedAt(ROWS / 6, started(['copy'], endpoints), endpoints)
    const few = await other({ schema_save_mode: 'recreate', where: 'id <= 3' })
    expect(few.code, few.stderr).to.equal(0)
    const taken = 'SELECT COUNT(*) FROM rowshift_checkpoint WHERE attempt = 2 AND superseded_by IS NOT NULL'
    expect(await endpoints.value(taken), 'who wrote the table commits nothing more').to.equal('1')
  })

  it('when the source is another table by now, or the file of a transform has changed', async () => {
    const endpoints = await endpointsOn(oneServer()[0]!)
    const { db } = endpoints
    const module = scratchFile('mjs')
    writeFileSync(module, 'export default (row) => row')
    const params = { transform: module }
    await killedAt(ROWS / 6, started(['copy'], endpoints, params), endpoints)
    writeFileSync(module, 'export default (row) => ({ ...row, v: null })')
    expectRefusal(await resumed(endpoints, params), 3, 'RESUME_REFUSED', `${module} has changed`)
    writeFileSync(module, 'export default (row) => row')
    await db.query(
      'CREATE TABLE other LIKE src; INSERT INTO other SELECT * FROM src; RENAME TABLE src TO old, other TO src',
    )
    const why = 'the source was truncated, replaced by another table or built anew'
    expectRefusal(await resumed(endpoints, params), 3, 'RESUME_REFUSED', why)
    await db.query('RENAME TABLE src TO other, old TO src')
    const before = await left(endpoints)
    await expectWhole(endpoints, await resumed(endpoints, params), before)
  })
})

describe('a copy of a single split', () => {
  it('leaves no trace in its target', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(
        server,
        'CREATE TABLE src (id INT PRIMARY KEY); CREATE TABLE dst LIKE src',
      )
      await db.query('INSERT INTO src VALUES (1), (2)')
      expect((await db.copy('src', 'dst')).code).to.equal(0)
      expect((await db.query('SHOW TABLES')).map(([name]) => name)).to.deep.equal(['dst', 'src'])
    }
  })
})

describe('a target in which no checkpoint can be kept', () => {
  it('is copied to all the same, and a failure says that it cannot be resumed', async () => {
    for (const server of servers()) {
      const endpoints = await endpointsOn(server)
      const { database } = endpoints.db
      const user = `u${database.slice(-20)}`
      await endpoints.db.query(`CREATE USER \`${user}\`@'%' IDENTIFIED BY 'a-Secret';
        GRANT SELECT, INSERT ON \`${database}\`.* TO \`${user}\`@'%'; INSERT INTO dst VALUES (59999, 'in the way')`)
      const as = (url: string) => url.replace(/\/\/[^@]*@/, `//${user}:a-Secret@`)
      const copy = () =>
        runWithReport([
          'copy',
          ...copyArgs(
            { ...endpoints, from: as(endpoints.from), to: as(endpoints.to) },
            { where: 'id % 4 = 3' },
          ),
        ])
      const failed = await copy()
      expect(failed.code, failed.stderr).to.equal(1)
      expect(failed.report.error!.message)
        .to.include('This run has no checkpoints to go on from')
        .and.include('"rowshift resume" compares both tables')
      expect(failed.report.resumable).to.equal(null)
      await endpoints.db.query('DELETE FROM dst; CREATE TABLE rowshift_checkpoint (somebody INT)')
      const copied = await copy()
      expect(copied.code, copied.stderr).to.equal(0)
      expect(copied.report.warnings.join()).to.include('no checkpoints to go on from')
      expect(copied.report.rowsWritten).to.equal(ROWS / 4)
      await endpoints.db.query(`DROP USER \`${user}\`@'%'`)
    }
  })
})
