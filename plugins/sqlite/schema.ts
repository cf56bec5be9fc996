import { existsSync, realpathSync } from 'node:fs'
import type { Column, ColumnKind, TableSchema, ValueRange } from '../../src/contract/plugin.js'
import type { KeyPart } from '../../src/sql/table-keys.js'
import { keysOf, noTable } from '../../src/sql/table-keys.js'
import { checkSessionFaults, hiddenBy } from '../../src/sql/user-session.js'
import type { Affinity } from './affinity.js'
import { affinityOf, convertsNumbers, kindOf, kindOfClasses } from './affinity.js'
import { encodingOf } from './cells.js'
import type { Database } from './driver.js'
import { quoteName } from './names.js'
import { INT64_MAX, INT64_MIN } from './numbers.js'

/** Rows looked at for the average row size and for columns without a declared type. */
const SAMPLE_ROWS = 1000

interface TableFacts {
  readonly name: string
  readonly type: 'table' | 'view' | 'virtual' | 'shadow'
  readonly wr: number
  readonly strict: number
}

interface ColumnFacts {
  readonly name: string
  readonly type: string
  readonly notnull: number
  readonly dflt_value: string | null
  readonly pk: number
  /** 1 hidden column of a virtual table, 2 virtual generated, 3 stored generated. */
  readonly hidden: number
}

interface IndexFacts {
  readonly name: string
  readonly unique: number
  readonly origin: string
  readonly partial: number
}

/** Throws TABLE_NOT_FOUND. */
export function describeTable(database: Database, file: string, table: string): TableSchema {
  const facts = findTable(database, file, table)
  const all = columnFacts(database, facts)
  const visible = all.filter((column) => column.hidden !== 1)
  const indexes = indexFacts(database, facts)
  const rowid = rowidColumn(facts, all, indexes)
  // Bytes of other encodings would have to be looked at one by one.
  const stored = encodingOf(database) === 'UTF-8'
  const columns = visible.map((column) => {
    const described = describeColumn(database, facts, column, column.name === rowid)
    return stored ? { ...described, valueRange: { ...described.valueRange, stored } as const } : described
  })
  return {
    table: facts.name,
    identity: `sqlite:${existsSync(file) ? realpathSync(file) : file}#${facts.name}`,
    columns,
    keys: keysOf(keyParts(database, columns, indexes, rowid)),
    estimatedRows: facts.type === 'table' ? estimateRows(database, facts.name) : null,
    estimatedRowBytes: estimateRowBytes(database, facts.name, columns),
  }
}

export function listTables(database: Database): string[] {
  const sql =
    "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
  return rows<{ name: string }>(database, sql).map(({ name }) => name)
}

/** Why rows cannot be written to it; null: they can. */
export function writeFault(database: Database, file: string, table: string): string | null {
  const { type } = findTable(database, file, table)
  if (type === 'view') return 'a view; rows can be written to a table only'
  return type === 'virtual'
    ? 'a virtual table, whose module may keep something else than it is given; rows can be written to an ordinary table only'
    : null
}

/** The column that makes a number of NULL, if there is one. */
export function findRowidColumn(database: Database, file: string, table: string): string | null {
  const facts = findTable(database, file, table)
  return rowidColumn(facts, columnFacts(database, facts), indexFacts(database, facts))
}

function columnFacts(database: Database, table: TableFacts): ColumnFacts[] {
  return rows<ColumnFacts>(database, 'SELECT * FROM pragma_table_xinfo(?)', table.name)
}

function indexFacts(database: Database, table: TableFacts): IndexFacts[] {
  return rows<IndexFacts>(database, 'SELECT * FROM pragma_index_list(?)', table.name)
}

function findTable(database: Database, file: string, table: string): TableFacts {
  const sql =
    "SELECT name, type, wr, strict FROM pragma_table_list WHERE schema = 'main' AND name = ? COLLATE NOCASE"
  const hiding = 'SELECT 1 FROM sqlite_temp_schema WHERE name = ? COLLATE NOCASE'
  if (rows(database, hiding, table).length > 0) checkSessionFaults([hiddenBy(table)])
  const [facts] = rows<TableFacts>(database, sql, table)
  if (facts !== undefined) return facts
  throw noTable(table, `sqlite:${file}`)
}

/**
 * The column that is another name of the rowid: it never holds NULL and fills itself. The exception that SQLite
 * keeps for old files, `INTEGER PRIMARY KEY DESC`, shows by the index that it has.
 */
function rowidColumn(
  table: TableFacts,
  columns: readonly ColumnFacts[],
  indexes: readonly IndexFacts[],
): string | null {
  const primary = columns.filter((column) => column.pk > 0)
  const [only] = primary
  if (table.type !== 'table' || table.wr === 1 || primary.length !== 1 || only === undefined) return null
  if (only.type.toUpperCase() !== 'INTEGER' || indexes.some((index) => index.origin === 'pk')) return null
  return only.name
}

