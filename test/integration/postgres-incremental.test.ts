// Incremental runs from PostgreSQL while writers are at work: nothing lost, nothing twice. now() is there the time at which a transaction began,
// ids come from sequences, which anybody may ask before he writes, and transactions may be prepared.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { diceOf, type Dice } from '../fuzz/incremental-tables.js'
import { connect, type Client } from '../support/client.js'
import { addressOf, query } from '../support/context.js'
import { TestDatabase } from '../support/copying.js'
import { startServer, type TestServer } from '../support/servers.js'
import { difference } from '../support/snapshot.js'
import { StoredTask } from '../support/stored-task.js'
import { until } from '../support/until.js'

const SEEDS = 20
const AT_ONCE = 10
const WRITERS = 3
const WRITING_MS = 2_500

/** A transaction may have its time and its numbers long before it changes anything. */
const LOG = 'id bigserial PRIMARY KEY, v int NOT NULL'
const ACCOUNT = 'id int PRIMARY KEY, v int NOT NULL, changed timestamptz DEFAULT now()'
const STAMP = `CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.changed = now(); RETURN NEW; END'`
const stamped = (table: string) =>
  `CREATE TRIGGER stamped BEFORE UPDATE ON ${table} FOR EACH ROW EXECUTE FUNCTION stamp(); CREATE INDEX ON ${table} (changed)`

const open = ({ server, database }: TestDatabase): Promise<Client> =>
  connect(server.kind, { ...addressOf(server), database })

/** The clock of the server is so much later than now. */
async function untilLater(db: TestDatabase, seconds: number): Promise<void> {
  const then = await db.value(`SELECT clock_timestamp() + ${seconds} * interval '1 second'`)
  await until('the clock', async () => (await db.value(`SELECT clock_timestamp() >= '${then!}'`)) === 't')
}

async function write(db: TestDatabase, dice: Dice, end: number, name: string): Promise<void> {
  const session = await open(db)
  for (let n = 0; Date.now() < end; n++) {
    await session.query('BEGIN')
    // The time of this transaction, and perhaps a number, before it has anything else.
    const early = dice.chance(0.3) ? (await session.query("SELECT nextval('log_id_seq')"))[0]![0]! : null
    if (dice.chance(0.3)) await sleep(dice.chance(0.4) ? dice.below(2_000) : dice.below(80))
    if (early !== null) await session.query(`INSERT INTO log VALUES (${early}, ${n})`)
    for (let i = dice.below(4); i >= 0; i--) {
      const id = 1 + dice.below(300)
      await session.query(
        `INSERT INTO log (v) VALUES (${dice.below(1e6)}), (${n}); UPDATE account SET v = v + 1 WHERE id = ${id}`,
      )
      const more = `INSERT INTO account (id, v) VALUES (${1000 + dice.below(1e6)}, 1) ON CONFLICT DO NOTHING`
      if (dice.chance(0.1)) await session.query(more)
      if (dice.chance(0.1))
        await session.query(`SAVEPOINT s; ${more}; INSERT INTO log (v) VALUES (1); ROLLBACK TO s`)
      await sleep(dice.chance(0.1) ? dice.below(1_500) : dice.below(20))
    }
    if (dice.chance(0.15)) {
      await session.query(`PREPARE TRANSACTION '${name}'`)
      await sleep(dice.below(600))
      await session.query(`${dice.chance(0.7) ? 'COMMIT' : 'ROLLBACK'} PREPARED '${name}'`)
    } else await session.query(dice.chance(0.1) ? 'ROLLBACK' : 'COMMIT')
  }
  await session.end()
}

async function retried(db: TestDatabase, dice: Dice, end: number, name: string): Promise<void> {
  for (;;) {
    try {
      return await write(db, dice, end, name)
    } catch (error) {
      // A deadlock of two writers, whose connection goes with its transaction.
      if ((error as { code?: string }).code !== '40P01') throw error
    }
  }
}

describe('incremental runs from PostgreSQL', () => {
  let server: TestServer<'postgres'>
  before(async function () {
    this.timeout(900_000)
    server = await startServer('postgres', {
      serverArgs: ['-c', 'max_prepared_transactions=50', '-c', 'max_connections=200'],
    })
  })
  after(() => server.stop())

  const tables = async (sql = ''): Promise<TestDatabase> =>
    TestDatabase.create(
      server,
      `${STAMP}; CREATE TABLE log (${LOG}); CREATE TABLE log2 (LIKE log INCLUDING ALL); CREATE TABLE account (${ACCOUNT}); ${stamped('account')};
       CREATE TABLE account2 (LIKE account INCLUDING ALL); INSERT INTO account SELECT n, 0 FROM generate_series(1, 300) n; ${sql}`,
    )
  const append = (db: TestDatabase, from = 'log', more: object = {}) =>
    new StoredTask(db.url(from), db.url('log2'), { mode: 'append', worker_num: 1, ...more })
  const increment = (db: TestDatabase, more: object = {}) =>
    new StoredTask(db.url('account'), db.url('account2'), {
      mode: 'increment',
      diff_column: 'changed',
      worker_num: 1,
      ...more,
    })
  const at = ({ database }: TestDatabase, table: string) => ({ server, database, table })
  const differs = async (db: TestDatabase) =>
    (await difference(at(db, 'log'), at(db, 'log2'))) ??
    (await difference(at(db, 'account'), at(db, 'account2')))

  /** Writers and runs at the same time, quiet, one more run; then the tables must be equal. */
  async function race(seed: number): Promise<number> {
    const db = await tables()
    const end = Date.now() + WRITING_MS
    const writers = Array.from({ length: WRITERS }, (_, i) =>
      retried(db, diceOf(seed * 100 + i), end, `${seed}_${i}`),
    )
    const tasks = [append(db), increment(db)]
    const run = async () => {
      const written = []
      for (const task of tasks) written.push((await task.run()).rowsWritten)
      return written
    }
    const dice = diceOf(seed)
    let runs = 0
    for (; Date.now() < end; runs++) {
      await run()
      await sleep(dice.below(200))
    }
    await Promise.all(writers)
    await untilLater(db, 1.5)
    await run()
    expect(await differs(db), `seed ${seed}`).to.equal(null)
    expect(await run(), `seed ${seed}: a run that finds nothing new`).to.deep.equal([0, 0])
    return runs
  }

  it(`lose and double nothing over ${SEEDS} seeds of writers`, async () => {
    let runs = 0
    for (let seed = 1; seed <= SEEDS; seed += AT_ONCE) {
      const seeds = Array.from({ length: AT_ONCE }, (_, i) => seed + i)
      runs += (await Promise.all(seeds.map(race))).reduce((sum, one) => sum + one)
    }
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
})
