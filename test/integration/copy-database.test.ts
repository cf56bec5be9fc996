// All tables of a database by one command: which, in what order, and what becomes of the others when one fails.
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { DatabaseReport } from '../../src/features/database/report.js'
import { connect } from '../support/client.js'
import { addressOf, runCli, server, servers } from '../support/context.js'
import { scratchFile, TestDatabase } from '../support/copying.js'
import { sqliteRows } from '../support/sqlite.js'
import type { ServerKind, TestServer } from '../support/servers.js'
import { until } from '../support/until.js'

const ROWS = 30_000
const TABLES = `
  CREATE TABLE n (i INT PRIMARY KEY);
  INSERT INTO n WITH RECURSIVE q (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM q WHERE i < 999) SELECT i FROM q;
  CREATE TABLE orders (id INT PRIMARY KEY AUTO_INCREMENT, note VARCHAR(400) NOT NULL, KEY (note(10)));
  INSERT INTO orders (note) SELECT CONCAT(a.i, REPEAT('x', 390)) FROM n a JOIN n b WHERE b.i < ${ROWS / 1000};
  CREATE TABLE order_item (order_id INT, line INT, price DECIMAL(10,2), PRIMARY KEY (order_id, line));
  INSERT INTO order_item SELECT i, 1, i / 7 FROM n;
  CREATE TABLE log (at DATETIME(6), what TEXT);
  INSERT INTO log SELECT '2025-01-01 00:00:00.123456', 'twice' FROM n WHERE i < 10;
  CREATE TABLE nothing (id INT PRIMARY KEY);
  CREATE TABLE \`a,b*\` (id INT PRIMARY KEY, v BLOB); INSERT INTO \`a,b*\` VALUES (1, X'00FF');
  CREATE VIEW seen AS SELECT * FROM log;
  ANALYZE TABLE n, orders, order_item, log, nothing, \`a,b*\``
const NAMES = ['a,b*', 'log', 'n', 'nothing', 'order_item', 'orders']

interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  readonly report: DatabaseReport | null
}

function databaseUrl(db: TestDatabase<ServerKind>): string {
  return `${db.server.url}/${db.database}`
}

async function copy(from: string, to: string, ...options: string[]): Promise<Outcome> {
  const file = scratchFile('json')
  const args = ['copy', '--from', from, '--to', to, ...options]
  const result = await runCli([...args, ...(options.includes('--dry-run') ? [] : ['--report', file])])
  let text = ''
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    // A dry run writes none.
  }
  return { ...result, report: text === '' ? null : (JSON.parse(text) as DatabaseReport) }
}

/** Two databases, of which the first has the tables. */
async function pair(server: TestServer, target = '') {
  return Promise.all([TestDatabase.create(server, TABLES), TestDatabase.create(server, target)])
}

function statuses({ report }: Outcome): Record<string, string> {
  return Object.fromEntries(report!.tables.map(({ table, status }) => [table, status]))
}

