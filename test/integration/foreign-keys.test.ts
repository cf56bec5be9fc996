// Foreign keys, rows and objects of whole databases where something stands in the way: modes, rights, other databases, names.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { DatabaseReport, TaskTablesReport } from '../../src/features/database/report.js'
import { connect } from '../support/client.js'
import { addressOf, oneServer, runCli, server, startCli } from '../support/context.js'
import { scratchFile, TestDatabase } from '../support/copying.js'
import type { ServerKind, TestServer } from '../support/servers.js'
import { startServer } from '../support/servers.js'
import { TaskFixture } from '../support/task-fixture.js'
import { until } from '../support/until.js'

async function copy(from: TestDatabase | string, to: TestDatabase, ...options: string[]) {
  const file = scratchFile('json')
  const source = typeof from === 'string' ? from : from.wholeUrl
  const result = await runCli(['copy', '--from', source, '--to', to.wholeUrl, '--report', file, ...options])
  return { ...result, report: JSON.parse(readFileSync(file, 'utf8')) as DatabaseReport }
}

async function pair<K extends ServerKind>(at: TestServer<K>, from: string, to = '') {
  return Promise.all([TestDatabase.create(at, from), TestDatabase.create(at, to)])
}

const recreate = ['--param', 'schema_save_mode=recreate']
const PARENT = 'CREATE TABLE p (id INT PRIMARY KEY)'
const CHILD = 'CREATE TABLE c (id INT PRIMARY KEY, p INT'
const KEY = `${CHILD}, CONSTRAINT of_p FOREIGN KEY (p) REFERENCES p (id))`
const ROWS = 'INSERT INTO p VALUES (1), (2); INSERT INTO c VALUES (5, 1)'

function unchecked({ kind }: TestServer): string {
  return kind === 'postgres' ? 'SET session_replication_role = replica' : 'SET foreign_key_checks = 0'
}

function keysOf(db: TestDatabase): Promise<readonly (readonly (string | null)[])[]> {
  const sql =
    db.server.kind === 'postgres'
      ? "SELECT conname FROM pg_constraint WHERE contype = 'f' ORDER BY 1"
      : 'SELECT CONSTRAINT_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = DATABASE() ORDER BY 1'
  return db.query(sql)
}

const kinds = [
  ['MySQL or MariaDB', () => oneServer()[0]!],
  ['PostgreSQL', () => server('postgres')],
] as const

