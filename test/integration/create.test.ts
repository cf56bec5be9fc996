import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { RunPlan } from '../../src/contract/run-plan.js'
import { runCli, server, oneServer, servers } from '../support/context.js'
import { lieAbout } from '../support/hostile-server.js'
import { expectRefusal, TestDatabase, runWithReport } from '../support/copying.js'
import type { MysqlKind } from '../support/servers.js'

/** What both servers know; nothing here needs a translation. */
const COLUMNS = `
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT COMMENT 'a ''key'', (with) \\n more',
  a VARCHAR(50) NOT NULL DEFAULT 'it''s\\n\\\\x', b INT NULL CHECK (b > 0), \`odd) (name\` INT DEFAULT -1,
  g INT GENERATED ALWAYS AS (b * 2) STORED, v VARCHAR(60) GENERATED ALWAYS AS (concat(a, 'x')) VIRTUAL,
  l VARCHAR(10) CHARACTER SET latin1, lb VARCHAR(10) CHARACTER SET latin1 COLLATE latin1_bin,
  ts TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  d DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6), e ENUM('a', 'b,c)', 'd''') DEFAULT 'a', bits BIT(3) DEFAULT b'101',
  amount DECIMAL(10,2) DEFAULT '1.50', uid VARCHAR(36) DEFAULT (uuid()), t TEXT DEFAULT ('abc'), n TEXT,
  p POINT NOT NULL, z INT(5) ZEROFILL,
  PRIMARY KEY (id), UNIQUE KEY ux (a, b), KEY kb (b DESC), KEY ka (a(10)) COMMENT 'x',
  FULLTEXT KEY ft (t), FULLTEXT KEY fn (n), SPATIAL KEY sp (p), CONSTRAINT small CHECK (b < 1000)`
const TABLE = `CREATE TABLE src (${COLUMNS})
  AUTO_INCREMENT=100 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci COMMENT='a table'`
const ROWS = `INSERT INTO src (id, a, b, l, e, bits, uid, t, p, z) VALUES
  (1, 'x', 1, 'é', 'b,c)', b'1', 'u', 'text', ST_GeomFromText('POINT(1 2)'), 7),
  (2, 'y', NULL, NULL, NULL, NULL, NULL, NULL, ST_GeomFromText('POINT(3 4)'), NULL)`
const PARTITIONED = `CREATE TABLE src (id INT NOT NULL, y INT NOT NULL, PRIMARY KEY (id, y)) DEFAULT CHARSET=latin1
  PARTITION BY RANGE (y) (PARTITION low VALUES LESS THAN (10), PARTITION high VALUES LESS THAN MAXVALUE);
  INSERT INTO src VALUES (1, 2), (2, 20)`

async function ddl(db: TestDatabase, table: string): Promise<string> {
  const [row] = await db.query(`SHOW CREATE TABLE ${table}`)
  return row![1]!
}

/** The row counts, and every column of every row in hexadecimal, as each server sees it. */
async function rows(db: TestDatabase, table: string, columns: string): Promise<unknown> {
  const cells = columns.split(',').map((name) => `HEX(CAST(${name} AS CHAR CHARACTER SET utf8mb4))`)
  return db.query(`SET time_zone = '+00:00'; SELECT ${cells.join(', ')} FROM ${table} ORDER BY 1`)
}

function copy(from: string, to: string, params: object, ...options: string[]) {
  return runWithReport(['copy', '--from', from, '--to', to, '--params', JSON.stringify(params), ...options])
}

const pairs: [MysqlKind, MysqlKind][] = [
  ['mariadb', 'mariadb'],
  ['mysql', 'mysql'],
  ['mariadb', 'mysql'],
  ['mysql', 'mariadb'],
]