describe('a copy of a database', () => {
  it('makes and fills every table, and says what became of each', async () => {
    await Promise.all(
      servers().map(async (server) => {
        const [from, to] = await pair(server)
        const outcome = await copy(databaseUrl(from), databaseUrl(to), '--create')
        expect(outcome.code, outcome.stderr).to.equal(0)
        expect(outcome.report).to.include({ status: 'success', rowsWritten: ROWS + 2011, error: null })
        expect(outcome.report!.tables.map(({ table }) => table)).to.deep.equal(NAMES)
        expect(outcome.stdout).to.contain('Copied 6 of 6 tables, 32,011 rows')
        for (const name of NAMES) {
          const sums = await from.query(
            `CHECKSUM TABLE \`${from.database}\`.\`${name}\`, \`${to.database}\`.\`${name}\``,
          )
          expect(sums[0]![1], name).to.equal(sums[1]![1])
        }
        const left = await to.query("SHOW TABLES LIKE 'rowshift%'")
        expect(left.filter(([name]) => name !== 'rowshift_checkpoint')).to.deep.equal([])
        // What makes a second run safe is the write mode, as for one table.
        const again = await copy(databaseUrl(from), databaseUrl(to), '--param', 'write_mode=insert')
        expect(again.code, again.stderr).to.equal(1)
        expect(again.report!.error!.code).to.equal('DUPLICATE_KEY')
        const third = await copy(
          databaseUrl(from),
          databaseUrl(to),
          '--exclude',
          'log',
          '--param',
          'write_mode=upsert',
        )
        expect(third.code, third.stderr).to.equal(0)
        expect(third.report).to.include({ rowsWritten: 0 })
        expect(third.report!.leftOut).to.deep.include({ table: 'log', reason: '--exclude log' })
      }),
    )
  })

  it('goes into other databases, by names of its own', async () => {
    const [from, pg] = await Promise.all([
      TestDatabase.create(server('mariadb'), TABLES),
      TestDatabase.create(server('postgres')),
    ])
    const file = scratchFile('db')
    const options = ['--create', '--tables', 'order*,log', '--rename', 'order*=o*']
    for (const to of [`sqlite:${file}`, databaseUrl(pg)]) {
      const outcome = await copy(databaseUrl(from), to, ...options)
      expect(outcome.code, outcome.stderr).to.equal(0)
      expect(outcome.report!.tables.map((table) => table.to)).to.deep.equal(['log', 'o_item', 'os'])
    }
    const counts =
      'SELECT (SELECT COUNT(*) FROM os), (SELECT COUNT(*) FROM o_item), (SELECT COUNT(*) FROM log)'
    expect(sqliteRows(file, counts).map((row) => row.map(String))).to.deep.equal([
      [String(ROWS), '1000', '10'],
    ])
    expect(await pg.query(counts)).to.deep.equal([[String(ROWS), '1000', '10']])
  })

  it('is shown by a dry run, with what is left out', async () => {
    const [from, to] = await pair(server('mariadb'))
    const outcome = await copy(
      databaseUrl(from),
      databaseUrl(to),
      '--create',
      '--dry-run',
      '--exclude',
      '/^o/',
    )
    expect(outcome.code, outcome.stderr).to.equal(0)
    expect(outcome.stdout)
      .to.match(/^log .*is created/m)
      .and.match(/^left out orders: --exclude \/\^o\/$/m)
    expect(await to.query('SHOW TABLES')).to.deep.equal([])
  })
})

