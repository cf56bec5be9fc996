// Copies of databases between URLs that were killed: the next command goes on with the tables that are left, and makes the keys of the others.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { DatabaseReport } from '../../src/features/database/report.js'
import { runCli, server, startCli } from '../support/context.js'
import { scratchFile, TestDatabase } from '../support/copying.js'
import type { ServerKind } from '../support/servers.js'
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
    const index = { name: 'k_v', add: 'CREATE INDEX k_v ON a (v)', mark: 'm' }
    const split = createHash('sha256')
      .update(JSON.stringify(['public.a', 'k_v']))
      .digest('hex')
    await to.query(
      `INSERT INTO rowshift_checkpoint (run_id, split, attempt, target_table, rows_written, created_at, state)
       VALUES ('', '${split}', 0, 'public.a', 0, '2026-01-01 00:00:00', '${JSON.stringify(index)}')`,
    )
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
      `UPDATE rowshift_checkpoint SET state = REPLACE(state, '"table":"d"', '"table":"x"'); DELETE FROM d; INSERT INTO d VALUES (8)`,
    )
    const refused = await runCli(['copy', ...urls, '--create'])
    expect(refused.code, refused.stderr).to.equal(3)
    expect(refused.stderr).to.contain('without a key nobody knows which ones it has copied')
    await to.query('DELETE FROM d')
    const emptied = await runCli(['copy', ...urls, '--create'])
    expect(emptied.code, emptied.stderr).to.equal(0)
    expect(await to.value('SELECT COUNT(*) FROM d')).to.equal('2')
  })
})
