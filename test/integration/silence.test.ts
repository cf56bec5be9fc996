// A server that says nothing any more, without a word of goodbye, ends the run; one that is only slow does not.
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { createConnection } from 'mysql2/promise'
import { afterEach, describe, it } from 'mocha'
import type { RunReport } from '../../src/index.js'
import { oneServer, runCli, servers, startCli } from '../support/context.js'
import { TestDatabase, runWithReport, scratchFile } from '../support/copying.js'
import type { Fault } from '../support/proxy.js'
import { faultOf, Proxy } from '../support/proxy.js'
import { TaskFixture } from '../support/task-fixture.js'
import { until } from '../support/until.js'

/** 20,000 rows of 500 bytes, and an empty table like it. */
const TABLES = `CREATE TABLE src (id INT PRIMARY KEY, v VARCHAR(600)); CREATE TABLE dst LIKE src;
  INSERT INTO src WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 1000) SELECT i, REPEAT('x', 500) FROM q;
  INSERT INTO src SELECT id + n * 1000, v FROM src JOIN (WITH RECURSIVE q (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM q WHERE n < 19) SELECT n FROM q) q`
const PARAMS = JSON.stringify({ worker_num: 2, read_batch: 1000, retry: { attempts: 0 } })
/** After the login and what follows it, in the middle of planning. */
const PLANNING = 5_000
/** In the middle of the rows. */
const ROWS = 1_000_000

let proxies: Proxy[] = []

/** The table's URL through a proxy, in which every connection meets the fault. */
async function through(db: TestDatabase, table: string, fault: Fault | null): Promise<string> {
  const proxy = await Proxy.to(db.server, (link) => (link.fault = fault))
  proxies.push(proxy)
  return proxy.url(db.url(table, '&stall-timeout=1'))
}

