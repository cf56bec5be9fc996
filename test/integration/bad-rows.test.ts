// One bad row among many good ones: the run fails and names table, column and key, and the target holds nothing. The
// source is SQLite wherever a MySQL column could not hold the value, or the plan would refuse the column at once.
import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { pathsInto } from '../support/cases.js'
import { server, servers } from '../support/context.js'
import { TestDatabase, scratchFile } from '../support/copying.js'
import { Database } from '../support/database.js'
import { copyInThisThread, inLanes } from '../support/engine.js'
import { withGlobals } from '../support/globals.js'
import type { ServerKind } from '../support/servers.js'

const ROWS = 120
/** Early, late in a batch, and the very last. */
const POSITIONS = [7, 100, ROWS]
const LANES = 4

interface Plant {
  readonly what: string
  /** SQLite's type of `v`, a good and a bad value of it. */
  readonly source: string
  readonly good: string
  readonly bad: string
  /** Definition of `v` in the target, and what else its table needs. */
  readonly target: string
  readonly more?: string
  /** What the error must name instead of the column. */
  readonly names?: string
  /** Refused before a row is read, by the column alone, unless this is allowed: on both servers, or on that one. */
  readonly lossy?: true | ServerKind
}

const PLANTS: readonly Plant[] = [
  { what: 'a word in INT', source: 'TEXT', good: "'1'", bad: "'abc'", target: 'INT' },
  { what: 'an empty text in INT', source: 'TEXT', good: "'1'", bad: "''", target: 'INT' },
  { what: 'a fraction in INT', source: 'REAL', good: '1.0', bad: '1.5', target: 'INT' },
  { what: 'text that is too long', source: 'TEXT', good: "'five5'", bad: "'sixsix'", target: 'VARCHAR(5)' },
  { what: 'text that ends in spaces in CHAR', source: 'TEXT', good: "'a'", bad: "'a  '", target: 'CHAR(5)' },
  {
    what: 'NULL in a NOT NULL column',
    source: 'INTEGER',
    good: '1',
    bad: 'NULL',
    target: 'INT NOT NULL',
    lossy: true,
  },
  {
    what: 'NULL in TIMESTAMP NOT NULL',
    source: 'DATETIME',
    good: "'2024-01-01 00:00:00'",
    bad: 'NULL',
    target: 'TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP',
    lossy: true,
  },
  { what: 'a number beyond TINYINT', source: 'INTEGER', good: '127', bad: '128', target: 'TINYINT' },
  { what: 'a negative number in UNSIGNED', source: 'INTEGER', good: '0', bad: '-1', target: 'INT UNSIGNED' },
  { what: 'digits beyond DECIMAL', source: 'TEXT', good: "'1.25'", bad: "'1.234'", target: 'DECIMAL(5,2)' },
  {
    what: 'an integer beyond DOUBLE',
    source: 'INTEGER',
    good: '1',
    bad: '9007199254740993',
    target: 'DOUBLE',
  },
  { what: 'digits beyond FLOAT', source: 'REAL', good: '0.5', bad: '0.1234567890123', target: 'FLOAT' },
  {
    what: 'bytes that are not UTF-8',
    source: 'TEXT',
    good: "'a'",
    bad: "CAST(x'C328' AS TEXT)",
    target: 'VARCHAR(20)',
  },
  { what: 'a BLOB in a text column', source: 'TEXT', good: "'a'", bad: "x'FF00'", target: 'VARCHAR(20)' },
  {
    what: 'an emoji in utf8mb3',
    source: 'TEXT',
    good: "'数'",
    bad: "'📦'",
    target: 'VARCHAR(20) CHARACTER SET utf8mb3',
  },
  {
    what: 'Chinese in latin1',
    source: 'TEXT',
    good: "'é'",
    bad: "'中'",
    target: 'VARCHAR(20) CHARACTER SET latin1',
  },
  { what: 'no date', source: 'TEXT', good: "'2024-02-29'", bad: "'2023-02-29'", target: 'DATE' },
  { what: 'a date in another form', source: 'TEXT', good: "'2024-02-29'", bad: "'2024-2-9'", target: 'DATE' },
  {
    what: 'a fraction of a second in DATETIME',
    source: 'DATETIME',
    good: "'2024-01-01 00:00:00'",
    bad: "'2024-01-01 00:00:00.9'",
    target: 'DATETIME',
  },
  {
    what: 'a time of day in DATE',
    source: 'DATETIME',
    good: "'2024-01-01'",
    bad: "'2024-01-01 01:02:03'",
    target: 'DATE',
  },
  {
    what: 'a year before TIMESTAMP',
    source: 'DATETIME',
    good: "'2024-01-01 00:00:00'",
    bad: "'1969-01-01 00:00:00'",
    target: 'TIMESTAMP NULL',
  },
  { what: 'no member of the ENUM', source: 'TEXT', good: "'b'", bad: "'1'", target: "ENUM('a','b')" },
  { what: 'no member of the SET', source: 'TEXT', good: "'a,b'", bad: "'a,c'", target: "SET('a','b')" },
  { what: 'no JSON', source: 'TEXT', good: "'[1]'", bad: "'[1'", target: 'JSON', lossy: 'mysql' },
  { what: 'too many bits', source: 'BLOB', good: "x'0F'", bad: "x'1F'", target: 'BIT(4)' },
  { what: 'bytes that BINARY would pad', source: 'BLOB', good: "x'0102'", bad: "x'01'", target: 'BINARY(2)' },
  {
    what: 'a row that a CHECK forbids',
    source: 'INTEGER',
    good: '1',
    bad: '-1',
    target: 'INT, CONSTRAINT positive CHECK (v > 0)',
    names: 'positive',
  },
  {
    what: 'a row without a parent',
    source: 'INTEGER',
    good: '1',
    bad: '2',
    target: 'INT, CONSTRAINT parent FOREIGN KEY (v) REFERENCES p (id)',
    more: 'CREATE TABLE p (id INT PRIMARY KEY); INSERT INTO p VALUES (1);',
    names: 'parent',
  },
  {
    what: 'a second row with a unique value',
    source: 'TEXT',
    good: 'id',
    bad: "'1'",
    target: 'VARCHAR(20) UNIQUE',
    names: 'v',
  },
]

