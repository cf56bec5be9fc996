// Increments by other columns than times: days, time since 1970 in three units, and versions.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { createConnection, type Connection } from 'mysql2/promise'
import { oneServer, servers } from '../support/context.js'
import { expectRefusal, TestDatabase, scratchFile } from '../support/copying.js'
import { Database } from '../support/database.js'
import { StoredTask } from '../support/stored-task.js'
import { TaskFixture } from '../support/task-fixture.js'

const UNITS = { epoch_s: 1, epoch_ms: 1_000, epoch_us: 1_000_000 }

/** In SQL; a minute behind what a run stays behind, so that no test waits. */
const epoch = (unit: number, seconds = 0) =>
  `TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6) - INTERVAL ${seconds} SECOND) DIV ${1_000_000 / unit}`

async function placeOf(
  server: Parameters<typeof TestDatabase.create>[0],
  type: string,
): Promise<TestDatabase> {
  const columns = `(id INT PRIMARY KEY, v INT, u ${type}, KEY (u))`
  return TestDatabase.create(server, `CREATE TABLE a ${columns}; CREATE TABLE b ${columns}`)
}

function taskOf(db: TestDatabase, diff: object | string, params: object = {}): StoredTask {
  return new StoredTask(db.url('a'), db.url('b'), { mode: 'increment', diff_column: diff, ...params })
}

async function open({ server, database }: TestDatabase): Promise<Connection> {
  const { host, port, user, password } = server
  return createConnection({ host, port, user, password, database })
}

/** Both servers at the same time: these tests wait more than they work. */
async function onEach(work: (server: ReturnType<typeof servers>[number]) => Promise<void>): Promise<void> {
  await Promise.all(servers().map(work))
}

