// What a copy of a whole database makes beside rows: foreign keys, views, triggers, routines; between servers of one family and of others.
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { DatabaseReport } from '../../src/features/database/report.js'
import { runCli, server, servers } from '../support/context.js'
import { scratchFile, TestDatabase } from '../support/copying.js'
import { EXAMPLE_DATABASE, EXAMPLE_TABLES } from '../support/example-database.js'
import type { MysqlKind, ServerKind } from '../support/servers.js'
import { sqliteFile, sqliteRows } from '../support/sqlite.js'

interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  readonly report: DatabaseReport
}

type Db = TestDatabase<ServerKind>

const urlOf = (db: Db) => `${db.server.url}/${db.database}`

async function copy(from: Db | string, to: Db | string, ...options: string[]): Promise<Outcome> {
  const file = scratchFile('json')
  const [a, b] = [from, to].map((end) => (typeof end === 'string' ? end : urlOf(end)))
  const result = await runCli(['copy', '--from', a!, '--to', b!, '--report', file, ...options])
  let report: unknown = null
  try {
    report = JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    // Refused before a report was begun; what the test expects of it fails then.
  }
  return { ...result, report: report as DatabaseReport }
}

/** Of a database of MySQL or MariaDB: what it says about everything in it, by name. */
async function shown(db: Db): Promise<Record<string, string>> {
  const rows = await db.query(
    `SELECT IF(TABLE_TYPE = 'VIEW', 'VIEW', 'TABLE'), TABLE_NAME, 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME NOT LIKE 'rowshift%'
     UNION ALL SELECT ROUTINE_TYPE, ROUTINE_NAME, 2 FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()
     UNION ALL SELECT 'TRIGGER', TRIGGER_NAME, 2 FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()
     UNION ALL SELECT 'EVENT', EVENT_NAME, 3 FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()`,
  )
  const all: Record<string, string> = {}
  for (const [kind, name, at] of rows) {
    const [row] = await db.query(`SHOW CREATE ${kind!} \`${name!}\``)
    all[`${kind!} ${name!}`] = row![Number(at)]!
  }
  return all
}

async function expectSameDdl(from: Db, to: Db, names = /^/): Promise<void> {
  const [a, b] = await Promise.all([shown(from), shown(to)])
  expect(Object.keys(b)).to.have.members(Object.keys(a))
  for (const name of Object.keys(a).filter((each) => names.test(each)))
    expect(b[name], name).to.equal(a[name])
}

/** How each kind of column is compared between families, as SQL of both; types that they show in ways of their own have none. */
function comparable(type: string, name: string, quote: string): string | null {
  const column = `${quote}${name}${quote}`
  const [, scale] = /^decimal\(\d+,(\d+)\)/.exec(type) ?? []
  if (scale !== undefined) return `ROUND(${column} * 1${'0'.repeat(Number(scale))})`
  return /^(timestamp|blob)/.test(type) ? null : column
}

/** What a server says that a table holds, row by row, in an order of its own words. */
async function expectSameRows(from: TestDatabase<MysqlKind>, to: Db | string): Promise<void> {
  const columns = await from.query(
    `SELECT c.TABLE_NAME, c.COLUMN_NAME, c.COLUMN_TYPE FROM information_schema.COLUMNS c JOIN information_schema.TABLES t USING (TABLE_SCHEMA, TABLE_NAME)
     WHERE c.TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE' ORDER BY c.TABLE_NAME, c.ORDINAL_POSITION`,
  )
  const tables = [...new Set(columns.map(([table]) => table!))]
  expect(tables.length).to.be.greaterThan(44)
  const ofTable = (table: string, quote: string, as: (sql: string) => string) =>
    columns
      .filter(([name]) => name === table)
      .flatMap(([, name, type]) => {
        const sql = comparable(type!, name!, quote)
        return sql === null ? [] : [as(sql)]
      })
  const questions = (quote: string, as: (sql: string) => string) =>
    tables.map((table) => `SELECT ${ofTable(table, quote, as).join(', ')} FROM ${quote}${table}${quote}`)
  const sorted = (rows: readonly (readonly unknown[])[]) => rows.map((row) => JSON.stringify(row)).sort()
  const asText = (sql: string) => `CAST(${sql} AS CHAR)`
  const whole = (sql: string) => (sql.startsWith('ROUND') ? `CAST(${sql} AS SIGNED)` : sql)
  const here = questions('`', (sql) => asText(whole(sql)))
  const there =
    typeof to === 'string'
      ? questions('"', (sql) => `CAST(${sql.startsWith('ROUND') ? `CAST(${sql} AS INTEGER)` : sql} AS TEXT)`)
      : to.server.kind === 'postgres'
        ? questions('"', (sql) => `${sql.startsWith('ROUND') ? `(${sql})::bigint` : sql}::text`)
        : here
  for (const [i, table] of tables.entries()) {
    const rows = typeof to === 'string' ? sqliteRows(to, there[i]!) : await to.query(there[i]!)
    expect(sorted(rows), table).to.deep.equal(sorted(await from.query(here[i]!)))
  }
}

