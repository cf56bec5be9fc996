import type { CastType, Column, ColumnKind, Derivation, TableSchema } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import type { StepDialect, Value } from '../../src/sql/derivation-steps.js'
import { deriveColumns } from '../../src/sql/derivation-steps.js'
import { enclosed } from '../../src/sql/fragment.js'
import type { Facts } from '../../src/sql/literals.js'
import { checkExpression } from '../../src/sql/user-sql.js'
import type { Session } from './connection.js'
import type { ResultField } from './driver.js'
import { exactly, resultFacts } from './result-type.js'
import { mysqlDialect } from './dialect.js'
import { charsetOf, identifier, text } from './sql.js'
import { checkedText, unmappedChecks } from './unmapped.js'
import { refuseAssignment } from './user-sql.js'

/** The digits of the largest BIGINT; texts with more are not integers here. */
const INTEGER_DIGITS = 20
/** Number of the type in the protocol. */
const TIMESTAMP = 7
const YEAR_TO_DAY = '[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])'
const CLOCK = '([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]'

/** Columns that the server computes in the SELECT that reads the table. */
export function derive(
  session: Session,
  table: TableSchema,
  wanted: readonly Derivation[],
): Promise<Column[]> {
  const ask = (sql: string, encoding: string | undefined) => expression(session, table, sql, encoding)
  return deriveColumns({ ...dialect, expression: ask }, table, wanted)
}

const dialect: Omit<StepDialect, 'expression'> = {
  collation: 'utf8mb4_bin',
  column,
  text,
  literal,
  asText: ({ sql }) => `CAST(${sql} AS CHAR CHARACTER SET utf8mb4)`,
  concat: (parts) => `CONCAT(${parts.join(', ')})`,
  length: (sql) => `CHAR_LENGTH(${sql})`,
  start: (sql, length) => `LEFT(${sql}, ${length})`,
  end: (sql, length) => `RIGHT(${sql}, ${length})`,
  repeat: (character, times) => `REPEAT(${text(character)}, ${times})`,
  exact: (sql) => `CAST(${sql} AS BINARY)`,
  fail,
  cast,
  sha256: ({ sql }, salt) => `SHA2(${salt === '' ? sql : `CONCAT(${text(salt)}, ${sql})`}, 256)`,
  settle: (sql, { kind, valueRange: { precision, scale } }) =>
    kind === 'decimal' && precision !== undefined ? `CAST(${sql} AS DECIMAL(${precision},${scale}))` : sql,
}

function column(own: Column, encoding: string | undefined): Value {
  const back =
    own.kind === 'text' &&
    own.valueRange.members === undefined &&
    own.valueRange.characters?.encoding === encoding
  const column: Column = back ? { ...own, cells: 'reversible' } : own
  const { kind, nullable, type } = column
  const rowChecks = unmappedChecks(column)
  const sql = mysqlDialect.cell(column)
  if (kind === 'text') {
    const charset = charsetOf(column)
    // A type without a character set (UUID) is text by a cast.
    const converted =
      charset === null ? `CAST(${sql} AS CHAR CHARACTER SET utf8mb4)` : `CONVERT(${sql} USING utf8mb4)`
    const known = charset === 'utf8mb4' || rowChecks.length > 0
    return { sql: known ? sql : converted, kind, type, nullable, valueRange: column.valueRange, rowChecks }
  }
  // ZEROFILL and YEAR are padded to a width that is not part of the value.
  if (kind === 'integer' && /zerofill|^year/i.test(type)) {
    const { min, max } = column.valueRange
    const valueRange = { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) }
    return { sql: `(${sql}+0)`, kind, type, nullable, valueRange, rowChecks }
  }
  const isFloat = kind === 'float'
  return {
    sql: isFloat ? `(${sql})` : sql,
    kind,
    type: isFloat ? 'double' : type,
    nullable,
    valueRange: column.valueRange,
    rowChecks,
  }
}