for (const [title, at] of kinds) {
  describe(`foreign keys of tables that are made anew in ${title}`, () => {
    it('stay where mode sync makes nothing anew', async () => {
      const [from, to] = await pair(at(), `${PARENT}; ${KEY}; ${ROWS}`, `${PARENT}; ${KEY}`)
      const outcome = await copy(from, to, '--param', 'mode=sync', ...recreate)
      expect(outcome.code, outcome.stderr).to.equal(0)
      expect(await keysOf(to)).to.deep.equal([['of_p']])
      expect(await to.value('SELECT count(*) FROM c')).to.equal('1')
    })

    it('are said to be dropped where the source lacks them', async () => {
      const [from, to] = await pair(at(), `${PARENT}; ${CHILD}); ${ROWS}`, `${PARENT}; ${KEY}; ${ROWS}`)
      const outcome = await copy(from, to, ...recreate)
      expect(outcome.code, outcome.stderr).to.equal(0)
      const [key, ...more] = outcome.report.foreignKeys
      expect(more).to.deep.equal([])
      expect(key).to.include({ name: 'of_p', status: 'dropped' })
      expect(key!.statement).to.contain('REFERENCES')
      expect(outcome.stdout).to.contain('was dropped').and.not.contain('--schema-only')
    })

    it('stay between tables that a failure keeps from being made anew', async () => {
      const tables = Array.from({ length: 12 }, (_, i) => `t${String(i + 10)}`)
      const sql = tables.map((name) => `CREATE TABLE ${name} (id INT PRIMARY KEY, p INT)`).join('; ')
      const keys = tables
        .slice(1)
        .map(
          (name, i) =>
            `ALTER TABLE ${name} ADD CONSTRAINT k_${name} FOREIGN KEY (p) REFERENCES ${tables[i]!} (id)`,
        )
      const [from, to] = await pair(at(), sql, `${sql}; ${keys.join('; ')}`)
      const outcome = await copy(
        from,
        to,
        ...recreate,
        '--param',
        'post_sql=SELECT no_such_column',
        '--param',
        'worker_num=1',
      )
      expect(outcome.code).to.equal(1)
      const made = outcome.report.tables
        .filter(({ status }) => status !== 'not_begun')
        .map(({ to: name }) => name)
      expect(made.length).to.be.lessThan(12)
      const isAnew = (name: string) => made.includes(name)
      const dropped = tables.slice(1).filter((name, i) => isAnew(name) || isAnew(tables[i]!))
      const stay = tables.slice(1).filter((name) => !dropped.includes(name))
      expect(await keysOf(to)).to.deep.equal(stay.map((name) => [`k_${name}`]))
      expect(
        outcome.report.foreignKeys.filter(({ status }) => status === 'dropped').map(({ name }) => name),
      ).to.have.members(dropped.map((name) => `k_${name}`))
    })

    it('are made later without rows, which stay, whatever the mode of tables', async () => {
      const [from, to] = await pair(
        at(),
        `${PARENT}; ${KEY}; ${ROWS}; ${unchecked(at())}; INSERT INTO c VALUES (6, 77)`,
      )
      const outcome = await copy(from, to, ...recreate)
      expect(outcome.code).to.equal(1)
      expect(outcome.report.error!.code).to.equal('ORPHANED_ROWS')
      await to.query('INSERT INTO p VALUES (77)')
      const rest = await copy(from, to, ...recreate, '--schema-only')
      expect(rest.code, rest.stderr).to.equal(0)
      expect(await to.value('SELECT count(*) FROM c')).to.equal('2')
      expect(await keysOf(to)).to.deep.equal([['of_p']])
    })
  })

  it(`foreign keys of other tables are added in ${title} while one waits for its table, and which is said`, async () => {
    const table = (name: string) =>
      `CREATE TABLE ${name}_p (id INT PRIMARY KEY); CREATE TABLE ${name} (id INT PRIMARY KEY, p INT`
    const key = (name: string) => `, CONSTRAINT of_${name} FOREIGN KEY (p) REFERENCES ${name}_p (id))`
    const names = ['a', 'b', 'c']
    const [from, to] = await pair(
      at(),
      names.map((name) => `${table(name)}${key(name)}`).join(';'),
      names.map((name) => `${table(name)})`).join(';'),
    )
    const holder = await connect(to.server.kind, { ...addressOf(to.server), database: to.database })
    try {
      await holder.query('BEGIN')
      const isPostgres = to.server.kind === 'postgres'
      await holder.query(isPostgres ? 'LOCK TABLE a IN SHARE UPDATE EXCLUSIVE MODE' : 'SELECT * FROM a')
      const run = startCli(['copy', '--from', from.wholeUrl, '--to', to.wholeUrl, '--create'])
      let said = ''
      run.stderr.on('data', (data: Buffer) => (said += data.toString()))
      const ended = once(run, 'close')
      await until('the other keys', async () => (await keysOf(to)).length === 2)
      await until('the line', () => said.includes('keys: 2 of 3'))
      expect(said).to.contain('6 of 6 tables, 0 rows, keys: 2 of 3 · adding foreign key of_a of a')
      await holder.query('COMMIT')
      expect(await ended, said).to.deep.equal([0, null])
      expect(await keysOf(to)).to.deep.equal(names.map((name) => [`of_${name}`]))
    } finally {
      await holder.end()
    }
  })

  describe(`foreign keys that ${title} has already`, () => {
    it('are looked at by a run that goes on where only other tables are left', async () => {
      const fixture = await TaskFixture.create(at())
      const { data } = fixture
      const parts = 'a_p (id INT PRIMARY KEY); a_c (id INT PRIMARY KEY, p INT); a_z (id INT PRIMARY KEY)'
      const targets =
        'b_p (id INT PRIMARY KEY); b_c (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES b_p (id)); b_z (id INT PRIMARY KEY, CHECK (id < 5))'
      for (const table of [...parts.split('; '), ...targets.split('; ')])
        await data.value(`CREATE TABLE ${table}`)
      for (const rows of ['a_p VALUES (1)', 'a_c VALUES (1, 77)', 'a_z VALUES (7)'])
        await data.value(`INSERT INTO ${rows}`)
      await fixture.addTask(1, 'b_*', { from: 'a_*', params: '{"on_table_error": "continue"}' })
      const first = fixture.start('run', '1')
      expect(await first.code()).to.equal(1)
      await data.value('UPDATE a_z SET id = 3')
      const second = fixture.start('run', '1')
      expect(await second.code(), second.stderr).to.equal(1)
      const report = second.report<TaskTablesReport>()
      expect(report.doneBefore).to.have.members(['a_c', 'a_p'])
      expect(report.error!.code, second.stderr).to.equal('ORPHANED_ROWS')
    })

    it('are looked at by a command that copies no rows, whoever has written them', async () => {
      const rows = `${unchecked(at())}; INSERT INTO c VALUES (6, 77)`
      const [from, to] = await pair(at(), `${PARENT}; ${CHILD})`, `${PARENT}; ${KEY}; ${rows}`)
      const outcome = await copy(from, to, '--schema-only')
      expect(outcome.code).to.equal(1)
      expect(outcome.report.error!.code).to.equal('ORPHANED_ROWS')
    })

    it('are looked for in the other database that one of their tables is in', async () => {
      const isPostgres = at().kind === 'postgres'
      const there = isPostgres ? 'elsewhere' : (await TestDatabase.create(at())).database
      const key = (name: string, parent: string) =>
        `CONSTRAINT ${name} FOREIGN KEY (u) REFERENCES ${parent} (id)`
      const [from, to] = await pair(
        at(),
        `CREATE TABLE u (id INT PRIMARY KEY); CREATE TABLE o (id INT PRIMARY KEY, u INT);
         INSERT INTO o VALUES (1, 1); INSERT INTO u VALUES (5)`,
        `${isPostgres ? 'CREATE SCHEMA elsewhere;' : ''} CREATE TABLE ${there}.u (id INT PRIMARY KEY); INSERT INTO ${there}.u VALUES (1);
         CREATE TABLE u (id INT PRIMARY KEY); CREATE TABLE o (id INT PRIMARY KEY, u INT, ${key('up', `${there}.u`)});`,
      )
      await to.query(
        `CREATE TABLE ${there}.v (id INT PRIMARY KEY, u INT, ${key('here', isPostgres ? 'u' : `${to.database}.u`)})`,
      )
      const outcome = await copy(from, to)
      expect(outcome.code, outcome.stderr + outcome.stdout).to.equal(0)
      const found = outcome.report.foreignKeys.map((one) => [
        one.name,
        one.table,
        one.parent,
        one.status,
        one.reason,
      ])
      expect(found).to.have.deep.members([
        ['up', 'o', `${there}.u`, 'kept', null],
        ['here', `${there}.v`, 'u', 'kept', null],
      ])
      await to.query(`INSERT INTO ${there}.v VALUES (1, 5)`)
      await from.query('DELETE FROM u')
      const sync = await copy(from, to, '--param', 'mode=sync')
      expect(sync.report.error, sync.stdout).to.include({ code: 'ORPHANED_ROWS' })
      expect(sync.report.error!.message).to.contain(`here of ${there}.v`)
      await to.query(`DROP TABLE o; DROP TABLE ${there}.v`)
    })
  })
}