describe('a target table that is created', () => {
  it('has the source’s own DDL on a server of the same kind', async () => {
    for (const at of servers()) {
      for (const table of [`${TABLE}; ${ROWS}`, PARTITIONED]) {
        const source = await TestDatabase.create(at, table)
        for (const params of [{}, { defer_indexes: true }]) {
          const target = await TestDatabase.create(at, 'ALTER DATABASE CHARACTER SET ascii')
          const { code, stderr } = await copy(source.url('src'), target.url('src'), params, '--create')
          expect(code, stderr).to.equal(0)
          expect(await ddl(target, 'src')).to.equal(await ddl(source, 'src'))
          const checksum = async (db: TestDatabase) => (await db.query('CHECKSUM TABLE src'))[0]![1]
          expect(await checksum(target)).to.equal(await checksum(source))
        }
      }
    }
  })

  it('holds the same rows on every pair of servers', async () => {
    const columns = 'id,a,b,`odd) (name`,g,v,l,ts,d,e,bits,amount,uid,t,n,ST_AsText(p),z'
    for (const [from, to] of pairs) {
      const source = await TestDatabase.create(server(from), `${TABLE}; ${ROWS}`)
      const target = await TestDatabase.create(server(to))
      const { code, stderr, report } = await copy(source.url('src'), target.url('dst'), {}, '--create')
      expect(code, stderr).to.equal(0)
      expect(report).to.include({ rowsRead: 2, rowsWritten: 2 })
      expect(await rows(target, 'dst', columns)).to.deep.equal(await rows(source, 'src', columns))
      const keys = 'SELECT INDEX_NAME, COLUMN_NAME, SUB_PART FROM information_schema.STATISTICS'
      const own = (name: string) =>
        `${keys} WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '${name}' ORDER BY 1, 2`
      expect(await target.query(own('dst'))).to.deep.equal(await source.query(own('src')))
    }
  })

  it('is foretold as it will be described', async () => {
    const types = `CREATE TABLE src (id INT PRIMARY KEY, t1 TINYINT UNSIGNED, s SMALLINT ZEROFILL, m MEDIUMINT, b BIGINT UNSIGNED ZEROFILL,
      y YEAR, d1 DECIMAL(65,30), d2 DECIMAL, d3 DECIMAL(5), f FLOAT, f2 FLOAT(7,3), g DOUBLE UNSIGNED, c CHAR(5), v VARCHAR(20),
      l VARCHAR(10) CHARACTER SET latin1, u VARCHAR(10) CHARACTER SET utf8mb3, x1 TINYTEXT, x2 TEXT, x3 MEDIUMTEXT, x4 LONGTEXT,
      e ENUM('aé', 'b,c)', '''d'), st SET('x', 'yy'), j JSON, b1 BIT, b64 BIT(64), bn BINARY, vb VARBINARY(300),
      l1 TINYBLOB, l2 BLOB, l3 MEDIUMBLOB, l4 LONGBLOB, da DATE, ti TIME, t6 TIME(6), dt DATETIME, d6 DATETIME(6), ts TIMESTAMP NULL,
      t3 TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3), ge GEOMETRY, po POINT NOT NULL, gg INT AS (id + 1) STORED,
      gv VARCHAR(20) AS (concat(v, 'x')) VIRTUAL, n INT NOT NULL DEFAULT 5, UNIQUE KEY uv (v, n)) DEFAULT CHARSET=utf8mb4`
    for (const [from, to] of pairs) {
      const source = await TestDatabase.create(server(from), types)
      const target = await TestDatabase.create(server(to))
      const plan = async () => {
        const endpoints = ['--from', source.url('src'), '--to', target.url('dst')]
        const { stdout, stderr, code } = await runCli([
          'copy',
          ...endpoints,
          '--create',
          '--dry-run',
          '--json',
        ])
        expect(code, stderr).to.equal(0)
        const { columns, keys } = (JSON.parse(stdout) as RunPlan).write.table
        // Only names of types and defaults are written differently.
        return { keys, columns: columns.map(({ type: _type, hasDefault: _hasDefault, ...column }) => column) }
      }
      const foretold = await plan()
      const { code, stderr } = await copy(source.url('src'), target.url('dst'), {}, '--create')
      expect(code, stderr).to.equal(0)
      expect(foretold).to.deep.equal(await plan())
    }
  })

  it('says what MySQL does not know of MariaDB', async () => {
    const source = await TestDatabase.create(
      server('mariadb'),
      `CREATE TABLE src (id UUID PRIMARY KEY DEFAULT uuid(), i6 INET6, i4 INET4, t TEXT DEFAULT 'abc', j JSON,
         n DATE DEFAULT (curdate()), x VARCHAR(10) COLLATE utf8mb4_uca1400_as_ci, c VARCHAR(100) COMPRESSED,
         hidden INT INVISIBLE DEFAULT 3, u TEXT, KEY ig (i4) IGNORED, UNIQUE KEY long_text (u), UNIQUE KEY ux (x))
         ENGINE=InnoDB PAGE_COMPRESSED=1 WITH SYSTEM VERSIONING;
       INSERT INTO src (id, i6, i4, j, x, c, hidden) VALUES
         ('123e4567-e89b-12d3-a456-426655440000', '::1', '1.2.3.4', '{"b": 1.0,  "a":2}', 'é', 'c', 5)`,
    )
    const target = await TestDatabase.create(server('mysql'))
    const { code, stderr, report } = await copy(source.url('src'), target.url('dst'), {}, '--create')
    expect(code, stderr).to.equal(0)
    const columns = 'id,i6,i4,t,j,n,x,c,hidden'
    expect(await rows(target, 'dst', columns)).to.deep.equal(await rows(source, 'src', columns))
    const reasons = report.reasons.join('\n')
    for (const words of ['uuid becomes char(36)', 'inet6 becomes', 'COMPRESSED', 'PAGE_COMPRESSED']) {
      expect(reasons).to.include(words)
    }
    const warnings = report.warnings.join('\n')
    expect(warnings).to.match(/utf8mb4_uca1400_as_ci becomes utf8mb4_0900_as_ci.* x /)
    expect(warnings).to.include('long_text').and.to.include('system versioning')
    expect(await ddl(target, 'dst'))
      .to.include('json_valid')
      .and.to.include('DEFAULT (curdate())')
  })

  it('says what MariaDB does not know of MySQL', async () => {
    const source = await TestDatabase.create(
      server('mysql'),
      `CREATE TABLE src (id INT PRIMARY KEY, p POINT NOT NULL SRID 4326, c INT, j JSON,
         g INT AS (c + 1) VIRTUAL NOT NULL, x VARCHAR(10) COLLATE utf8mb4_0900_as_cs, hidden INT INVISIBLE,
         CONSTRAINT loose CHECK (c > 1) NOT ENFORCED, KEY f ((c + 1)), KEY iv (c) INVISIBLE, UNIQUE KEY ux (x))
         COLLATE utf8mb4_0900_ai_ci;
       INSERT INTO src (id, p, c, j, x, hidden) VALUES (1, ST_GeomFromText('POINT(1 2)'  , 4326), 0, '[1]', 'é', 3)`,
    )
    const target = await TestDatabase.create(server('mariadb'))
    const { code, stderr, report } = await copy(source.url('src'), target.url('dst'), {}, '--create')
    expect(code, stderr).to.equal(0)
    const columns = 'id,c,j,g,x,hidden,ST_SRID(p)'
    expect(await rows(target, 'dst', columns)).to.deep.equal(await rows(source, 'src', columns))
    const reasons = report.reasons.join('\n')
    for (const words of ['SRID', 'json becomes longtext', 'NOT NULL is left out', 'index f', 'CHECK loose']) {
      expect(reasons).to.include(words)
    }
    expect(report.warnings.join('\n')).to.match(/utf8mb4_0900_as_cs becomes utf8mb4_uca1400_nopad_as_cs.* x /)
    expect(await ddl(target, 'dst'))
      .to.include('KEY `iv` (`c`) IGNORED')
      .and.to.include('INVISIBLE')
  })

  it('has no foreign keys, whose tables may not be there, and a name of its own for a CHECK', async () => {
    for (const at of oneServer()) {
      const db = await TestDatabase.create(
        at,
        `CREATE TABLE parent (id INT PRIMARY KEY);
         CREATE TABLE src (id INT PRIMARY KEY, p INT, CONSTRAINT fk FOREIGN KEY (p) REFERENCES parent (id),
           CONSTRAINT positive CHECK (id > 0), CHECK (id < 9))`,
      )
      const { code, stderr, report } = await copy(db.url('src'), db.url('dst'), {}, '--create')
      expect(code, stderr).to.equal(0)
      expect(report.reasons.join('\n')).to.match(/foreign keys are left out.*: fk$/m)
      const made = await ddl(db, 'dst')
      expect(made).not.to.include('FOREIGN')
      expect(made.match(/CHECK/g)).to.have.length(2)
    }
  })

  it('is made from the columns of a view', async () => {
    for (const at of servers()) {
      const db = await TestDatabase.create(
        at,
        `CREATE TABLE src (id INT UNSIGNED PRIMARY KEY, d DECIMAL(30,10), e ENUM('a','b'));
         INSERT INTO src VALUES (4294967295, '0.1', 'b'); CREATE VIEW seen AS SELECT * FROM src`,
      )
      const { code, stderr } = await copy(db.url('seen'), db.url('dst'), {}, '--create')
      expect(code, stderr).to.equal(0)
      await db.expectEqual('src', 'dst')
    }
  })
})