/** The server says what it would give. */
async function expression(
  session: Session,
  table: TableSchema,
  written: string,
  encoding: string | undefined,
): Promise<Value> {
  await checkExpression(session, table.table, written)
  refuseAssignment(written, '"sql"')
  const field = await fieldOf(session, table, enclosed(written))
  const zoned = table.columns.some(({ readAs }) => readAs !== undefined)
  if (zoned && field.columnType === TIMESTAMP) {
    throw new RowshiftError(
      'PARAMS_INVALID',
      '"sql" gives a TIMESTAMP, and "time_zone" leaves open what is meant: copy the moment itself with "from", or take its wall clock there with CAST(… AS DATETIME(6))',
    )
  }
  const facts = resultFacts(field)
  const sql = exactly(enclosed(written), field)
  if (facts.kind !== 'text') return { ...facts, sql, rowChecks: [] }
  const [row] = await session.query(
    `SELECT CHARSET((SELECT ${sql} FROM ${identifier(table.table)} WHERE 1 = 0))`,
  )
  const charset = row?.[0] ?? 'utf8mb4'
  return { ...facts, ...checkedText(sql, charset, charset === encoding) }
}

async function fieldOf(session: Session, { table }: TableSchema, sql: string): Promise<ResultField> {
  let fields: readonly ResultField[] = []
  await session.query(`SELECT ${sql} FROM ${identifier(table)} WHERE 1 = 0`, (found) => (fields = found))
  return fields[0]!
}

function literal(value: string, { kind, valueRange }: Facts): string {
  switch (kind) {
    case 'integer':
    case 'decimal':
    case 'boolean':
      return value
    case 'float':
      return `${value}e0`
    case 'date':
      return `CAST(${text(value)} AS DATE)`
    case 'time':
      return `CAST(${text(value)} AS TIME(${valueRange.fractionDigits ?? 6}))`
    case 'datetime':
    case 'instant':
      return `CAST(${text(value)} AS DATETIME(${valueRange.fractionDigits ?? 6}))`
    default:
      return text(value)
  }
}

/** By a number that is out of range, as a value that depends on the row: a constant would fail without one. */
function fail(sql: string, kind: ColumnKind): string {
  const number = `~0 + (1 + LENGTH(${sql}))`
  return kind === 'integer' || kind === 'decimal' || kind === 'float' ? number : `CONCAT(${number})`
}

function cast(value: Value, to: CastType): { sql: string; fits: string | null } | null {
  switch (to.kind) {
    case 'integer':
      return castInteger(value, to)
    case 'decimal':
      return castDecimal(value, to)
    case 'float':
      return castFloat(value)
    case 'text': {
      if (value.kind === 'bytes') return null
      const sql = value.kind === 'text' ? value.sql : dialect.asText(value)
      return { sql, fits: to.maxChars === null ? null : `CHAR_LENGTH(${sql}) <= ${to.maxChars}` }
    }
    case 'date':
      return castMoment(value, 'DATE', null)
    case 'datetime':
      return castMoment(value, 'DATETIME', to.fractionDigits)
    default:
      return to satisfies never
  }
}

function castInteger({ sql, kind }: Value, { min, max }: CastType & { kind: 'integer' }) {
  const converted = `CAST(${sql} AS ${min === '0' ? 'UNSIGNED' : 'SIGNED'})`
  const range = (number: string) => `${number} BETWEEN ${min} AND ${max}`
  switch (kind) {
    case 'integer':
    case 'boolean':
      return { sql: converted, fits: range(sql) }
    case 'decimal':
      return { sql: converted, fits: `${sql} = TRUNCATE(${sql}, 0) AND ${range(sql)}` }
    case 'float':
      // As doubles, the bounds of 64 bits would be rounded.
      return {
        sql: min === '0' ? unsignedOf(sql) : converted,
        fits: `${sql} = TRUNCATE(${sql}, 0) AND ${range(`CAST(${sql} AS DECIMAL(40,0))`)}`,
      }
    case 'text': {
      const digits = matches(sql, `[+-]?0*[0-9]{1,${INTEGER_DIGITS}}`)
      return { sql: converted, fits: `${digits} AND ${range(`CAST(${sql} AS DECIMAL(40,0))`)}` }
    }
    default:
      return null
  }
}