describe('a server that falls silent', () => {
  afterEach(() => {
    for (const proxy of proxies) proxy.close()
    proxies = []
  })

  for (const [phase, after] of Object.entries({ planning: PLANNING, rows: ROWS })) {
    for (const end of ['source', 'target'] as const) {
      it(`as ${end} (${phase}) fails the run, which names it, and stores no part of a split`, async () => {
        for (const server of oneServer()) {
          const db = await TestDatabase.create(server, TABLES)
          const fault = { kind: 'silence', after } as const
          const silent = await through(db, end === 'source' ? 'src' : 'dst', fault)
          const [from, to] = end === 'source' ? [silent, db.url('dst')] : [db.url('src'), silent]
          const { code, report } = await runWithReport([
            'copy',
            '--from',
            from,
            '--to',
            to,
            '--params',
            PARAMS,
          ])
          expect(code, report.error?.message).to.equal(1)
          expect(report.error!.code).to.equal('CONNECTION_LOST')
          expect(report.error!.message)
            .to.include(`127.0.0.1:${proxies.at(-1)!.port}`)
            .and.to.match(/silent for \d+ s/)
          expect(await db.value('SELECT COUNT(*) FROM dst')).to.equal(String(report.rowsWritten))
        }
      })
    }
  }

  it('while one connection of many still gets through is found out, and its session is ended', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server, TABLES)
      for (const table of ['src', 'dst']) {
        // The coordinator's connection is the first.
        const fault = { kind: 'silence', after: ROWS } as const
        const proxy = await Proxy.to(server, (link, index) => (link.fault = index === 1 ? fault : null))
        proxies.push(proxy)
        const url = (name: string) =>
          name === table ? proxy.url(db.url(name, '&stall-timeout=1')) : db.url(name)
        const endpoints = ['copy', '--from', url('src'), '--to', url('dst'), '--params', PARAMS]
        const { code, report } = await runWithReport(endpoints)
        expect(code, report.error?.message).to.equal(1)
        expect(report.error!.message).to.match(/silent for \d+ s, and the server (waits|has)/)
        expect(await db.value('SELECT COUNT(*) FROM dst')).to.equal(String(report.rowsWritten))
        const left = `SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = '${db.database}' AND ID <> CONNECTION_ID()`
        await until('its sessions to end', async () => (await db.value(left)) === '0')
        await db.query('TRUNCATE TABLE dst')
      }
    }
  })

  it('while a connection is set up is found out, though others still get through', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server, TABLES)
      const fault = { kind: 'silence', after: 'SET NAMES' } as const
      const proxy = await Proxy.to(server, (link, index) => (link.fault = index === 0 ? fault : null))
      proxies.push(proxy)
      const from = proxy.url(db.url('src', '&stall-timeout=1'))
      const { code, stderr } = await runCli(['copy', '--from', from, '--to', db.url('dst')], {
        timeout: 20_000,
      })
      expect(code, stderr).to.equal(1)
      expect(stderr).to.match(/set-up failed: .* silent for \d+ s, and the server waits/)
    }
  })

  it('while threads begin a snapshot is found out, and writers to the source are held off no longer', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server, TABLES)
      // The coordinator's connection is the first.
      const fault = { kind: 'silence', after: 'CONSISTENT SNAPSHOT' } as const
      const proxy = await Proxy.to(server, (link, index) => (link.fault = index > 0 ? fault : null))
      proxies.push(proxy)
      const from = proxy.url(db.url('src', '&stall-timeout=1'))
      const params = JSON.stringify({ ...JSON.parse(PARAMS), consistency: 'snapshot' })
      const ends = ['--from', from, '--to', db.url('dst'), '--params', params]
      const { code, report } = await runWithReport(['copy', ...ends])
      expect(code, report.error?.message).to.equal(1)
      expect(report.error!.message).to.match(
        /Joining a snapshot .* silent for \d+ s, and the server (waits|has)/,
      )
      expect(report.rowsWritten).to.equal(0)
      await db.query("SET SESSION lock_wait_timeout = 60; INSERT INTO src VALUES (100001, '')")
    }
  })

  it('when it has been asked to commit a split without a checkpoint leaves it in doubt, and says so', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server, TABLES)
      const to = await through(db, 'dst', { kind: 'silence', after: 'COMMIT' })
      const params = JSON.stringify({ worker_num: 1, read_batch: 1_000_000 })
      const { code, report } = await runWithReport([
        'copy',
        '--from',
        db.url('src'),
        '--to',
        to,
        '--params',
        params,
      ])
      expect(code).to.equal(1)
      expect(report.error!.code).to.equal('CONNECTION_LOST')
      expect(report.error!.details['inDoubt']).to.equal(true)
      expect(report.error!.message).to.include('may or may not be stored')
    }
  })

  it('as one end of verify fails it', async () => {
    const db = await TestDatabase.create(oneServer()[0]!, TABLES)
    const to = await through(db, 'src', { kind: 'silence', after: PLANNING + 8_000 })
    const params = ['--param', 'retry={"attempts":1}']
    const { code, stderr } = await runCli(['verify', '--from', db.url('dst'), '--to', to, ...params])
    expect(code, stderr).to.equal(1)
    expect(stderr).to.match(/silent for \d+ s/)
  })

  it('does not hold up Ctrl-C, in whatever phase', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server, TABLES)
      for (const after of [0, PLANNING, ROWS]) {
        const proxy = await Proxy.to(server, (link) => (link.fault = { kind: 'silence', after }))
        proxies.push(proxy)
        const file = scratchFile('json')
        const endpoints = ['--from', proxy.url(db.url('src')), '--to', db.url('dst'), '--params', PARAMS]
        const child = startCli(['copy', ...endpoints, '--report', file])
        child.stdout.resume()
        child.stderr.resume()
        await until('the silence', () => proxy.links.some((link) => link.silent))
        const since = performance.now()
        child.kill('SIGINT')
        const [code] = (await once(child, 'exit')) as [number | null]
        expect(code).to.equal(130)
        expect(performance.now() - since).to.be.lessThan(10_000)
        const report = JSON.parse(readFileSync(file, 'utf8')) as RunReport
        expect(report.status).to.equal('interrupted')
        expect(await db.value('SELECT COUNT(*) FROM dst')).to.equal(String(report.rowsWritten))
        await db.query('TRUNCATE TABLE dst')
      }
    }
  })

  it('or is cut off at any byte leaves just the rows that the report counts', async () => {
    const [server] = oneServer()
    const db = await TestDatabase.create(server!, TABLES)
    for (const seed of [1, 2, 3, 4]) {
      const fault = faultOf(seed, 2_000_000)
      const to = await through(db, 'dst', fault)
      const { code, report } = await runWithReport([
        'copy',
        '--from',
        db.url('src'),
        '--to',
        to,
        '--params',
        PARAMS,
      ])
      const stored = Number(await db.value('SELECT COUNT(*) FROM dst'))
      const said = `seed ${seed}, ${JSON.stringify(fault)}: ${report.error?.message}`
      expect(code, said).to.equal(1)
      if (report.error!.details['inDoubt'] === true) expect(stored, said).to.be.least(report.rowsWritten)
      else expect(stored, said).to.equal(report.rowsWritten)
      await db.query('TRUNCATE TABLE dst')
    }
  })
})

