// What becomes of a copy from or into PostgreSQL when something is wrong at that end, and of a session that is given up.
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import postgres from '../../plugins/postgres/plugin.js'
import type { ReadSpec, RowshiftError } from '../../src/contract/plugin.js'
import { connect } from '../support/client.js'
import { addressOf, oneServer, query, server, startCli } from '../support/context.js'
import { expectRefusal, TestDatabase, runWithReport, scratchFile } from '../support/copying.js'
import { Proxy } from '../support/proxy.js'
import { startServer, type TestServer } from '../support/servers.js'
import { until } from '../support/until.js'

const ROWS = 5_000
const TABLE = `CREATE TABLE s (id int PRIMARY KEY, v text); INSERT INTO s SELECT i, repeat('x', 100) FROM generate_series(1, ${ROWS}) i; ANALYZE s`
const TARGET = 'CREATE TABLE t (id INT PRIMARY KEY, v LONGTEXT)'
/** A row takes so long that there is time for something to happen. */
const SLOW = 'pg_sleep(0.0004) IS NOT NULL'
const NEVER = new AbortController().signal

const sessions = (db: TestDatabase) =>
  db.value(
    `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'rowshift'`,
  )

function target(): Promise<TestDatabase> {
  return TestDatabase.create(oneServer()[0]!, TARGET)
}

async function readAll(url: string, session: readonly string[], signal = NEVER, name = 's'): Promise<number> {
  const reader = postgres.createReader!({
    plugin: '',
    connection: postgres.connectionFromUrl(new URL(url), url),
    session,
  })
  try {
    await reader.connect(signal)
    const table = await reader.describe(name)
    const batch = { bytes: 1 << 16, rows: 1000 }
    const spec: ReadSpec = {
      table,
      columns: table.columns,
      key: null,
      splitRows: 100,
      batch,
      where: null,
      window: null,
    }
    let rows = 0
    for await (const batch of reader.read(spec, { index: 0, lower: null, upper: null }, signal))
      rows += batch.rows
    return rows
  } finally {
    await reader.close()
  }
}

async function failure(work: Promise<unknown>): Promise<RowshiftError> {
  const thrown: unknown = await work.then(
    () => null,
    (error: unknown) => error,
  )
  return (thrown as RowshiftError | null) ?? expect.fail('nothing was thrown')
}

