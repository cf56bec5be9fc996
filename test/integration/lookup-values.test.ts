// What is done to looked-up values, and lookups of what other lookups gave.
import { readFileSync, writeFileSync } from 'node:fs'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { oneServer, servers } from '../support/context.js'
import { expectRefusal, TestDatabase, runWithReport, scratchFile } from '../support/copying.js'
import { sqliteFile, sqliteRows } from '../support/sqlite.js'
import { expectDifferent, expectEqual, verify } from '../support/verifying.js'

const lookup = (table: string, more: object = {}) => ({ in: 'source', table, key: 'k', value: 'v', ...more })

/** In memory, and asked for. */
const WAYS: { preload_mb?: number }[] = [{}, { preload_mb: 0 }]

describe('steps after a lookup', () => {
  it('map, cast and default what it gave, exactly', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE m (k INT PRIMARY KEY, v VARCHAR(40), n DECIMAL(20,2));
         INSERT INTO m VALUES (1, '18446744073709551615', 1.50), (2, 'ä', 2.00), (3, NULL, NULL), (4, '007', 1);
         CREATE TABLE src (id INT PRIMARY KEY, k INT); INSERT INTO src VALUES (1, 1), (2, 2), (3, 3), (4, 4), (5, NULL), (6, 99);
         CREATE TABLE dst (id INT PRIMARY KEY, big BIGINT UNSIGNED NOT NULL, word VARCHAR(9) NOT NULL, whole DECIMAL(9,3), hidden VARCHAR(64))`,
      )
      const params = (more: object) => ({
        columns: [
          'id',
          {
            from: 'k',
            to: 'big',
            lookup: lookup('m', { missing: 'null', ...more }),
            after: { map: { ä: '9007199254740993' }, unmapped: 'keep', cast: 'bigint unsigned', default: 0 },
          },
          {
            from: 'k',
            to: 'word',
            lookup: lookup('m', { missing: { value: 7 }, value: 'n', ...more }),
            after: { map: { 1.5: 'one', 2: 'two', '1.0': 'unit', 7: 'none' }, default: 'null' },
          },
          {
            from: 'k',
            to: 'whole',
            lookup: lookup('m', { missing: 'null', value: 'n', ...more }),
            after: { cast: 'decimal(9,3)' },
          },
          {
            from: 'k',
            to: 'hidden',
            lookup: lookup('m', { missing: 'null', ...more }),
            after: { trim: true, replace: { '007': '🙂7' }, mask: { keep_first: 1 } },
          },
        ],
      })
      for (const way of WAYS) {
        await db.query('TRUNCATE TABLE dst')
        const outcome = await db.copy('src', 'dst', params(way))
        expect(outcome.code, outcome.stderr).to.equal(0)
        expect(await db.query('SELECT * FROM dst ORDER BY id')).to.deep.equal([
          ['1', '18446744073709551615', 'one', '1.500', `1${'*'.repeat(19)}`],
          ['2', '9007199254740993', 'two', '2.000', '*'],
          ['3', '0', 'null', null, null],
          ['4', '7', 'unit', '1.000', '🙂*'],
          ['5', '0', 'null', null, null],
          ['6', '0', 'none', null, null],
        ])
      }
      const check = () => verify(db.url('src'), db.url('dst'), '--params', JSON.stringify(params({})))
      expectEqual(await check(), 6)
      await db.query("UPDATE dst SET word = 'x' WHERE id = 6")
      expectDifferent(await check(), 0, 0, 1)
    }
  })

  it('refuse the row of a value that they cannot take, and name it', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE m (k INT PRIMARY KEY, v VARCHAR(40) NOT NULL); INSERT INTO m VALUES (1, '128'), (2, '1'), (3, ' 1'), (4, '2023-02-29'), (5, 'unused');
         CREATE TABLE src (id INT PRIMARY KEY, k INT NOT NULL); INSERT INTO src VALUES (10, 1), (20, 2), (30, 3), (40, 4);
         CREATE TABLE dst (id INT PRIMARY KEY, v TINYINT NOT NULL)`,
      )
      const entry = (after: object) => ({ from: 'k', to: 'v', lookup: lookup('m'), after })
      const params = (after: object) => ({ columns: ['id', entry(after)], read_batch: 1 })
      const refused = await db.copy('src', 'dst', { ...params({ cast: 'tinyint' }), worker_num: 1 })
      expectRefusal(
        refused,
        1,
        'DATA_REJECTED',
        'The value "128" for v in the row with id = "10" does not fit into tinyint, to which "after" of params.columns[1] casts',
      )
      const unmapped = await db.copy('src', 'dst', { ...params({ map: { 128: 1 } }), worker_num: 1 })
      expectRefusal(unmapped, 1, 'DATA_REJECTED', 'is not in "map" of "after" of params.columns[1]')
      await db.query('DELETE FROM dst')
      const file = scratchFile('tsv')
      const limited = { ...params({ cast: 'tinyint' }), error_limit: 3, dirty_file: file }
      const tolerated = await db.copy('src', 'dst', limited)
      expect(tolerated.code, tolerated.stderr).to.equal(0)
      expect(await db.query('SELECT * FROM dst')).to.deep.equal([['20', '1']])
      const kept = readFileSync(`${file}.read`, 'utf8').trim().split('\n')
      expect(kept.map((line) => line.split('\t').slice(0, 3).sort().join()).sort()).to.deep.equal([
        '1,10,DATA_REJECTED',
        '3,30,DATA_REJECTED',
        '4,40,DATA_REJECTED',
      ])
    }
  })

  it('that do not fit values or target are named before anything is written', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE m (k INT PRIMARY KEY, v VARCHAR(9), b VARBINARY(9), d DATE); CREATE TABLE src (id INT PRIMARY KEY, k INT NOT NULL);
         CREATE TABLE dst (id INT PRIMARY KEY, v TINYINT, w VARCHAR(3), x INT, y INT)`,
      )
      const entry = (to: string, after: object, more: object = {}) => ({
        from: 'k',
        to,
        lookup: lookup('m', more),
        after,
      })
      const wrong = (...entries: object[]) => db.copy('src', 'dst', { columns: ['id', ...entries] })
      expectRefusal(
        await wrong(
          entry('v', { mask: {} }, { value: 'b' }),
          entry('w', { trim: true }, { value: 'd' }),
          entry('x', { cast: 'int' }, { value: 'd' }),
          entry('y', { map: { one: 1 } }, { value: 'k' }),
        ),
        2,
        'PARAMS_INVALID',
        'columns[1]: "mask" takes no bytes',
        'columns[2]: "trim" takes text, not date',
        'columns[3]: there is no cast of date (date) to int',
        'columns[4]: "one" in "map" is not an integer',
      )
      expectRefusal(await wrong(entry('v', { cast: 'int' })), 3, 'LOSSY', 'int')
      expectRefusal(await wrong(entry('w', { map: { a: 'long' } })), 3, 'LOSSY', 'varchar(3)')
      expectRefusal(
        await wrong({ from: 'k', to: 'v', after: { default: 1 } }, entry('w', { cast: 'integer', nope: 1 })),
        2,
        'PARAMS_INVALID',
        'columns[1]: "after" is done to looked-up values: it goes with "lookup"',
        'unknown key "nope"',
      )
    }
  })
})

describe('lookups of what other lookups gave', () => {
  const chain = (more: object = {}) => [
    'id',
    { from: 'k', as: 'department', lookup: lookup('m', more) },
    { from: { as: 'department' }, to: 'v', as: 'site', lookup: lookup('n', more), after: { trim: true } },
    { from: ['id', { as: 'site' }], to: 'w', lookup: lookup('o', { key: ['i', 's'], ...more }) },
  ]
  const TABLES = `CREATE TABLE m (k INT PRIMARY KEY, v VARCHAR(9) COLLATE utf8mb4_bin); INSERT INTO m VALUES (1, 'é'), (2, 'É'), (3, NULL), (4, 'gone');
    CREATE TABLE n (k VARCHAR(9) COLLATE utf8mb4_bin PRIMARY KEY, v VARCHAR(9)); INSERT INTO n VALUES ('é', ' low '), ('É', 'high');
    CREATE TABLE o (i INT, s VARCHAR(9), v BIGINT, PRIMARY KEY (i, s)); INSERT INTO o VALUES (10, 'low', 9007199254740993), (20, 'high', 2), (20, 'low', 3);
    CREATE TABLE src (id INT PRIMARY KEY, k INT); INSERT INTO src VALUES (10, 1), (20, 2), (30, 3), (40, NULL)`

  it('are made one after the other, whatever their order in the params', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(
        server,
        `${TABLES}; CREATE TABLE dst (id INT PRIMARY KEY, v VARCHAR(9), w BIGINT)`,
      )
      for (const way of WAYS) {
        for (const columns of way.preload_mb === 0 ? [chain(way).reverse()] : [chain()]) {
          await db.query('TRUNCATE TABLE dst')
          const outcome = await db.copy('src', 'dst', { columns })
          expect(outcome.code, outcome.stderr).to.equal(0)
          expect(await db.query('SELECT * FROM dst ORDER BY id')).to.deep.equal([
            ['10', 'low', '9007199254740993'],
            ['20', 'high', '2'],
            ['30', null, null],
            ['40', null, null],
          ])
        }
      }
      const params = ['--params', JSON.stringify({ columns: chain() })]
      expectEqual(await verify(db.url('src'), db.url('dst'), ...params), 4)
      await db.query('INSERT INTO src VALUES (50, 4); UPDATE dst SET w = 1 WHERE id = 20')
      const found = await verify(db.url('src'), db.url('dst'), ...params)
      expectDifferent(found, 1, 0, 1)
      expect(found.report.found!.unmadeRows[0]!.message).to.include('table n has no key "gone"')
      const refused = await db.copy('src', 'dst', { columns: chain(), where: 'id = 50' })
      expectRefusal(
        refused,
        1,
        'LOOKUP_MISSING',
        'table n has no key "gone", for site of the row with id = "50"',
      )
      const skipping = chain().map((entry) =>
        typeof entry === 'object' ? { ...entry, lookup: { ...entry.lookup, missing: 'skip' } } : entry,
      )
      const file = scratchFile('tsv')
      const skipped = await db.copy('src', 'dst', {
        columns: skipping,
        write_mode: 'upsert',
        error_limit: 1,
        dirty_file: file,
      })
      expect(skipped.code, skipped.stderr).to.equal(0)
      expect(skipped.report).to.include({ rowsRead: 5, rowsFiltered: 1, lookupMisses: 1 })
      expect(await db.value('SELECT w FROM dst WHERE id = 20')).to.equal('2')
    }
  })

  it('say which shard a row belongs to, and what a transform gets', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `${TABLES}; CREATE TABLE dst_0 (id INT PRIMARY KEY, v VARCHAR(9), w BIGINT); CREATE TABLE dst_1 LIKE dst_0; CREATE TABLE dst LIKE dst_0`,
      )
      const numbered = [
        ...chain().slice(0, 3),
        {
          from: ['id', { as: 'site' }],
          to: 'w',
          lookup: lookup('o', { key: ['i', 's'] }),
          after: { default: 4 },
        },
      ]
      const sharded = { columns: numbered, shard: { by: 'w', hash: 'modulo' } }
      const outcome = await db.copyTo('src', db.url('dst_{0..1}'), sharded)
      expect(outcome.code, outcome.stderr).to.equal(0)
      expect(await db.query('SELECT id FROM dst_1')).to.deep.equal([['10']])
      expect(await db.value('SELECT COUNT(*) FROM dst_0')).to.equal('3')

      // Rows that are left out before do not make it take one row for another.
      const module = scratchFile('mjs')
      writeFileSync(
        module,
        `export default (row) => { if (row.id === 50) throw new Error('no'); return { ...row, v: row.v + '!' } }`,
      )
      await db.query("INSERT INTO src VALUES (5, 4), (50, 1); INSERT INTO o VALUES (50, 'low', 5)")
      const skipping = [
        ...chain().slice(0, 2),
        { from: { as: 'department' }, to: 'v', lookup: lookup('n', { missing: 'skip' }) },
      ]
      const columns = [...skipping, { from: 'id', to: 'w' }]
      const file = scratchFile('tsv')
      const passed = await db.copy('src', 'dst', {
        columns,
        transform: module,
        error_limit: 1,
        dirty_file: file,
      })
      expect(passed.code, passed.stderr).to.equal(0)
      expect(readFileSync(`${file}.read`, 'utf8')).to.include(
        'The transform failed for the row of src with id = "50"',
      )
      expect(await db.query('SELECT id, v, w FROM dst WHERE v IS NOT NULL ORDER BY id')).to.deep.equal([
        ['10', ' low !', '10'],
        ['20', 'high!', '20'],
        ['30', 'null!', '30'],
        ['40', 'null!', '40'],
      ])
    }
  })

  it('between SQLite databases', async () => {
    const path = sqliteFile(
      `CREATE TABLE m (k INTEGER PRIMARY KEY, v TEXT); INSERT INTO m VALUES (1, 'a'), (2, 'A');
       CREATE TABLE n (k TEXT COLLATE NOCASE, v TEXT); INSERT INTO n VALUES ('a', '1.50'), ('A', '2');
       CREATE TABLE src (id INTEGER PRIMARY KEY, k INTEGER); INSERT INTO src VALUES (1, 1), (2, 2);
       CREATE TABLE dst (id INTEGER PRIMARY KEY, v NUMERIC)`,
    )
    const columns = [
      'id',
      { from: 'k', as: 'a', lookup: lookup('m') },
      { from: { as: 'a' }, to: 'v', lookup: lookup('n'), after: { cast: 'decimal(5,2)' } },
    ]
    const endpoints = ['--from', `sqlite:${path}?table=src`, '--to', `sqlite:${path}?table=dst`]
    const outcome = await runWithReport(['copy', ...endpoints, '--params', JSON.stringify({ columns })])
    expect(outcome.code, outcome.stderr).to.equal(0)
    expect(sqliteRows(path, 'SELECT * FROM dst ORDER BY id')).to.deep.equal([
      [1, 1.5],
      [2, 2],
    ])
  })

  it('refuse circles and unknown names before anything is written', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `${TABLES}; CREATE TABLE dst (id INT PRIMARY KEY, v VARCHAR(9), w BIGINT)`,
      )
      const wrong = (...entries: object[]) => db.copy('src', 'dst', { columns: ['id', ...entries] })
      expectRefusal(
        await wrong(
          { from: { as: 'b' }, as: 'a', lookup: lookup('n') },
          { from: { as: 'a' }, to: 'v', as: 'b', lookup: lookup('n') },
        ),
        2,
        'PARAMS_INVALID',
        /"(a|b)" is made of "(a|b)" is made of "(a|b)"/,
      )
      expectRefusal(
        await wrong(
          { from: { as: 'x' }, to: 'v', lookup: lookup('n') },
          { from: 'k', as: 'y', lookup: lookup('m') },
          { from: 'k', to: 'w', as: 'y', lookup: lookup('m') },
        ),
        2,
        'PARAMS_INVALID',
        'columns[1]: no entry has "as": "x"; there are y, y',
        'columns[2]: nothing takes what is made "as": "y"',
        'columns[3]: "as": "y" is the name of params.columns[2] already',
      )
      expectRefusal(
        await wrong({ from: { as: 'x' }, to: 'v' }, { from: 'k', as: 'x', cast: 'int' }),
        2,
        'PARAMS_INVALID',
        'columns[1]: "from" names what another entry makes, which is for "lookup"',
        'columns[2]: "as" names what a worker thread makes',
      )
    }
  })
})
