// Copies into PostgreSQL that end early and go on, and a commit of which nobody has heard the end.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import postgres from '../../plugins/postgres/plugin.js'
import { batchesOf, writeSpec } from '../../src/testing/tables.js'
import { connect } from '../support/client.js'
import { server } from '../support/context.js'
import { TestDatabase } from '../support/copying.js'
import { expectWhole, killedAt, left, resumed, ROWS, started } from '../support/killed-runs.js'
import { until } from '../support/until.js'

const BRAKE = 'id % 2000 <> 0 OR pg_sleep(0.05) IS NOT NULL'

describe('a copy into PostgreSQL that is killed', () => {
  for (const [what, target, params] of [
    ['of a table with a key', 'id int PRIMARY KEY, v text', { write_mode: 'upsert' }],
    ['of a table without a key', 'id int, v text', {}],
  ] as const) {
    it(`goes on from there, twice, with each row once: ${what}`, async () => {
      const db = await TestDatabase.create(
        server('postgres'),
        `CREATE TABLE src (id int PRIMARY KEY, v text); CREATE TABLE dst (${target});
         INSERT INTO src SELECT i, 'a row of some length, as rows are' FROM generate_series(1, ${ROWS}) i`,
      )
      const endpoints = {
        from: db.url('src'),
        to: db.url('dst'),
        value: (sql: string) => db.value(sql),
        expectEqual: () => db.expectEqual('src', 'dst'),
      }
      const all = { ...params, where: BRAKE }
      await killedAt(ROWS / 6, started(['copy'], endpoints, all), endpoints)
      await killedAt(ROWS / 2, started(['resume', 'latest'], endpoints, { ...all, worker_num: 1 }), endpoints)
      const before = await left(endpoints)
      expect(before.rows).to.be.within(ROWS / 2 - 1000, ROWS - 1)
      await expectWhole(endpoints, await resumed(endpoints, all), before)
    })
  }
})

describe('a run into PostgreSQL', () => {
  it('supersedes others of the same table, in whichever way its name is written', async () => {
    const db = await TestDatabase.create(server('postgres'), 'CREATE TABLE t (id int)')
    const { host, port, user, password } = db.server
    const connection = { host, port, user, password, db: db.database }
    const writer = postgres.createWriter!({ plugin: '', connection, session: [] })
    try {
      await writer.connect()
      const { checkpoints } = writer.skills
      await checkpoints!.begin({ run: 'a', table: 't', state: '{}', supersedes: false })
      await checkpoints!.begin({ run: 'b', table: 'public.t', state: '{}', supersedes: true })
      await checkpoints!.begin({ run: 'c', table: 'other', state: '{}', supersedes: false })
      const runs = (await checkpoints!.list('"public"."t"')).map(({ run, supersededBy }) => [
        run,
        supersededBy,
      ])
      expect(runs).to.deep.equal([
        ['b', null],
        ['a', 'b'],
      ])
    } finally {
      await writer.close()
    }
  })
})

describe('a split of PostgreSQL whose commit is under way', () => {
  it('is waited for, and not written again', async () => {
    const db = await TestDatabase.create(server('postgres'), 'CREATE TABLE t (id int, v text)')
    const { host, port, user, password } = db.server
    const connection = { host, port, user, password, db: db.database }
    const writer = postgres.createWriter!({ plugin: '', connection, session: [] })
    const other = await connect('postgres', { host, port, user, password, database: db.database })
    try {
      await writer.connect()
      const spec = writeSpec(await writer.describe('t'))
      const write = { ...spec, ...(await writer.plan(spec, null)), batch: { bytes: 1000, rows: 10 } }
      await writer.skills.checkpoints!.begin({ run: 'r', table: 't', state: '{}', supersedes: true })
      // As a session leaves it whose client has sent its COMMIT, and is gone.
      await other.query(
        `BEGIN; SELECT 1 FROM rowshift_checkpoint WHERE split = '' FOR SHARE; INSERT INTO t VALUES (1, 'a');
         INSERT INTO rowshift_checkpoint (run_id, split, attempt, target_table, rows_written, created_at, state)
         SELECT run_id, '7', attempt, target_table, 1, created_at, 'stored' FROM rowshift_checkpoint`,
      )
      const states: string[] = []
      const rows = (async function* () {
        yield* batchesOf([['1', 'a']])
      })()
      const writing = writer.write(write, rows, {
        signal: new AbortController().signal,
        onProgress: () => {},
        onDirty: (_, error) => {
          throw error
        },
        beforeCommit: () => {},
        mark: {
          run: 'r',
          attempt: 1,
          split: '7',
          again: true,
          state: () => 'again',
          onStored: (state) => states.push(state),
        },
      })
      await until('the writer to wait', async () => {
        const waiting = await db.value(
          "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
        )
        return waiting === '1'
      })
      await other.query('COMMIT')
      expect((await writing).rowsWritten).to.equal(0)
      expect(states).to.deep.equal(['stored'])
      expect(await db.value('SELECT count(*) FROM t')).to.equal('1')
    } finally {
      await other.end()
      await writer.close()
    }
  })
})