/** Nothing of the schemas differs that can be compared, nor a row. */
async function expectVerified(from: Db, to: Db | string): Promise<void> {
  const verified = await runCli([
    'verify',
    '--from',
    urlOf(from),
    '--to',
    typeof to === 'string' ? to : urlOf(to),
  ])
  expect(verified.code, verified.stdout + verified.stderr).to.equal(0)
}

function countOf({ report }: Outcome, part: 'foreignKeys' | 'objects', status: string): number {
  return report[part].filter((one) => one.status === status).length
}

const KEYS = 50

describe('a whole database of MySQL or MariaDB', () => {
  // One server after another: side by side, both together take as long, and a busy machine may take longer than a test may.
  for (const kind of ['mariadb', 'mysql'] as const)
    it(`is the same in another database of the server, with all that is in it (${kind})`, async () => {
      const at = server(kind)
      const [from, to] = await Promise.all([
        TestDatabase.create(at, EXAMPLE_DATABASE),
        TestDatabase.create(at),
      ])
      const outcome = await copy(from, to, '--create', '--objects', '--definer', 'keep')
      expect(outcome.code, outcome.stderr + outcome.stdout).to.equal(0)
      expect(countOf(outcome, 'foreignKeys', 'made')).to.equal(KEYS)
      expect(countOf(outcome, 'objects', 'made')).to.equal(10)
      await expectSameDdl(from, to)
      await expectSameRows(from, to)
      await expectVerified(from, to)
      // The rows are there: what a second run does is what its mode says.
      const again = await copy(from, to, '--create', '--tables', 'world_*', '--param', 'write_mode=insert')
      expect(again.report.error!.code).to.equal('DUPLICATE_KEY')
      const third = await copy(from, to, '--tables', 'world_*', '--param', 'write_mode=upsert')
      expect(third.code, third.stderr).to.equal(0)
      expect(third.report.rowsWritten).to.equal(0)
      const fourth = await copy(
        from,
        to,
        '--tables',
        'world_*,trade_orders',
        '--param',
        'schema_save_mode=recreate',
      )
      expect(fourth.code, fourth.stderr + fourth.stdout).to.equal(0)
      await expectSameDdl(from, to, /^TABLE/)
      await expectSameRows(from, to)
    })

  it('goes to the other of the two, and back', async () => {
    const from = await TestDatabase.create(server('mysql'), EXAMPLE_DATABASE)
    const there = await TestDatabase.create(server('mariadb'))
    const back = await TestDatabase.create(server('mysql'))
    for (const [a, b] of [
      [from, there],
      [there, back],
    ] as const) {
      const outcome = await copy(a, b, '--create', '--objects')
      expect(outcome.code, outcome.stderr + outcome.stdout).to.equal(0)
      expect(countOf(outcome, 'foreignKeys', 'made')).to.equal(KEYS)
      expect(countOf(outcome, 'objects', 'made')).to.equal(10)
      await expectSameRows(from, b)
      await expectVerified(a, b)
    }
    expect(await back.query('SELECT order_id, total FROM a_best ORDER BY 1')).to.deep.equal(
      await from.query('SELECT order_id, total FROM a_best ORDER BY 1'),
    )
  })

  it('goes to PostgreSQL and to SQLite with its rows and foreign keys, and says what does not go', async () => {
    const from = await TestDatabase.create(server('mariadb'), EXAMPLE_DATABASE)
    const pg = await TestDatabase.create(server('postgres'))
    const file = scratchFile('db')
    for (const to of [pg, `sqlite:${file}`]) {
      const outcome = await copy(from, to, '--create', '--objects')
      expect(outcome.code, outcome.stderr + outcome.stdout).to.equal(0)
      expect(countOf(outcome, 'foreignKeys', 'made')).to.equal(KEYS)
      expect(outcome.report.objects.map(({ status }) => status)).to.deep.equal(Array(10).fill('not_copied'))
      expect(outcome.stderr).to.contain('not copied view a_best')
      await expectSameRows(from, typeof to === 'string' ? file : to)
      await expectVerified(from, to)
    }
    expect(
      await pg.value("SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND convalidated"),
    ).to.equal(String(KEYS))
    expect(sqliteRows(file, 'SELECT count(*) FROM pragma_foreign_key_check').map(String)).to.deep.equal(['0'])
    // Numbers go on where they would have gone on in the source.
    await pg.query("INSERT INTO actor (first_name, last_name, last_update) VALUES ('a', 'b', now())")
    expect(await pg.value('SELECT max(actor_id) FROM actor')).to.equal('201')
  })
})

