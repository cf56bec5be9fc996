import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { after, describe, it } from 'mocha'
import { codeName } from '../../plugins/sqlite/codes.js'
import { Database } from '../support/database.js'
import { Fixture } from './sqlite-fixture.js'

describe("SQLite's result codes", () => {
  const fixture = new Fixture()
  after(() => fixture.remove())

  it('have the names that SQLite gives them', () => {
    const path = fixture.create(
      'CREATE TABLE t (id INTEGER PRIMARY KEY, u UNIQUE, n NOT NULL DEFAULT 0, c CHECK (c < 5), p REFERENCES t); INSERT INTO t (id, u) VALUES (1, 1)',
    )
    const text = join(fixture.directory, 'text')
    writeFileSync(text, 'no database'.repeat(100))
    const database = new Database(path, { timeout: 0 })
    const other = new Database(path, { timeout: 0 })
    const cases: readonly (readonly [string, () => void])[] = [
      ['SQLITE_ERROR', () => database.exec('nonsense')],
      ['SQLITE_CONSTRAINT_PRIMARYKEY', () => database.exec('INSERT INTO t (id) VALUES (1)')],
      ['SQLITE_CONSTRAINT_UNIQUE', () => database.exec('INSERT INTO t (u) VALUES (1)')],
      ['SQLITE_CONSTRAINT_NOTNULL', () => database.exec('INSERT INTO t (n) VALUES (NULL)')],
      ['SQLITE_CONSTRAINT_CHECK', () => database.exec('INSERT INTO t (c) VALUES (9)')],
      ['SQLITE_CONSTRAINT_FOREIGNKEY', () => database.exec('INSERT INTO t (p) VALUES (9)')],
      ['SQLITE_MISMATCH', () => database.exec("INSERT INTO t (id) VALUES ('x')")],
      ['SQLITE_TOOBIG', () => database.exec('SELECT zeroblob(2000000000)')],
      ['SQLITE_READONLY', () => new Database(path, { readOnly: true }).exec('DELETE FROM t')],
      ['SQLITE_NOTADB', () => new Database(text).exec('SELECT * FROM sqlite_schema')],
      ['SQLITE_CANTOPEN', () => new Database(join(fixture.directory, 'none/x.db'))],
      ['SQLITE_BUSY', () => other.exec('BEGIN IMMEDIATE')],
    ]
    database.exec('BEGIN IMMEDIATE')
    expect(cases.map(([, fail]) => nameOf(fail))).to.deep.equal(cases.map(([name]) => name))
    database.close()
    other.close()
  })
})

function nameOf(fail: () => void): string {
  try {
    fail()
    return 'no error'
  } catch (thrown) {
    return codeName((thrown as { errcode: number }).errcode)
  }
}