/** MySQL takes 2^63 - 1 for every double above it. */
function unsignedOf(double: string): string {
  const half = 2n ** 63n
  return `IF(${double} < ${half}e0, CAST(${double} AS UNSIGNED), CAST(${double} - ${half}e0 AS UNSIGNED) + ${half})`
}

function castDecimal({ sql, kind }: Value, { precision, scale }: CastType & { kind: 'decimal' }) {
  const converted = `CAST(${sql} AS DECIMAL(${precision},${scale}))`
  const limit = `1${'0'.repeat(precision - scale)}`
  switch (kind) {
    case 'integer':
    case 'boolean':
      return { sql: converted, fits: `ABS(${sql}) < ${limit}` }
    case 'decimal':
      return { sql: converted, fits: `${sql} = TRUNCATE(${sql}, ${scale}) AND ABS(${sql}) < ${limit}` }
    case 'float':
      return { sql: converted, fits: `ABS(${sql}) < ${limit} AND ${converted} + 0e0 = ${sql}` }
    case 'text': {
      const whole = `[+-]?0*[0-9]{0,${precision - scale}}`
      return {
        sql: converted,
        fits: `${matches(sql, `${whole}([.][0-9]{0,${scale}}0*)?`)} AND ${sql} REGEXP '[0-9]'`,
      }
    }
    default:
      return null
  }
}

/** The number nearest to the value, if it has the same digits: compared as decimals, which go beyond what a double keeps. */
function castFloat({ sql, kind, valueRange }: Value) {
  const converted = `(${sql} + 0e0)`
  const scale = kind === 'integer' ? 0 : (valueRange.scale ?? 30)
  const decimal = (of: string) => `CAST(${of} AS DECIMAL(65,${scale}))`
  const same = `${decimal(sql)} = ${decimal(converted)}`
  switch (kind) {
    case 'float':
    case 'boolean':
      return { sql: converted, fits: null }
    case 'integer':
    case 'decimal':
      return { sql: converted, fits: same }
    case 'text': {
      const exponent = '([eE][+-]?([0-2]?[0-9]{1,2}|30[0-6]))?'
      return {
        sql: converted,
        fits: `${matches(sql, `[+-]?([0-9]{1,20}([.][0-9]*)?|[.][0-9]+)${exponent}`)} AND ${same}`,
      }
    }
    default:
      return null
  }
}

function castMoment({ sql, kind, valueRange }: Value, type: 'DATE' | 'DATETIME', digits: number | null) {
  const full = digits === null ? type : `${type}(${digits})`
  const converted = `CAST(${sql} AS ${full})`
  const calendar = `MONTH(${sql}) > 0 AND DAYOFMONTH(${sql}) > 0 AND YEAR(${sql}) > 0`
  switch (kind) {
    case 'date':
      return { sql: converted, fits: calendar }
    case 'datetime':
    case 'instant': {
      const isExact = (valueRange.fractionDigits ?? 6) <= (digits ?? -1)
      return { sql: converted, fits: isExact ? calendar : `${calendar} AND ${converted} = ${sql}` }
    }
    case 'text': {
      const clock = digits === null ? '' : `([ T]${CLOCK}([.][0-9]{0,${digits}}0*)?)?`
      return {
        sql: converted,
        fits: `${matches(sql, YEAR_TO_DAY + clock)} AND ${converted} IS NOT NULL AND ${sql} >= '0001'`,
      }
    }
    default:
      return null
  }
}

/** `$` would let a line feed at the end pass. */
function matches(sql: string, pattern: string): string {
  return `${sql} REGEXP ${text(`\\A${pattern}\\z`)}`
}
