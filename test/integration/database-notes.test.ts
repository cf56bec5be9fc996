// What copies of databases between URLs note in their target, for whoever goes on with them.
import { once } from 'node:events'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { runCli, server, startCli } from '../support/context.js'
import { TestDatabase } from '../support/copying.js'
import { sqliteFile, sqliteRows, sqliteRun } from '../support/sqlite.js'
import { until } from '../support/until.js'

describe('the note of a copy of a database', () => {
  const TABLES = 'CREATE TABLE c (id INTEGER PRIMARY KEY, v INTEGER); CREATE TABLE d (id INTEGER PRIMARY KEY)'
  const ROWS = `INSERT INTO d VALUES (1), (2);
    INSERT INTO c WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 900) SELECT i, i FROM q`
  const params = (...all: string[]) => all.flatMap((one) => ['--param', one])
  const SPLITS = params('worker_num=1', 'read_batch=100', 'allow_triggers=true')
  const BREAK = `CREATE TRIGGER broken BEFORE INSERT ON d BEGIN SELECT RAISE(ABORT, 'no more'); END`

  function files(from: string, to: string) {
    const [source, target] = [sqliteFile(from), sqliteFile(to)]
    const urls = ['--from', `sqlite://${source}`, '--to', `sqlite://${target}`]
    return { source, target, urls, cell: (sql: string) => sqliteRows(target, sql)[0]![0] }
  }

  it('is there before the first row', async () => {
    const { target, urls, cell } = files(`${TABLES}; ${ROWS}`, TABLES)
    const slow = params('worker_num=1', 'read_batch=10', 'speed={"record":15}')
    const child = startCli(['copy', ...urls, ...slow])
    const ended = once(child, 'exit')
    await until('the first rows', () => cell('SELECT COUNT(*) FROM c') !== 0)
    child.kill('SIGKILL')
    await ended
    expect(
      cell("SELECT COUNT(*) FROM rowshift_checkpoint WHERE target_table = 'rowshift_database'"),
    ).to.equal(1)
    // As if it were killed right after another table.
    sqliteRun(target, 'INSERT INTO d VALUES (1), (2)')
    const rest = await runCli(['copy', ...urls])
    expect(rest.code, rest.stderr).to.equal(0)
    expect(cell('SELECT COUNT(*) FROM c')).to.equal(900)
    expect(cell('SELECT COUNT(*) FROM rowshift_checkpoint')).to.equal(0)
  })

  it('does not stay where nothing was copied', async () => {
    const { urls, cell } = files(`${TABLES}; ${ROWS}`, `${TABLES}; INSERT INTO c VALUES (1, 1)`)
    const failed = await runCli(['copy', ...urls, '--tables', 'c'])
    expect(failed.stderr).to.contain('[DUPLICATE_KEY]')
    expect(cell('SELECT COUNT(*) FROM rowshift_checkpoint')).to.equal(0)
  })

  it('names the runs of tables that are done, whose checkpoints a killed copy may leave', async () => {
    const half = BREAK.replace('broken', 'half').replace('ON d', 'ON c WHEN NEW.id = 450')
    const { source, target, urls, cell } = files(`${TABLES}; ${ROWS}`, `${TABLES}; ${BREAK}; ${half}`)
    const early = await runCli(['copy', ...urls, ...SPLITS, '--tables', 'c'])
    expect(early.code, early.stderr).to.equal(1)
    sqliteRun(target, 'DROP TRIGGER half; DELETE FROM c; DELETE FROM rowshift_checkpoint')
    // As if it were killed when the table is noted as done.
    sqliteRun(
      target,
      `CREATE TRIGGER killed BEFORE DELETE ON rowshift_checkpoint WHEN OLD.target_table = 'c' BEGIN SELECT RAISE(ABORT, 'killed'); END`,
    )
    const failed = await runCli(['copy', ...urls, ...SPLITS])
    expect(failed.code, failed.stderr).to.equal(1)
    expect(cell('SELECT COUNT(*) FROM c')).to.equal(900)
    sqliteRun(target, 'DROP TRIGGER killed; DROP TRIGGER broken')
    const rest = await runCli(['copy', ...urls, ...SPLITS])
    expect(rest.code, rest.stderr).to.equal(0)
    expect(cell('SELECT COUNT(*) FROM rowshift_checkpoint')).to.equal(0)
    sqliteRun(source, 'INSERT INTO c VALUES (901, 901)')
    const later = await runCli(['copy', ...urls, ...SPLITS, '--tables', 'c'])
    expect(later.stderr).to.contain('[DUPLICATE_KEY]')
  })

  it('keeps rows from coming twice where a table was begun with other params', async () => {
    const half = BREAK.replace('broken', 'half').replace('ON d', 'ON c WHEN NEW.id = 450')
    const { target, urls, cell } = files(
      `${TABLES}; ${ROWS}`,
      `${TABLES.replace(' PRIMARY KEY', '')}; ${half}`,
    )
    const begun = ['copy', ...urls, ...SPLITS, '--create']
    const failed = await runCli(begun)
    expect(failed.code, failed.stderr).to.equal(1)
    sqliteRun(target, 'DROP TRIGGER half')
    const there = cell('SELECT COUNT(*) FROM c')
    expect(there).to.be.within(1, 899)
    for (const other of [
      ['copy', ...urls, ...SPLITS],
      [...begun, ...params('write_batch=50')],
      [...begun, ...params('where=id < 700')],
    ]) {
      const refused = await runCli(other)
      expect(refused.code, refused.stderr).to.equal(3)
      expect(refused.stderr).to.contain('[RESUME_REFUSED]').and.contain('--restart')
      expect(cell('SELECT COUNT(*) FROM c')).to.equal(there)
    }
    const rest = await runCli(begun)
    expect(rest.code, rest.stderr).to.equal(0)
    expect(cell("SELECT COUNT(*) || ' ' || COUNT(DISTINCT id) FROM c")).to.equal('900 900')
    expect(cell('SELECT COUNT(*) FROM rowshift_checkpoint')).to.equal(0)
  })

  it('is not set back by a copy that ends while another one notes what it does', async () => {
    const { target, urls, cell } = files(`${TABLES}; ${ROWS}`, `${TABLES}; ${BREAK}`)
    const failed = await runCli(['copy', ...urls, ...SPLITS])
    expect(failed.code, failed.stderr).to.equal(1)
    sqliteRun(target, 'DELETE FROM c')
    const slow = params('worker_num=1', 'read_batch=10', 'speed={"record":300}')
    const child = startCli(['copy', ...urls, ...slow, '--tables', 'c'])
    const ended = once(child, 'exit')
    await until('the first rows', () => cell('SELECT COUNT(*) FROM c') !== 0)
    const noted = `UPDATE rowshift_checkpoint SET state = json_insert(state, '$.done[#]', json('{"table":"e","written":1,"ends":"e","rows":"e"}'))
      WHERE target_table = 'rowshift_database' AND state NOT LIKE '%"tables":["c"]%'`
    sqliteRun(target, noted)
    expect((await ended)[0]).to.equal(0)
    const notes = sqliteRows(
      target,
      "SELECT state FROM rowshift_checkpoint WHERE target_table = 'rowshift_database'",
    )
    expect(notes).to.have.length(1)
    expect(notes[0]![0]).to.match(/"table":"e".*"table":"c"/)
  })

  it('is not gone on with by a command that asks for other rows', async () => {
    const { target, urls, cell } = files(`${TABLES}; ${ROWS}`, `${TABLES}; ${BREAK}`)
    const some = params('where=id < 3')
    const failed = await runCli(['copy', ...urls, ...some, ...params('allow_triggers=true')])
    expect(failed.code, failed.stderr).to.equal(1)
    sqliteRun(target, 'DROP TRIGGER broken')
    const other = await runCli(['resume', 'latest', ...urls])
    expect(other.code, other.stderr).to.equal(3)
    expect(other.stderr).to.contain('give it the same "where"')
    const same = await runCli(['resume', 'latest', ...urls, ...some])
    expect(same.code, same.stderr).to.equal(0)
    expect(cell("SELECT (SELECT COUNT(*) FROM c) || ' ' || (SELECT COUNT(*) FROM d)")).to.equal('2 2')
  })

  it('stays until the keys of its tables are made, too', async () => {
    const source = `CREATE TABLE a (id INT PRIMARY KEY); INSERT INTO a VALUES (1);
      CREATE TABLE b (id INT PRIMARY KEY, a_id INT, CONSTRAINT b_a FOREIGN KEY (a_id) REFERENCES a (id)); INSERT INTO b VALUES (1, 1)`
    const from = await TestDatabase.create(server('mariadb'), source)
    const to = await TestDatabase.create(
      server('mariadb'),
      'CREATE TABLE a (id INT PRIMARY KEY, CONSTRAINT nothing CHECK (id < 0))',
    )
    const urls = ['--from', from.wholeUrl, '--to', to.wholeUrl]
    const failed = await runCli(['copy', ...urls, '--create', '--on-table-error', 'continue'])
    expect(failed.code, failed.stderr).to.equal(1)
    await to.query('ALTER TABLE a DROP CONSTRAINT nothing')
    const pasted = await runCli(['copy', ...urls, '--create', '--tables', 'a'])
    expect(pasted.code, pasted.stderr).to.equal(0)
    const rest = await runCli(['resume', 'latest', ...urls])
    expect(rest.code, rest.stderr).to.equal(0)
    const verified = await runCli(['verify', ...urls])
    expect(verified.code, verified.stderr + verified.stdout).to.equal(0)
    expect(await to.value('SELECT COUNT(*) FROM rowshift_checkpoint')).to.equal('0')
  })

  it('keeps rows of an earlier moment from being repeated', async () => {
    const tables = 'CREATE TABLE k (v INT); CREATE TABLE z (id INT PRIMARY KEY'
    const rows = 'INSERT INTO k VALUES (1), (1); INSERT INTO z VALUES (1)'
    const from = await TestDatabase.create(server('mariadb'), `${tables}); ${rows}`)
    const to = await TestDatabase.create(server('mariadb'), `${tables}, CONSTRAINT nothing CHECK (id < 0))`)
    const urls = ['--from', from.wholeUrl, '--to', to.wholeUrl]
    const copy = ['copy', ...urls, '--param', 'consistency=snapshot', '--on-table-error', 'continue']
    const failed = await runCli(copy)
    expect(failed.code, failed.stderr).to.equal(1)
    expect(await to.value('SELECT COUNT(*) FROM k')).to.equal('2')
    await to.query('ALTER TABLE z DROP CONSTRAINT nothing')
    const resumed = await runCli(['resume', 'latest', ...urls])
    expect(resumed.code, resumed.stderr).to.equal(3)
    const again = await runCli(copy)
    expect(again.stderr)
      .to.contain('[RESUME_REFUSED]')
      .and.contain('the moment that all tables were to be of is gone')
    expect(await to.value('SELECT COUNT(*) FROM k')).to.equal('2')
    await to.query('DELETE FROM k; DELETE FROM z')
    const anew = await runCli(copy)
    expect(anew.code, anew.stderr).to.equal(0)
    expect(await to.value('SELECT COUNT(*) FROM rowshift_checkpoint')).to.equal('0')
  })
})
