import { expect } from 'chai'
import { describe, it } from 'mocha'
import { pathsInto } from '../support/cases.js'
import { runCli, servers } from '../support/context.js'
import { TestDatabase } from '../support/copying.js'

/** Every kind of column, with the values that copies usually get wrong. */
const TYPES = `CREATE TABLE src (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  i INT, u BIGINT UNSIGNED, t TINYINT(1), y YEAR, d DECIMAL(65,30), f FLOAT, g DOUBLE,
  c CHAR(5), v VARCHAR(200) CHARACTER SET utf8mb4, l VARCHAR(100) CHARACTER SET latin1, x TEXT,
  e ENUM('a','2','1'), s SET('x','y'), j JSON,
  b1 BIT(1), b64 BIT(64), bin BINARY(4), vb VARBINARY(300), bl BLOB,
  da DATE, ti TIME(6), dt DATETIME(6), ts TIMESTAMP(6) NULL,
  gen INT GENERATED ALWAYS AS (i DIV 2) STORED
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4`

const COLUMNS = 'id,i,u,t,y,d,f,g,c,v,l,x,e,s,j,b1,b64,bin,vb,bl,da,ti,dt,ts'
const ALL_BYTES = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0')).join('')

const VALUES = `SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO', time_zone = '+00:00';
INSERT INTO src (${COLUMNS}) VALUES
 (0, -2147483648, 18446744073709551615, 2, 0, 12345678901234567890123456789012345.123456789012345678901234567891,
  16777216, 5e-324, 'ab', '数据 📦 ''quote'' "double" \\\\ \\t \\n \\r \\0 end', 'é€', 'NULL', '1', 'x,y', '{"a": 1.00}',
  b'1', b'${'1'.repeat(64)}', 'ab', 0x${ALL_BYTES}, 0x${ALL_BYTES}, '0000-00-00', '-838:59:59', '0000-00-00 00:00:00', '2024-10-27 01:30:00.123456'),
 (1, 2147483647, 0, 0, 1901, -0.000000000000000000000000000001, 0.1, 1.7976931348623157e308, '', '', '', '\\\\N', 'a', '', '[]',
  b'0', b'0', '', '', '', '9999-12-31', '838:59:59.000000', '9999-12-31 23:59:59.999999', '1970-01-01 00:00:01'),
 (2, ${Array(23).fill('NULL').join(', ')}),
 (9007199254740993, 0, 9007199254740993, 127, 2155, 0, 3.4028235e38, 0.1, 'x', '\\\\', '\\'', 'tab\\tend', '2', 'y', 'null',
  b'1', b'10', 0x00000000, 0x0a, 0x5c4e, '2024-02-29', '00:00:00.000001', '2024-03-31 02:30:00', NULL)`

for (const path of ['insert', 'load-data', 'bulk'] as const) {
  describe(`a copy of every type by ${path}`, () => {
    it('is equal by the servers’ own checksum, on MariaDB and MySQL', async () => {
      for (const server of servers().filter(({ kind }) => pathsInto(kind).includes(path))) {
        const db = await TestDatabase.create(server, `${TYPES}; ${VALUES}; CREATE TABLE dst LIKE src`)
        if (path === 'load-data') await db.query('SET GLOBAL local_infile = ON')
        try {
          const { code, stderr, report } = await db.copy('src', 'dst', { write_path: path, read_batch: 2 })
          expect(code, stderr).to.equal(0)
          expect(report).to.include({ status: 'success', rowsRead: 4, rowsWritten: 4, writePath: path })
          expect(report.splitsDone).to.equal(report.splits)
          expect(report.reasons.join('\n')).to.include(`write path ${path}`)
          await db.expectEqual('src', 'dst')
          // A checksum may be blind to what both sides lose on the way to it, so every column is compared as well.
          const same = COLUMNS.split(',').map((name) => `HEX(a.${name}) <=> HEX(b.${name})`)
          const equal = await db.value(
            `SELECT COUNT(*) FROM src a JOIN dst b USING (id) WHERE ${same.join(' AND ')}`,
          )
          expect(equal).to.equal('4')
        } finally {
          if (server.kind === 'mysql') await db.query('SET GLOBAL local_infile = OFF')
        }
      }
    })
  })
}

