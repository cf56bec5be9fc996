// What "columns" cannot make: faults of the entries, all at once; and values that a map or a cast refuses, with their row.
import { writeFileSync } from 'node:fs'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { oneServer, server, servers } from '../support/context.js'
import { expectRefusal, TestDatabase, runWithReport, scratchFile } from '../support/copying.js'
import { derive, derivingDatabases } from '../support/derived.js'
import { expectEqual, verify } from '../support/verifying.js'

const TABLES = `CREATE TABLE src (id INT PRIMARY KEY, status INT NOT NULL, t VARCHAR(40), b BLOB, dt DATETIME);
  INSERT INTO src VALUES (1, 1, 'a', NULL, NULL), (2, 0, 'b', NULL, NULL), (3, 7, 'c', NULL, NULL);
  CREATE TABLE dst (id INT PRIMARY KEY, status INT, t VARCHAR(40), x VARCHAR(90))`

/** A text, the type that it is cast to, and what it becomes; null: it is refused. */
const CASTS: readonly (readonly [string, string, string | null])[] = [
  ['127', 'tinyint', '127'],
  ['128', 'tinyint', null],
  ['-128', 'tinyint', '-128'],
  ['-1', 'tinyint unsigned', null],
  ['+007', 'int', '7'],
  ['', 'int', null],
  [' 7', 'int', null],
  ['7\\n', 'int', null],
  ['7.0', 'int', null],
  ['1e2', 'int', null],
  ['0x10', 'int', null],
  ['٧', 'int', null],
  ['9223372036854775807', 'bigint', '9223372036854775807'],
  ['9223372036854775808', 'bigint', null],
  ['-9223372036854775808', 'bigint', '-9223372036854775808'],
  ['99999999999999999999999999', 'bigint', null],
  ['12.5', 'decimal(3,1)', '12.5'],
  ['12.50', 'decimal(3,1)', '12.5'],
  ['12.55', 'decimal(3,1)', null],
  ['123', 'decimal(3,1)', null],
  ['.', 'decimal(3,1)', null],
  ['1.5', 'double', '1.5'],
  ['one', 'double', null],
  ['0.30000000000000004', 'double', '0.30000000000000004'],
  ['1e3', 'double', '1000'],
  ['9007199254740993', 'double', null],
  ['0.12345678901234567890', 'double', null],
  ['abc', 'varchar(3)', 'abc'],
  ['你好📦x', 'varchar(3)', null],
  ['2024-02-29', 'date', '2024-02-29'],
  ['2023-02-29', 'date', null],
  ['2024-00-10', 'date', null],
  ['2024-2-9', 'date', null],
  ['2024-02-29 01:02:03', 'date', null],
  ['2024-02-29 01:02:03', 'datetime', '2024-02-29 01:02:03'],
  ['2024-02-29T01:02:03.250', 'datetime(2)', '2024-02-29 01:02:03.25'],
  ['2024-02-29 01:02:03.251', 'datetime(2)', null],
  ['2024-02-29 24:00:00', 'datetime', null],
]
const TYPES = [...new Set(CASTS.map(([, type]) => type))]
const column = (type: string) => `c${TYPES.indexOf(type)}`

