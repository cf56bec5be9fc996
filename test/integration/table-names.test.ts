// Whole databases of different families, whose names of tables are written in different ways, and are of different lengths.
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { ComparisonReport } from '../../src/features/database/comparison-report.js'
import type { DatabaseReport } from '../../src/features/database/report.js'
import { runCli, server, servers } from '../support/context.js'
import { expectRefusal, scratchFile, TestDatabase } from '../support/copying.js'
import { sqliteFile, sqliteRows } from '../support/sqlite.js'

const PLAIN = ['Caps', 'a.b', 'a.b.c', 'back`tick', 'child', 'say "hi"', 'two words']

/** `quote`: of one family. */
function tables(quote: (name: string) => string): string {
  const each = PLAIN.filter((name) => name !== 'child').map(
    (name, i) =>
      `CREATE TABLE ${quote(name)} (id INT PRIMARY KEY, v INT); INSERT INTO ${quote(name)} VALUES (${i}, ${i})`,
  )
  return `${each.join('; ')};
    CREATE TABLE child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES ${quote('a.b')} (id)); INSERT INTO child VALUES (1, 1)`
}

const backticks = (name: string) => `\`${name.replaceAll('`', '``')}\``
const quotes = (name: string) => `"${name.replaceAll('"', '""')}"`

async function copy(from: string, to: string, ...options: string[]) {
  const file = scratchFile('json')
  const result = await runCli(['copy', '--from', from, '--to', to, ...options, '--report', file])
  return { ...result, report: JSON.parse(readFileSync(file, 'utf8') || 'null') as DatabaseReport }
}

async function expectEqual(from: string, to: string, count: number, ...options: string[]): Promise<void> {
  const file = scratchFile('json')
  const result = await runCli(['verify', '--from', from, '--to', to, ...options, '--report', file])
  expect(result.code, result.stdout + result.stderr).to.equal(0)
  const { tables } = JSON.parse(readFileSync(file, 'utf8')) as ComparisonReport
  expect(tables.map(({ status }) => status)).to.deep.equal(Array.from({ length: count }, () => 'equal'))
}

const POSTGRES_TABLES =
  "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname NOT LIKE 'rowshift%' ORDER BY relname COLLATE \"C\""