describe('a copy from PostgreSQL', () => {
  it('says what is wrong with a connection or a table before anything is written', async () => {
    const db = await TestDatabase.create(
      server('postgres'),
      `${TABLE}; CREATE SCHEMA other; CREATE TABLE other.only (id int)`,
    )
    const to = await target()
    const user = `${db.database}_user`
    await db.query(`CREATE ROLE ${user} LOGIN PASSWORD 'pw'; GRANT SELECT (id) ON s TO ${user}`)
    const { host, port } = db.server
    const url = (login: string, rest: string) => `postgres://${login}@${host}:${port}/${rest}`
    const own = `postgres:${db.server.password}`
    type Case = readonly [from: string, exit: number, code: string, ...words: string[]]
    const cases: readonly Case[] = [
      [
        url('postgres:wrong', `${db.database}?table=s`),
        1,
        'ACCESS_DENIED',
        '28P01',
        'password authentication failed',
      ],
      [url('postgres', `${db.database}?table=s`), 1, 'ACCESS_DENIED', 'asks for a password'],
      [url(own, 'not_there?table=s'), 2, 'TABLE_NOT_FOUND', 'not_there', '3D000'],
      [url(own, `${db.database}?table=nowhere.s`), 2, 'TABLE_NOT_FOUND', 'nowhere.s'],
      [url(own, `${db.database}?table=only`), 2, 'TABLE_NOT_FOUND', '"only"', 'schema.table'],
      [url(own, `${db.database}?table=a.b.c`), 2, 'TABLE_NOT_FOUND', 'a.b.c'],
      [
        url(own, `${db.database}?table=s&sslmode=verify-full&sslrootcert=/nowhere`),
        2,
        'CONFIG_INVALID',
        '/nowhere',
      ],
      [url(own, `${db.database}?table=s&port=1`), 2, 'USAGE', 'port'],
      [`postgres://127.0.0.1:1/${db.database}?table=s`, 1, 'CONNECTION_FAILED', 'ECONNREFUSED'],
    ]
    const planned: readonly Case[] = [
      [url(own, `${db.database}?table=s&sslmode=never`), 2, 'CONFIG_INVALID', 'ssl_mode'],
      [url(`${user}:pw`, `${db.database}?table=s`), 1, 'ACCESS_DENIED', '42501', 'permission denied'],
    ]
    try {
      for (const [from, exit, code, ...words] of cases) {
        const table = new URL(from).searchParams.get('table')!
        const error = await failure(readAll(from.replace(/table=[^&]*&?/, ''), [], NEVER, table))
        expect(error.code, error.message).to.equal(code)
        expect(error.exitCode).to.equal(exit)
        for (const word of words) expect(error.message).to.include(word)
        expect(error.message).not.to.include(db.server.password)
      }
      for (const [from, exit, code, ...words] of [cases[0]!, ...planned]) {
        const retry = JSON.stringify({ retry: { attempts: 0, max_wait: 1 } })
        const outcome = await runWithReport(['copy', '--from', from, '--to', to.url('t'), '--params', retry])
        expectRefusal(outcome, exit, code, ...words)
        expect(outcome.stderr).not.to.include(db.server.password)
      }
      const columns = ['copy', '--from', url(`${user}:pw`, `${db.database}?table=s`), '--to', to.url('t')]
      const params = ['--params', JSON.stringify({ worker_num: 2, columns: ['id'] })]
      const outcome = await runWithReport([...columns, ...params])
      expect(outcome.code, outcome.stderr).to.equal(0)
      expect(await to.value('SELECT COUNT(*) FROM t')).to.equal(String(ROWS))
    } finally {
      await db.query(`DROP OWNED BY ${user}; DROP ROLE ${user}`)
    }
  })

  it('goes on with fewer threads where the server takes no more connections', async () => {
    const db = await TestDatabase.create(server('postgres'), TABLE)
    const to = await target()
    const user = `${db.database}_user`
    await db.query(`CREATE ROLE ${user} LOGIN PASSWORD 'pw' CONNECTION LIMIT 3; GRANT SELECT ON s TO ${user}`)
    try {
      const { host, port } = db.server
      const from = `postgres://${user}:pw@${host}:${port}/${db.database}?table=s`
      const params = JSON.stringify({ worker_num: 4, read_batch: 500 })
      const outcome = await runWithReport(['copy', '--from', from, '--to', to.url('t'), '--params', params])
      expect(outcome.code, outcome.stderr).to.equal(0)
      expect(await to.value('SELECT COUNT(*) FROM t')).to.equal(String(ROWS))
    } finally {
      await db.query(`DROP OWNED BY ${user}; DROP ROLE ${user}`)
    }
  })

  it('runs splits again whose session was ended in the middle', async () => {
    const db = await TestDatabase.create(server('postgres'), TABLE)
    const to = await target()
    const report = scratchFile('json')
    const params = JSON.stringify({
      worker_num: 2,
      read_batch: 500,
      where: SLOW,
      retry: { attempts: 5, max_wait: 1 },
    })
    const child = startCli([
      'copy',
      '--from',
      db.url('s'),
      '--to',
      to.url('t'),
      '--params',
      params,
      '--report',
      report,
    ])
    const [stderr, exit] = [text(child.stderr), once(child, 'exit')]
    const reading = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY %' AND state = 'active'`
    await until('a split that is read', async () => (await db.query(reading)).length > 0)
    const [code] = (await exit) as [number]
    expect(code, await stderr).to.equal(0)
    expect(await to.value('SELECT CONCAT(COUNT(*), " ", COUNT(DISTINCT id)) FROM t')).to.equal(
      `${ROWS} ${ROWS}`,
    )
  })

  it('ends soon after Ctrl-C, and the server works for nobody then', async () => {
    const db = await TestDatabase.create(server('postgres'), TABLE)
    const to = await target()
    const params = JSON.stringify({ worker_num: 2, where: 'pg_sleep(0.1) IS NOT NULL' })
    const child = startCli(['copy', '--from', db.url('s'), '--to', to.url('t'), '--params', params])
    const [stderr, exit] = [text(child.stderr), once(child, 'exit')]
    const reading = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg\\_sleep(0.1)%' AND state = 'active' AND pid <> pg_backend_pid()`
    await until('a statement that takes long', async () => (await db.query(reading)).length > 0)
    child.kill('SIGINT')
    const [code] = (await exit) as [number]
    expect(code, await stderr).to.equal(130)
    await until('the end of all sessions', async () => (await sessions(db)) === '0')
  })
})

