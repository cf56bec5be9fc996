// Values that the source computes: what each entry of "columns" makes, the same on every database.
import { createHash } from 'node:crypto'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { runCli, oneServer, servers } from '../support/context.js'
import { TestDatabase } from '../support/copying.js'
import { derive, derivingDatabases } from '../support/derived.js'
import { expectDifferent, expectEqual, verify } from '../support/verifying.js'

const SOURCE = `CREATE TABLE src (id INT PRIMARY KEY, t VARCHAR(40), n INT, d DECIMAL(10,3), dt DATETIME(6));
  INSERT INTO src VALUES (1, ' Ab ', 1, 1.5, '2024-02-29 10:20:30.500000'), (2, 'a', 0, -2.25, '2024-01-01 00:00:00.000000'),
   (3, '', -5, 0, '1000-01-01 00:00:00.000000'), (4, NULL, NULL, NULL, NULL), (5, '你好📦x', 127, 9999999.125, '9999-12-31 23:59:59.999999')`
const TEXTS = [' Ab ', 'a', '', null, '你好📦x']

function sha256(text: string | null): string | null {
  return text === null ? null : createHash('sha256').update(text).digest('hex')
}

/** An entry without its "to", the type of the target column, and the values of the five rows. */
const MADE: readonly (readonly [object, string, readonly (string | null)[]])[] = [
  [{ value: 'legacy' }, 'VARCHAR(6)', Array(5).fill('legacy')],
  [{ value: "it's \\ 你" }, 'VARCHAR(8)', Array(5).fill("it's \\ 你")],
  [{ value: 7 }, 'INT', Array(5).fill('7')],
  [{ value: true }, 'INT', Array(5).fill('1')],
  [{ value: null }, 'DATE', Array(5).fill(null)],
  [{ value: '2024-05-06' }, 'DATE', Array(5).fill('2024-05-06')],
  [{ from: 't', trim: true }, 'VARCHAR(40)', ['Ab', 'a', '', null, '你好📦x']],
  [{ from: 't', replace: { b: '[b]', ' ': '' } }, 'VARCHAR(120)', ['A[b]', 'a', '', null, '你好📦x']],
  [{ from: 'n', map: { 1: 0, 0: 1, '-5': '-1' }, unmapped: 'keep' }, 'INT', ['0', '1', '-1', null, '127']],
  [
    { from: 'n', map: { 1: 'on', 0: 'off' }, unmapped: { value: 'other' } },
    'VARCHAR(5)',
    ['on', 'off', 'other', null, 'other'],
  ],
  [{ from: 'n', map: { 1: 'on' }, unmapped: 'keep' }, 'VARCHAR(11)', ['on', '0', '-5', null, '127']],
  [
    { from: 't', map: { a: 'lower', ' Ab ': 'both', '': null }, unmapped: 'null' },
    'VARCHAR(5)',
    ['both', 'lower', null, null, null],
  ],
  // Neither case nor spaces at the end are passed over, whatever the collation says.
  [{ from: 't', map: { A: '!', ' Ab': '!', 'a ': '!' }, unmapped: 'keep' }, 'VARCHAR(40)', TEXTS],
  [{ from: 't', default: 'none' }, 'VARCHAR(40)', [' Ab ', 'a', '', 'none', '你好📦x']],
  [{ from: 'n', default: 0 }, 'INT', ['1', '0', '-5', '0', '127']],
  [{ from: 'n', cast: 'varchar(4)' }, 'VARCHAR(4)', ['1', '0', '-5', null, '127']],
  [{ from: 't', mask: { keep_first: 1, keep_last: 1 } }, 'VARCHAR(40)', [' ** ', '*', '', null, '你**x']],
  [{ from: 't', mask: { with: '＊' } }, 'VARCHAR(40)', ['＊＊＊＊', '＊', '', null, '＊＊＊＊']],
  [{ from: 't', hash: 'sha256' }, 'CHAR(64)', TEXTS.map(sha256)],
  [
    { from: 't', hash: { type: 'sha256', salt: "s'1" } },
    'CHAR(64)',
    TEXTS.map((text) => sha256(text === null ? null : `s'1${text}`)),
  ],
  [{ template: '{n}:{t}|{{}}' }, 'VARCHAR(60)', ['1: Ab |{}', '0:a|{}', '-5:|{}', null, '127:你好📦x|{}']],
  [{ sql: 'n * 2 -- twice' }, 'INT', ['2', '0', '-10', null, '254']],
  [{ sql: '(SELECT MAX(id) FROM src)' }, 'INT', Array(5).fill('5')],
  [
    {
      from: 't',
      trim: true,
      replace: { A: 'a' },
      map: { ab: 'mapped' },
      unmapped: 'keep',
      mask: { keep_first: 1 },
      default: '-',
    },
    'VARCHAR(40)',
    ['m*****', '*', '', '-', '你***'],
  ],
]