describe('foreign keys of a copied database', () => {
  const ORPHANS = `
    CREATE TABLE parent (id INT PRIMARY KEY); INSERT INTO parent VALUES (1), (2);
    CREATE TABLE child (id INT PRIMARY KEY, parent_id INT, other_id INT,
      CONSTRAINT to_parent FOREIGN KEY (parent_id) REFERENCES parent (id), CONSTRAINT to_self FOREIGN KEY (other_id) REFERENCES child (id));
    SET foreign_key_checks = 0; INSERT INTO child VALUES (1, 1, NULL), (2, 77, 1), (3, 78, 2)`

  it('fail by name where rows have no parent, with examples; the others are made, and all are later', async () => {
    await Promise.all(
      servers().map(async (at) => {
        const [from, to] = await Promise.all([TestDatabase.create(at, ORPHANS), TestDatabase.create(at)])
        const outcome = await copy(from, to, '--create')
        expect(outcome.code).to.equal(1)
        expect(outcome.report.error!.code).to.equal('ORPHANED_ROWS')
        expect(outcome.report.error!.message)
          .to.contain('foreign key to_parent of child')
          .and.contain('(77), (78)')
        expect(countOf(outcome, 'foreignKeys', 'made')).to.equal(1)
        expect(outcome.stdout)
          .to.contain('--schema-only')
          .and.contain('ALTER TABLE `child` ADD CONSTRAINT `to_parent`')
        await to.query('INSERT INTO parent VALUES (77), (78)')
        const rest = await copy(from, to, '--schema-only')
        expect(rest.code, rest.stderr + rest.stdout).to.equal(0)
        expect(rest.report.rowsWritten).to.equal(0)
        expect(
          await to.value(
            'SELECT COUNT(*) FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = DATABASE()',
          ),
        ).to.equal('2')
      }),
    )
  })

  it('are not in the way of rows where the target has them, and are looked after', async () => {
    const tables =
      'CREATE TABLE a_child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES z_parent (id))'
    const parent = 'CREATE TABLE z_parent (id INT PRIMARY KEY)'
    const rows = 'INSERT INTO z_parent VALUES (1); INSERT INTO a_child VALUES (5, 1)'
    for (const kind of ['mariadb', 'mysql', 'postgres'] as const) {
      const from = await TestDatabase.create(server(kind), `${parent}; ${tables}; ${rows}`)
      const to = await TestDatabase.create(server(kind), `${parent}; ${tables}`)
      const outcome = await copy(from, to)
      expect(outcome.code, outcome.stderr + outcome.stdout).to.equal(0)
      expect(countOf(outcome, 'foreignKeys', 'kept')).to.equal(1)
      expect(outcome.stderr, 'nobody checks them meanwhile').not.to.contain('warning')
      await to.query('DELETE FROM a_child; DELETE FROM z_parent')
      const alone = await copy(from, to, '--tables', 'a_child')
      expect(alone.code, kind).to.equal(1)
      expect(alone.report.error!.code).to.equal('ORPHANED_ROWS')
      expect(alone.report.tables[0]!.status).to.equal('success')
    }
    const file = sqliteFile(`${parent}; ${tables}`)
    const from = await TestDatabase.create(server('mariadb'), `${parent}; ${tables}; ${rows}`)
    const outcome = await copy(from, `sqlite:${file}`)
    expect(outcome.code, outcome.stderr + outcome.stdout).to.equal(0)
    expect(countOf(outcome, 'foreignKeys', 'kept')).to.equal(1)
  })

  it('whose parent is not copied are not made, and said', async () => {
    const from = await TestDatabase.create(server('mysql'), EXAMPLE_TABLES)
    const to = await TestDatabase.create(server('mysql'))
    const outcome = await copy(from, to, '--create', '--tables', 'Track,Album,Genre')
    expect(outcome.code, outcome.stderr).to.equal(0)
    expect(countOf(outcome, 'foreignKeys', 'made')).to.equal(2)
    expect(outcome.stderr).to.contain(
      'not made foreign key FK_TrackMediaTypeId of Track: MediaType is neither copied nor in the target',
    )
    const renamed = await copy(from, to, '--create', '--tables', 'world_*', '--rename', 'world_*=w_*')
    expect(renamed.code, renamed.stderr).to.equal(0)
    expect(
      await to.query(
        "SELECT TABLE_NAME, REFERENCED_TABLE_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = DATABASE() AND TABLE_NAME LIKE 'w%' ORDER BY 1",
      ),
    ).to.deep.equal([
      ['w_city', 'w_country'],
      ['w_country', 'w_city'],
      ['w_language', 'w_country'],
    ])
  })

  it('of PostgreSQL keep their rules, and sequences their next numbers', async () => {
    const from = await TestDatabase.create(
      server('postgres'),
      `CREATE TABLE team (id serial PRIMARY KEY, lead int, name text);
       CREATE TABLE person (id int GENERATED ALWAYS AS IDENTITY (INCREMENT BY 10), team_id int, PRIMARY KEY (id),
         CONSTRAINT person_team FOREIGN KEY (team_id) REFERENCES team (id) ON UPDATE CASCADE ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED);
       ALTER TABLE team ADD CONSTRAINT team_lead FOREIGN KEY (lead) REFERENCES person (id) MATCH FULL NOT VALID;
       ALTER TABLE team VALIDATE CONSTRAINT team_lead;
       INSERT INTO team (name) VALUES ('a'), ('b'), ('c'); DELETE FROM team WHERE id = 3; INSERT INTO person (team_id) VALUES (1), (2); UPDATE team SET lead = 11;
       CREATE FUNCTION loud(t text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT upper(t)';
       CREATE VIEW z_named AS SELECT id, loud(name) AS name FROM team; CREATE VIEW a_named AS SELECT * FROM z_named WHERE id > 1;
       CREATE MATERIALIZED VIEW kept AS SELECT count(*) AS n FROM a_named; CREATE UNIQUE INDEX ON kept (n);
       CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN new.name := loud(new.name); RETURN new; END';
       CREATE TRIGGER team_stamp BEFORE UPDATE ON team FOR EACH ROW EXECUTE FUNCTION stamp()`,
    )
    const to = await TestDatabase.create(server('postgres'))
    const outcome = await copy(from, to, '--create', '--objects')
    expect(outcome.code, outcome.stderr + outcome.stdout).to.equal(0)
    const keys = "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f' ORDER BY 1"
    expect(await to.query(keys)).to.deep.equal(await from.query(keys))
    expect(countOf(outcome, 'objects', 'made')).to.equal(6)
    expect(await to.query('SELECT * FROM a_named')).to.deep.equal([['2', 'B']])
    expect(await to.query('SELECT * FROM kept')).to.deep.equal([['1']])
    await to.query("INSERT INTO team (name) VALUES ('d'); INSERT INTO person (team_id) VALUES (1)")
    expect(await to.query('SELECT (SELECT max(id) FROM team), (SELECT max(id) FROM person)')).to.deep.equal([
      ['4', '21'],
    ])
  })

  it('of SQLite stay as they are written, under other names too, and go to servers', async () => {
    const file = sqliteFile(`
      CREATE TABLE "node" (id INTEGER PRIMARY KEY, up INTEGER REFERENCES node ON DELETE CASCADE, -- itself
        tag TEXT REFERENCES tag (name) DEFERRABLE INITIALLY DEFERRED);
      CREATE TABLE "tag" (name VARCHAR(20) NOT NULL PRIMARY KEY, first INTEGER, FOREIGN KEY (first) REFERENCES node (id) ON UPDATE SET NULL);
      INSERT INTO tag VALUES ('a', NULL); INSERT INTO node VALUES (1, NULL, 'a'), (2, 1, NULL); UPDATE tag SET first = 2;
      CREATE VIEW z_up AS SELECT n.id, u.tag FROM node n JOIN node u ON u.id = n.up; CREATE VIEW a_up AS SELECT * FROM z_up;
      CREATE TRIGGER kept BEFORE DELETE ON tag BEGIN SELECT RAISE(ABORT, 'stays; so'); END`)
    const same = scratchFile('db')
    const outcome = await copy(`sqlite:${file}`, `sqlite:${same}`, '--create', '--objects')
    expect(outcome.code, outcome.stderr + outcome.stdout).to.equal(0)
    const schema =
      "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'rowshift%' AND sql IS NOT NULL ORDER BY name"
    expect(sqliteRows(same, schema)).to.deep.equal(sqliteRows(file, schema))
    expect(sqliteRows(same, 'SELECT * FROM a_up').map(String)).to.deep.equal(['2,a'])
    const other = scratchFile('db')
    const renamed = await copy(`sqlite:${file}`, `sqlite:${other}`, '--create', '--rename', '*=x_*')
    expect(renamed.code, renamed.stderr + renamed.stdout).to.equal(0)
    const keys = 'SELECT "table", "from", "to", on_update, on_delete FROM pragma_foreign_key_list'
    expect(
      sqliteRows(other, `${keys}('x_node') UNION ALL ${keys}('x_tag')`).map(String).sort(),
    ).to.deep.equal([
      'x_node,first,id,SET NULL,NO ACTION',
      'x_node,up,id,NO ACTION,CASCADE',
      'x_tag,tag,name,NO ACTION,NO ACTION',
    ])
    for (const kind of ['mysql', 'postgres'] as const) {
      const to = await TestDatabase.create(server(kind))
      const there = await copy(`sqlite:${file}`, to, '--create')
      expect(there.code, there.stderr + there.stdout).to.equal(0)
      expect(
        there.report.foreignKeys.map(({ status }) => status),
        there.stdout,
      ).to.include('made')
      expect(await to.value('SELECT count(*) FROM node')).to.equal('2')
    }
  })
})

