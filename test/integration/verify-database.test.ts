// All tables of two databases compared by one command: which are missing, extra or different, and repaired rows.
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { ComparisonReport } from '../../src/features/database/comparison-report.js'
import { runCli, server, servers } from '../support/context.js'
import { scratchFile, TestDatabase } from '../support/copying.js'
import { Database } from '../support/database.js'
import type { ServerKind, TestServer } from '../support/servers.js'

const TABLES = `
  CREATE TABLE n (i INT PRIMARY KEY);
  INSERT INTO n WITH RECURSIVE q (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM q WHERE i < 999) SELECT i FROM q;
  CREATE TABLE orders (id INT PRIMARY KEY, note VARCHAR(40) NOT NULL); INSERT INTO orders SELECT i, CONCAT('n', i) FROM n;
  CREATE TABLE log (at DATETIME(6), what TEXT); INSERT INTO log VALUES ('2025-01-01', 'twice'), ('2025-01-01', 'twice');
  CREATE TABLE doc (id INT PRIMARY KEY, j JSON, t TIMESTAMP(3) NULL); INSERT INTO doc VALUES (1, '{"a": 1}', NULL);
  CREATE VIEW seen AS SELECT * FROM log`

interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  readonly report: ComparisonReport
}

async function verify(from: string, to: string, ...options: string[]): Promise<Outcome> {
  const file = scratchFile('json')
  const result = await runCli(['verify', '--from', from, '--to', to, ...options, '--report', file])
  return { ...result, report: JSON.parse(readFileSync(file, 'utf8') || 'null') as ComparisonReport }
}

/** The first has the tables, and the second is a copy of it, changed by `changes`. */
async function pair<K extends ServerKind>(
  server: TestServer,
  target: TestServer<K>,
  changes: string,
  tables = TABLES,
): Promise<readonly [TestDatabase, TestDatabase<K>]> {
  const from = await TestDatabase.create(server, tables)
  const to = await TestDatabase.create(target)
  const copy = await runCli(['copy', '--from', from.wholeUrl, '--to', to.wholeUrl, '--create'])
  expect(copy.code, copy.stderr).to.equal(0)
  if (changes !== '') await to.query(changes)
  return [from as TestDatabase, to]
}

function statuses({ report }: Outcome): Record<string, string> {
  return Object.fromEntries(report.tables.map(({ table, status }) => [table, status]))
}