describe('splits', () => {
  const numbers = (rows: number) =>
    `INSERT INTO src (id, v) SELECT n, CONCAT('row ', n) FROM
     (SELECT a.d + b.d * 10 + c.d * 100 + e.d * 1000 + 1 AS n FROM ${['a', 'b', 'c', 'e'].map(digits).join(' JOIN ')}) x
     WHERE n <= ${rows}`
  const digits = (name: string) =>
    `(SELECT 0 d ${[1, 2, 3, 4, 5, 6, 7, 8, 9].map((d) => `UNION SELECT ${d}`).join(' ')}) ${name}`

  const tables = {
    'a text key under a case-insensitive collation': {
      id: 'VARCHAR(20) COLLATE utf8mb4_general_ci PRIMARY KEY',
      key: "CONCAT(CHAR(65 + n % 26), CHAR(97 + n % 25), '-', n)",
    },
    'a nullable unique key': { id: 'INT NULL UNIQUE', key: 'IF(n % 10 = 0, NULL, n)' },
  }
  for (const [name, { id, key }] of Object.entries(tables)) {
    it(`cover a table with ${name} exactly once`, async () => {
      for (const server of servers()) {
        const fill = numbers(3000).replace('SELECT n,', `SELECT ${key},`)
        const db = await TestDatabase.create(
          server,
          `CREATE TABLE src (id ${id}, v VARCHAR(30)); ${fill}; CREATE TABLE dst LIKE src`,
        )
        const { code, stderr, report } = await db.copy('src', 'dst', { read_batch: 170, worker_num: 3 })
        expect(code, stderr).to.equal(0)
        expect(report).to.include({ rowsRead: 3000, rowsWritten: 3000, workerNum: 3 })
        expect(report.splits).to.be.greaterThan(10)
        await db.expectEqual('src', 'dst')
      }
    })
  }

  it('of a composite key cover the table too', async () => {
    for (const server of servers()) {
      const table = '(a INT, b VARCHAR(10) COLLATE utf8mb4_general_ci, v VARCHAR(30), PRIMARY KEY (a, b))'
      const fill = numbers(2000).replace('(id, v) SELECT n,', "(a, b, v) SELECT n % 3, CONCAT('k', n),")
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE src ${table}; ${fill}; CREATE TABLE dst LIKE src`,
      )
      const { code, stderr, report } = await db.copy('src', 'dst', { read_batch: 90 })
      expect(code, stderr).to.equal(0)
      expect(report.splits).to.be.greaterThan(20)
      await db.expectEqual('src', 'dst')
    }
  })

  it('are one for a table without a key, and the report says so', async () => {
    for (const server of servers()) {
      const sql = `CREATE TABLE src (id INT, v VARCHAR(30)); ${numbers(50)}; ${numbers(50)}; CREATE TABLE dst LIKE src`
      const db = await TestDatabase.create(server, sql)
      const { code, report } = await db.copy('src', 'dst', { read_batch: 7 })
      expect(code).to.equal(0)
      expect(report).to.include({ rowsRead: 100, rowsWritten: 100, splits: 1, workerNum: 1 })
      expect(report.reasons.join('\n')).to.match(/src has no unique key, so it is copied in one split/)
      await db.expectEqual('src', 'dst')
    }
  })

  it('of an empty table are none: success with 0 rows', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(
        server,
        'CREATE TABLE src (id INT PRIMARY KEY); CREATE TABLE dst LIKE src',
      )
      const { code, report, stdout } = await db.copy('src', 'dst')
      expect(code).to.equal(0)
      expect(report).to.include({ status: 'success', rowsRead: 0, rowsWritten: 0, error: null })
      expect(stdout).to.include('0 rows')
    }
  })
})

describe('params', () => {
  it('where, session, pre_sql and post_sql do what they say', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE src (id INT PRIMARY KEY, v VARCHAR(9)); INSERT INTO src VALUES (1,'a'),(2,'b'),(3,'c');
         CREATE TABLE dst LIKE src; INSERT INTO dst VALUES (1,'old'); CREATE TABLE log (v VARCHAR(9))`,
      )
      const { code, stderr } = await db.copy('src', 'dst', {
        where: 'id > @least -- a comment',
        session: ['SET @least = 1'],
        pre_sql: ['DELETE FROM @table'],
        post_sql: ["INSERT INTO log VALUES ('done')"],
      })
      expect(code, stderr).to.equal(0)
      expect(await db.query('SELECT * FROM dst ORDER BY id')).to.deep.equal([
        ['2', 'b'],
        ['3', 'c'],
      ])
      expect(await db.value('SELECT v FROM log')).to.equal('done')
    }
  })

  it('@table is the target, whatever its name', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE src (id INT PRIMARY KEY, \`__proto__\` INT, \`a\`\`b "c"\` INT); INSERT INTO src VALUES (1,2,3);
         CREATE TABLE \`t$\` LIKE src; INSERT INTO \`t$\` VALUES (9,9,9); CREATE TABLE \`t$$\` LIKE src`,
      )
      const { code, stderr } = await db.copy('src', 't$$', {
        pre_sql: ['DELETE FROM @table', 'SET @table_count = 1'],
      })
      expect(code, stderr).to.equal(0)
      await db.expectEqual('src', 't$$')
      expect(await db.value('SELECT COUNT(*) FROM `t$`')).to.equal('1')
    }
  })

  it('write_batch bounds the rows of a statement', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE src (id INT PRIMARY KEY); INSERT INTO src VALUES (1),(2),(3),(4),(5); CREATE TABLE dst LIKE src`,
      )
      const inserts = async () => Number((await db.query("SHOW GLOBAL STATUS LIKE 'Com_insert'"))[0]![1])
      const before = await inserts()
      const { code } = await db.copy('src', 'dst', { write_batch: 2, write_path: 'insert', worker_num: 1 })
      expect(code).to.equal(0)
      expect((await inserts()) - before).to.equal(3)
      await db.expectEqual('src', 'dst')
    }
  })

  it('a copy goes from one server to the other', async () => {
    const [a, b] = servers()
    const from = await TestDatabase.create(
      a!,
      "CREATE TABLE t (id INT PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1,'数据'),(2,NULL)",
    )
    const to = await TestDatabase.create(b!, 'CREATE TABLE t (id INT PRIMARY KEY, v TEXT)')
    const { code, stdout } = await runCli(['copy', '--from', from.url('t'), '--to', to.url('t'), '--json'])
    expect(code).to.equal(0)
    expect(JSON.parse(stdout)).to.include({ status: 'success', rowsWritten: 2 })
    expect(await to.query('SELECT HEX(v) FROM t ORDER BY id')).to.deep.equal(
      await from.query('SELECT HEX(v) FROM t ORDER BY id'),
    )
  })
})