describe('a copy of a database in which a table cannot be copied', () => {
  const SHORT = 'CREATE TABLE log (at DATETIME(6), what VARCHAR(3))'

  it('writes nothing, and says which', async () => {
    const [from, to] = await pair(server('mysql'), SHORT)
    const outcome = await copy(databaseUrl(from), databaseUrl(to), '--create')
    expect(outcome.code, outcome.stderr).to.equal(3)
    expect(outcome.stderr).to.contain('error    log: ').and.contain('[LOSSY]')
    expect(outcome.report!.tables.filter(({ status }) => status !== 'not_begun')).to.have.length(1)
    expect(await to.query('SHOW TABLES')).to.deep.equal([['log']])
  })

  it('goes on with the others where that is asked for, and with the rest later', async () => {
    const [from, to] = await pair(server('mysql'), SHORT)
    const outcome = await copy(databaseUrl(from), databaseUrl(to), '--create', '--on-table-error', 'continue')
    expect(outcome.code, outcome.stderr).to.equal(1)
    expect(statuses(outcome)).to.deep.equal({
      ...Object.fromEntries(NAMES.map((name) => [name, 'success'])),
      log: 'failed',
    })
    expect(outcome.stdout).to.contain("--tables 'log'")
    await to.query('DROP TABLE log')
    const rest = await copy(databaseUrl(from), databaseUrl(to), '--create', '--tables', 'log')
    expect(rest.code, rest.stderr).to.equal(0)
    expect(await to.value('SELECT COUNT(*) FROM log')).to.equal('10')
  })

  it('lets the others begin within a limit of speed when the first split of all fails', async () => {
    const tables = 'CREATE TABLE n (i INT PRIMARY KEY); CREATE TABLE m LIKE n; INSERT INTO m VALUES (2)'
    const more = `INSERT INTO n VALUES (1), (2);
      INSERT INTO m WITH RECURSIVE q (i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM q WHERE i < 900) SELECT i FROM q; ANALYZE TABLE n, m`
    const from = await TestDatabase.create(server('mariadb'), `${tables}; ${more}`)
    const to = await TestDatabase.create(server('mariadb'), tables)
    const speed = ['--param', 'speed={"record": 100000}', '--param', 'worker_num=1']
    const outcome = await copy(databaseUrl(from), databaseUrl(to), '--on-table-error', 'continue', ...speed)
    expect(outcome.code, outcome.stderr).to.equal(1)
    expect(statuses(outcome)).to.deep.equal({ m: 'failed', n: 'success' })
  })

  it('begins no other after a failure among the rows, and goes on with what is left', async () => {
    // The largest table comes first, and its second half is taken already. No other begins before its splits are nearly all planned.
    const taken = `CREATE TABLE orders (id INT PRIMARY KEY AUTO_INCREMENT, note VARCHAR(400) NOT NULL);
      INSERT INTO orders VALUES (${ROWS / 2}, 'taken')`
    const [from, to] = await pair(server('mariadb'), taken)
    const outcome = await copy(databaseUrl(from), databaseUrl(to), '--create', '--param', 'read_batch=1000')
    expect(outcome.code, outcome.stderr).to.equal(1)
    expect(statuses(outcome)).to.deep.equal({
      ...Object.fromEntries(NAMES.map((name) => [name, 'not_begun'])),
      // An empty one might be of any size, and comes before the largest.
      nothing: 'success',
      orders: 'failed',
    })
    const [, names] = /--tables '(.*)'/.exec(outcome.stdout) ?? []
    expect(names).to.equal('a\\,b\\*,log,n,order_item,orders')
    await to.query(`DELETE FROM orders WHERE note = 'taken'`)
    const options = ['--create', '--param', 'read_batch=1000', '--tables', names!]
    const rest = await copy(databaseUrl(from), databaseUrl(to), ...options)
    expect(rest.code, rest.stderr).to.equal(0)
    expect(rest.report!.tables.find(({ table }) => table === 'orders')!.run!.resumed).not.to.equal(null)
    expect(await to.value('SELECT COUNT(*) FROM orders')).to.equal(String(ROWS))
  })

  it('knows a table that cannot be made before the first row, and names those that were made', async () => {
    const from = await TestDatabase.create(
      server('postgres'),
      `CREATE TABLE big AS SELECT generate_series(1, 900) AS id; CREATE TABLE taken (id int PRIMARY KEY); INSERT INTO taken VALUES (1); ANALYZE`,
    )
    const to = await TestDatabase.create(server('postgres'))
    /** Another session makes that table too, which nobody sees before it commits. */
    const copyMeanwhile = async (...options: string[]) => {
      await to.query('DROP TABLE IF EXISTS big, taken')
      const { database } = to
      const other = await connect('postgres', { ...addressOf(to.server), database })
      await other.query('BEGIN; CREATE TABLE taken (id int)')
      const outcome = copy(databaseUrl(from), databaseUrl(to), '--create', ...options)
      const waits = `SELECT count(*) FROM pg_stat_activity WHERE datname = '${database}' AND wait_event_type = 'Lock'`
      await until('a session that waits', async () => (await to.value(waits)) === '1')
      await other.query('COMMIT')
      await other.end()
      return outcome
    }
    const outcome = await copyMeanwhile()
    expect(outcome.code, outcome.stderr).to.equal(1)
    expect(outcome.report!.tables.map(({ table, status, phase }) => [table, status, phase])).to.deep.equal([
      ['big', 'not_begun', 'create'],
      ['taken', 'failed', 'create'],
    ])
    expect(outcome.report!.error!.message).to.contain('Made, and without rows yet: big.')
    expect(outcome.report).to.include({ rowsWritten: 0, targetChanged: true })
    expect(outcome.stdout).to.contain('made, not begun')
    expect(await to.value('SELECT count(*) FROM big')).to.equal('0')
    const others = await copyMeanwhile('--on-table-error', 'continue')
    expect(statuses(others)).to.deep.equal({ big: 'success', taken: 'failed' })
    expect(others.report!.tables[0]!.run).to.include({ targetChanged: true })
    expect(await to.value('SELECT count(*) FROM big')).to.equal('900')
  })

  it('goes on with none where it is to begin anew', async () => {
    const taken = `CREATE TABLE orders (id INT PRIMARY KEY AUTO_INCREMENT, note VARCHAR(400) NOT NULL);
      INSERT INTO orders VALUES (${ROWS}, 'taken')`
    const [from, to] = await pair(server('mariadb'), taken)
    const options = ['--tables', 'orders', '--param', 'read_batch=1000', '--param', 'worker_num=1']
    const failed = await copy(databaseUrl(from), databaseUrl(to), ...options)
    expect(failed.code, failed.stderr).to.equal(1)
    expect(failed.report!.rowsWritten).to.be.above(0)
    await to.query(`DELETE FROM orders WHERE note = 'taken'`)
    const anew = await copy(databaseUrl(from), databaseUrl(to), ...options, '--restart')
    expect(anew.report!.error!.code).to.equal('DUPLICATE_KEY')
    expect(anew.report!.tables[0]!.run!.resumed).to.equal(null)
  })

  it('begins a table anew where that repeats no row: those that are there may be old by now', async () => {
    const refusing = `CREATE TABLE orders (id INT PRIMARY KEY, note VARCHAR(400) NOT NULL, CONSTRAINT not_the_last CHECK (id <> ${ROWS}))`
    const [from, to] = await pair(server('mariadb'), refusing)
    const params = ['write_mode=upsert', 'read_batch=1000', 'worker_num=1']
    const options = ['--tables', 'orders', ...params.flatMap((param) => ['--param', param])]
    const failed = await copy(databaseUrl(from), databaseUrl(to), ...options)
    expect(failed.code, failed.stderr).to.equal(1)
    expect(failed.report!.rowsWritten).to.be.above(0)
    await to.query('ALTER TABLE orders DROP CONSTRAINT not_the_last')
    await from.query(`UPDATE orders SET note = 'changed since' WHERE id = 1`)
    const again = await copy(databaseUrl(from), databaseUrl(to), ...options)
    expect(again.code, again.stderr).to.equal(0)
    expect(await to.value('SELECT note FROM orders WHERE id = 1')).to.equal('changed since')
    expect(await to.value('SELECT COUNT(*) FROM orders')).to.equal(String(ROWS))
  })

  it('does not advise to copy the rest of a moment that is gone', async () => {
    const [from, to] = await pair(server('mysql'), SHORT)
    const options = ['--create', '--on-table-error', 'continue', '--param', 'consistency=snapshot']
    const outcome = await copy(databaseUrl(from), databaseUrl(to), ...options)
    expect(outcome.code, outcome.stderr).to.equal(1)
    expect(outcome.stdout)
      .to.contain('moment that all tables were to be of is gone')
      .and.contain('order_item')
    expect(outcome.stdout).not.to.contain('--tables')
  })
})

