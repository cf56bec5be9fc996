// One moment of PostgreSQL for all threads while a writer is at work, also of tables without a key.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { connect } from '../support/client.js'
import { addressOf, server } from '../support/context.js'
import { expectRefusal, TestDatabase } from '../support/copying.js'

const ROWS = 20_000
const EACH = 100
const PARAMS = { consistency: 'snapshot', worker_num: 3, read_batch: 500 }

const table = (key: string) =>
  `CREATE TABLE s (id int NOT NULL ${key}, money int NOT NULL, note text); CREATE TABLE t (LIKE s INCLUDING ALL);
   INSERT INTO s SELECT i, ${EACH}, repeat('x', 90) FROM generate_series(1, ${ROWS}) i; ANALYZE s`

/** Moves money between the two ends of the table; each row moves too, into blocks that may have been read, or not. */
async function move({ server: at, database }: TestDatabase, signal: AbortSignal): Promise<number> {
  const client = await connect('postgres', { ...addressOf(at), database })
  let moves = 0
  try {
    for (; !signal.aborted; moves++) {
      const from = 1 + (moves % 200) * 50
      const range = (first: number) => `id BETWEEN ${first} AND ${first + 49}`
      await client.query(
        `BEGIN; UPDATE s SET money = money - 7 WHERE ${range(from)};
         UPDATE s SET money = money + 7 WHERE ${range(ROWS - 49 - (moves % 200) * 50)}; COMMIT`,
      )
    }
  } finally {
    await client.end()
  }
  return moves
}

describe('consistency: snapshot of PostgreSQL', () => {
  for (const [what, key] of [
    ['of a table with a key', 'PRIMARY KEY'],
    ['of a table without a key, which several threads read', ''],
  ] as const) {
    it(`copies one moment ${what} while money moves between rows`, async () => {
      const db = await TestDatabase.create(server('postgres'), table(key))
      for (let round = 0; round < 3; round++) {
        await db.query('TRUNCATE TABLE t')
        const stop = new AbortController()
        const writer = move(db, stop.signal)
        const outcome = await db.copy('s', 't', PARAMS)
        stop.abort()
        expect(await writer, 'moves during the copy').to.be.above(10)
        expect(outcome.code, outcome.stderr).to.equal(0)
        expect(outcome.report).to.include({ rowsWritten: ROWS, consistency: 'snapshot' })
        expect(outcome.report.splits, 'splits').to.be.above(20)
        expect(outcome.report.busySeconds).to.have.length(3)
        expect(outcome.report.snapshotPosition).to.match(/^[0-9A-F]+\/[0-9A-F]+$/)
        const found = await db.query('SELECT count(*), count(DISTINCT id), sum(money) FROM t')
        expect(found[0]).to.deep.equal([ROWS, ROWS, ROWS * EACH].map(String))
      }
      // The writer was at work: the source has moved on.
      expect(
        await db.value('SELECT count(*) > 0 FROM s JOIN t USING (id) WHERE s.money <> t.money'),
      ).to.equal('t')
    })
  }

  it('is one split without a snapshot where a table has no key, and the plan says what would be faster', async () => {
    const db = await TestDatabase.create(server('postgres'), table(''))
    const outcome = await db.copy('s', 't')
    expect(outcome.code, outcome.stderr).to.equal(0)
    expect(outcome.report.splits).to.equal(1)
    expect(outcome.stderr).to.include('with "consistency": "snapshot" several threads would read it')
    await db.expectEqual('s', 't')
  })

  it('holds what is in partitions, in tables that inherit, in views and materialized views', async () => {
    const db = await TestDatabase.create(
      server('postgres'),
      `CREATE TABLE p (id int, v text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
       CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (700); CREATE TABLE p2 PARTITION OF p DEFAULT;
       INSERT INTO p SELECT i, 'v' || i FROM generate_series(1, 2000) i;
       CREATE TABLE parent (id int, v text); CREATE TABLE child () INHERITS (parent);
       INSERT INTO parent SELECT i, 'p' FROM generate_series(1, 500) i; INSERT INTO child SELECT i, 'c' FROM generate_series(1, 500) i;
       CREATE VIEW w AS SELECT id, upper(v) AS v FROM p; CREATE MATERIALIZED VIEW m AS SELECT * FROM w; ANALYZE`,
    )
    for (const [from, rows, consistency] of [
      ['p', 2000, 'snapshot'],
      ['p1', 699, 'split'],
      ['parent', 1000, 'snapshot'],
      ['child', 500, 'snapshot'],
      ['w', 2000, 'snapshot'],
      ['m', 2000, 'snapshot'],
    ] as const) {
      await db.query('DROP TABLE IF EXISTS t; CREATE TABLE t (id int, v text)')
      const outcome = await db.copy(from, 't', { ...PARAMS, consistency })
      expect(outcome.code, outcome.stderr).to.equal(0)
      expect(outcome.report.rowsWritten, from).to.equal(rows)
      await db.query(`CREATE TABLE a AS TABLE ${from}`)
      await db.expectEqual('a', 't')
      await db.query('DROP TABLE a')
    }
  })

  it('ends the run when its connection is lost, and says what to do', async () => {
    const db = await TestDatabase.create(server('postgres'), table('PRIMARY KEY'))
    const reading = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY (SELECT%' AND state = 'active'`
    const copy = db.copy('s', 't', { ...PARAMS, where: 'pg_sleep(0.001) IS NOT NULL' })
    for (let ended = 0; ended === 0;) ended = (await db.query(reading)).length
    expectRefusal(await copy, 1, 'SNAPSHOT_LOST', 'Run again')
  })
})