describe('foreign keys of MySQL and MariaDB', () => {
  for (const kind of ['mariadb', 'mysql'] as const)
    it(`are read by a user who may read tables only, and what is not seen is said: ${kind}`, async () => {
      const rules = 'ON DELETE SET NULL ON UPDATE CASCADE'
      const [from, to] = await pair(
        server(kind),
        `${PARENT}; ${KEY.slice(0, -1)} ${rules}); ${ROWS}; CREATE TRIGGER t BEFORE INSERT ON c FOR EACH ROW SET new.id = 1`,
      )
      const user = `r_${from.database}`.slice(-32)
      const grant = (what: string) => from.query(`GRANT ${what} ON \`${from.database}\`.* TO ${user}`)
      await from.query(`CREATE USER ${user} IDENTIFIED BY 'p'`)
      await grant('SELECT, SHOW VIEW')
      const url = `mysql://${user}:p@${from.server.host}:${from.server.port}/${from.database}`
      const outcome = await copy(url, to, '--create', '--objects')
      expect(outcome.code, outcome.stderr).to.equal(0)
      expect(await keysOf(to)).to.deep.equal([['of_p']])
      expect((await to.query('SHOW CREATE TABLE c'))[0]![1]).to.contain(rules)
      expect(outcome.stderr).to.contain('triggers (TRIGGER), routines (EXECUTE), events (EVENT)')
      await grant('TRIGGER, EXECUTE, EVENT')
      const more = await copy(url, to, '--objects', ...recreate)
      expect(more.code, more.stderr).to.equal(0)
      expect(more.stderr).not.to.contain('may lack privileges')
      expect(more.report.objects.map(({ name, status }) => [name, status])).to.deep.equal([['t', 'made']])
      await from.query(`DROP USER ${user}`)
    })

  it('are looked at by the command that goes on after Ctrl-C, which says what it has not looked at', async () => {
    const digits = `(SELECT 0 d ${[1, 2, 3, 4, 5, 6, 7, 8, 9].map((d) => `UNION ALL SELECT ${d}`).join(' ')})`
    const many = (top: number) =>
      `SELECT a.d + b.d * 10 + c.d * 100 + e.d * 1000, 1 FROM ${digits} a JOIN ${digits} b JOIN ${digits} c JOIN ${digits} e WHERE e.d < ${top}`
    const slow = 'CREATE TABLE z (id INT PRIMARY KEY, v INT)'
    const [from, to] = await pair(
      oneServer()[0]!,
      `${PARENT}; ${CHILD}); ${slow}; INSERT INTO c ${many(9)}; INSERT INTO z ${many(3)}; ANALYZE TABLE p, c, z`,
      `${PARENT}; ${KEY}; ${slow}; CREATE TRIGGER w BEFORE INSERT ON z FOR EACH ROW SET NEW.v = IF(NEW.id % 100 = 0 AND SLEEP(0.1) = 0, 1, 1)`,
    )
    const params = ['--param', 'read_batch=500', '--param', 'worker_num=2', '--param', 'allow_triggers=true']
    const child = startCli(['copy', '--from', from.wholeUrl, '--to', to.wholeUrl, ...params])
    let stdout = ''
    child.stdout.on('data', (text: Buffer) => (stdout += text.toString()))
    child.stderr.resume()
    await until('rows of z', async () => (await to.value('SELECT COUNT(*) FROM z')) !== '0')
    child.kill('SIGINT')
    const [code] = (await once(child, 'exit')) as [number]
    expect(code).to.equal(130)
    expect(await to.value('SELECT COUNT(*) FROM c')).to.equal('9000')
    expect(stdout).to.contain('foreign key of_p of c: whether all rows have a parent was not looked at')
    expect(stdout).to.contain('--schema-only looks at them')
    const rest = await copy(from, to, '--tables', 'z', ...params)
    expect(rest.report.tables[0]!.run!.resumed, rest.stderr).not.to.equal(null)
    expect(rest.report.error, rest.stdout).to.include({ code: 'ORPHANED_ROWS' })
    expect(rest.code).to.equal(1)
  })

  it('get another name where another table of the target has theirs', async () => {
    const taken =
      'CREATE TABLE x (id INT PRIMARY KEY, x INT, CONSTRAINT of_p FOREIGN KEY (x) REFERENCES x (id))'
    const [from, to] = await pair(oneServer()[0]!, `${PARENT}; ${KEY}; ${ROWS}`, taken)
    const outcome = await copy(from, to, '--create')
    expect(outcome.code, outcome.stderr).to.equal(0)
    expect((await keysOf(to)).length).to.equal(2)
  })

  it('are made where the server has all names of tables in lower case', async () => {
    const own = await startServer('mariadb', { serverArgs: ['--lower-case-table-names=1'] })
    try {
      const from = await TestDatabase.create(
        server('mariadb'),
        `CREATE TABLE Album (id INT PRIMARY KEY); CREATE TABLE Track (id INT PRIMARY KEY, a INT, CONSTRAINT of_album FOREIGN KEY (a) REFERENCES Album (id));
         INSERT INTO Album VALUES (1); INSERT INTO Track VALUES (1, 1)`,
      )
      const to = await TestDatabase.create(own)
      const options = { '--create': 'made', '--schema-only': 'kept', '--data-only': 'kept' }
      for (const [option, status] of Object.entries(options)) {
        if (option === '--data-only') await to.query('DELETE FROM Track; DELETE FROM Album')
        const outcome = await copy(from, to, option)
        expect(outcome.code, outcome.stderr + outcome.stdout).to.equal(0)
        expect(outcome.report.foreignKeys.map((key) => key.status)).to.deep.equal([status])
      }
    } finally {
      await own.stop()
    }
  })
})