describe('a copy of a database that makes no sense', () => {
  it('is refused before anything is written', async () => {
    const [from, to] = await pair(server('mariadb'))
    const [a, b] = [databaseUrl(from), databaseUrl(to)]
    await from.query('CREATE TABLE rowshift_checkpoint (id INT PRIMARY KEY)')
    const refused: [string[], string][] = [
      [['--tables', 'nix*'], '--tables nix* matches none of 6 tables'],
      [['--tables', 'order'], 'did you mean "orders"?'],
      [['--tables', ''], '--tables names no table'],
      [['--exclude', ''], '--exclude names no table'],
      [['--rename', ''], '--rename names no table'],
      [['--exclude', 'log\\'], 'ends with a backslash'],
      [['--objects', ''], 'Unknown argument'],
      [['--param', 'exclude=,'], 'params.exclude names no table'],
      [['--tables', 'rowshift_checkpoint'], 'as rowshift gives it to tables of its own'],
      [['--rename', '/.*/=x'], 'would both be written to x'],
      [['--tables', 'seen'], 'seen is a view'],
      [['--params', '{"columns": {"id": "id"}}'], 'params.columns'],
      [['--retry', 'file'], '--retry is about one table'],
    ]
    for (const [options, words] of refused) {
      const outcome = await copy(a, b, '--create', ...options)
      expect(outcome.stderr, options.join(' ')).to.contain(words)
      expect(outcome.code, options.join(' ')).to.equal(2)
    }
    // SQLite takes names for the same that differ by case only.
    const cased = await TestDatabase.create(
      server('postgres'),
      'CREATE TABLE usr (id int PRIMARY KEY); INSERT INTO usr VALUES (1); CREATE TABLE "Usr" (id int PRIMARY KEY); INSERT INTO "Usr" VALUES (2)',
    )
    const mixedUp = await copy(databaseUrl(cased), `sqlite:${scratchFile('db')}`, '--create')
    expect(mixedUp.stderr).to.contain('which may be one table of the target')
    expect(mixedUp.code).to.equal(2)
    expect(mixedUp.report).to.deep.include({ status: 'failed', tables: [] })
    const mixed = await copy(a, to.url('t'))
    expect(mixed.stderr).to.contain('--from names no table')
    expect(mixed.code).to.equal(2)
    const one = await copy(from.url('n'), to.url('n'), '--create', '--tables', 'n')
    expect(one.stderr).to.contain('--tables is about the tables of a database')
    expect(await to.query('SHOW TABLES')).to.deep.equal([])
  })
})