describe('a comparison of databases', () => {
  it('finds copies of all kinds equal', async () => {
    const [mariadb, mysql] = servers()
    for (const [a, b] of [
      [mariadb!, mysql!],
      [mariadb!, server('postgres')],
    ] as const) {
      const [from, to] = await pair(a, b as TestServer, '')
      const outcome = await verify(from.wholeUrl, to.wholeUrl)
      expect(outcome.code, outcome.stderr + outcome.stdout).to.equal(0)
      expect(outcome.report).to.include({ status: 'success', rowsCompared: 2003, error: null })
      expect(outcome.stdout).to.contain('Equal: 4 of 4 tables equal, 2,003 source rows compared')
    }
  })

  it('says what is missing, extra and different, in schema and rows, and repairs the rows', async () => {
    await Promise.all(
      servers().map(async (server) => {
        const changes = `DROP TABLE n; CREATE TABLE more (id INT); CREATE TABLE more_bak (id INT);
          DELETE FROM orders WHERE id IN (3, 4); UPDATE orders SET note = 'x' WHERE id = 5; INSERT INTO orders VALUES (5000, 'y');
          ALTER TABLE orders MODIFY note VARCHAR(50) NOT NULL; ALTER TABLE doc DROP COLUMN t, ADD COLUMN u INT`
        const [from, to] = await pair(server, server, changes)
        const [a, b] = [from.wholeUrl, to.wholeUrl]
        const outcome = await verify(a, b, '--exclude', 'more_bak')
        expect(outcome.code, outcome.stderr).to.equal(4)
        expect(statuses(outcome)).to.deep.equal({
          doc: 'different',
          log: 'equal',
          n: 'missing',
          orders: 'different',
          more: 'extra',
        })
        expect(outcome.report.error!.details).to.deep.equal({ missing: 1, extra: 1, different: 2 })
        const [doc, , , orders] = outcome.report.tables
        expect(doc!.schema).to.have.length(2)
        expect(doc!.schema.join()).to.match(/column t \(timestamp\(3\)\) is missing,column u \(int.*is extra/)
        expect(doc!.found).to.deep.equal({ missing: 0, extra: 0, different: 0 })
        expect(orders!.found).to.deep.equal({ missing: 2, extra: 1, different: 1 })
        expect(orders!.schema).to.deep.equal([
          'column note is varchar(50) NOT NULL instead of varchar(40) NOT NULL',
        ])
        expect(orders!.run!.found!.extraRows).to.have.length(1)
        expect(outcome.stdout)
          .to.match(/^orders +different +1,000 +2 +1 +1 +different$/m)
          .and.match(/^n +missing$/m)
          .and.contain(`schema   orders: column note is`)
          .and.contain("--tables 'doc,n,orders'")
        await to.query('ALTER TABLE orders MODIFY note VARCHAR(40) NOT NULL')
        const options = ['--repair', '--tables', 'orders,n,log', '--param']
        // A table without a key cannot be repaired: nothing is written.
        const refused = await verify(a, b, ...options, 'schema_save_mode=create_when_not_exist')
        expect(refused.code, refused.stderr).to.equal(2)
        expect(refused.report.error!.code).to.equal('KEY_REQUIRED')
        expect(await to.value('SELECT COUNT(*) FROM orders')).to.equal('999')
        const others = [...options, 'schema_save_mode=create_when_not_exist', '--on-table-error', 'continue']
        const repaired = await verify(a, b, ...others)
        expect(repaired.code, repaired.stderr).to.equal(1)
        expect(statuses(repaired)).to.deep.equal({ log: 'failed', n: 'equal', orders: 'equal' })
        expect(repaired.report).to.include({ rowsWritten: 1003, targetChanged: true })
        const again = await verify(a, b, '--tables', 'orders,n')
        expect(again.code, again.stderr).to.equal(0)
      }),
    )
  })

  const SHOP = `
    CREATE TABLE p (id INT PRIMARY KEY, v INT); INSERT INTO p VALUES (1, 1);
    CREATE TABLE c (id INT AUTO_INCREMENT PRIMARY KEY, pid INT, note VARCHAR(40) NOT NULL DEFAULT 'x', price DECIMAL(8,2) DEFAULT 1.50,
      seen TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, t VARCHAR(20) COLLATE utf8mb4_bin, KEY k_note (note(10)), KEY k_t (t, note),
      CONSTRAINT c_p FOREIGN KEY (pid) REFERENCES p (id) ON DELETE CASCADE, CONSTRAINT positive CHECK (price > 0));
    INSERT INTO c (pid) VALUES (1)`

  /** What the tables have otherwise, all told; rows are the same. */
  async function differences(from: string, to: string): Promise<string[]> {
    const outcome = await verify(from, to)
    const texts = outcome.report.tables.flatMap(({ table, schema }) =>
      schema.map((text) => `${table}: ${text}`),
    )
    expect(outcome.code, outcome.stderr + outcome.stdout).to.equal(texts.length === 0 ? 0 : 4)
    for (const text of texts) expect(outcome.stdout).to.contain(`schema   ${text}`)
    return texts
  }

  it('names what defaults, indexes, collations and foreign keys are otherwise', async () => {
    await Promise.all(
      servers().map(async (server) => {
        const [from, to] = await pair(server, server, '', SHOP)
        expect(await differences(from.wholeUrl, to.wholeUrl)).to.deep.equal([])
        await to.query(
          `ALTER TABLE c ALTER note SET DEFAULT 'y', MODIFY t VARCHAR(20) COLLATE utf8mb4_general_ci, MODIFY seen TIMESTAMP NULL DEFAULT NULL, MODIFY id INT NOT NULL;
           ALTER TABLE c DROP KEY k_note, ADD KEY k_note (note(5)), DROP KEY k_t, ADD KEY k_new (price DESC), DROP CONSTRAINT positive, DROP FOREIGN KEY c_p;
           ALTER TABLE c ADD CONSTRAINT c_other FOREIGN KEY (pid) REFERENCES p (id); ALTER TABLE p ADD CONSTRAINT p_c FOREIGN KEY (v) REFERENCES c (id)`,
        )
        const found = await differences(from.wholeUrl, to.wholeUrl)
        expect(found).to.include.members([
          'c: AUTO_INCREMENT of column id is missing',
          "c: default of column note is 'y' instead of 'x'",
          'c: default CURRENT_TIMESTAMP of column seen is missing',
          'c: ON UPDATE CURRENT_TIMESTAMP of column seen is missing',
          'c: collation of column t is utf8mb4_general_ci instead of utf8mb4_bin',
          'c: index k_note is (note(5)) instead of (note(10))',
          'c: index k_t (t, note) is missing',
          'c: foreign key c_p (pid) to p (id) is ON DELETE NO ACTION ON UPDATE NO ACTION instead of ON DELETE CASCADE ON UPDATE NO ACTION',
          'p: foreign key p_c (v) to c (id) is extra',
        ])
        expect(
          found.filter((text) => /^c: (CHECK positive|index k_new \(price DESC)/.test(text)),
        ).to.have.length(2)
        expect(found.filter((text) => !/ (index p_c|index v) /.test(text))).to.have.length(11)
      }),
    )
  })

  it('compares what databases of other kinds have alike, and finds their copies equal', async () => {
    const [mariadb, mysql] = servers()
    const [from, to] = await pair(mariadb!, mysql!, '', SHOP)
    expect(await differences(from.wholeUrl, to.wholeUrl)).to.deep.equal([])
    const postgres = await TestDatabase.create(server('postgres'))
    const [copied, file] = [await TestDatabase.create(server('postgres')), `sqlite:${scratchFile('db')}`]
    for (const [a, b] of [
      [from.wholeUrl, postgres.wholeUrl],
      [postgres.wholeUrl, copied.wholeUrl],
      [postgres.wholeUrl, file],
    ] as const) {
      const copy = await runCli(['copy', '--from', a, '--to', b, '--create'])
      expect(copy.code, copy.stderr).to.equal(0)
      expect(await differences(a, b)).to.deep.equal([])
    }
    await postgres.query(
      `ALTER TABLE c ALTER note SET DEFAULT 'y'; ALTER TABLE c ALTER price DROP DEFAULT; ALTER TABLE c ALTER id DROP IDENTITY; ALTER TABLE c DROP CONSTRAINT c_p`,
    )
    expect(await differences(from.wholeUrl, postgres.wholeUrl)).to.deep.equal([
      'c: numbering of column id is missing',
      "c: default of column note is 'y' instead of 'x'",
      "c: default '1.50' of column price is missing",
      'c: foreign key c_p (pid) to p (id) is missing',
    ])
    await copied.query(
      'CREATE INDEX k_price ON c (price) WHERE price > 1; ALTER TABLE c ADD CHECK (price > 0)',
    )
    expect(await differences(postgres.wholeUrl, copied.wholeUrl)).to.deep.equal([
      "c: default of column note is 'x'::character varying instead of 'y'::character varying",
      'c: numbering BY DEFAULT of column id is extra',
      'c: default 1.50 of column price is extra',
      'c: constraint c_price_check CHECK ((price > (0)::numeric)) is extra',
      'c: index k_price USING btree (price) WHERE (price > (1)::numeric) is extra',
      'c: foreign key c_p (pid) to p (id) is extra',
    ])
  })

  it('goes by the names of the target', async () => {
    const [from, to] = await pair(
      server('mysql'),
      server('mysql'),
      'RENAME TABLE orders TO o_new, n TO n_new',
    )
    const [a, b] = [from.wholeUrl, to.wholeUrl]
    const options = ['--exclude', 'doc', '--rename', 'n=n_new,orders=o_new']
    const outcome = await verify(a, b, ...options)
    expect(outcome.code, outcome.stderr).to.equal(0)
    const refused: [string[], string][] = [
      [['--tables', 'seen'], 'seen is a view'],
      [['--tables', 'nix*'], 'matches none of'],
      [['--param', 'pk=id'], 'params.pk'],
      [['--rename', 'n=orders'], 'would both be written to orders'],
    ]
    for (const [more, words] of refused) {
      const result = await verify(a, b, ...more)
      expect(result.stderr, more.join(' ')).to.contain(words)
      expect(result.code, more.join(' ')).to.equal(2)
    }
    const one = await runCli(['verify', '--from', from.url('log'), '--to', to.url('log'), '--tables', 'log'])
    expect(one.stderr).to.contain('--tables is about the tables of a database')
    expect(one.code).to.equal(2)
  })

  it('says what cannot be seen, told apart or compared', async () => {
    const postgres = server('postgres')
    const from = await TestDatabase.create(
      postgres,
      `CREATE TABLE usr (id int PRIMARY KEY, v int); CREATE TABLE "Usr" (id int PRIMARY KEY); CREATE TABLE solo (id int PRIMARY KEY);
       CREATE ROLE nobody_${process.pid} LOGIN PASSWORD 'pw'; REVOKE ALL ON SCHEMA public FROM PUBLIC`,
    )
    const file = scratchFile('db')
    new Database(file).exec('CREATE TABLE usr (id INTEGER PRIMARY KEY, other INT NOT NULL)')
    const mixed = await verify(from.wholeUrl, `sqlite:${file}`)
    expect(mixed.stderr).to.contain('which are one table of the target')
    expect(mixed.code).to.equal(2)
    // Without a column that must have a value the rows cannot be compared, and the tables differ all the same.
    const apart = await verify(from.wholeUrl, `sqlite:${file}`, '--exclude', 'Usr')
    expect(apart.code, apart.stderr).to.equal(4)
    expect(statuses(apart)).to.deep.equal({ solo: 'missing', usr: 'different' })
    expect(apart.stdout).to.contain('rows     usr: not compared: Target table usr has NOT NULL columns')
    const stranger = new URL(from.wholeUrl)
    stranger.username = `nobody_${process.pid}`
    stranger.password = 'pw'
    const unseen = await verify(stranger.href, `sqlite:${file}`, '--tables', 'usr')
    expect(unseen.stderr).to.contain('has no tables that this user may see')
    expect(unseen.code).to.equal(2)
    await from.query(`DROP ROLE nobody_${process.pid}`)
  })
})

describe('a repair of databases with foreign keys', () => {
  const FAMILY = `
    CREATE TABLE p (id INT PRIMARY KEY, v INT); INSERT INTO p VALUES (1, 1), (2, 2), (9, 9);
    CREATE TABLE c (id INT PRIMARY KEY, pid INT, FOREIGN KEY (pid) REFERENCES p (id) ON DELETE CASCADE);
    INSERT INTO c VALUES (1, 1), (2, 2), (3, 9), (4, 9)`

  for (const kind of ['mysql', 'mariadb', 'postgres'] as const)
    it(`minds no order of parents and children, and deletes no other rows of ${kind}`, async () => {
      const from = await TestDatabase.create(server(kind), FAMILY)
      const to = await TestDatabase.create(server(kind), FAMILY)
      await to.query('DELETE FROM p WHERE id = 9')
      const options = ['--repair', '--param', 'worker_num=1', '--max-delete', '10']
      const repaired = await verify(from.wholeUrl, to.wholeUrl, ...options)
      expect(repaired.code, repaired.stderr + repaired.stdout).to.equal(0)
      expect(repaired.report.foreignKeys.map(({ status }) => status)).to.deep.equal(['kept'])
      expect(await to.value('SELECT COUNT(*) FROM c JOIN p ON p.id = c.pid')).to.equal('4')
      // What goes with a row that is deleted is not compared here.
      await to.query('INSERT INTO p VALUES (100, 1); INSERT INTO c VALUES (100, 100)')
      const alone = await verify(from.wholeUrl, to.wholeUrl, ...options, '--tables', 'p')
      expect(alone.code, alone.stderr + alone.stdout).to.equal(1)
      expect(alone.report.error!.code).to.equal('ORPHANED_ROWS')
      expect(alone.stdout).to.contain('rows have no parent in p (id), for instance (pid) = ')
      expect(await to.value('SELECT COUNT(*) FROM c')).to.equal('5')
      const whole = await verify(from.wholeUrl, to.wholeUrl, ...options)
      expect(whole.code, whole.stderr + whole.stdout).to.equal(0)
      expect(await to.value('SELECT COUNT(*) FROM c')).to.equal('4')
    })
})