describe('what PostgreSQL leaves to replicas', () => {
  const TABLES = (unique: string) =>
    `${PARENT}; CREATE TABLE t (id INT PRIMARY KEY, u INT ${unique}, p INT REFERENCES p (id))`
  const TWICE = `${PARENT}; CREATE TABLE t (id INT PRIMARY KEY, u INT, p INT); INSERT INTO t VALUES (1, 5, NULL), (2, 5, NULL)`

  it('does not let rows twice into a UNIQUE constraint that can wait', async () => {
    const [from, to] = await pair(server('postgres'), TWICE, TABLES('UNIQUE DEFERRABLE'))
    const outcome = await copy(from, to)
    expect(outcome.code).to.equal(1)
    expect(outcome.report.error!.code).to.equal('DUPLICATE_KEY')
    expect(outcome.stderr).to.contain('UNIQUE constraint that is DEFERRABLE')
    expect(await to.value('SELECT count(*) FROM t')).to.equal('0')
  })

  it('does not let triggers of replicas change rows', async () => {
    const trigger = `CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN new.u := 9; RETURN new; END';
      CREATE TRIGGER r BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f(); ALTER TABLE t ENABLE REPLICA TRIGGER r`
    const [from, to] = await pair(server('postgres'), TWICE, `${TABLES('')}; ${trigger}`)
    const outcome = await copy(from, to)
    expect(outcome.code, outcome.stderr).to.equal(0)
    expect(await to.value('SELECT count(*) FROM t WHERE u = 5')).to.equal('2')
  })

  it('does not hide rows that a MATCH FULL key does not take', async () => {
    const tables =
      'CREATE TABLE p (a INT, b INT, PRIMARY KEY (a, b)); CREATE TABLE c (id INT PRIMARY KEY, a INT, b INT'
    const [from, to] = await pair(
      server('postgres'),
      `${tables}); INSERT INTO c VALUES (1, 1, NULL), (2, NULL, NULL);
       CREATE TABLE made (id INT PRIMARY KEY, u INT UNIQUE DEFERRABLE); INSERT INTO made VALUES (1, 5), (2, 6)`,
      `${tables}, FOREIGN KEY (a, b) REFERENCES p (a, b) MATCH FULL)`,
    )
    const outcome = await copy(from, to, '--create')
    expect(outcome.report.tables.map(({ status }) => status)).to.deep.equal(Array(3).fill('success'))
    expect(outcome.code).to.equal(1)
    expect(outcome.report.error!.message).to.contain('(1, NULL)').and.not.contain('(NULL, NULL)')
  })
})

