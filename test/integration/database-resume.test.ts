// Copies of databases between URLs that were killed: the next command goes on with the tables that are left, and makes the keys of the others.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { DatabaseReport } from '../../src/features/database/report.js'
import { connect } from '../support/client.js'
import { runCli, server, startCli } from '../support/context.js'
import { scratchFile, TestDatabase } from '../support/copying.js'
import { lockTable } from '../support/killed-runs.js'
import type { ServerKind } from '../support/servers.js'
import { until } from '../support/until.js'

describe('a copy of a database that was killed', () => {
  const EMPTY = `CREATE TABLE a (id INT PRIMARY KEY, v INT); CREATE TABLE b (id INT PRIMARY KEY, a_id INT); CREATE TABLE c (id INT PRIMARY KEY, v INT); CREATE TABLE d (v INT)`
  const FILLED = `${EMPTY}; ALTER TABLE b ADD CONSTRAINT b_a FOREIGN KEY (a_id) REFERENCES a (id);
    INSERT INTO a VALUES (1, 1), (2, 2); INSERT INTO b VALUES (1, 1); INSERT INTO c VALUES (1, 1); INSERT INTO d VALUES (7), (7)`

  /** The rows of a and b are there, that is noted, and c and d wait for others. */
  async function killed(kind: ServerKind) {
    const from = await TestDatabase.create(server(kind), FILLED)
    const to = await TestDatabase.create(server(kind), EMPTY)
    const urls = ['--from', from.wholeUrl, '--to', to.wholeUrl]
    const { host, port, user, password } = to.server
    const holder = await connect(kind, { host, port, user, password, database: to.database })
    await holder.query('BEGIN')
    await holder.query('INSERT INTO c (id) VALUES (1)')
    // Whoever plans a copy would wait for such a lock of PostgreSQL.
    const locker = kind === 'postgres' ? null : await lockTable(to as TestDatabase, 'd')
    const child = startCli(['copy', ...urls, '--create', '--param', 'worker_num=1'])
    const ended = once(child, 'exit')
    const noted = "SELECT state FROM rowshift_checkpoint WHERE target_table LIKE '%database'"
    await until('the note', async () =>
      (await to.query(noted).catch(() => [])).some(([state]) => /"table":"b"/.test(state!)),
    )
    if (locker === null)
      await until('the last rows', async () => (await to.value('SELECT count(*) FROM d')) === '2')
    child.kill('SIGKILL')
    await ended
    await holder.end()
    await locker?.()
    return { to, urls }
  }

  for (const [kind, command] of [
    ['mariadb', ['copy', '--create']],
    ['mysql', ['resume', 'latest']],
    ['postgres', ['resume', 'latest']],
  ] as const)
    it(`goes on by "${command.join(' ')}", and makes the keys of tables that were done (${kind})`, async () => {
      const { to, urls } = await killed(kind)
      // Written, and killed before that was noted.
      if (kind !== 'postgres') await to.query('INSERT INTO d VALUES (7), (7)')
      const [name, ...options] = command
      const file = scratchFile('json')
      const rest = await runCli([name, ...options, ...urls, '--report', file])
      expect(rest.code, rest.stderr).to.equal(0)
      const report = JSON.parse(readFileSync(file, 'utf8')) as DatabaseReport
      expect(report.tables.map(({ table }) => table)).to.deep.equal(['c'])
      expect(report.leftOut.map(({ table }) => table)).to.have.members(['a', 'b', 'd'])
      expect(report.foreignKeys.map(({ status }) => status)).to.deep.equal(['made'])
      const verified = await runCli(['verify', ...urls])
      expect(verified.code, verified.stderr + verified.stdout).to.equal(0)
      expect(await to.value('SELECT COUNT(*) FROM rowshift_checkpoint')).to.equal('0')
      const none = await runCli(['resume', 'latest', ...urls])
      expect(none.code, none.stderr).to.equal(3)
      const again = await runCli(['copy', ...urls, '--create'])
      expect(again.stderr).to.contain('[DUPLICATE_KEY]')
    })

  it('does not take rows for copied ones that differ from those of the source', async () => {
    const { to, urls } = await killed('mariadb')
    await to.query('INSERT INTO d VALUES (8)')
    const refused = await runCli(['copy', ...urls, '--create'])
    expect(refused.code, refused.stderr).to.equal(3)
    expect(refused.stderr).to.contain('without a key nobody knows which ones it has copied')
    await to.query('DELETE FROM d')
    const emptied = await runCli(['copy', ...urls, '--create'])
    expect(emptied.code, emptied.stderr).to.equal(0)
    expect(await to.value('SELECT COUNT(*) FROM d')).to.equal('2')
  })
})