describe('names of tables between families of databases', () => {
  it('stay what they are, dots and quotes included, with keys and verify', async () => {
    const from = await TestDatabase.create(server('mysql'), tables(backticks))
    // Where a name with a dot must not go.
    const decoy = 'CREATE SCHEMA a; CREATE TABLE a.b (id INT PRIMARY KEY, v INT)'
    const pg = await TestDatabase.create(server('postgres'), decoy)
    const copied = await copy(from.wholeUrl, pg.wholeUrl, '--create')
    expect(copied.code, copied.stderr).to.equal(0)
    expect(copied.report.foreignKeys.map(({ status, parent }) => [status, parent])).to.deep.equal([
      ['made', '"a.b"'],
    ])
    expect(await pg.query(POSTGRES_TABLES)).to.deep.equal(PLAIN.map((name) => [name]))
    expect(await pg.value('SELECT count(*) FROM a.b')).to.equal('0')
    for (const [i, name] of PLAIN.filter((each) => each !== 'child').entries())
      expect(await pg.query(`SELECT id, v FROM ${quotes(name)}`)).to.deep.equal([[`${i}`, `${i}`]])
    await expectEqual(from.wholeUrl, pg.wholeUrl, PLAIN.length)
    // Back, into databases without schemas.
    const mariadb = await TestDatabase.create(server('mariadb'))
    const file = scratchFile('db')
    for (const to of [mariadb.wholeUrl, `sqlite:${file}`]) {
      const some = await copy(pg.wholeUrl, to, '--create', '--tables', '"a.b","a.b.*",child')
      expect(some.code, some.stderr).to.equal(0)
      const rest = await copy(pg.wholeUrl, to, '--create', '--exclude', '"a.b","a.b.*",child')
      expect(rest.code, rest.stderr).to.equal(0)
      await expectEqual(pg.wholeUrl, to, PLAIN.length)
    }
    const shown = (await mariadb.query('SHOW TABLES')).map(([name]) => name!)
    expect(shown.filter((name) => !name.startsWith('rowshift')).sort()).to.deep.equal(PLAIN)
    const inFile =
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'rowshift%' ORDER BY name"
    expect(sqliteRows(file, inFile).map(([name]) => name)).to.deep.equal(PLAIN)
  })

  it('go on by the names of the target after a failure', async () => {
    const from = await TestDatabase.create(
      server('mysql'),
      'CREATE TABLE `a.b` (id INT); INSERT INTO `a.b` VALUES (1); CREATE TABLE `c.d` (id INT); INSERT INTO `c.d` VALUES (1)',
    )
    const check = 'CREATE TABLE "a.b" (id int); CREATE TABLE "c.d" (id int CHECK (id > 1))'
    const pg = await TestDatabase.create(server('postgres'), check)
    const failed = await copy(from.wholeUrl, pg.wholeUrl)
    expect(failed.code, failed.stderr).to.equal(1)
    await pg.query('ALTER TABLE "c.d" DROP CONSTRAINT "c.d_id_check"')
    const again = await copy(from.wholeUrl, pg.wholeUrl)
    expect(again.code, again.stderr).to.equal(0)
    expect(await pg.query('SELECT * FROM "a.b" UNION ALL SELECT * FROM "c.d"')).to.deep.equal([['1'], ['1']])
  })

  it('are given anew as the target writes them', async () => {
    const from = await TestDatabase.create(
      server('mariadb'),
      'CREATE TABLE `a.b` (id INT PRIMARY KEY); CREATE TABLE c (id INT PRIMARY KEY)',
    )
    const pg = await TestDatabase.create(server('postgres'), 'CREATE SCHEMA s')
    const outcome = await copy(from.wholeUrl, pg.wholeUrl, '--create', '--rename', 'a.*="n.*",c=s.c')
    expect(outcome.code, outcome.stderr).to.equal(0)
    expect(await pg.query(POSTGRES_TABLES)).to.deep.equal([['n.b']])
    expect(await pg.value('SELECT count(*) FROM s.c')).to.equal('0')
  })

  it('go to another schema with their foreign keys, which are found there', async () => {
    const sql = `CREATE TABLE p (id INT PRIMARY KEY, up INT, CONSTRAINT of_up FOREIGN KEY (up) REFERENCES p (id)); INSERT INTO p VALUES (1, 1);
      CREATE TABLE c (id INT PRIMARY KEY, p INT, CONSTRAINT of_p FOREIGN KEY (p) REFERENCES p (id)); INSERT INTO c VALUES (1, 1)`
    for (const at of [server('mysql'), server('postgres')]) {
      const from = await TestDatabase.create(at, sql)
      const pg = await TestDatabase.create(server('postgres'), `CREATE SCHEMA other; ${sql}`)
      const rename = ['--rename', '*=other.*']
      for (const [option, status] of [
        ['--create', 'made'],
        ['--schema-only', 'kept'],
      ] as const) {
        const outcome = await copy(from.wholeUrl, pg.wholeUrl, option, ...rename)
        expect(outcome.code, outcome.stdout + outcome.stderr).to.equal(0)
        const keys = outcome.report.foreignKeys.map((key) => `${key.status} ${key.table} ${key.parent}`)
        expect(keys.sort()).to.deep.equal([`${status} other.c other.p`, `${status} other.p other.p`])
      }
      await pg.query('DROP TABLE c, p')
      await expectEqual(from.wholeUrl, pg.wholeUrl, 2, ...rename)
      const orphan = 'SET session_replication_role = replica; INSERT INTO other.c VALUES (2, 7)'
      await pg.query(`${orphan}; RESET session_replication_role`)
      const later = await copy(from.wholeUrl, pg.wholeUrl, '--schema-only', ...rename)
      expect(later.code).to.equal(1)
      const failed = later.report.foreignKeys.filter((key) => key.status === 'failed')
      expect(failed.map(({ table, error }) => [table, error!.code])).to.deep.equal([
        ['other.c', 'ORPHANED_ROWS'],
      ])
    }
  })

  it('are refused where one table would be two, with its schema and without', async () => {
    const sql = 'CREATE TABLE a (id INT PRIMARY KEY); CREATE TABLE b (id INT PRIMARY KEY)'
    const from = await TestDatabase.create(server('mysql'), sql)
    for (const there of ['', 'CREATE TABLE b (id INT PRIMARY KEY)']) {
      const pg = await TestDatabase.create(server('postgres'), there)
      const outcome = await copy(from.wholeUrl, pg.wholeUrl, '--create', '--rename', 'a=public.b')
      expectRefusal(outcome, 2, 'USAGE', 'public.b and b, which may be one table')
    }
  })
})

