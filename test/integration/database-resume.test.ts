// Copies of databases between URLs that were killed: the next command goes on with the tables that are left, and makes the keys of the others.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { DatabaseReport } from '../../src/features/database/report.js'
import { runCli, server, startCli } from '../support/context.js'
import { scratchFile, TestDatabase } from '../support/copying.js'
import { Proxy } from '../support/proxy.js'
import type { ServerKind } from '../support/servers.js'
import { sqliteFile, sqliteRows, sqliteRun } from '../support/sqlite.js'
import { until } from '../support/until.js'

describe('a copy of a database that was killed', () => {
  const EMPTY = `CREATE TABLE a (id INT PRIMARY KEY, v INT); CREATE TABLE b (id INT PRIMARY KEY, a_id INT); CREATE TABLE c (id INT PRIMARY KEY, v INT); CREATE TABLE d (v INT)`
  const FILLED = `${EMPTY}; INSERT INTO a VALUES (1, 1), (2, 2); INSERT INTO b VALUES (1, 1); INSERT INTO d VALUES (7), (7); CREATE TABLE x (v INT);
    INSERT INTO c WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 900) SELECT i, i FROM q;
    ALTER TABLE b ADD CONSTRAINT b_a FOREIGN KEY (a_id) REFERENCES a (id)`

  /** The rows of a and b are there, that is noted, and those of c take their time. */
  async function killed(kind: ServerKind) {
    // The server counts the rows of c when it likes, and then c would come first.
    const uncounted = kind === 'postgres' ? ')' : ') STATS_AUTO_RECALC=0'
    const from = await TestDatabase.create(server(kind), FILLED.replace(/(?<=TABLE c .*?)\)(?=;)/, uncounted))
    const to = await TestDatabase.create(server(kind), EMPTY)
    const urls = ['--from', from.wholeUrl, '--to', to.wholeUrl]
    const slow = ['--param', 'worker_num=1', '--param', 'read_batch=10', '--param', 'speed={"record":15}']
    const child = startCli(['copy', ...urls, '--create', '--exclude', 'x*', ...slow])
    const ended = once(child, 'exit')
    const noted = "SELECT state FROM rowshift_checkpoint WHERE target_table LIKE '%rowshift_database'"
    await until('the note', async () =>
      (await to.query(noted).catch(() => [])).some(([state]) =>
        /"table":"a".*"table":"b"|"table":"b".*"table":"a"/.test(state!),
      ),
    )
    await until('rows of c', async () => (await to.value('SELECT COUNT(*) FROM c')) !== '0')
    child.kill('SIGKILL')
    await ended
    return { to, urls }
  }

  for (const [kind, command] of [
    ['mariadb', ['copy', '--create', '--exclude', 'x*']],
    ['mysql', ['resume', 'latest']],
    ['postgres', ['resume', 'latest']],
  ] as const)
    it(`goes on by "${command.join(' ')}", and makes the keys of tables that were done (${kind})`, async () => {
      const { to, urls } = await killed(kind)
      // Written, and killed before that was noted.
      if ((await to.value('SELECT COUNT(*) FROM d')) === '0') await to.query('INSERT INTO d VALUES (7), (7)')
      const [name, ...options] = command
      const file = scratchFile('json')
      const rest = await runCli([name, ...options, ...urls, '--report', file])
      expect(rest.code, rest.stderr).to.equal(0)
      const report = JSON.parse(readFileSync(file, 'utf8')) as DatabaseReport
      expect(report.tables.map(({ table }) => table)).to.deep.equal(['c'])
      expect(report.tables[0]!.run!.resumed).not.to.equal(null)
      expect(report.leftOut.map(({ table }) => table)).to.have.members(['a', 'b', 'd', 'x'])
      expect(report.foreignKeys.map(({ status }) => status)).to.deep.equal(['made'])
      const verified = await runCli(['verify', ...urls, '--exclude', 'x'])
      expect(verified.code, verified.stderr + verified.stdout).to.equal(0)
      expect(await to.value('SELECT COUNT(*) FROM rowshift_checkpoint')).to.equal('0')
      const none = await runCli(['resume', 'latest', ...urls, '--json'])
      expect(none.code, none.stderr).to.equal(3)
      const { error } = JSON.parse(none.stdout) as DatabaseReport
      expect(error?.code).to.equal('RESUME_REFUSED')
      const again = await runCli(['copy', ...urls, '--create'])
      expect(again.stderr).to.contain('[DUPLICATE_KEY]')
    })

  it('adds the indexes of tables whose rows are all there', async () => {
    const { to, urls } = await killed('postgres')
    await noteMissingIndex(to)
    const rest = await runCli(['resume', 'latest', ...urls, '--json'])
    expect(rest.code, rest.stderr).to.equal(0)
    const { tables } = JSON.parse(rest.stdout) as DatabaseReport
    expect(tables.map(({ table, rows }) => `${table} ${rows > 0}`)).to.include.members(['a false', 'c true'])
    expect(await to.value("SELECT count(*) FROM pg_indexes WHERE indexname = 'k_v'")).to.equal('1')
    expect(await to.value('SELECT count(*) FROM rowshift_checkpoint')).to.equal('0')
  })

  it('goes on as another user, who may write what the first one may not', async () => {
    const from = await TestDatabase.create(server('postgres'), FILLED)
    const to = await TestDatabase.create(server('postgres'), EMPTY)
    const user = `u_${to.database}`
    await to.query(
      `CREATE ROLE ${user} LOGIN PASSWORD 'p'; GRANT ALL ON a, b, c TO ${user}; GRANT CREATE ON SCHEMA public TO ${user}`,
    )
    const copyTo = (url: string) =>
      runCli(['copy', '--from', from.wholeUrl, '--to', url, '--exclude', 'x', '--on-table-error', 'continue'])
    const denied = await copyTo(to.wholeUrl.replace(/\/\/.*@/, `//${user}:p@`))
    expect(denied.code, denied.stderr).to.equal(1)
    expect(denied.stderr).to.contain('[ACCESS_DENIED]')
    const rest = await copyTo(to.wholeUrl)
    expect(rest.code, rest.stderr).to.equal(0)
    expect(await to.query('SELECT (SELECT count(*) FROM c), (SELECT count(*) FROM d)')).to.deep.equal([
      ['900', '2'],
    ])
    expect(await to.value('SELECT count(*) FROM rowshift_checkpoint')).to.equal('0')
    await to.query(`DROP OWNED BY ${user}; DROP ROLE ${user}`)
  })

  it('does not take rows for copied ones that differ from those of the source', async () => {
    const { to, urls } = await killed('mariadb')
    await to.query(
      `UPDATE rowshift_checkpoint SET state = REPLACE(state, '"table":"d","written":2,"ends":"', '"table":"d","written":2,"ends":"elsewhere'); DELETE FROM d; INSERT INTO d VALUES (8)`,
    )
    const refused = await runCli(['copy', ...urls, '--create'])
    expect(refused.code, refused.stderr).to.equal(3)
    expect(refused.stderr).to.contain('without a key nobody knows which ones it has copied')
    await to.query('DELETE FROM d')
    const emptied = await runCli(['copy', ...urls, '--create'])
    expect(emptied.code, emptied.stderr).to.equal(0)
    expect(await to.value('SELECT COUNT(*) FROM d')).to.equal('2')
  })

  it('does not take a table for copied that only got its indexes, and was emptied since', async () => {
    const { to, urls } = await killed('postgres')
    await noteMissingIndex(to)
    await to.query('ALTER TABLE c ADD CONSTRAINT none_more CHECK (id < 0) NOT VALID')
    const failed = await runCli(['resume', 'latest', ...urls])
    expect(failed.code, failed.stderr).to.equal(1)
    expect(await to.value("SELECT count(*) FROM pg_indexes WHERE indexname = 'k_v'")).to.equal('1')
    await to.query('TRUNCATE a CASCADE; TRUNCATE b; ALTER TABLE c DROP CONSTRAINT none_more')
    const rest = await runCli(['resume', 'latest', ...urls])
    expect(rest.code, rest.stderr).to.equal(0)
    expect(await to.value('SELECT count(*) FROM a')).to.equal('2')
  })

  it('copies nothing when a fault that passes keeps it from knowing what is done', async () => {
    const tables = 'CREATE TABLE k (v INT); CREATE TABLE z (id INT PRIMARY KEY)'
    const filled = `${tables}; INSERT INTO k VALUES (1), (1); INSERT INTO z VALUES (1)`
    const from = await TestDatabase.create(server('postgres'), filled)
    const to = await TestDatabase.create(
      server('postgres'),
      `${tables}; ALTER TABLE z ADD CONSTRAINT nothing CHECK (id < 0)`,
    )
    let cut = false
    const proxy = await Proxy.to(server('postgres'), (link) => {
      if (cut) link.fault = { kind: 'cut', after: 'rowshift_checkpoint' }
      cut = false
    })
    try {
      const copy = ['copy', '--from', from.wholeUrl, '--to', proxy.url(to.wholeUrl)]
      const failed = await runCli([...copy, '--on-table-error', 'continue'])
      expect(failed.code, failed.stderr).to.equal(1)
      await to.query('ALTER TABLE z DROP CONSTRAINT nothing')
      cut = true
      const lost = await runCli(copy)
      expect(lost.stderr).to.contain('[CONNECTION_LOST]')
      expect(lost.code, lost.stderr).to.equal(1)
      const rest = await runCli(copy)
      expect(rest.code, rest.stderr).to.equal(0)
      expect(await to.value('SELECT count(*) FROM k')).to.equal('2')
      expect(await to.value('SELECT count(*) FROM z')).to.equal('1')
    } finally {
      proxy.close()
    }
  })

  describe('into a database without a server', () => {
    const TABLES = `CREATE TABLE a_k (v TEXT); CREATE TABLE c (id INTEGER PRIMARY KEY, v INTEGER);
      CREATE TABLE d (id INTEGER PRIMARY KEY); CREATE TABLE e_k (v INTEGER)`
    const numbers = (most: number) =>
      `WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < ${most})`
    // Larger tables come first.
    const ROWS = `INSERT INTO a_k VALUES (hex(zeroblob(50000))), ('x'), ('x'); INSERT INTO d VALUES (1), (2); INSERT INTO e_k VALUES (5), (5);
      INSERT INTO c ${numbers(900)} SELECT i, i FROM q`
    const SPLITS = ['worker_num=1', 'read_batch=100', 'allow_triggers=true'].flatMap((one) => [
      '--param',
      one,
    ])
    const ALL = '3 900 2 2'
    const COUNTS = `SELECT (SELECT COUNT(*) FROM a_k) || ' ' || (SELECT COUNT(*) FROM c) || ' ' || (SELECT COUNT(*) FROM d) || ' ' || (SELECT COUNT(*) FROM e_k)`

    function pair(more = '') {
      const [from, to] = [sqliteFile(`${TABLES}; ${ROWS}`), sqliteFile(`${TABLES}; ${more}`)]
      const urls = ['--from', `sqlite://${from}`, '--to', `sqlite://${to}`]
      const cell = (sql: string) => sqliteRows(to, sql)[0]![0]
      return { from, to, urls, cell }
    }

    const notes = `SELECT COUNT(*) FROM rowshift_checkpoint WHERE target_table LIKE '%rowshift_database%'`
    const BREAK = `CREATE TRIGGER broken BEFORE INSERT ON c WHEN NEW.id = 450 BEGIN SELECT RAISE(ABORT, 'no more'); END`

    /** The first table is there, and the second one takes its time. */
    async function killedEarly() {
      const copy = pair()
      const slow = ['--param', 'worker_num=1', '--param', 'read_batch=10', '--param', 'speed={"record":15}']
      const child = startCli(['copy', ...copy.urls, ...slow])
      const ended = once(child, 'exit')
      await until('the first table', () => copy.cell('SELECT COUNT(*) FROM a_k') === 3)
      child.kill('SIGKILL')
      await ended
      return copy
    }

    it('does not copy a table without a key twice that was copied right before', async () => {
      const { urls, cell } = await killedEarly()
      const rest = await runCli(['copy', ...urls])
      expect(rest.code, rest.stderr).to.equal(0)
      expect(cell(COUNTS)).to.equal(ALL)
      expect(cell(notes)).to.equal(0)
    })

    it('goes on with all tables after a copy of some', async () => {
      const { urls, cell } = await killedEarly()
      const some = await runCli(['copy', ...urls, '--tables', 'd,e_k'])
      expect(some.code, some.stderr).to.equal(0)
      expect(cell(notes)).to.equal(1)
      const rest = await runCli(['resume', 'latest', ...urls])
      expect(rest.code, rest.stderr).to.equal(0)
      expect(cell(COUNTS)).to.equal(ALL)
      expect(cell(notes)).to.equal(0)
    })

    it('forgets an earlier copy when one that begins anew has done all', async () => {
      const anew = [['--restart'], ['--param', 'schema_save_mode=recreate']]
      for (const options of anew) {
        const { from, to, urls, cell } = pair(BREAK)
        const failed = await runCli(['copy', ...urls, ...SPLITS])
        expect(failed.code, failed.stderr).to.equal(1)
        expect(cell(notes)).not.to.equal(0)
        sqliteRun(to, 'DROP TRIGGER broken; DELETE FROM a_k; DELETE FROM c; DELETE FROM d; DELETE FROM e_k')
        const restarted = await runCli(['copy', ...urls, ...options])
        expect(restarted.code, restarted.stderr).to.equal(0)
        expect(cell(COUNTS)).to.equal(ALL)
        expect(cell(notes), options.join(' ')).to.equal(0)
        sqliteRun(from, 'INSERT INTO d VALUES (3)')
        const again = await runCli(['copy', ...urls, '--tables', 'd'])
        expect(again.stderr).to.contain('[DUPLICATE_KEY]')
      }
    })

    it('goes on as a copy that failed before any table was done has said', async () => {
      const { to, urls, cell } = pair(`DROP TABLE a_k; ${BREAK}`)
      const failed = await runCli(['copy', ...urls, ...SPLITS, '--tables', 'c'])
      expect(failed.code, failed.stderr).to.equal(1)
      expect(failed.stderr).to.contain('the same "rowshift copy" again goes on from there')
      sqliteRun(to, 'DROP TRIGGER broken')
      const rest = await runCli(['resume', 'latest', ...urls, ...SPLITS])
      expect(rest.code, rest.stderr).to.equal(0)
      expect(cell('SELECT COUNT(*) FROM c')).to.equal(900)
      expect(cell(notes)).to.equal(0)
    })

    it('copies a table again that was emptied, and is killed on the way, without leaving rows out', async () => {
      const { from, to, urls, cell } = pair(`${BREAK.replace('ON c', 'ON d').replaceAll('450', '2')}`)
      const failed = await runCli(['copy', ...urls, ...SPLITS, '--tables', 'c,d'])
      expect(failed.code, failed.stderr).to.equal(1)
      sqliteRun(to, `DELETE FROM c; ${BREAK.replace('broken', 'later').replace('450', '1350')}`)
      sqliteRun(from, 'INSERT INTO c SELECT id + 900, v FROM c')
      const emptied = await runCli(['copy', ...urls, ...SPLITS, '--tables', 'c,d'])
      expect(emptied.code, emptied.stderr).to.equal(1)
      expect(cell('SELECT COUNT(*) >= 900 FROM c')).to.equal(1)
      sqliteRun(to, 'DROP TRIGGER broken; DROP TRIGGER later')
      const rest = await runCli(['copy', ...urls, ...SPLITS, '--tables', 'c,d'])
      expect(rest.code, rest.stderr).to.equal(0)
      expect(cell('SELECT COUNT(*) FROM c')).to.equal(1800)
    })

    it('copies to another name what was copied to one before', async () => {
      const { urls, to, cell } = await killedEarly()
      sqliteRun(to, 'CREATE TABLE z (v TEXT)')
      const other = ['copy', ...urls, '--tables', 'a_k', '--rename', 'a_k=z']
      const renamed = await runCli(other)
      expect(renamed.code, renamed.stderr).to.equal(0)
      const rest = await runCli(['resume', 'latest', ...urls])
      expect(rest.code, rest.stderr).to.equal(0)
      expect(cell(COUNTS)).to.equal(ALL)
      expect(cell('SELECT COUNT(*) FROM z')).to.equal(3)
      expect(cell(notes)).to.equal(0)
    })
  })
})

/** As a killed run does that has dropped the index k_v of table a. */
async function noteMissingIndex(to: TestDatabase): Promise<void> {
  const index = { name: 'k_v', add: 'CREATE INDEX k_v ON a (v)', mark: 'm' }
  const split = createHash('sha256')
    .update(JSON.stringify(['public.a', 'k_v']))
    .digest('hex')
  await to.query(
    `INSERT INTO rowshift_checkpoint (run_id, split, attempt, target_table, rows_written, created_at, state)
     VALUES ('', '${split}', 0, 'public.a', 0, '2026-01-01 00:00:00', '${JSON.stringify(index)}')`,
  )
}