describe('a task store that falls silent', () => {
  /** A task, and its store through a proxy in which every connection falls silent. */
  async function silentStore(after: number | string, stall_timeout: number) {
    const [server] = oneServer()
    const fixture = await TaskFixture.create(server!)
    await fixture.addTask(1, 'dst')
    const proxy = await Proxy.to(server!, (link) => (link.fault = { kind: 'silence', after }))
    const task_meta = { db_type: 'mysql', ...fixture.store.connection, port: proxy.port, stall_timeout }
    writeFileSync(join(fixture.folder, 'local.json'), JSON.stringify({ task_meta }))
    return { fixture, proxy }
  }

  it('ends a run that has not begun, which says so', async () => {
    const { fixture, proxy } = await silentStore('FROM task_def_sync_manager', 1)
    const { code, stderr } = await fixture.cli('run', '1')
    expect(code, stderr).to.equal(1)
    expect(stderr).to.match(/task store .* failed: .* silent for \d+ s/)
    proxy.close()
  })

  it('does not hold up Ctrl-C, before a run and at its end', async () => {
    for (const after of ['FROM task_def_sync_manager', 'rowshift_watermark']) {
      const { fixture, proxy } = await silentStore(after, 60)
      const started = fixture.start('run', '1')
      await until('the silence', () => proxy.links.some(({ silent }) => silent))
      const since = performance.now()
      started.kill('SIGINT')
      expect(await started.code(), started.stderr).to.equal(130)
      // At its end the run tries for five seconds to leave what became of it.
      expect(performance.now() - since).to.be.lessThan(10_000)
      proxy.close()
    }
  })
})

describe('a server that is slow', () => {
  it('is waited for: for a long statement, a lock, and rows that come late', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server, 'CREATE TABLE s (id INT); CREATE TABLE t (id INT)')
      await db.query('INSERT INTO s VALUES (1), (2)')
      const { host, port, user, password } = server
      const holder = await createConnection({ host, port, user, password, database: db.database })
      await holder.query('LOCK TABLES t READ')
      const url = (table: string) => db.url(table, '&stall-timeout=1')
      const params = { pre_sql: ['DO SLEEP(2)'], where: 'SLEEP(1) = 0' }
      const copy = runWithReport([
        'copy',
        '--from',
        url('s'),
        '--to',
        url('t'),
        '--params',
        JSON.stringify(params),
      ])
      const waited = `SELECT COALESCE(MAX(TIME), 0) >= 3 FROM information_schema.PROCESSLIST WHERE DB = '${db.database}' AND STATE LIKE 'Waiting for table%'`
      await until('the lock to hold it up for long', async () => (await db.value(waited)) === '1')
      await holder.end()
      const { code, report } = await copy
      expect(code, report.error?.message).to.equal(0)
      expect(report.rowsWritten).to.equal(2)
    }
  })
})
