// Random tables between PostgreSQL and the others, and within it: what arrives is what the servers say it was, and verify says the same.
import { rmSync } from 'node:fs'
import { expect } from 'chai'
import fc from 'fast-check'
import { before, describe, it } from 'mocha'
import { canonicalColumns, canonicalRows, type CanonicalColumn } from '../support/canonical.js'
import { server } from '../support/context.js'
import { scratchFile, TestDatabase } from '../support/copying.js'
import { copyByEngine, copyInThisThread, inLanes, verifyByEngine } from '../support/engine.js'
import { postgresTable, type End, type PostgresTable } from '../support/random-postgres.js'
import { difference } from '../support/snapshot.js'
import { sqliteRows, sqliteRun } from '../support/sqlite.js'

/** One seed can be run alone: ROWSHIFT_SEED=3. The tables of a seed are always the same ones. */
const SEEDS = process.env['ROWSHIFT_SEED'] ? [Number(process.env['ROWSHIFT_SEED'])] : [1, 2]
const TABLES = 60
const LANES = 4

type Lane = Readonly<Record<'mysql' | 'mariadb' | 'from' | 'to', TestDatabase>>

const SETUP = {
  postgres: "SET TimeZone = 'UTC'; ",
  mysql: "SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO', time_zone = '+00:00'; ",
} as const

describe('random tables of PostgreSQL', () => {
  const lanes: Lane[] = []
  before(async () => {
    for (let i = 0; i < LANES; i++) {
      const [mysql, mariadb, from, to] = await Promise.all(
        (['mysql', 'mariadb', 'postgres', 'postgres'] as const).map((kind) =>
          TestDatabase.create<'mysql' | 'mariadb' | 'postgres'>(server(kind)),
        ),
      )
      lanes.push({ mysql: mysql!, mariadb: mariadb!, from: from!, to: to! })
    }
  })

  for (const seed of SEEDS) {
    it(`${TABLES} of seed ${seed} arrive as they are, and verify says so`, async () => {
      const failures: string[] = []
      await inLanes(
        fc.sample(postgresTable, { seed, numRuns: TABLES }).entries(),
        LANES,
        async ([i, table]) => {
          const lane = lanes.pop()!
          const wrong = await copyTable(table, lane, i).catch((error: Error) => error.message)
          lanes.push(lane)
          if (wrong !== null) failures.push(report(seed, i, table, wrong))
        },
      )
      expect(failures.join('\n\n')).to.equal('')
    }).timeout(300_000)
  }
})

/** A table at one end: how it is reached, and how statements are run beside it. */
interface TableEnd {
  readonly url: string
  readonly db: TestDatabase | null
  run(sql: string): Promise<unknown>
}

async function copyTable(
  { from, to, create, insert, params }: PostgresTable,
  lane: Lane,
  i: number,
): Promise<string | null> {
  const file = scratchFile('db')
  const [source, target] = [endOf(from, lane, 'from', file), endOf(to, lane, 'to', file)]
  try {
    await source.run(`DROP TABLE IF EXISTS t; ${create.from}; ${insert}`)
    await target.run(`DROP TABLE IF EXISTS t; ${create.to}`)
    // Threads take longer than a small copy, and do nothing to a value.
    const copy = i % 8 === 0 ? copyByEngine : copyInThisThread
    const { error } = await copy(source.url, target.url, params)
    if (error) return `[${error.code}] ${error.message}`
    const wrong = await differs(source, target)
    if (wrong !== null || i % 4 !== 0) return wrong
    const equal = await verifyByEngine(source.url, target.url, params)
    if (equal.error) return `verify says ${equal.error.message}`
    const rows = equal.rowsRead
    await target.run('DELETE FROM t')
    const empty = await verifyByEngine(source.url, target.url, params)
    return empty.found?.missing === rows
      ? null
      : `verify finds ${empty.found?.missing} of ${rows} rows missing`
  } finally {
    rmSync(file, { force: true })
  }
}

function endOf(end: End, lane: Lane, side: 'from' | 'to', file: string): TableEnd {
  if (end === 'sqlite') {
    return { url: `sqlite:${file}?table=t`, db: null, run: async (sql) => sqliteRun(file, sql) }
  }
  const db = end === 'postgres' ? lane[side] : lane[end]
  const setup = SETUP[end === 'postgres' ? 'postgres' : 'mysql']
  return { url: db.url('t'), db, run: (sql) => db.query(`${setup}${sql}`) }
}

async function differs(source: TableEnd, target: TableEnd): Promise<string | null> {
  const at = ({ server, database }: TestDatabase) => ({ server, database, table: 't' })
  if (source.db && target.db) return difference(at(source.db), at(target.db))
  const db = (source.db ?? target.db)!
  const columns = await canonicalColumns(at(db))
  const there = await canonicalRows(at(db), columns)
  const here = inFile((source.db ? target : source).url, columns)
  const sorted = (rows: readonly (readonly (string | null)[])[]) => rows.map((row) => row.join('|')).sort()
  const [a, b] = [sorted(there), sorted(here)]
  const at_ = a.findIndex((row, i) => row !== b[i])
  return a.length === b.length && at_ < 0
    ? null
    : `PostgreSQL has ${a.length} rows, SQLite ${b.length}: ${a[at_]} and ${b[at_]}`
}

/** The rows of a SQLite table in the same words. */
function inFile(url: string, columns: readonly CanonicalColumn[]): (string | null)[][] {
  const path = url.slice('sqlite:'.length, url.indexOf('?'))
  const cells = columns.map(({ name, sort }) => {
    const quoted = `"${name.replaceAll('"', '""')}"`
    if (sort === 'float') return quoted
    return sort === 'number'
      ? `CAST(${quoted} AS TEXT)`
      : `CASE WHEN ${quoted} IS NOT NULL THEN lower(hex(CAST(${quoted} AS BLOB))) END`
  })
  return sqliteRows(path, `SELECT ${cells.join(', ')} FROM t`).map((row) =>
    row.map((cell, i) => {
      if (typeof cell !== 'number') return cell as string | null
      const bytes = Buffer.alloc(8)
      bytes.writeDoubleLE(cell)
      return columns[i]!.sort === 'float' ? bytes.toString('hex').toUpperCase() : String(cell)
    }),
  )
}

/** All that is needed to do it again by hand. */
function report(
  seed: number,
  i: number,
  { from, to, params, create, insert }: PostgresTable,
  wrong: string,
): string {
  return (
    `ROWSHIFT_SEED=${seed}, table ${i}, ${from} -> ${to}, params ${JSON.stringify(params)}: ${wrong}\n` +
    `${create.from};\n${create.to};\n${insert};`
  )
}