function describeColumn(
  database: Database,
  table: TableFacts,
  column: ColumnFacts,
  isRowid: boolean,
): Column {
  const type = table.strict === 1 && column.type.toUpperCase() === 'ANY' ? '' : column.type
  const affinity = affinityOf(type)
  const kind =
    affinity === 'none' ? sampleKind(database, table.name, quoteName(column.name)) : kindOf(type, affinity)
  return {
    name: column.name,
    type,
    kind,
    nullable: column.notnull === 0 && !isRowid,
    hasDefault: column.dflt_value !== null || isRowid,
    generated: column.hidden !== 0,
    ordered: isOrdered(kind, affinity),
    valueRange: valueRangeOf(kind, affinity),
  }
}

const INT64 = { min: String(INT64_MIN), max: String(INT64_MAX) }

/** SQLite enforces no length and hardly a type: what bounds a value is how numbers are kept. */
export function valueRangeOf(kind: ColumnKind, affinity: Affinity): ValueRange {
  // A REAL column keeps whole numbers as integers, which have one zero only.
  if (kind === 'float')
    return {
      dynamic: true,
      bits: 53,
      // NaN is stored as NULL.
      nonFinite: 'infinities',
      ...(affinity === 'real' ? { unsignedZero: true } : {}),
    }
  if (kind === 'integer') return { dynamic: true, ...INT64 }
  if (kind === 'decimal' || affinity === 'none') return { dynamic: true, bits: 53, ...INT64 }
  const respelled = (kind === 'text' || kind === 'json') && convertsNumbers(affinity)
  return respelled
    ? { dynamic: true, subtypes: ['free of numbers that SQLite would spell anew'] }
    : { dynamic: true }
}

/**
 * Comparisons and ORDER BY agree on every SQLite value, but a bound must also survive its way through text: the
 * literal of a REAL need not be read back as the same REAL, and text compared with a column that converts, or has
 * no type, may be converted first.
 */
function isOrdered(kind: ColumnKind, affinity: Affinity): boolean {
  if (kind === 'integer') return affinity === 'integer' || affinity === 'numeric'
  if (kind === 'text') return affinity === 'text'
  if (kind === 'bytes') return affinity === 'blob'
  return kind === 'date' || kind === 'time' || kind === 'datetime'
}

/** Of an expression over the table. */
export function sampleKind(database: Database, table: string, expression: string): ColumnKind {
  const sample = `SELECT ${expression} AS value FROM ${quoteName(table)} LIMIT ${SAMPLE_ROWS}`
  const sql = `SELECT DISTINCT typeof(value) AS class FROM (${sample}) WHERE value IS NOT NULL`
  return kindOfClasses(rows<{ class: string }>(database, sql).map((row) => row.class))
}

function keyParts(
  database: Database,
  columns: readonly Column[],
  indexes: readonly IndexFacts[],
  rowid: string | null,
): KeyPart[] {
  const nullable = new Set(columns.filter((column) => column.nullable).map(({ name }) => name))
  const partsOf = (key: string, names: readonly (string | null)[], primary: boolean) =>
    names.map((column) => ({ key, primary, column, nullable: column !== null && nullable.has(column) }))
  const sql = 'SELECT name FROM pragma_index_xinfo(?) WHERE key = 1 ORDER BY seqno'
  const own = indexes
    .filter(({ unique, partial }) => unique === 1 && partial === 0)
    .flatMap(({ name, origin }) => {
      const names = database.values(sql, name) as (string | null)[]
      return origin === 'pk' ? partsOf('PRIMARY KEY', names, true) : partsOf(name, names, false)
    })
  return [...(rowid === null ? [] : partsOf('PRIMARY KEY', [rowid], true)), ...own]
}

/**
 * From `ANALYZE` if it was run, else counted. Not from the range of the rowid: two rows far apart would seem to be
 * a dense table, and splitting by arithmetic would never end.
 */
function estimateRows(database: Database, table: string): number {
  const analyzed = rows(database, "SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'").length > 0
  if (analyzed) {
    const sql = 'SELECT stat FROM sqlite_stat1 WHERE tbl = ? COLLATE NOCASE'
    const stats = rows<{ stat: string | null }>(database, sql, table).map((row) =>
      parseInt(row.stat ?? '', 10),
    )
    // A partial index counts its own rows only.
    const most = Math.max(-1, ...stats.filter((count) => Number.isFinite(count)))
    if (most >= 0) return most
  }
  return rows<{ count: number }>(database, `SELECT count(*) AS count FROM ${quoteName(table)}`)[0]!.count
}

function estimateRowBytes(database: Database, table: string, columns: readonly Column[]): number | null {
  const sums = columns.map((column) => `total(octet_length(${quoteName(column.name)}))`)
  const sample = `SELECT * FROM ${quoteName(table)} LIMIT ${SAMPLE_ROWS}`
  const sql = `SELECT count(*), ${sums.join(', ')} FROM (${sample})`
  const [count = 0, ...bytes] = database.row(sql)!.map(Number)
  if (!count) return null
  // Each cell takes a separator.
  return Math.ceil(bytes.reduce((sum, one) => sum + one, 0) / count) + columns.length
}

function rows<Row>(database: Database, sql: string, ...values: string[]): Row[] {
  return database.objects<Row>(sql, ...values)
}
