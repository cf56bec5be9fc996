// Incremental runs from PostgreSQL while writers are at work: nothing lost, nothing twice. now() is there the time at which a transaction began,
// ids come from sequences, which anybody may ask before he writes, and transactions may be prepared.
import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import {
  append,
  at,
  differs,
  increment,
  LOG,
  open,
  postgresRace,
  RACE_ARGS,
  raceTables,
  untilLater,
} from '../fuzz/postgres-race.js'
import { query, server as shared } from '../support/context.js'
import { expectRefusal } from '../support/copying.js'
import { startServer, type TestServer } from '../support/servers.js'
import { difference } from '../support/snapshot.js'
import { StoredTask } from '../support/stored-task.js'

const SEEDS = 20
const AT_ONCE = 10
const WRITING_MS = 2_500

describe('incremental runs from PostgreSQL', () => {
  let server: TestServer<'postgres'>
  before(async function () {
    this.timeout(900_000)
    // A transaction of its own would be replayed by a standby that is to have replayed none.
    server = await startServer('postgres', { serverArgs: [...RACE_ARGS, '-c', 'autovacuum=off'] })
  })
  after(() => server.stop())

  const tables = (sql = '') => raceTables(server, sql)

  it(`lose and double nothing over ${SEEDS} seeds of writers`, async () => {
    let runs = 0
    const faults: string[] = []
    for (let seed = 1; seed <= SEEDS; seed += AT_ONCE) {
      const seeds = Array.from({ length: AT_ONCE }, (_, i) => seed + i)
      for (const race of await Promise.all(seeds.map((one) => postgresRace(server, one, WRITING_MS)))) {
        runs += race.runs
        faults.push(...race.faults)
      }
    }
    expect(faults).to.deep.equal([])
    expect(runs, 'runs while writers were at work').to.be.above(SEEDS / 4)
  }).timeout(600_000)

  it('wait for a transaction that has only read, since what it writes has the time at which it began', async () => {
    const db = await tables()
    const task = increment(db)
    await untilLater(db, 1.2)
    await task.run()
    const session = await open(db)
    await session.query('BEGIN; SELECT 1')
    await untilLater(db, 2.5)
    await db.query('UPDATE account SET v = 5 WHERE id = 5')
    await untilLater(db, 1.2)
    expect((await task.run()).rowsWritten).to.equal(0)
    await session.query('UPDATE account SET v = 7 WHERE id = 7; COMMIT')
    await session.end()
    await untilLater(db, 1.2)
    expect((await task.run()).rowsWritten).to.equal(2)
    expect(await differs(db)).to.equal(null)
  })

  it('keep the watermark for a prepared transaction, whatever time it has, and read it when it is there', async () => {
    const db = await tables()
    const tasks = [increment(db), append(db)]
    const session = await open(db)
    await session.query(
      "BEGIN; UPDATE account SET v = 7 WHERE id = 7; INSERT INTO log (v) VALUES (1); PREPARE TRANSACTION 'left'",
    )
    await session.end()
    await untilLater(db, 1.5)
    await db.query('INSERT INTO log (v) VALUES (2)')
    for (const task of tasks) {
      const report = await task.run()
      expect(report.watermark, JSON.stringify(report.delays)).to.include({ to: null })
      expect(report.delays.join()).to.include('pg_prepared_xacts')
    }
    await db.query("COMMIT PREPARED 'left'")
    for (const task of tasks) await task.run()
    expect(await differs(db)).to.equal(null)
  })

  it('wait for a number that a transaction has asked for and not yet written', async () => {
    const db = await tables()
    const task = append(db)
    const session = await open(db)
    await session.query("BEGIN; SELECT nextval('log_id_seq')")
    await db.query('INSERT INTO log (v) VALUES (2)')
    const first = await task.run()
    expect(first).to.deep.include({ rowsWritten: 1, watermark: { from: null, to: null } })
    expect(first.delays.join()).to.match(
      /a transaction of process \d+ \(postgres from 127.0.0.1\) may hold a lower key/,
    )
    await session.query('INSERT INTO log VALUES (1, 1); COMMIT')
    await session.end()
    expect(await task.run()).to.deep.include({ rowsWritten: 1, watermark: { from: null, to: '2' } })
    expect(await difference(at(db, 'log'), at(db, 'log2'))).to.equal(null)
  })

  it('see who writes to a partition through the table above it, and to the tables of a view', async () => {
    const parts = [0, 1].map(
      (i) => `CREATE TABLE part${i} PARTITION OF whole FOR VALUES WITH (MODULUS 2, REMAINDER ${i})`,
    )
    const db = await tables(
      `CREATE TABLE whole (${LOG}) PARTITION BY HASH (id); ${parts.join(';')}; CREATE VIEW seen AS SELECT * FROM whole; CREATE TABLE copy0 (${LOG}); CREATE TABLE copy1 (${LOG}); CREATE TABLE copy2 (${LOG});
       INSERT INTO whole (v) SELECT n FROM generate_series(1, 50) n`,
    )
    const session = await open(db)
    await session.query("BEGIN; SELECT nextval('whole_id_seq')")
    await session.query('INSERT INTO whole (v) VALUES (1)')
    const tasks = ['whole', 'part0', 'seen'].map((from, i) => {
      const params =
        from === 'seen'
          ? { mode: 'increment', diff_column: { src: 'id', type: 'version' }, allow_lossy: ['id', 'v'] }
          : { mode: 'append' }
      return new StoredTask(db.url(from), db.url(`copy${i}`), { worker_num: 1, ...params })
    })
    const [whole, part, seen] = await Promise.all(tasks.map((task) => task.run()))
    expect(whole!.delays.join()).to.include('may hold a lower key')
    expect(part!.delays.join()).to.include('may hold a lower key')
    expect(seen!.delays.join()).to.include('may hold a id')
    expect(seen!.warnings.join()).to.include('source seen is a view')
    await session.end()
  })

  it('take a time without a zone to be in that of sessions that choose none', async () => {
    const db = await tables(
      'ALTER TABLE account ALTER changed TYPE timestamp; ALTER TABLE account2 ALTER changed TYPE timestamp',
    )
    await query(server, `ALTER DATABASE ${db.database} SET TimeZone = 'America/New_York'`)
    await db.query('UPDATE account SET v = 1')
    await untilLater(db, 1.2)
    const task = increment(db)
    expect(await task.run()).to.include({ rowsWritten: 300 })
    expect((await task.run()).warnings.join()).not.to.include('future')
    await db.query('UPDATE account SET v = 2 WHERE id < 4')
    await untilLater(db, 1.2)
    expect(await task.run()).to.include({ rowsWritten: 3 })
    expect(await differs(db)).to.equal(null)
  })

  it('by days, by time since 1970 and by version, with what is under way', async () => {
    const db =
      await tables(`ALTER TABLE account ADD day date DEFAULT current_date, ADD ms bigint DEFAULT extract(epoch FROM now()) * 1000, ADD n bigint DEFAULT nextval('log_id_seq');
      ALTER TABLE account2 ADD day date, ADD ms bigint, ADD n bigint`)
    await untilLater(db, 1.2)
    for (const diff_column of ['day', { src: 'ms', type: 'epoch_ms' }, { src: 'n', type: 'version' }]) {
      await db.query('TRUNCATE account2')
      expect(await increment(db, { diff_column }).run(), JSON.stringify(diff_column)).to.include({
        rowsWritten: 300,
      })
      expect(await differs(db)).to.equal(null)
    }
    const task = increment(db, { diff_column: { src: 'n', type: 'version' } })
    const session = await open(db)
    await session.query('BEGIN; INSERT INTO account (id, v) VALUES (1001, 1)')
    await db.query('INSERT INTO account (id, v) VALUES (1002, 1)')
    expect((await task.run()).delays.join()).to.include('may hold a n below')
    await session.query('COMMIT')
    await session.end()
    expect(await task.run()).to.include({ rowsWritten: 1 })
    expect(await differs(db)).to.equal(null)
  })

  it('stay behind where the user may not see when transactions began, and say so', async () => {
    const user = `low_${process.pid}`
    const db = await tables(
      `CREATE ROLE ${user} LOGIN PASSWORD 'low'; GRANT ALL ON account, account2 TO ${user}`,
    )
    const url = (table: string) => db.url(table).replace(/\/\/.*@/, `//${user}:low@`)
    const task = new StoredTask(url('account'), url('account2'), {
      mode: 'increment',
      diff_column: 'changed',
      worker_num: 1,
    })
    const session = await open(db)
    await session.query(
      "BEGIN; UPDATE account SET v = 1; UPDATE account SET changed = now() - interval '10 minutes' WHERE id < 3",
    )
    try {
      const { warnings, delays } = await task.run()
      expect(warnings.join()).to.include('pg_read_all_stats').and.to.include('60 s behind the clock')
      expect(delays.join()).to.include('the watermark stays where it is')
    } finally {
      await session.query('ROLLBACK')
      await session.end()
      await db.query(`DROP OWNED BY ${user}; DROP ROLE ${user}`)
    }
  })

  it('say what they cannot promise, and refuse what they cannot do', async () => {
    const db = await tables(
      `CREATE TABLE cached (id bigint GENERATED ALWAYS AS IDENTITY (CACHE 20) PRIMARY KEY, v int NOT NULL); INSERT INTO cached (v) VALUES (1);
       CREATE TABLE plain (id int PRIMARY KEY, v int NOT NULL REFERENCES account ON DELETE CASCADE ON UPDATE CASCADE, changed timestamptz);
       CREATE EXTENSION postgres_fdw`,
    )
    await db.query(
      `CREATE SERVER other FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '${server.port}', dbname '${db.database}');
       CREATE USER MAPPING FOR ${server.user} SERVER other OPTIONS (user '${server.user}', password '${server.password}');
       CREATE FOREIGN TABLE elsewhere (id int NOT NULL, v int NOT NULL, changed timestamptz) SERVER other OPTIONS (table_name 'account')`,
    )
    const cached = await append(db, 'cached').run()
    expect(cached.warnings.join()).to.include('cached_id_seq gives out numbers in another order')
    const from = (table: string) =>
      new StoredTask(db.url(table), db.url('account2'), {
        mode: 'increment',
        diff_column: 'changed',
        worker_num: 1,
      })
    const { warnings, reasons } = await from('plain').run()
    expect(warnings.join())
      .to.include('plain has no index that begins with changed')
      .and.to.include('foreign keys change rows of plain')
    expect(reasons.join()).to.include('no trigger sets changed')
    const { error } = await from('elsewhere').attempt()
    expect(error).to.include({ code: 'PARAMS_INVALID' })
    expect(error!.message).to.include('foreign table')
  })

  it('are refused when ids begin anew, or the table is another one', async () => {
    const db = await tables('INSERT INTO log (v) VALUES (1), (2), (3)')
    const task = append(db)
    await task.run()
    await db.query('TRUNCATE log RESTART IDENTITY; INSERT INTO log (v) VALUES (7)')
    const { error } = await task.attempt()
    expect(error).to.include({ code: 'WATERMARK_STALE' })
  })

  it('are refused when all rows of a partition are others now', async () => {
    const db = await tables(
      `CREATE TABLE p (id int PRIMARY KEY, v int NOT NULL) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF p DEFAULT;
       INSERT INTO p SELECT i, 1 FROM generate_series(1, 9) i`,
    )
    const task = append(db, 'p')
    expect(await task.run()).to.include({ rowsWritten: 9 })
    await db.query(
      'CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (100) TO (200); INSERT INTO p VALUES (110, 1)',
    )
    expect(await task.run()).to.include({ rowsWritten: 1 })
    await db.query('TRUNCATE p; INSERT INTO p SELECT i, 2 FROM generate_series(1, 150) i')
    expect((await task.attempt()).error).to.include({ code: 'WATERMARK_STALE' })
  })

  it('go by the clock of a server that has been a standby, which is copied from, and not to', async () => {
    const db = await tables()
    await db.query("COPY (SELECT) TO PROGRAM 'cat > standby.signal'; CHECKPOINT")
    await server.restart()
    expect(await db.value('SELECT pg_is_in_recovery()')).to.equal('t')
    const to = await raceTables(shared('postgres'))
    const unborn = new StoredTask(db.url('account'), to.url('account2'), {
      mode: 'increment',
      diff_column: 'changed',
    })
    expect((await unborn.attempt()).error?.message).to.include('has not replayed a transaction')
    const copied = await db.copyTo('account', to.url('account2'), { consistency: 'snapshot' })
    expect(copied.code, copied.stderr).to.equal(0)
    expect(copied.report.rowsWritten).to.equal(300)
    expectRefusal(await to.copyTo('account', db.url('account2')), 2, 'READ_ONLY', 'is a standby')
    await db.query('SELECT pg_promote()')
    await db.query('UPDATE account SET v = 1 WHERE id = 1')
    const task = increment(db)
    await untilLater(db, 1.2)
    expect(await task.run()).to.include({ rowsWritten: 300 })
    await db.query('UPDATE account SET v = 2 WHERE id < 4')
    await untilLater(db, 1.2)
    expect(await task.run()).to.include({ rowsWritten: 3 })
  })
})