describe('a diff_column', () => {
  it('of time since 1970 is read up to what is settled, in each unit and exactly', async () => {
    await onEach(async (server) => {
      for (const [type, unit] of Object.entries(UNITS)) {
        const db = await placeOf(server, 'BIGINT UNSIGNED')
        await db.query(
          `INSERT INTO a VALUES (1, 0, ${epoch(unit, 7200)}), (2, 0, ${epoch(unit, 60)}), (3, 0, NULL), (4, 0, ${epoch(unit, -7200)})`,
        )
        const task = taskOf(db, { src: 'u', type })
        const first = await task.run()
        expect(first, type).to.include({ rowsWritten: 3 })
        expect(first.reasons.join()).to.include('since 1970')
        expect(first.warnings.join()).to.include('1 row has a u in the future')
        // The clock of the server, cut to a whole number of the unit.
        const age = `${epoch(unit)} - ${task.watermarks['increment']}`
        expect(Number(await db.value(`SELECT ${age} BETWEEN ${unit} AND ${600 * unit}`))).to.equal(1)
        // A row of a transaction that is open comes when that ends.
        const writer = await open(db)
        await writer.query('BEGIN')
        await writer.query(`UPDATE a SET v = 1, u = ${epoch(unit, 1)} WHERE id = 1`)
        const held = await task.run()
        expect(held, type).to.include({ rowsWritten: 0, rowsUnchanged: 1 })
        await writer.query('COMMIT')
        await writer.end()
        await db.query(`UPDATE a SET v = 1, u = ${epoch(unit, 1)} WHERE id = 2; DELETE FROM a WHERE id = 4`)
        // The tick of these rows must be over.
        for (let i = 0; i < 50 && (await db.value('SELECT SUM(v) FROM b')) !== '2'; i++) {
          await sleep(100)
          await task.run()
        }
        await db.expectEqual('a', 'b')
      }
    })
  })

  it('that is a day has its last day read again by each run', async () => {
    await onEach(async (server) => {
      const db = await placeOf(server, 'DATE')
      await db.query(
        `INSERT INTO a VALUES (1, 0, CURRENT_DATE - INTERVAL 9 DAY), (2, 0, CURRENT_DATE), (3, 0, NULL)`,
      )
      const task = taskOf(db, 'u', { lag: 0 })
      expect((await task.run()).rowsWritten).to.equal(3)
      const day = await db.value('SELECT CURRENT_DATE')
      expect(task.watermarks['increment']).to.equal(day)
      await db.query('INSERT INTO a VALUES (4, 0, CURRENT_DATE), (5, 0, CURRENT_DATE + INTERVAL 3 DAY)')
      const second = await task.run()
      expect(second).to.include({ rowsWritten: 1, rowsUnchanged: 2 })
      expect(second.reasons.join()).to.include(`the next run reads rows from ${day} on again`)
      expect(second.warnings.join()).to.include('1 row has a u in the future')
      expect(task.watermarks['increment']).to.equal(day)
      const writer = await open(db)
      await writer.query('BEGIN')
      await writer.query('INSERT INTO a VALUES (6, 0, CURRENT_DATE)')
      await task.run()
      await writer.query('COMMIT')
      await writer.end()
      await db.query('DELETE FROM a WHERE id = 5')
      expect((await task.run()).rowsWritten).to.equal(1)
      await db.expectEqual('a', 'b')
      // Where no row may be read twice, only days that are over are read.
      const whole = taskOf(db, 'u', { lag: 0, write_mode: 'insert' })
      await db.query('DELETE FROM a WHERE id = 3; TRUNCATE TABLE b')
      expect((await whole.run()).rowsWritten).to.equal(1)
    })
  })

  it('of versions is held by whoever may write a lower one, and equal ones are read again', async () => {
    await onEach(async (server) => {
      const db = await placeOf(server, 'BIGINT UNSIGNED')
      await db.query('INSERT INTO a VALUES (1, 0, 1), (2, 0, 18446744073709551610), (3, 0, NULL)')
      const task = taskOf(db, { src: 'u', type: 'version' })
      expect((await task.run()).rowsWritten).to.equal(3)
      expect(task.watermarks).to.deep.equal({ increment: '18446744073709551610' })
      // A number that is rolled back may be given out again.
      const undone = await open(db)
      await undone.query('BEGIN')
      await undone.query('INSERT INTO a VALUES (9, 0, 18446744073709551615)')
      setTimeout(() => void undone.end(), 1_000)
      expect((await task.run()).rowsWritten).to.equal(0)
      expect(task.watermarks).to.deep.equal({ increment: '18446744073709551610' })
      // Its transaction has taken a number and written another row, but not yet this one.
      const writer = await open(db)
      await writer.query('BEGIN')
      await writer.query('UPDATE a SET v = 1 WHERE id = 3')
      await db.query('INSERT INTO a VALUES (4, 0, 18446744073709551612)')
      const held = await task.run()
      expect(held.rowsWritten).to.equal(1)
      expect(held.delays.join()).to.include('the watermark stays at 18446744073709551610')
      await writer.query('UPDATE a SET v = 1, u = 18446744073709551611 WHERE id = 1')
      await writer.query('COMMIT')
      await writer.end()
      expect(await task.run()).to.include({ rowsWritten: 2, rowsUnchanged: 2 })
      expect(task.watermarks['increment']).to.equal('18446744073709551612')
      await db.query('INSERT INTO a VALUES (5, 0, 18446744073709551612), (6, 0, 18446744073709551600)')
      expect((await task.run()).rowsWritten).to.equal(1)
      const again = taskOf(db, { src: 'u', type: 'version' }, { overlap: 12 })
      again.watermarks = task.watermarks
      expect((await again.run()).rowsWritten).to.equal(1)
      await db.expectEqual('a', 'b')
      await db.query('UPDATE a SET u = 5 WHERE u > 5')
      expect((await task.run()).warnings.join()).to.include('the highest u is 5, below 18446744073709551612')
    })
  })

  it('of a file is of any of these kinds', async () => {
    for (const [type, now, earlier] of [
      ['epoch_s', `strftime('%s','now')`, `strftime('%s','now') - 3600`],
      ['epoch_ms', `strftime('%s','now') * 1000`, `strftime('%s','now') * 1000 - 3600000`],
      ['epoch_us', `strftime('%s','now') * 1000000`, `strftime('%s','now') * 1000000 - 3600000000`],
      ['version', '9000000000000000002', '9000000000000000001'],
      [null, `date('now')`, `date('now', '-1 day')`],
    ] as const) {
      const [from, to] = [scratchFile('db'), scratchFile('db')]
      const source = new Database(from)
      const target = new Database(to)
      const table = `CREATE TABLE t (id INTEGER PRIMARY KEY, v, u ${type === null ? 'DATE' : 'INTEGER'})`
      source.exec(`${table}; INSERT INTO t VALUES (1, 0, ${earlier}), (2, 0, NULL)`)
      target.exec(table)
      const diff = type === null ? 'u' : { src: 'u', type }
      const task = new StoredTask(`sqlite:${from}?table=t`, `sqlite:${to}?table=t`, {
        mode: 'increment',
        diff_column: diff,
        lag: 0,
      })
      expect((await task.run()).rowsWritten, `${type}`).to.equal(2)
      source.exec(`INSERT INTO t VALUES (3, 0, ${now})`)
      const isPast = () => target.value('SELECT count(*) FROM t') === 3
      for (let i = 0; i < 20 && !isPast(); i++) {
        if (i > 0) await sleep(200)
        await task.run()
      }
      const rows = (database: Database) => database.rows('SELECT * FROM t ORDER BY id', { exact: true })
      expect(rows(target), `${type}`).to.deep.equal(rows(source))
      for (const database of [source, target]) database.close()
    }
  })

  it('of integers that says nothing more, or that cannot be what it says, is refused', async () => {
    for (const server of oneServer()) {
      const db = await placeOf(server, 'BIGINT')
      await db.query(`INSERT INTO a VALUES (1, 0, ${epoch(1_000, 60)})`)
      const run = (diff: unknown, params: object = {}) =>
        db.copy('a', 'b', { mode: 'increment', diff_column: diff, ...params })
      const unsaid = await run('u')
      expectRefusal(
        unsaid,
        2,
        'PARAMS_INVALID',
        'nothing says what its numbers are',
        '"epoch_ms"',
        '"version"',
      )
      for (const type of ['epoch_s', 'epoch_us'])
        expectRefusal(await run({ src: 'u', type }), 2, 'PARAMS_INVALID', 'its highest value is', 'epoch_ms')
      const version = { src: 'u', type: 'version' }
      expectRefusal(
        await run(version, { write_mode: 'insert' }),
        2,
        'PARAMS_INVALID',
        'cannot read a row twice',
      )
      expectRefusal(await run(version, { overlap: 0.5 }), 2, 'PARAMS_INVALID', 'whole number')
      expectRefusal(await run({ src: 'u', type: 'ms' }), 2, 'PARAMS_INVALID', 'epoch_ms')
      expect(await db.value('SELECT COUNT(*) FROM b')).to.equal('0')
    }
  })
})