const name = (i: number) => `c${i + 1}`
const TARGET = `CREATE TABLE dst (id INT PRIMARY KEY, ${MADE.map(([, type], i) => `${name(i)} ${type}`).join(', ')})`
const ENTRIES = MADE.map(([entry], i) => ({ ...entry, to: name(i) }))

describe('derived columns', () => {
  it('hold what their entries say, on every database', async () => {
    for (const db of await derivingDatabases(`${SOURCE}; ${TARGET.replace(/\)$/, ')')}`)) {
      const { error } = await derive(db, { columns: ['id', ...ENTRIES] })
      expect(error?.message, db.label).to.equal(undefined)
      for (const [i, [entry, , expected]] of MADE.entries()) {
        const rows = await db.query(`SELECT ${name(i)} FROM dst ORDER BY id`)
        expect(rows.flat(), `${db.label} ${JSON.stringify(entry)}`).to.deep.equal(expected)
      }
    }
  })

  it('of decimals and times keep every digit', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(
        server,
        `SET time_zone = '+00:00'; ${SOURCE};
         CREATE TABLE dst (id INT PRIMARY KEY, a DECIMAL(12,4), b DECIMAL(5,1), c DATETIME(6), d TIMESTAMP(6) NULL, e DOUBLE)`,
      )
      const columns = [
        'id',
        { from: 'd', to: 'a', default: 0.0625 },
        { from: 'd', to: 'b', map: { '1.5': '0.1', '-2.250': 7, 0: null }, unmapped: { value: '-1' } },
        { from: 'dt', to: 'c', default: '1999-01-01' },
        { to: 'd', value: '2024-01-01 00:00:00.25' },
        { from: 'd', to: 'e', cast: 'double' },
      ]
      expect((await db.copy('src', 'dst', { columns })).report.error).to.equal(null)
      expect(await db.query('SELECT a, b, c, d, e FROM dst ORDER BY id')).to.deep.equal([
        ['1.5000', '0.1', '2024-02-29 10:20:30.500000', '2024-01-01 00:00:00.250000', '1.5'],
        ['-2.2500', '7.0', '2024-01-01 00:00:00.000000', '2024-01-01 00:00:00.250000', '-2.25'],
        ['0.0000', null, '1000-01-01 00:00:00.000000', '2024-01-01 00:00:00.250000', '0'],
        ['0.0625', null, '1999-01-01 00:00:00.000000', '2024-01-01 00:00:00.250000', null],
        ['9999999.1250', '-1.0', '9999-12-31 23:59:59.999999', '2024-01-01 00:00:00.250000', '9999999.125'],
      ])
    }
  })

  it('are judged by what they can hold, and the plan shows how they are made', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `${SOURCE}; CREATE TABLE dst (id INT PRIMARY KEY, status TINYINT, t CHAR(3))`,
      )
      const columns = ['id', { from: 'n', to: 'status', map: { 1: 0, 0: 1 } }, { to: 't', value: 'long' }]
      const narrow = await db.copy('src', 'dst', { columns })
      expect(narrow.stderr).to.include('t: varchar(4) to char(3) loses text longer than 3 characters')
      const args = ['copy', '--from', db.url('src'), '--to', db.url('dst'), '--dry-run', '--params']
      const fits = { columns: ['id', columns[1], { to: 't', value: 'abc' }], where: 'id < 3' }
      const { stdout, stderr } = await runCli([...args, JSON.stringify(fits)])
      expect(stdout, stderr).to.match(
        /n \(integer\) -> status \(tinyint.*\), widening: .*; pushed down: CASE `n` WHEN 0 THEN 1 WHEN 1 THEN 0 ELSE/,
      )
      expect(stdout).to.match(/query +SELECT `id`, CASE `n` WHEN/)
    }
  })

  it('are compared by verify, inside the databases too', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `${SOURCE}; CREATE TABLE dst (id INT PRIMARY KEY, s VARCHAR(9), n TINYINT, h CHAR(64))`,
      )
      const columns = [
        'id',
        { to: 's', value: 'legacy' },
        { from: 'n', map: { 1: 0, 0: 1 }, unmapped: { value: 9 } },
        { from: 't', to: 'h', hash: 'sha256' },
      ]
      const options = ['--params', JSON.stringify({ columns })]
      expect((await db.copy('src', 'dst', { columns })).code).to.equal(0)
      const equal = await verify(db.url('src'), db.url('dst'), ...options)
      expectEqual(equal, 5)
      expect(equal.stderr).to.include('digests are computed inside both databases')
      await db.query(`UPDATE dst SET n = 1 WHERE id = 1; UPDATE dst SET s = 'Legacy' WHERE id = 5`)
      expectDifferent(await verify(db.url('src'), db.url('dst'), ...options), 0, 0, 2)
    }
  })

  it('are kept in sync: only what differs is written', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `${SOURCE}; CREATE TABLE dst (id INT PRIMARY KEY, s VARCHAR(9), n TINYINT)`,
      )
      const params = {
        columns: [
          'id',
          { to: 's', value: 'legacy' },
          { from: 'n', map: { 1: 0, 0: 1 }, unmapped: { value: 9 } },
        ],
      }
      expect((await db.copy('src', 'dst', params)).code).to.equal(0)
      await db.query(
        `UPDATE dst SET n = 1 WHERE id = 1; DELETE FROM dst WHERE id = 3; UPDATE src SET n = 1 WHERE id = 2`,
      )
      const { report, stderr } = await db.copy('src', 'dst', { ...params, mode: 'sync' })
      expect(report, stderr).to.include({ status: 'success' })
      expect(await db.query('SELECT id, s, n FROM dst ORDER BY id')).to.deep.equal([
        ['1', 'legacy', '0'],
        ['2', 'legacy', '0'],
        ['3', 'legacy', '9'],
        ['4', 'legacy', null],
        ['5', 'legacy', '9'],
      ])
    }
  })

  it('are upserted by increments', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `${SOURCE}; CREATE TABLE dst (id INT PRIMARY KEY, changed DATETIME(6), n TINYINT);
         INSERT INTO dst VALUES (1, NULL, 9)`,
      )
      const columns = [
        'id',
        { from: 'dt', to: 'changed', default: '1999-01-01' },
        { from: 'n', map: { 1: 0 }, unmapped: { value: 5 } },
      ]
      const { report, stderr } = await db.copy('src', 'dst', {
        columns,
        mode: 'increment',
        diff_column: { src: 'dt', dest: 'changed' },
        lag: 0,
      })
      expect(report.error, stderr).to.equal(null)
      expect(await db.value('SELECT n FROM dst WHERE id = 1')).to.equal('0')
    }
  })

  it('may stand in the place of a key, by which rows are then not matched', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `${SOURCE}; CREATE TABLE dst (id INT PRIMARY KEY, t VARCHAR(40))`,
      )
      const columns = [{ to: 'id', sql: '1000 - id' }, 't']
      const { code, stderr } = await db.copy('src', 'dst', { columns, write_mode: 'upsert' })
      expect(code, stderr).to.equal(0)
      expect((await db.query('SELECT id FROM dst ORDER BY id')).flat()).to.deep.equal([
        '995',
        '996',
        '997',
        '998',
        '999',
      ])
      const options = ['--params', JSON.stringify({ columns })]
      expectEqual(await verify(db.url('src'), db.url('dst'), ...options), 5)
    }
  })

  it('lose what was accepted, and nothing else', async () => {
    for (const db of await derivingDatabases(
      `CREATE TABLE src (id INTEGER NOT NULL PRIMARY KEY, t VARCHAR(9) NOT NULL, n INT);
       INSERT INTO src VALUES (1, ' 你好📦x ', NULL), (2, 'b', -3);
       CREATE TABLE dst (id INTEGER PRIMARY KEY, t VARCHAR(3), n SMALLINT, both_of_them VARCHAR(2))`,
    )) {
      // SQLite declares no lengths that it would keep to.
      if (db.label === 'sqlite') continue
      const columns = [
        'id',
        { from: 't', trim: true },
        { from: 'n', default: 40_000 },
        { to: 'both_of_them', template: '{id}{t}' },
      ]
      const { error } = await derive(db, { columns })
      expect(error, db.label).to.include({ code: 'LOSSY' })
      expect(error!.message).to.include('"allow_lossy": ["t","n","both_of_them"]')
      const accepted = await derive(db, { columns, allow_lossy: ['T', 'n', 'both_of_them'] })
      expect(accepted.error, db.label).to.equal(null)
      expect(await db.query('SELECT * FROM dst ORDER BY id')).to.deep.equal([
        ['1', '你好📦', '32767', '1 '],
        ['2', 'b', '-3', '2b'],
      ])
    }
  })
})