describe('a copy into PostgreSQL', () => {
  const OWN_TARGET = 'CREATE TABLE t (id int PRIMARY KEY, v text)'
  const once = { retry: { attempts: 0, max_wait: 1 } }

  it('goes on with fewer threads where the server takes no more connections', async () => {
    const db = await TestDatabase.create(server('postgres'), `${TABLE}; ${OWN_TARGET}`)
    const user = `${db.database}_user`
    await db.query(`CREATE ROLE ${user} LOGIN PASSWORD 'pw' CONNECTION LIMIT 2; GRANT ALL ON t TO ${user}`)
    try {
      const to = db.url('t').replace(/\/\/[^@]*@/, `//${user}:pw@`)
      const outcome = await db.copyTo('s', to, { worker_num: 4, read_batch: 500 })
      expect(outcome.code, outcome.stderr).to.equal(0)
      expect(await db.value('SELECT count(*) FROM t')).to.equal(String(ROWS))
    } finally {
      await db.query(`DROP OWNED BY ${user}; DROP ROLE ${user}`)
    }
  })

  it('waits for a lock as long as lock_timeout says, and for a statement as long as statement_timeout', async () => {
    const db = await TestDatabase.create(server('postgres'), `${TABLE}; ${OWN_TARGET}`)
    const client = await connect('postgres', { ...addressOf(db.server), database: db.database })
    try {
      // Whoever plans is not held off, whoever writes is.
      await client.query('BEGIN; LOCK TABLE t IN SHARE MODE')
      const copy = (...session: string[]) => db.copy('s', 't', { ...once, session })
      expectRefusal(await copy('SET lock_timeout = 50'), 1, 'LOCK_CONFLICT', 'lock timeout', '55P03')
      const late = await copy('SET statement_timeout = 3000')
      expectRefusal(late, 1, 'LOCK_CONFLICT', 'statement timeout', 'Raise statement_timeout')
    } finally {
      await client.end()
    }
  })

  it('makes a split smaller that needs more memory than all transactions share', async () => {
    const own = await startServer('postgres', { serverArgs: ['-c', 'max_connections=20'] })
    try {
      await query(
        own,
        `CREATE TABLE s AS SELECT generate_series(1, 20000) AS id; ALTER TABLE s ADD PRIMARY KEY (id); ANALYZE s; CREATE TABLE t (LIKE s);
         CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock(NEW.id); RETURN NEW; END';
         CREATE TRIGGER hold BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION hold()`,
      )
      const url = (table: string) => `${own.url}/postgres?table=${table}`
      // Each row takes a lock until its transaction ends.
      const params = { worker_num: 1, read_batch: 20_000, allow_triggers: true }
      const ends = ['--from', url('s'), '--to', url('t')]
      const outcome = await runWithReport(['copy', ...ends, '--params', JSON.stringify(params)])
      expect(outcome.code, outcome.stderr).to.equal(0)
      expect(outcome.report.rowsWritten).to.equal(20_000)
      expect(outcome.report.splits).to.be.above(1)
    } finally {
      await own.stop()
    }
  })
})