describe('rows before the watermark', () => {
  it('that an overlap finds are counted as late when they are written, whatever the column and the splits', async () => {
    const series = 'WITH RECURSIVE q (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM q WHERE n < 500) SELECT'
    for (const [type, diff, past, params] of [
      ['DATETIME(6) NULL', 'u', 'NOW(6) - INTERVAL 1 HOUR', { overlap: 7200 }],
      ['DATE', 'u', 'CURRENT_DATE - INTERVAL 1 DAY', { overlap: 86400, lag: 0 }],
      ['BIGINT', { src: 'u', type: 'epoch_ms' }, epoch(1_000, 3_600), { overlap: 7200, read_batch: 40 }],
      ['BIGINT', { src: 'u', type: 'version' }, '999 - id', { overlap: 800, read_batch: 40 }],
    ] as const) {
      for (const server of oneServer()) {
        const db = await placeOf(server, type)
        await db.query(
          `INSERT INTO a ${series} n, 0, NULL FROM q; UPDATE a SET u = ${past}; INSERT INTO a VALUES (501, 0, NULL)`,
        )
        if (type === 'BIGINT') await db.query('INSERT INTO a SELECT 502, 0, MAX(u) + 1 FROM a')
        const task = taskOf(db, diff, params)
        expect((await task.run()).rowsLate, type).to.equal(null)
        const mark = task.watermarks
        expect(await task.run(), type).to.include({ rowsLate: 0, rowsWritten: 0, status: 'success' })
        // One is new to the target, two have other values there.
        await db.query('DELETE FROM b WHERE id = 7; UPDATE b SET v = 1 WHERE id IN (9, 501, 400)')
        task.watermarks = mark
        const late = await task.run()
        expect(late, type).to.include({ rowsLate: 3, rowsWritten: 4 })
        await db.expectEqual('a', 'b')
        const replaced = taskOf(db, diff, { ...params, write_mode: 'replace' })
        replaced.watermarks = mark
        expect((await replaced.run()).rowsLate, type).to.equal(null)
      }
    }
  })

  it('are counted in each of several sources, and said in the last line and the history', async () => {
    for (const server of [...oneServer(), null]) {
      const fixture = await TaskFixture.create(server)
      for (const name of ['log_0', 'log_1', 'b'])
        await fixture.data.value(`CREATE TABLE ${name} (id INTEGER PRIMARY KEY, u DATETIME)`)
      await fixture.data.value("INSERT INTO log_0 VALUES (1, '2024-01-01 00:00:00')")
      await fixture.addTask(1, 'b', {
        from: server ? 'log_{0..1}' : 'log_0',
        params: '{"mode": "increment", "diff_column": "u", "overlap": 400}',
      })
      const mark = "'2024-01-01 00:05:00'"
      const marks = server
        ? JSON.stringify({ log_0: mark, log_1: mark }).replaceAll("'", '')
        : mark.replaceAll("'", '')
      await fixture.cli('watermark', '1', '--mode', 'increment', '--set', marks)
      const { code, stdout, stderr } = await fixture.cli('run', '1')
      expect(code, stderr).to.equal(0)
      expect(stdout).to.include('1 row came late')
      expect((await fixture.cli('history', '1')).stdout).to.include('1 late')
    }
  })
})
