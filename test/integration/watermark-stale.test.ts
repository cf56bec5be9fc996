// Tables that were emptied or replaced between two incremental runs: rows below the watermark would be missing for good.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { servers } from '../support/context.js'
import { TestDatabase, scratchFile } from '../support/copying.js'
import { Database } from '../support/database.js'
import { StoredTask } from '../support/stored-task.js'

interface Tables {
  readonly task: (params: object) => StoredTask
  query(sql: string): Promise<unknown>
}

const ID = { server: 'id INT AUTO_INCREMENT PRIMARY KEY', sqlite: 'id INTEGER PRIMARY KEY AUTOINCREMENT' }
const REST = 'v VARCHAR(20), at DATETIME'
const TEN = Array.from({ length: 10 }, (_, i) => `('old ${i}', '2024-01-01 00:00:0${i}')`).join(', ')
const EMPTY = {
  server: 'TRUNCATE TABLE s',
  sqlite: "DELETE FROM s; DELETE FROM sqlite_sequence WHERE name = 's'",
}

type Kind = keyof typeof ID

interface Case {
  readonly name: string
  readonly change: (kind: Kind) => string
  readonly params?: object
  /** In which mode the run is refused, and what it says; null: it is not. */
  readonly refusal: RegExp | null
  readonly warning?: RegExp
  readonly only?: Kind
  /** How the source is divided. */
  readonly partitions?: string
  /** Rows beyond the first ten. */
  readonly more?: number
}

const make = (kind: Kind, name = 's') => `CREATE TABLE ${name} (${ID[kind]}, ${REST})`
const rows = (count: number, at: string) =>
  `INSERT INTO s (v, at) VALUES ${Array.from({ length: count }, (_, i) => `('new ${i}', '${at}')`).join(', ')}`
const INCREMENT = { mode: 'increment', diff_column: 'at', lag: 1 }
const NAMED = { columns: ['id', 'v', 'at'] }
const REPLACED =
  /Source s was emptied or replaced since the last runs.*--mode init.*--mode sync.*rowshift watermark 1 --mode/

const cases: readonly Case[] = [
  {
    name: 'a source that was emptied and holds fewer rows',
    change: (kind) => `${EMPTY[kind]}; ${rows(3, '2024-01-02')}`,
    refusal: /Source s (hands out id 4 next|was emptied)/,
  },
  {
    name: 'a source that was emptied, and holds nothing yet',
    change: (kind) => EMPTY[kind],
    refusal: /hands out id 1 next/,
  },
  {
    name: 'a source that was emptied and filled beyond the watermark',
    change: () => `TRUNCATE TABLE s; ${rows(30, '2024-01-02')}`,
    refusal: REPLACED,
    only: 'server',
  },
  {
    name: 'a source that was created again and filled beyond the watermark',
    change: (kind) => `DROP TABLE s; ${make(kind)}; ${rows(30, '2024-01-02')}`,
    refusal: REPLACED,
  },
  {
    name: 'a source that another table has taken the place of',
    change: (kind) =>
      `${make(kind, 'n')}; ALTER TABLE s RENAME TO o; ALTER TABLE n RENAME TO s; ${rows(5, '2023-01-02')}`,
    params: INCREMENT,
    refusal: REPLACED,
  },
  {
    name: 'a source that was emptied and has new times only',
    change: (kind) => `DROP TABLE s; ${make(kind)}; ${rows(5, '2024-01-02')}`,
    params: INCREMENT,
    refusal: null,
    warning: /No row of it is below the watermark/,
  },
  {
    name: 'a source whose newest and oldest rows were deleted',
    change: () => 'DELETE FROM s WHERE id > 8 OR id < 3',
    refusal: null,
  },
  {
    name: 'a source all of whose rows were deleted one by one',
    change: () => 'DELETE FROM s WHERE id > 0',
    refusal: null,
  },
  {
    name: 'a source that was rebuilt, and has a new column',
    change: () =>
      `OPTIMIZE TABLE s; ALTER TABLE s ADD COLUMN w INT DEFAULT 5, FORCE; UPDATE s SET v = 'other' WHERE id > 3; ${rows(1, '2024-01-02')}`,
    params: NAMED,
    refusal: null,
    only: 'server',
  },
  {
    name: 'a source whose older half was deleted, that grew by more than it lost, and was rebuilt',
    more: 30,
    change: () =>
      `DELETE FROM s WHERE id < 20; ${rows(30, '2024-01-02')}; CREATE TABLE n LIKE s; INSERT INTO n SELECT * FROM s; RENAME TABLE s TO o, n TO s`,
    refusal: null,
    only: 'server',
  },
  {
    name: 'an increment of a source that lost old rows, grew, and was rebuilt',
    more: 30,
    change: () => `DELETE FROM s WHERE id < 20; ${rows(30, '2024-01-02')}; OPTIMIZE TABLE s`,
    params: INCREMENT,
    refusal: null,
    only: 'server',
  },
  {
    name: 'a table of partitions, the oldest of which was dropped and a new one added',
    more: 30,
    change: () =>
      `${rows(30, '2024-01-02')}; ALTER TABLE s DROP PARTITION p1; ALTER TABLE s ADD PARTITION (PARTITION p3 VALUES LESS THAN (900))`,
    refusal: null,
    only: 'server',
    partitions:
      'PARTITION BY RANGE (id) (PARTITION p1 VALUES LESS THAN (20), PARTITION p2 VALUES LESS THAN (800))',
  },
  {
    name: 'a file whose table lost old rows, grew, and was created again',
    more: 30,
    change: (kind) =>
      `DELETE FROM s WHERE id < 20; ${rows(30, '2024-01-02')}; ${make(kind, 'n')}; INSERT INTO n SELECT * FROM s; DROP TABLE s; ALTER TABLE n RENAME TO s`,
    refusal: null,
    only: 'sqlite',
  },
  {
    name: 'a file that was rebuilt, and a table with a new column',
    change: () => `ALTER TABLE s ADD COLUMN w INT DEFAULT 5; VACUUM; ${rows(1, '2024-01-02')}`,
    params: NAMED,
    refusal: null,
    only: 'sqlite',
  },
  {
    name: 'a target that was emptied',
    change: () => `DELETE FROM t; ${rows(1, '2024-01-02')}`,
    refusal:
      /Target t is empty, and held rows after the last runs.*rowshift watermark 1 --mode append --set '10'/,
  },
  {
    name: 'a target that was created again',
    change: (kind) => `DROP TABLE t; ${make(kind, 't')}`,
    params: INCREMENT,
    refusal: /Target t is empty/,
  },
  {
    name: 'a column that was added to both tables',
    change: () =>
      `ALTER TABLE s ADD COLUMN w INT; ALTER TABLE t ADD COLUMN w INT; UPDATE s SET w = 7; ${rows(1, '2024-01-02')}`,
    refusal: null,
    warning: /w of target t is copied since this run.*--mode sync.*verify --repair/,
  },
]

