// Lookup tables that the params or a CSV file give.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { oneServer, runCli, servers } from '../support/context.js'
import { expectRefusal, TestDatabase, runWithReport, scratchFile } from '../support/copying.js'
import { TaskFixture } from '../support/task-fixture.js'
import { expectDifferent, expectEqual, verify } from '../support/verifying.js'

function csv(content: string | Buffer): string {
  const path = scratchFile('csv')
  writeFileSync(path, content)
  return path
}

const SOURCE = `CREATE TABLE src (id INT PRIMARY KEY, a VARCHAR(20) COLLATE utf8mb4_bin, b BIGINT UNSIGNED);
  INSERT INTO src VALUES (1, 'é', 18446744073709551615), (2, 'É', 18446744073709551615), (3, 'x ', 7), (4, 'x', 7), (5, '', 0), (6, 'a"b,c\\n', 1), (7, NULL, 1);
  CREATE TABLE dst (id INT PRIMARY KEY, v BIGINT UNSIGNED, w VARCHAR(20) COLLATE utf8mb4_bin)`

/** What each row is to get. */
const WANTED = ['1', '9007199254740993', '3', '4', '5', '6', null]

describe('lookups in tables that are given', () => {
  it('find values by the exact bytes of their keys, in rows and files', async () => {
    const rows = [
      { k: 'é', n: '18446744073709551615', v: 1, other: true },
      { k: 'É', n: '18446744073709551615', v: '9007199254740993' },
      { k: 'x ', n: 7, v: 3 },
      { k: 'x', n: 7, v: 4 },
      { k: '', n: 0, v: 5 },
      { k: 'a"b,c\n', n: 1, v: 6 },
      { k: null, n: 1, v: 99 },
    ]
    const field = (value: unknown) => `"${String(value).replaceAll('"', '""')}"`
    const lines = rows.slice(0, 6).map(({ k, n, v }) => `${field(k)},${n},x,${field(v)}`)
    const file = csv(`\uFEFFk,n,"more, of it",v\r\n${lines.join('\r\n')}`)
    for (const server of servers()) {
      const db = await TestDatabase.create(server, SOURCE)
      for (const table of [{ rows }, { file }]) {
        await db.query('TRUNCATE TABLE dst')
        const lookup = { ...table, key: ['k', 'n'], value: 'v' }
        const columns = ['id', { from: ['a', 'b'], to: 'v', lookup }, { from: 'a', to: 'w' }]
        const outcome = await db.copy('src', 'dst', { columns })
        expect(outcome.code, outcome.stderr).to.equal(0)
        expect((await db.query('SELECT v FROM dst ORDER BY id')).flat()).to.deep.equal(WANTED)
        expect(outcome.report.reasons.join()).to.match(/lookup of v: all keys \(6\) are in memory/)
        const params = ['--params', JSON.stringify({ columns })]
        expectEqual(await verify(db.url('src'), db.url('dst'), ...params), 7)
        await db.query('UPDATE dst SET v = 0 WHERE id = 2')
        expectDifferent(await verify(db.url('src'), db.url('dst'), ...params), 0, 0, 1)
      }
    }
  })

  it('take a dictionary, missing keys, steps and other lookups', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server, SOURCE)
      const columns = [
        'id',
        {
          from: 'a',
          as: 'step',
          lookup: { rows: { é: 'one', É: null, x: 'two' }, missing: { value: 'none' } },
        },
        {
          from: { as: 'step' },
          to: 'v',
          lookup: { rows: { one: '1.0', two: 2, none: 'three' } },
          after: {
            map: { three: 3 },
            unmapped: 'keep',
            cast: 'bigint unsigned',
            default: '18446744073709551615',
          },
        },
      ]
      const outcome = await db.copy('src', 'dst', { columns })
      // Texts are integers only if they look like one.
      expectRefusal(
        outcome,
        1,
        'DATA_REJECTED',
        'The value "1.0" for v in the row with id = "1" does not fit',
      )
      const text = JSON.stringify(columns).replace('"1.0"', '"1"')
      const fits = await db.copy('src', 'dst', { columns: JSON.parse(text) as object[] })
      expect(fits.code, fits.stderr).to.equal(0)
      const big = '18446744073709551615'
      expect((await db.query('SELECT v FROM dst ORDER BY id')).flat()).to.deep.equal([
        '1',
        big,
        '3',
        '2',
        '3',
        '3',
        big,
      ])
      const missing = await db.copy('src', 'dst', {
        columns: ['id', { from: 'a', to: 'w', lookup: { rows: { é: 'one' } } }],
        where: 'id = 3',
      })
      expectRefusal(
        missing,
        1,
        'LOOKUP_MISSING',
        'The lookup table "rows" of params.columns[1] has no key "x "',
      )
    }
  })

  it('are found from the params file, the working directory and the configuration of a task', async () => {
    const file = csv('k,v\nx,10\n')
    const folder = join(dirname(file), 'nested')
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'm.csv'), 'k,v\n1,10\n2,20\n')
    const columns = ['id', { from: 'k', to: 'v', lookup: { file: 'm.csv', key: 'k', value: 'v' } }]
    const params = join(folder, 'params.json')
    writeFileSync(params, JSON.stringify({ columns }))
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        'CREATE TABLE src (id INT PRIMARY KEY, k INT NOT NULL); INSERT INTO src VALUES (1, 1), (2, 2); CREATE TABLE dst (id INT PRIMARY KEY, v INT NOT NULL)',
      )
      const endpoints = ['--from', db.url('src'), '--to', db.url('dst')]
      const byFile = await runWithReport(['copy', ...endpoints, '--params', params])
      expect(byFile.code, byFile.stderr).to.equal(0)
      await db.query('TRUNCATE TABLE dst')
      const here = await runCli(['copy', ...endpoints, '--params', JSON.stringify({ columns })], {
        cwd: folder,
      })
      expect(here.code, here.stderr).to.equal(0)
      expect(await db.value('SELECT SUM(v = id * 10) FROM dst')).to.equal('2')
    }
    const fixture = await TaskFixture.create(null)
    writeFileSync(join(fixture.folder, 'm.csv'), 'k,v\n1,10\n2,20\n3,30\n')
    const entry = { from: 'v', to: 'v', lookup: { file: 'm.csv', key: 'k', value: 'v' } }
    await fixture.addTask(1, 'dst', { params: JSON.stringify({ columns: ['id', entry] }) })
    const done = await fixture.cli('run', '1')
    expect(done.code, done.stderr).to.equal(0)
  })

  it('that are wrong are named before anything is written', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server, `${SOURCE}; ALTER TABLE src ADD c VARBINARY(9)`)
      const by = (lookup: object, more: object = {}) => ({ from: 'a', to: 'v', lookup, ...more })
      const wrong = (...entries: object[]) => db.copy('src', 'dst', { columns: ['id', ...entries] })
      const named = { key: 'k', value: 'v' }
      const each = async (entry: object, ...words: string[]) =>
        expectRefusal(await wrong(entry), 2, 'PARAMS_INVALID', ...words)
      await each(by({ ...named }), '"lookup" needs one of "table" (with "in"), "file" and "rows"')
      expectRefusal(
        await wrong(
          by({ ...named, table: 'm' }),
          by({ ...named, file: 'x', rows: {} }, { to: 'w' }),
          by({ ...named, in: 'source', file: 'x' }, { to: 'x' }),
          by({ rows: { a: 1 }, key: 'k' }, { to: 'y' }),
          by({ file: 'x', value: 'v' }, { to: 'z' }),
        ),
        2,
        'PARAMS_INVALID',
        '"in" of "lookup" is missing',
        '"in" of "lookup" goes with "table"',
        'a dictionary in "rows" has no columns',
        '"lookup" needs "key" and "value"',
      )
      await each(by({ ...named, rows: [{ k: 1, v: 2 }, { k: 1 }] }), 'row 2 of "rows" has no "v"')
      await each(by({ rows: { a: 1e20 } }), 'has more digits than a JSON number keeps')
      await each(
        by({
          ...named,
          rows: [
            { k: 1, v: 2 },
            { k: '1', v: 2 },
            { k: 1, v: null },
          ],
        }),
        '"rows" of params.columns[1] has two values for the key "1": "2" in row 1, and NULL in row 3',
      )
      await each(
        by({ rows: { a: 1 } }, { from: 'c' }),
        'c cannot be looked up',
        'one is bytes, the other text',
      )
      expectRefusal(await wrong(by({ rows: { é: 'one' }, missing: 'null' })), 3, 'LOSSY', 'v')
      const file = async (content: string | Buffer, ...words: string[]) =>
        each(by({ ...named, file: csv(content) }), ...words)
      await each(by({ ...named, file: 'nope.csv' }), 'nope.csv cannot be read: ENOENT')
      await each(by({ ...named, file: dirname(csv('')) }), 'is not a file')
      await file('', 'is empty: its first line must name the columns')
      await file('k,w\n1,2\n', 'has no column "v"; its first line names k, w')
      await file('k,v,v\n', 'has 2 columns "v"')
      await file('k,v\n1,2\n3\n', 'line 3: 1 fields, and the first line names 2')
      await file('k,v\n1,"2\n', 'is not CSV (RFC 4180): line 2: a quote that is not closed')
      await file(Buffer.from('k,v\n\xe9,1\n', 'latin1'), 'is not text in UTF-8')
      await file('k,v\nx,1\ny,2\nx,3\n', 'has two values for the key "x": "1" in line 2, and "3" in line 4')
      await each(
        by({ ...named, file: csv('k,v\nx,1\n'), preload_mb: 0.000001 }),
        'all of it is kept in memory: raise "preload_mb"',
      )
      expect(await db.value('SELECT COUNT(*) FROM dst')).to.equal('0')
    }
  })
})
