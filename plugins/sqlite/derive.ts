import type { CastType, Column, ColumnKind, Derivation, TableSchema } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import type { StepDialect, Value } from '../../src/sql/derivation-steps.js'
import { deriveColumns } from '../../src/sql/derivation-steps.js'
import { enclosed } from '../../src/sql/fragment.js'
import type { Facts } from '../../src/sql/literals.js'
import { checkExpression } from '../../src/sql/user-sql.js'
import { affinityOf, kindOf } from './affinity.js'
import { changedByDriver } from './driver.js'
import { quoteName } from './names.js'
import { fitsInt64, isExact } from './numbers.js'
import { valueRangeOf, sampleKind } from './schema.js'
import type { SqliteSession } from './session.js'

/** A REAL keeps every decimal number of so many digits. */
const REAL_DIGITS = 15

/** Kinds that can be cast to numbers, and to dates. */
const NUMBERS: readonly ColumnKind[] = ['text', 'integer', 'decimal', 'float', 'boolean']
const MOMENTS: readonly ColumnKind[] = ['text', 'date', 'datetime']

/** Columns that SQLite computes in the SELECT that reads the table. */
export function derive(
  session: SqliteSession,
  table: TableSchema,
  wanted: readonly Derivation[],
): Promise<Column[]> {
  return deriveColumns(
    { ...dialect, expression: (sql) => expression(session, table.table, sql) },
    table,
    wanted,
  )
}

const dialect: Omit<StepDialect, 'expression'> = {
  collation: undefined,
  column,
  text,
  literal,
  asText: ({ sql }) => `CAST(${sql} AS TEXT)`,
  concat: (parts) => `(${parts.join(' || ')})`,
  length: (sql) => `length(${sql})`,
  start: (sql, length) => `substr(${sql}, 1, ${length})`,
  end: (sql, length) => `substr(${sql}, -${length})`,
  repeat: (character, times) => `replace(hex(zeroblob(${times})), '00', ${text(character)})`,
  exact: (sql) => `${sql} COLLATE BINARY`,
  fail,
  cast,
  sha256: ({ sql, kind }, salt) =>
    `rowshift_sha256(CAST(${sql} AS BLOB), ${kind === 'bytes' ? 0 : 1}, x'${Buffer.from(salt).toString('hex')}')`,
}

/** A column of text may hold a BLOB, of which functions would make text without a word. */
function column({ name, kind, type, nullable, valueRange }: Column): Value {
  const quoted = quoteName(name)
  if (kind !== 'text' && kind !== 'json')
    return { sql: quoted, kind, type, nullable, valueRange, rowChecks: [] }
  const condition = `typeof(${quoted}) = 'blob'`
  return {
    sql: `CASE WHEN ${condition} THEN ${fail(quoted)} ELSE ${quoted} END`,
    kind,
    type,
    nullable,
    valueRange,
    rowChecks: [
      { condition, value: `hex(${quoted})`, why: '(as hexadecimal digits) is a BLOB in a column of text' },
    ],
  }
}

/** The declared type where the expression is a column, else the kind of the first values. */
async function expression(session: SqliteSession, table: string, written: string): Promise<Value> {
  await checkExpression(session, table, written)
  const { database } = session
  const sql = enclosed(written)
  const declared = database.prepare(`SELECT ${sql} FROM ${quoteName(table)}`).columns()[0]!.type
  const affinity = affinityOf(declared ?? '')
  const kind = affinity === 'none' ? sampleKind(database, table, sql) : kindOf(declared!, affinity)
  return { sql, kind, type: kind, nullable: true, valueRange: valueRangeOf(kind, affinity), rowChecks: [] }
}

function text(value: string): string {
  const quoted = (part: string) => `'${part.replaceAll("'", "''")}'`
  return value.includes('\0') ? `(${value.split('\0').map(quoted).join(' || char(0) || ')})` : quoted(value)
}

function literal(value: string, { kind }: Facts): string {
  switch (kind) {
    case 'integer':
    case 'boolean':
      if (!fitsInt64(BigInt(value)))
        throw invalid(`${value} is beyond the integers of 64 bits that SQLite has`)
      return value
    case 'decimal':
      if (!isExact(value, Number(value)))
        throw invalid(`${value} has more digits than SQLite keeps of a number`)
      return value
    case 'float':
      return `CAST(${value} AS REAL)`
    default:
      return text(value)
  }
}

/** By an integer that overflows, as a value that depends on the row. */
function fail(sql: string): string {
  return `abs(-9223372036854775808 + 0 * length(${sql}))`
}

function cast({ sql, kind, valueRange }: Value, to: CastType): { sql: string; fits: string | null } | null {
  if (kind === 'bytes') return null
  if (to.kind === 'text') {
    const converted = kind === 'text' && valueRange.dynamic !== true ? sql : `CAST(${sql} AS TEXT)`
    return { sql: converted, fits: to.maxChars === null ? null : `length(${converted}) <= ${to.maxChars}` }
  }
  const isMoment = to.kind === 'date' || to.kind === 'datetime'
  const from = isMoment ? MOMENTS : NUMBERS
  if (!from.includes(kind) || (to.kind === 'decimal' && to.precision > REAL_DIGITS)) return null
  const converted = `rowshift_cast(${whole(sql)}, ${text(JSON.stringify(to))})`
  return { sql: converted, fits: `${converted} IS NOT NULL` }
}

/** NULL for a text that would reach our functions changed; they make nothing of such text anyway. */
function whole(sql: string): string {
  return `CASE WHEN ${changedByDriver(sql)} THEN NULL ELSE ${sql} END`
}

function invalid(message: string): RowshiftError {
  return new RowshiftError('PARAMS_INVALID', message)
}