async function onServer(server: ReturnType<typeof servers>[number]): Promise<Tables> {
  const db = await TestDatabase.create(server)
  return {
    query: (sql) => db.query(sql),
    task: (params) => new StoredTask(db.url('s'), db.url('t'), params),
  }
}

function inFile(): Tables {
  const path = scratchFile('db')
  const [from, to] = ['s', 't'].map((table) => `sqlite:${path}?table=${table}`)
  return {
    query: async (sql) => {
      const database = new Database(path)
      database.exec(sql)
      database.close()
    },
    task: (params) => new StoredTask(from!, to!, params),
  }
}

async function play(
  kind: Kind,
  tables: Tables,
  { name, change, params, refusal, warning, partitions = '', more = 0 }: Case,
): Promise<void> {
  const { mode = 'append', ...others } = (params ?? {}) as { mode?: 'append' | 'increment' }
  await tables.query(
    `DROP TABLE IF EXISTS s; DROP TABLE IF EXISTS t; DROP TABLE IF EXISTS n; DROP TABLE IF EXISTS o; ${make(kind)} ${partitions}; ${make(kind, 't')}; INSERT INTO s (v, at) VALUES ${TEN}`,
  )
  if (more > 0) await tables.query(rows(more, '2024-01-01'))
  const task = tables.task({ mode, ...others, write_mode: 'upsert' })
  await task.run('init')
  if (mode === 'increment') task.watermarks = { increment: '2024-01-01 12:00:00' }
  await tables.query(change(kind))
  const ended = await task.attempt(mode)
  if (refusal === null) {
    expect(ended.error, name).to.equal(null)
    const warnings = ended.warnings.join('; ')
    if (warning) expect(warnings, name).to.match(warning)
    else expect(warnings, name).not.to.match(/emptied|replaced|copied since/)
    return
  }
  expect(ended.error?.code, name).to.equal('WATERMARK_STALE')
  expect(ended.error?.message, name).to.match(refusal)
  expect(ended.rowsWritten).to.equal(0)
}

describe('a watermark below which rows are missing', () => {
  it('is refused, and no other, on both servers', async () => {
    await Promise.all(
      servers().map(async (server) => {
        const tables = await onServer(server)
        for (const one of cases) if (one.only !== 'sqlite') await play('server', tables, one)
      }),
    )
  })

  it('is refused, and no other, in SQLite', async () => {
    const tables = inFile()
    for (const one of cases) if (one.only !== 'server') await play('sqlite', tables, one)
  })

  it('is refused where SQLite gives ids of deleted rows again', async () => {
    const tables = inFile()
    await tables.query(
      'CREATE TABLE s (id INTEGER PRIMARY KEY, v INT); CREATE TABLE t (id INTEGER PRIMARY KEY, v INT); INSERT INTO s VALUES (1, 1), (2, 2)',
    )
    const task = tables.task({ mode: 'append' })
    await task.run()
    await tables.query('DELETE FROM s WHERE id = 2')
    expect((await task.attempt()).error?.message).to.match(/hands out id 2 next.*--set 1$/)
  })

  it('is not refused where nothing was copied, the source is empty, or pre_sql empties the target', async () => {
    const tables = inFile()
    await tables.query(`${make('sqlite')}; ${make('sqlite', 't')}; INSERT INTO s (v, at) VALUES ${TEN}`)
    const filtered = tables.task({ mode: 'append', where: "v = 'none'" })
    await filtered.run('init')
    expect((await filtered.run()).warnings.join()).not.to.include('is empty')
    const emptied = tables.task({ mode: 'append', pre_sql: ['DELETE FROM @table'] })
    await emptied.run('init')
    await tables.query(rows(1, '2024-01-02'))
    expect((await emptied.run()).rowsWritten).to.equal(1)
    const task = tables.task({ mode: 'append', write_mode: 'upsert' })
    await task.run('init')
    await tables.query('DELETE FROM t; DELETE FROM s')
    expect((await task.run()).warnings).to.deep.equal([])
  })
})
