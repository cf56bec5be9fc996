// Texts that UTF-8 does not bring back, and JSON that its text does not tell: what test/cases cannot show of them.
import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { pathOn } from '../support/cases.js'
import { servers } from '../support/context.js'
import { expectRefusal, TestDatabase, runWithReport, scratchFile } from '../support/copying.js'
import { withGlobals } from '../support/globals.js'

const TEXTS =
  "id INT PRIMARY KEY, u INT UNIQUE, s VARCHAR(5) CHARACTER SET sjis, c SET('a','','b'), e ENUM('a','A') CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
const SEEN = 'SELECT id, HEX(s), c + 0, e + 0 FROM dst ORDER BY id'

for (const path of ['load-data', 'insert'] as const) {
  describe(`texts that UTF-8 does not bring back, by ${path}`, () => {
    let restore: () => Promise<void>
    before(async () => {
      restore = await withGlobals(servers(), { local_infile: '1' })
    })
    after(() => restore())

    it('keep their bytes and numbers through a staging table', async () => {
      for (const server of servers()) {
        const db = await TestDatabase.create(
          server,
          `CREATE TABLE src (${TEXTS}); CREATE TABLE dst LIKE src;
           INSERT INTO src VALUES (0, 1, x'5C', 6, 2), (3, 3, x'815F', 2, 1); INSERT INTO dst VALUES (3, 3, 'z', 1, 2)`,
        )
        const { code, stderr } = await db.copy('src', 'dst', {
          write_mode: 'upsert',
          write_path: pathOn(server.kind, path),
        })
        expect(code, stderr).to.equal(0)
        expect(await db.query(SEEN)).to.deep.equal([
          ['0', '5C', '6', '2'],
          ['3', '815F', '2', '1'],
        ])
      }
    })

    it('are in the file of refused rows as they are, for the same column only', async () => {
      for (const server of servers()) {
        const db = await TestDatabase.create(
          server,
          `CREATE TABLE src (${TEXTS}); CREATE TABLE dst LIKE src;
           INSERT INTO src VALUES (1, 1, x'5C', 6, 2); INSERT INTO dst VALUES (1, 1, 'z', 1, 1)`,
        )
        const file = scratchFile('tsv')
        const refused = await db.copy('src', 'dst', {
          error_limit: 1,
          dirty_file: file,
          write_path: pathOn(server.kind, path),
        })
        expect(refused.report.dirtyRows, refused.stderr).to.equal(1)
        await db.query('DELETE FROM dst; CREATE TABLE other LIKE dst; ALTER TABLE other MODIFY s VARCHAR(5)')
        const again = (table: string) =>
          runWithReport(['copy', '--from', `file:${file}`, '--to', db.url(table)])
        expectRefusal(await again('other'), 3, 'LOSSY', 'its cells are text in sjis')
        expect((await again('dst')).code).to.equal(0)
        expect(await db.query(SEEN)).to.deep.equal([['1', '5C', '6', '2']])
      }
    })

    it('are refused by row where something looks into them on the way', async () => {
      for (const server of servers()) {
        const db = await TestDatabase.create(
          server,
          `CREATE TABLE src (id INT PRIMARY KEY, s VARCHAR(5) CHARACTER SET sjis); INSERT INTO src VALUES (1, 'a'), (2, x'5C');
           CREATE TABLE dst (id BIGINT PRIMARY KEY, s VARCHAR(5) CHARACTER SET sjis)`,
        )
        const columns = ['s', { to: 'id', id: 'snowflake' }]
        const outcome = await db.copy('src', 'dst', { columns, write_path: pathOn(server.kind, path) })
        expectRefusal(outcome, 1, 'DATA_REJECTED', 'The value "5C" of column s', 'id = "2"', 'sjis')
      }
    })
  })
}

describe('texts that UTF-8 does not bring back', () => {
  it('are matched by their bytes, which verify tells apart and repairs', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE src (s VARCHAR(5) CHARACTER SET sjis COLLATE sjis_bin PRIMARY KEY, v INT); CREATE TABLE dst LIKE src;
           INSERT INTO src VALUES (x'5C', 1), ('b', 3); INSERT INTO dst VALUES (x'815F', 1), ('b', 3)`,
      )
      const endpoints = ['--from', db.url('src'), '--to', db.url('dst')]
      const verified = await runWithReport(['verify', ...endpoints])
      expectRefusal(verified, 4, 'DIFFERENT')
      expect(verified.stdout).to.include('s = 0x5c').and.to.include('s = 0x815f')
      const repaired = await runWithReport(['verify', ...endpoints, '--repair'])
      expect(repaired.code, repaired.stderr).to.equal(0)
      expect(await db.query('SELECT HEX(s) FROM dst ORDER BY v')).to.deep.equal([['5C'], ['62']])
    }
  })
})

describe('JSON with a type that its text does not show', () => {
  it('is refused when it comes after the plan has looked', async () => {
    const mysql = servers().find(({ kind }) => kind === 'mysql')!
    for (const value of [
      "CAST('2024-01-02' AS DATE)",
      'CAST(5 AS UNSIGNED)',
      'CAST(1.5 AS DECIMAL(2,1))',
      "x'00'",
    ]) {
      const db = await TestDatabase.create(
        mysql,
        `CREATE TABLE src (id INT PRIMARY KEY, j JSON); INSERT INTO src VALUES (1, '{"k": [1, 1.5, 18446744073709551615]}');
         CREATE TABLE dst LIKE src`,
      )
      const late = `INSERT INTO src VALUES (2, JSON_OBJECT('a', JSON_ARRAY(1, JSON_OBJECT('b', ${value}))))`
      const outcome = await db.copy('src', 'dst', { pre_sql: [late] })
      expectRefusal(outcome, 1, 'DATA_REJECTED', 'column j of table src', 'id = "2"', 'allow_lossy')
      expect(await db.query('SELECT id FROM dst')).to.deep.equal([])
    }
  })
})