describe('names that the target cannot have', () => {
  const LONG = 'x'.repeat(63)

  it('are refused by the plan where PostgreSQL would cut them', async () => {
    const sql = `CREATE TABLE ${LONG}1 (id INT PRIMARY KEY); CREATE TABLE ${LONG}2 (id INT PRIMARY KEY); INSERT INTO ${LONG}1 VALUES (1);
      CREATE TABLE ok (id INT PRIMARY KEY)`
    for (const from of await Promise.all(servers().map((each) => TestDatabase.create(each, sql)))) {
      const pg = await TestDatabase.create(server('postgres'))
      const outcome = await copy(from.wholeUrl, pg.wholeUrl, '--create')
      expectRefusal(outcome, 2, 'PARAMS_INVALID', `${LONG}1`, '64 bytes', '63')
      expect(await pg.query(POSTGRES_TABLES)).to.deep.equal([])
      // One of a name that is cut to the same is another table.
      await pg.query(`CREATE TABLE ${LONG} (id int)`)
      const into = await copy(from.wholeUrl, pg.wholeUrl, '--tables', `${LONG}1`)
      expectRefusal(into, 2, 'TABLE_NOT_FOUND', `${LONG}1`)
      expect(await pg.value(`SELECT count(*) FROM ${LONG}`)).to.equal('0')
    }
  })

  it('are refused when they are those of columns; those of foreign keys are found anew', async () => {
    const wide = '中'.repeat(22)
    const from = await TestDatabase.create(
      server('mysql'),
      `CREATE TABLE p (id INT PRIMARY KEY); CREATE TABLE c (a INT, b INT, CONSTRAINT ${LONG}1 FOREIGN KEY (a) REFERENCES p (id),
         CONSTRAINT ${LONG}2 FOREIGN KEY (b) REFERENCES p (id)); CREATE TABLE w (id INT PRIMARY KEY, \`${wide}\` INT)`,
    )
    const pg = await TestDatabase.create(server('postgres'))
    const refused = await copy(from.wholeUrl, pg.wholeUrl, '--create')
    expectRefusal(refused, 2, 'PARAMS_INVALID', `column ${wide} of w`, '66 bytes')
    expect(await pg.query(POSTGRES_TABLES)).to.deep.equal([])
    const keys = await copy(from.wholeUrl, pg.wholeUrl, '--create', '--exclude', 'w')
    expect(keys.code, keys.stderr).to.equal(0)
    expect(await pg.query("SELECT conname FROM pg_constraint WHERE contype = 'f' ORDER BY 1")).to.deep.equal([
      ['c_a_fkey'],
      ['c_b_fkey'],
    ])
  })

  it('are refused by the plan where MySQL and MariaDB would refuse or change them', async () => {
    const fine = 'CREATE TABLE a_first (id INTEGER PRIMARY KEY)'
    const refused = [
      [`CREATE TABLE "${LONG}xx" (id INTEGER PRIMARY KEY)`, '65 characters'],
      ['CREATE TABLE "t😀" (id INTEGER PRIMARY KEY)', 'beyond U+FFFF'],
      ['CREATE TABLE t (id INTEGER PRIMARY KEY, "c😀" INT)', 'column c😀 of t'],
      ['CREATE TABLE "t " (id INTEGER PRIMARY KEY)', 'end with a space'],
      [`CREATE TABLE t (id INTEGER PRIMARY KEY, "${LONG}xx" INT)`, '65 characters'],
    ]
    for (const each of servers())
      for (const [sql, words] of refused) {
        const to = await TestDatabase.create(each)
        const outcome = await copy(`sqlite:${sqliteFile(`${fine}; ${sql}`)}`, to.wholeUrl, '--create')
        expectRefusal(outcome, 2, 'PARAMS_INVALID', words!)
        expect(await to.query('SHOW TABLES')).to.deep.equal([])
      }
  })

  it('do not keep foreign keys from long tables of MySQL and MariaDB', async () => {
    const long = 'y'.repeat(60)
    const file = sqliteFile(
      `CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1); CREATE TABLE ${long} (a INT REFERENCES p (id), b INT REFERENCES p (id)); INSERT INTO ${long} VALUES (1, 1)`,
    )
    for (const each of servers()) {
      const to = await TestDatabase.create(each)
      const outcome = await copy(`sqlite:${file}`, to.wholeUrl, '--create')
      expect(outcome.code, outcome.stderr).to.equal(0)
      expect(outcome.report.foreignKeys.map(({ status }) => status)).to.deep.equal(['made', 'made'])
    }
  })

  it('are refused where two columns would be one', async () => {
    const twins =
      'CREATE TABLE a_first (id int PRIMARY KEY); CREATE TABLE t ("A" int, a int PRIMARY KEY, b int); INSERT INTO t VALUES (NULL, 1, 3), (5, 2, 4)'
    const from = await TestDatabase.create(server('postgres'), twins)
    for (const each of servers()) {
      const to = await TestDatabase.create(each)
      const outcome = await copy(from.wholeUrl, to.wholeUrl, '--create')
      expectRefusal(outcome, 2, 'PARAMS_INVALID', 'the same as A')
      expect(await to.query('SHOW TABLES')).to.deep.equal([])
    }
    const pg = await TestDatabase.create(server('postgres'))
    const same = await copy(from.wholeUrl, pg.wholeUrl, '--create')
    expect(same.code, same.stderr).to.equal(0)
    await expectEqual(from.wholeUrl, pg.wholeUrl, 2)
    expect(await pg.query('SELECT * FROM t ORDER BY b')).to.deep.equal([
      [null, '1', '3'],
      ['5', '2', '4'],
    ])
  })
})