describe('derived columns', () => {
  it('of casts hold the value exactly, or refuse it and say where it is', async () => {
    const values = CASTS.map(([text], i) => `(${i}, '${text}')`).join(', ')
    const tables = `CREATE TABLE src (id INT PRIMARY KEY, v VARCHAR(60)); INSERT INTO src VALUES ${values};
      CREATE TABLE dst (id INT PRIMARY KEY, ${TYPES.map((type) => `${column(type)} ${type.toUpperCase()}`).join(', ')})`
    for (const db of await derivingDatabases(tables)) {
      // SQLite keeps the two characters of an escape, which are not numbers either.
      for (const [id, [text, type, expected]] of CASTS.entries()) {
        const what = `${db.label}: ${text} to ${type}`
        const columns = ['id', { from: 'v', to: column(type), cast: type }]
        const { error } = await derive(db, { columns, where: `id = ${id}` })
        if (expected === null) {
          expect(error?.code, what).to.equal('DATA_REJECTED')
          expect(error!.message, what).to.match(
            new RegExp(`column v of table src in the row with id = "?${id}"? does not fit`),
          )
        } else {
          expect(error?.message, what).to.equal(undefined)
          const [row] = await db.query(`SELECT ${column(type)} FROM dst WHERE id = ${id}`)
          expect(row![0], what).to.equal(expected)
        }
      }
    }
  })

  it('fail for a value that the map has not, before a row is written', async () => {
    for (const db of await derivingDatabases(TABLES)) {
      const { error } = await derive(db, { columns: ['id', { from: 'status', map: { 1: 0, 0: 1 } }] })
      expect(error?.code, db.label).to.equal('DATA_REJECTED')
      expect(error!.message).to.match(
        /The value "7" of column status of table src in the row with id = "?3"? is not in "map" of params.columns\[1\].*Nothing was written/,
      )
      expect(await db.query('SELECT * FROM dst')).to.deep.equal([])
      // Of several steps it is the one that cannot go on.
      const steps = { from: 't', to: 'x', map: { a: '1', b: 'two' }, cast: 'int' }
      const later = (await derive(db, { columns: ['id', steps], where: 'id < 3' })).error
      expect(later!.message).to.match(/The value "two" of column t .*id = "?2"? does not fit into int/)
      const both = { columns: ['id', steps, { from: 'status', map: { 1: 0 } }], where: 'id = 3' }
      expect((await derive(db, both)).error!.message).to.match(
        /The value "7" of column status .*is not in "map"/,
      )
      // The same rows pass where nobody asks for the one.
      const columns = ['id', { from: 'status', map: { 1: 0, 0: 1 } }]
      expect((await derive(db, { columns, where: 'status < 2 OR status IS NULL' })).error).to.equal(null)
    }
  })

  it('fail while they are read when the value comes later, and nothing of the split stays', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server, TABLES)
      const columns = ['id', { from: 'status', map: { 1: 0, 0: 1, 7: 7 } }, { from: 't', cast: 'varchar(2)' }]
      const late = (sql: string) => db.copy('src', 'dst', { columns, pre_sql: [sql] })
      const unmapped = await late('UPDATE src SET status = 8 WHERE id = 2')
      expectRefusal(unmapped, 1, 'DATA_REJECTED', 'The value "8" of column status', 'id = "2"', '"map"')
      expect(unmapped.report.error?.details).to.deep.include({ table: 'src', column: 'status', value: '8' })
      await db.query('UPDATE src SET status = 0 WHERE id = 2')
      expectRefusal(
        await late("UPDATE src SET t = 'long' WHERE id = 3"),
        1,
        'DATA_REJECTED',
        'The value "long" of column t',
        'id = "3"',
        'varchar(2)',
      )
      expect(await db.query('SELECT * FROM dst')).to.deep.equal([])
      const options = ['--params', JSON.stringify({ columns })]
      expectRefusal(await verify(db.url('src'), db.url('dst'), ...options), 1, 'DATA_REJECTED', 'id = "3"')
    }
  })

  it('of bytes that are not characters fail too', async () => {
    const db = await TestDatabase.create(
      server('mariadb'),
      `CREATE TABLE src (id INT PRIMARY KEY, t VARCHAR(9) CHARACTER SET cp1251);
       SET sql_mode = ''; INSERT INTO src VALUES (1, 'ok'), (2, x'98'); CREATE TABLE dst (id INT PRIMARY KEY, t VARCHAR(9) CHARACTER SET utf8mb4)`,
    )
    const outcome = await db.copy('src', 'dst', { columns: ['id', { from: 't', trim: true }] })
    expectRefusal(
      outcome,
      1,
      'DATA_REJECTED',
      'The value "98" of column t',
      'is not text in cp1251',
      'id = "2"',
    )
  })

  it('of texts that UTF-8 does not bring back fail for a column of the same character set, and of SQL too', async () => {
    for (const at of servers()) {
      const db = await TestDatabase.create(
        at,
        `CREATE TABLE src (id INT PRIMARY KEY, s VARCHAR(9) CHARACTER SET sjis, t VARCHAR(9) CHARACTER SET cp1251);
         INSERT INTO src VALUES (1, 'ok', 'ok'), (2, x'5C', x'98');
         CREATE TABLE same (id INT PRIMARY KEY, s VARCHAR(9) CHARACTER SET sjis); CREATE TABLE other (id INT PRIMARY KEY, s VARCHAR(9), t VARCHAR(9))`,
      )
      const refused = ['The value "5C" of column s', 'does not come back from UTF-8 to sjis', 'id = "2"']
      const trimmed = { columns: ['id', { from: 's', trim: true }] }
      expectRefusal(await db.copy('src', 'same', trimmed), 1, 'DATA_REJECTED', ...refused)
      const sql = { columns: ['id', { to: 's', sql: 'LOWER(s)' }] }
      expectRefusal(await db.copy('src', 'same', sql), 1, 'DATA_REJECTED', ...refused)
      const lost = { columns: ['id', { to: 't', sql: "CONCAT(t, '')" }] }
      expectRefusal(await db.copy('src', 'other', lost), 1, 'DATA_REJECTED', 'The value "98"', 'cp1251')
      const { code, stderr } = await db.copy('src', 'other', trimmed)
      expect(code, stderr).to.equal(0)
      expect(await db.query('SELECT HEX(s) FROM other ORDER BY id')).to.deep.equal([['6F6B'], ['5C']])
    }
  })

  it('that the tables do not allow are all named at once', async () => {
    for (const db of await derivingDatabases(TABLES)) {
      const columns = [
        'id',
        { from: 'nope', to: 'nowhere', trim: true },
        { from: 'status', trim: true },
        { from: 'b', to: 't', mask: {} },
        { to: 'x', template: '{id}-{none}' },
        { from: 'status', to: 'ID', map: { one: 1 } },
      ]
      const { error } = await derive(db, { columns })
      expect(error?.code, db.label).to.equal('PARAMS_INVALID')
      for (const fault of [
        'columns[1]: target dst has no column "nowhere"',
        'columns[1]: source src has no column "nope"',
        'columns[2]: "trim" takes text, not',
        'columns[3]: "mask" takes no bytes',
        'columns[4]: source src has no column "none"',
        'columns[5]: dst.id is fed by another entry already',
        'columns[5]: "one" in "map" is not an integer',
      ]) {
        expect(error!.message, db.label).to.include(fault)
      }
      const sql = [
        { to: 't', sql: 'no_such + 1' },
        { to: 'x', sql: 'MAX(status)' },
        { to: 'status', sql: '1, 2' },
        { to: 'id', sql: 'ROW_NUMBER() OVER (ORDER BY id)' },
      ]
      const { message } = (await derive(db, { columns: sql })).error!
      expect(message).to.match(/columns\[0\]: .*"sql" .*no_such/)
      expect(message).to.include('columns[1]: "sql" gives one value for all rows together')
      expect(message).to.match(/columns\[2\]: .*"sql" .*(column|row value)/)
      expect(message).to.match(/columns\[3\]: .*"sql" .*window function/i)
    }
  })

  it('may be made of rows in a file by nobody', async () => {
    const db = await TestDatabase.create(
      server('mysql'),
      `${TABLES}; CREATE TABLE strict (id INT PRIMARY KEY, status INT CHECK (status < 5))`,
    )
    const file = scratchFile('tsv')
    const params = {
      columns: ['id', { from: 'status', map: { 1: 2 }, unmapped: 'keep' }],
      error_limit: 9,
      dirty_file: file,
    }
    const { report } = await db.copy('src', 'strict', params)
    expect(report).to.include({ rowsWritten: 2, dirtyRows: 1 })
    const replay = (more: object) =>
      runWithReport([
        'copy',
        '--from',
        `file:${file}`,
        '--to',
        db.url('dst'),
        '--params',
        JSON.stringify(more),
      ])
    expectRefusal(await replay(params), 2, 'PARAMS_INVALID', 'cannot compute columns while it is read')
    expect((await replay({})).report).to.include({ rowsWritten: 1, error: null })
    expect(await db.query('SELECT id, status FROM dst')).to.deep.equal([['3', '7']])
    writeFileSync(file, '')
    expectEqual(
      await verify(
        db.url('src'),
        db.url('strict'),
        '--params',
        JSON.stringify({ ...params, where: 'id < 3' }),
      ),
      2,
    )
  })
})