describe('a reader of PostgreSQL', () => {
  it('waits for a lock as long as lock_timeout says, and for a statement as long as statement_timeout', async () => {
    const db = await TestDatabase.create(server('postgres'), TABLE)
    const client = await connect('postgres', { ...addressOf(db.server), database: db.database })
    try {
      await client.query('BEGIN; LOCK TABLE s')
      const url = db.url('s').replace('?table=s', '')
      const locked = await failure(readAll(url, ['SET lock_timeout = 50']))
      expect(locked.code, locked.message).to.equal('LOCK_CONFLICT')
      expect(locked.message).to.include('lock timeout').and.include('55P03')
      const late = await failure(readAll(url, ['SET statement_timeout = 300']))
      expect(late.code, late.message).to.equal('LOCK_CONFLICT')
      expect(late.message).to.include('statement timeout').and.to.include('Raise statement_timeout')
      const stop = new AbortController()
      const reading = failure(readAll(url, [], stop.signal))
      const waits = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
      await until('somebody who waits for the lock', async () => (await db.query(waits)).length > 0)
      stop.abort()
      expect((await reading).code).to.equal('INTERRUPTED')
      await until('the end of its session', async () => (await sessions(db)) === '0')
    } finally {
      await client.end()
    }
  })

  it('finds out that the server has fallen silent, and ends the session where it still can', async () => {
    const db = await TestDatabase.create(server('postgres'), TABLE)
    const proxy = await Proxy.to(db.server, (link) => {
      link.fault = { kind: 'silence', after: 'COPY (' }
    })
    try {
      const url = proxy.url(db.url('s')).replace('table=s', 'stall-timeout=1')
      const error = await failure(readAll(url, []))
      expect(error.code, error.message).to.equal('CONNECTION_LOST')
      expect(error.message).to.include('it has been silent for')
      await until('the end of its session', async () => (await sessions(db)) === '0')
    } finally {
      proxy.close()
    }
  })
})

describe('a server of PostgreSQL that is started again', () => {
  let own: TestServer
  before(async function () {
    this.timeout(300_000)
    own = await startServer('postgres', { serverArgs: ['-c', 'max_connections=30'] })
  })
  after(() => own.stop())

  it('in the middle of a copy costs no row', async () => {
    await query(own, TABLE)
    const to = await target()
    const params = JSON.stringify({
      worker_num: 2,
      read_batch: 500,
      where: SLOW,
      retry: { attempts: 10, max_wait: 2 },
    })
    const from = `${own.url}/postgres?table=s`
    const child = startCli(['copy', '--from', from, '--to', to.url('t'), '--params', params])
    const [stderr, exit] = [text(child.stderr), once(child, 'exit')]
    await until('rows', async () => (await to.value('SELECT COUNT(*) FROM t')) !== '0')
    await own.restart()
    const [code] = (await exit) as [number]
    expect(code, await stderr).to.equal(0)
    expect(await to.value('SELECT CONCAT(COUNT(*), " ", COUNT(DISTINCT id)) FROM t')).to.equal(
      `${ROWS} ${ROWS}`,
    )
  })

  for (const write_mode of ['insert', 'upsert']) {
    it(`in the middle of a write costs no row, nor do sessions that are ended: ${write_mode}`, async () => {
      const from = await TestDatabase.create(server('postgres'), TABLE)
      await query(
        own,
        `DROP TABLE IF EXISTS t; CREATE TABLE t (id int PRIMARY KEY, v text);
         CREATE OR REPLACE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.001); RETURN NEW; END';
         CREATE TRIGGER slow BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION slow()`,
      )
      const params = {
        worker_num: 2,
        read_batch: 500,
        write_mode,
        allow_triggers: true,
        retry: { attempts: 10, max_wait: 2 },
      }
      const to = `${own.url}/postgres?table=t`
      const child = startCli([
        'copy',
        '--from',
        from.url('s'),
        '--to',
        to,
        '--params',
        JSON.stringify(params),
      ])
      const [stderr, exit] = [text(child.stderr), once(child, 'exit')]
      const writing = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'rowshift' AND state = 'active' AND query ~ '^COPY .* FROM STDIN|merged AS'`
      const answers = async (sql: string) => {
        expect(child.exitCode, child.exitCode === null ? '' : await stderr).to.equal(null)
        return (await query(own, sql)).length > 0
      }
      await until('a split that is written', () => answers(writing))
      await until('rows', () => answers('SELECT 1 FROM t LIMIT 1'))
      await own.restart()
      const [code] = (await exit) as [number]
      expect(code, await stderr).to.equal(0)
      const image = "SELECT md5(string_agg(concat(id, v), ',' ORDER BY id)) FROM"
      expect(await query(own, `${image} t`)).to.deep.equal(await from.query(`${image} s`))
    })
  }
})