describe('objects of PostgreSQL whose names need quotes', () => {
  it('are made', async () => {
    const [from, to] = await pair(
      server('postgres'),
      `CREATE TABLE "order" (id INT PRIMARY KEY); CREATE TABLE a$b (id INT PRIMARY KEY); CREATE VIEW "Order Details" AS SELECT * FROM "order";
       CREATE FUNCTION "My(F"() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
       CREATE FUNCTION "MyF"(i int) RETURNS int LANGUAGE sql AS 'SELECT i';
       CREATE TRIGGER x BEFORE UPDATE ON "order" FOR EACH ROW EXECUTE FUNCTION "My(F"();
       CREATE TRIGGER "X" BEFORE UPDATE ON a$b FOR EACH ROW EXECUTE FUNCTION "My(F"();
       CREATE TYPE "of two AS ENUM (" AS ENUM ('it''s, (x)', 'y'); CREATE TABLE one (e "of two AS ENUM ("); CREATE TABLE two (LIKE one)`,
    )
    const outcome = await copy(from, to, '--create', '--objects')
    expect(outcome.code, outcome.stderr + outcome.stdout).to.equal(0)
    expect(outcome.report.objects.map(({ status }) => status)).to.deep.equal(Array(5).fill('made'))
    expect(
      await to.value(
        "SELECT array_agg(DISTINCT udt_name::text) FROM information_schema.columns WHERE column_name = 'e'",
      ),
    ).to.equal('{"of two AS ENUM ("}')
  })
})