describe('a run of PostgreSQL that is taken over', () => {
  it('sees a split whose commit it has waited for, whatever isolation "session" sets', async () => {
    const db = await TestDatabase.create(server('postgres'), 'CREATE TABLE t (id int, v text)')
    const { host, port, user, password } = db.server
    const connection = { host, port, user, password, db: db.database }
    const session = ["SET default_transaction_isolation = 'repeatable read'"]
    const writer = postgres.createWriter!({ plugin: '', connection, session })
    const other = await connect('postgres', { host, port, user, password, database: db.database })
    try {
      await writer.connect()
      const checkpoints = writer.skills.checkpoints!
      await checkpoints.begin({ run: 'r', table: 't', state: '{}', supersedes: true })
      await other.query(
        `BEGIN; SELECT 1 FROM rowshift_checkpoint WHERE split = '' FOR SHARE;
         INSERT INTO rowshift_checkpoint (run_id, split, attempt, target_table, rows_written, created_at, state)
         SELECT run_id, '7', attempt, target_table, 1, created_at, 'stored' FROM rowshift_checkpoint`,
      )
      const seen: string[] = []
      const claiming = checkpoints.claim({ run: 'r', attempt: 1 }, (state, splits) => {
        seen.push(...splits.map(({ split }) => split))
        return state
      })
      await until('the run to wait', async () => {
        const waiting = await db.value(
          "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
        )
        return waiting === '1'
      })
      await other.query('COMMIT')
      await claiming
      expect(seen).to.deep.equal(['7'])
    } finally {
      await other.end()
      await writer.close()
    }
  })
})

describe('tables of rowshift in PostgreSQL', () => {
  it('are made once by several that begin at the same time', async () => {
    for (let round = 0; round < 5; round++) {
      const { server: at, database } = await TestDatabase.create(
        server('postgres'),
        'CREATE TABLE t (id int)',
      )
      const { host, port, user, password } = at
      const connection = { host, port, user, password, db: database }
      const numbers = Array.from({ length: 4 }, (_, i) => String(i))
      const writers = numbers.map(() => postgres.createWriter!({ plugin: '', connection, session: [] }))
      const stores = numbers.map(() => postgres.createTaskStore!(connection))
      try {
        await Promise.all([...writers, ...stores].map((each) => each.connect()))
        await Promise.all(
          writers.map(({ skills }, i) =>
            skills.checkpoints!.begin({ run: String(i), table: 't', state: '{}', supersedes: true }),
          ),
        )
        const above = [{ table: 't', column: 'id' }]
        await Promise.all(writers.map(({ skills }) => skills.sequences!.open({ name: 'ids', above })))
        const made = await Promise.all(stores.map((store) => store.init()))
        expect([...new Set(made.flat())].sort()).to.deep.equal([
          'rowshift_run',
          'rowshift_watermark',
          'task_def_sync_manager',
        ])
      } finally {
        await Promise.all([...writers, ...stores].map((each) => each.close()))
      }
    }
  })
})