describe('one bad row', () => {
  const targets = new Map<ServerKind, TestDatabase[]>()
  let restore: () => Promise<void>

  before(async () => {
    restore = await withGlobals(servers(), { local_infile: '1' })
    for (const { kind } of servers()) {
      const dbs = []
      for (let i = 0; i < LANES; i++) dbs.push(await TestDatabase.create(server(kind)))
      targets.set(kind, dbs)
    }
  })
  after(() => restore())

  for (const plant of PLANTS) {
    it(`is named, and nothing is written: ${plant.what}`, async () => {
      const runs = servers().flatMap(({ kind }) =>
        pathsInto(kind).flatMap((path) => POSITIONS.map((position) => ({ kind, path, position }))),
      )
      const failures: string[] = []
      await inLanes(runs, LANES, async ({ kind, path, position }) => {
        const dbs = targets.get(kind)!
        const target = dbs.pop()!
        const wrong = await copyBad(plant, position, target, path)
        dbs.push(target)
        if (wrong !== null) failures.push(`${kind} by ${path}, row ${position}: ${wrong}`)
      })
      expect(failures.join('\n')).to.equal('')
    })
  }
})

/** null when the run did what it should. */
async function copyBad(
  { source, good, bad, target, more = '', names = 'v', lossy }: Plant,
  position: number,
  db: TestDatabase,
  path: string,
): Promise<string | null> {
  const file = scratchFile('db')
  const database = new Database(file)
  database.exec(
    `CREATE TABLE t (id INTEGER PRIMARY KEY, v ${source});
     WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < ${ROWS})
     INSERT INTO t SELECT id, CASE WHEN id = ${position} THEN ${bad} ELSE ${good} END FROM n`,
  )
  database.close()
  await db.query(`DROP TABLE IF EXISTS t, p; ${more} CREATE TABLE t (id INT PRIMARY KEY, v ${target})`)
  const params = { write_path: path, worker_num: 1, write_batch: 50 }
  const url = `sqlite:${file}?table=t`
  const refused = lossy === true || lossy === db.server.kind
  if (refused) {
    const { error } = await copyInThisThread(url, db.url('t'), params)
    if (error?.code !== 'LOSSY' || !error.message.includes('v: ')) return `not refused: ${error?.message}`
  }
  const allowed = refused ? { ...params, allow_lossy: ['v'] } : params
  const { error } = await copyInThisThread(url, db.url('t'), allowed)
  const rows = await db.value('SELECT COUNT(*) FROM t')
  if (error === null) return `the copy succeeded; the target holds ${await held(db, position)} in that row`
  if (error.code !== 'DATA_REJECTED' && error.code !== 'DUPLICATE_KEY')
    return `[${error.code}] ${error.message}`
  if (rows !== '0') return `${rows} rows stayed: ${error.message}`
  const missing = [/\bt\b/, new RegExp(`\\b${names}\\b`), new RegExp(`\\bid = "?${position}\\b`)].find(
    (name) => !name.test(error.message),
  )
  return missing === undefined ? null : `nothing in it matches ${String(missing)}: ${error.message}`
}

async function held(db: TestDatabase, position: number): Promise<string | null | undefined> {
  return db.value(`SELECT HEX(v) FROM t WHERE id = ${position}`)
}