describe('foreign keys of a target in PostgreSQL that the user may not switch off', () => {
  const TABLES = `CREATE TABLE z_parent (id int PRIMARY KEY); CREATE TABLE m_middle (id int PRIMARY KEY, p int NOT NULL REFERENCES z_parent (id));
    CREATE TABLE a_child (id int PRIMARY KEY, m int NOT NULL, CONSTRAINT child_middle FOREIGN KEY (m) REFERENCES m_middle (id))`
  const ROWS = `INSERT INTO z_parent SELECT generate_series(1, 20); INSERT INTO m_middle SELECT i, 1 + i % 20 FROM generate_series(1, 4000) i;
    INSERT INTO a_child SELECT i, 1 + i % 4000 FROM generate_series(1, 20000) i; ANALYZE`

  it('let parents come before their children, also where rows are compared, and refuse a circle of empty tables before anything is written', async () => {
    const [from, to] = await pair(server('postgres'), `${TABLES}; ${ROWS}`, TABLES)
    const role = `plain_${process.pid}`
    await to.query(
      `CREATE ROLE ${role} LOGIN PASSWORD 'pw'; GRANT ALL ON SCHEMA public TO ${role}; GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role}`,
    )
    const url = new URL(to.wholeUrl)
    url.username = role
    url.password = 'pw'
    const urls = ['--from', from.wholeUrl, '--to', url.href]
    try {
      const outcome = await runCli(['copy', ...urls, '--param', 'read_batch=1000'])
      expect(outcome.code, outcome.stderr).to.equal(0)
      expect(outcome.stderr).to.contain(
        'parents are copied before their children: the user may not switch that off',
      )
      expect(await to.value('SELECT count(*) FROM a_child JOIN m_middle ON m = m_middle.id')).to.equal(
        '20000',
      )
      const grow = (i: number) =>
        from.query(
          `INSERT INTO z_parent VALUES (${i}); INSERT INTO m_middle VALUES (${i + 9000}, ${i}); INSERT INTO a_child VALUES (${i + 90000}, ${i + 9000})`,
        )
      await grow(21)
      const synced = await runCli(['copy', ...urls, '--param', 'read_batch=1000', '--param', 'mode=sync'])
      expect(synced.code, synced.stderr).to.equal(0)
      await grow(22)
      const repaired = await runCli(['verify', ...urls, '--param', 'read_batch=1000', '--repair'])
      expect(repaired.code, repaired.stderr).to.equal(0)
      expect(await to.value('SELECT count(*) FROM a_child')).to.equal('20002')
      await to.query(
        'TRUNCATE a_child, m_middle, z_parent; ALTER TABLE z_parent ADD CONSTRAINT parent_child FOREIGN KEY (id) REFERENCES a_child (id)',
      )
      const refused = await runCli(['copy', ...urls])
      expect(refused.code, refused.stderr).to.equal(3)
      expect(refused.stderr)
        .to.contain('a_child → m_middle → z_parent → a_child')
        .and.contain('[KEYS_IN_CIRCLE]')
        .and.contain('foreign key parent_child of z_parent')
      expect(await to.value('SELECT count(*) FROM z_parent')).to.equal('0')
      // Where rows are there, their parents may be, too.
      const filled = await copy(from, to)
      expect(filled.code, filled.stderr).to.equal(0)
      await from.query('INSERT INTO z_parent VALUES (23)')
      const added = await runCli(['copy', ...urls, '--param', 'mode=append', '--from-target'])
      expect(added.code, added.stderr).to.equal(0)
      expect(added.stderr).to.contain(
        'warning  foreign keys refer to each other in a circle (a_child → m_middle',
      )
      expect(await to.value('SELECT count(*) FROM z_parent')).to.equal('23')
    } finally {
      await to.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
    }
  })
})