describe('the schema of a copied database alone', () => {
  it('is made without rows, and rows are copied without making anything', async () => {
    const sql = `CREATE TABLE a_order (id INT PRIMARY KEY AUTO_INCREMENT, user_id INT, KEY (user_id), CONSTRAINT of_user FOREIGN KEY (user_id) REFERENCES user (id));
      CREATE TABLE user (id INT PRIMARY KEY, best INT, CONSTRAINT best_order FOREIGN KEY (best) REFERENCES a_order (id)); SET foreign_key_checks = 1;
      INSERT INTO user (id) VALUES (1), (2); INSERT INTO a_order VALUES (7, 1), (8, 2); UPDATE user SET best = 7;
      CREATE VIEW seen AS SELECT * FROM user; CREATE TRIGGER t BEFORE UPDATE ON user FOR EACH ROW BEGIN SET new.id = old.id; END`
    const from = await TestDatabase.create(server('mysql'), `SET foreign_key_checks = 0; ${sql}`)
    const to = await TestDatabase.create(server('mysql'))
    const missing = await copy(from, to, '--data-only', '--tables', 'user')
    expect(missing.code).to.equal(2)
    expect(missing.report.error!.code).to.equal('TABLE_NOT_FOUND')
    const schema = await copy(from, to, '--schema-only')
    expect(schema.code, schema.stderr + schema.stdout).to.equal(0)
    expect(countOf(schema, 'foreignKeys', 'made')).to.equal(2)
    expect(await to.value('SELECT COUNT(*) FROM user')).to.equal('0')
    const rows = await copy(from, to, '--data-only')
    expect(rows.code, rows.stderr + rows.stdout).to.equal(0)
    expect(countOf(rows, 'foreignKeys', 'kept')).to.equal(2)
    for (const made of [2, 0]) {
      const whole = await copy(from, to, '--schema-only', '--objects', '--definer', 'keep')
      expect(whole.code, whole.stderr + whole.stdout).to.equal(0)
      expect(countOf(whole, 'objects', 'made')).to.equal(made)
    }
    await expectSameDdl(from, to)
    expect(await to.query('SELECT * FROM seen ORDER BY id')).to.deep.equal([
      ['1', '7'],
      ['2', '7'],
    ])
  })

  it('is refused with options that contradict each other', async () => {
    const [from, to] = await Promise.all([
      TestDatabase.create(server('mariadb'), EXAMPLE_DATABASE),
      TestDatabase.create(server('mariadb')),
    ])
    const refused: [string[], string][] = [
      [['--data-only', '--create'], '--data-only makes nothing: leave out --create'],
      [['--data-only', '--schema-only'], 'leave out --schema-only'],
      [['--create', '--definer', 'keep'], '--definer goes with --objects'],
      [['--create', '--objects', '--rename', 'Genre=Kind'], '--objects does not go with --rename'],
      [['--create', '--tables', 'a_best'], 'a_best is a view'],
    ]
    for (const [options, words] of refused) {
      const outcome = await copy(from, to, ...options)
      expect(outcome.stderr, options.join(' ')).to.contain(words)
      expect(outcome.code, options.join(' ')).to.equal(2)
    }
    expect(await to.query('SHOW TABLES')).to.deep.equal([])
  })
})