describe('schema_save_mode', () => {
  const SIMPLE =
    'CREATE TABLE src (id INT PRIMARY KEY, a INT, KEY ka (a)); INSERT INTO src VALUES (1, 1), (2, 2)'
  const tables = (db: TestDatabase) =>
    db.query('SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1')

  it('leaves a missing table alone unless asked, and says how to ask', async () => {
    const db = await TestDatabase.create(server('mariadb'), SIMPLE)
    const refused = await db.copy('src', 'missing')
    expectRefusal(refused, 2, 'TABLE_NOT_FOUND', 'missing', '--create', 'schema_save_mode')
    expect(await tables(db)).to.deep.equal([['src']])
  })

  it('shows the DDL in a dry run and makes nothing', async () => {
    for (const at of oneServer()) {
      const db = await TestDatabase.create(at, SIMPLE)
      const endpoints = ['--from', db.url('src'), '--to', db.url('dst')]
      const shown = await runCli([
        'copy',
        ...endpoints,
        '--create',
        '--dry-run',
        '--param',
        'defer_indexes=true',
      ])
      expect(shown.code, shown.stderr).to.equal(0)
      expect(shown.stdout).to.include('CREATE TABLE `dst`').and.to.include('come after the last row')
      expect(await tables(db)).to.deep.equal([['src']])
    }
  })

  it('recreate replaces a table with all that was in it, but never the source or a view', async () => {
    for (const at of oneServer()) {
      const db = await TestDatabase.create(
        at,
        `${SIMPLE}; CREATE TABLE dst (other INT); INSERT INTO dst VALUES (7); CREATE VIEW seen AS SELECT * FROM dst`,
      )
      const params = { schema_save_mode: 'recreate' }
      const done = await db.copy('src', 'dst', params)
      expect(done.code, done.stderr).to.equal(0)
      expect(done.report.warnings.join('\n')).to.include('dropped')
      await db.expectEqual('src', 'dst')
      expectRefusal(await db.copy('src', 'src', params), 2, 'SAME_TABLE')
      expectRefusal(await db.copy('src', 'seen', params), 2, 'PARAMS_INVALID', 'view')
      expectRefusal(await db.copy('seen', 'dst', params), 2, 'PARAMS_INVALID', 'view')
      await db.expectEqual('src', 'dst')
    }
  })

  it('create keeps a table that is there, and says that nothing is deferred', async () => {
    const db = await TestDatabase.create(
      server('mysql'),
      `${SIMPLE}; CREATE TABLE dst (a INT, id INT PRIMARY KEY)`,
    )
    const endpoints = [db.url('src'), db.url('dst')] as const
    const { code, stderr, report } = await copy(...endpoints, { defer_indexes: true }, '--create')
    expect(code, stderr).to.equal(0)
    expect(report.warnings.join('\n')).to.include('defer_indexes does nothing')
    expect(await ddl(db, 'dst')).not.to.include('ka')
  })

  it('tells which indexes a failed run leaves out', async () => {
    for (const at of oneServer()) {
      const db = await TestDatabase.create(at, SIMPLE)
      const params = {
        defer_indexes: true,
        schema_save_mode: 'recreate',
        pre_sql: ['ALTER TABLE @table ADD CONSTRAINT small CHECK (a < 2)'],
      }
      const failed = await db.copy('src', 'dst', params)
      expectRefusal(failed, 1, 'DATA_REJECTED', 'small', 'ADD KEY `ka`')
    }
  })

  it('names the statement that the target refuses', async () => {
    const source = await TestDatabase.create(
      server('mysql'),
      'CREATE TABLE src (id BINARY(16) PRIMARY KEY DEFAULT (uuid_to_bin(uuid())))',
    )
    const target = await TestDatabase.create(server('mariadb'))
    const refused = await copy(source.url('src'), target.url('dst'), {}, '--create')
    expectRefusal(refused, 1, 'CREATE_FAILED', 'CREATE TABLE `dst`', 'uuid_to_bin')
    expect(await tables(target)).to.deep.equal([])
  })

  it('refuses a user who may not create tables', async () => {
    for (const at of servers()) {
      const db = await TestDatabase.create(at, SIMPLE)
      const user = `rowshift_${process.pid}`
      await db.query(
        `CREATE USER ${user} IDENTIFIED BY 'p'; GRANT SELECT, INSERT ON \`${db.database}\`.* TO ${user}`,
      )
      try {
        const url = db.url('dst').replace(/\/\/[^@]*@/, `//${user}:p@`)
        const refused = await copy(db.url('src'), url, {}, '--create')
        expectRefusal(refused, 1, 'ACCESS_DENIED', 'CREATE TABLE `dst`')
      } finally {
        await db.query(`DROP USER ${user}`)
      }
    }
  })

  it('does not do what else a source says', async () => {
    for (const at of servers()) {
      const secret = await TestDatabase.create(
        at,
        "CREATE TABLE users (id INT PRIMARY KEY, pw TEXT); INSERT INTO users VALUES (1, 'pw')",
      )
      const comment = 'x'.repeat(90)
      const lies = [
        ` SELECT id FROM ${secret.database}.users`,
        ` AS SELECT id FROM ${secret.database}.users`,
        " DATA DIRECTORY='/tmp' CHECKSUM=1",
      ]
      for (const lie of lies) {
        const db = await TestDatabase.create(at, `CREATE TABLE src (id INT PRIMARY KEY) COMMENT='${comment}'`)
        const liar = await lieAbout(at.port, { [` COMMENT='${comment}'`]: lie })
        try {
          const from = db.url('src').replace(`:${at.port}/`, `:${liar.port}/`)
          const outcome = await copy(from, db.url('dst'), {}, '--create')
          if (lie.includes('DIRECTORY')) {
            expect(outcome.code, outcome.stderr).to.equal(0)
            expect(await ddl(db, 'dst')).not.to.include('DIRECTORY')
          } else {
            expectRefusal(outcome, 1, 'CREATE_FAILED', 'SELECT')
            expect(await db.query("SHOW TABLES LIKE 'dst'")).to.deep.equal([])
          }
        } finally {
          liar.close()
        }
      }
    }
  })
})
