import type { CastType, Column, ColumnKind, Derivation, TableSchema } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import type { StepDialect, Value } from '../../src/sql/derivation-steps.js'
import { deriveColumns } from '../../src/sql/derivation-steps.js'
import { enclosed } from '../../src/sql/fragment.js'
import type { SqlSession } from '../../src/sql/session.js'
import { checkExpression } from '../../src/sql/user-sql.js'
import { describeType, VAGUE } from './schema.js'
import { identifier, tableSql, text } from './sql.js'
import { cellOf } from './types.js'

/** Columns that the server computes in the SELECT that reads the table. */
export function derive(
  session: SqlSession,
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
  column: (column) => valueOf(column, identifier(column.name)),
  text: literalText,
  literal: (value, { kind }) => (TYPED[kind] ? `${TYPED[kind]} ${text(value)}` : literalOf(value, kind)),
  asText: ({ sql }) => `${sql}::text`,
  concat: (parts) => `(${parts.join(' || ')})`,
  length: (sql) => `char_length(${sql})`,
  start: (sql, length) => `left(${sql}, ${length})`,
  end: (sql, length) => `right(${sql}, ${length})`,
  repeat: (character, times) => `repeat(${literalText(character)}, ${times})`,
  exact: (sql) => `${sql} COLLATE "C"`,
  // By a text that is not a number, as a value that depends on the row.
  fail: (sql, kind) => `('!' || ${sql}::text)::integer${FAILING[kind] ?? '::text'}`,
  cast,
  sha256: ({ sql, kind }, salt) => {
    const bytes = kind === 'bytes' ? sql : `convert_to(${sql}, 'UTF8')`
    return `encode(sha256('\\x${Buffer.from(salt).toString('hex')}'::bytea || ${bytes}), 'hex')`
  },
  settle: (sql, { kind, valueRange: { precision, scale } }) =>
    kind === 'decimal' && precision !== undefined ? `CAST(${sql} AS numeric(${precision},${scale}))` : sql,
}

/** Literals of these kinds are not what an expression takes them for by itself. Moments have become wall clocks in UTC. */
const TYPED: Partial<Readonly<Record<ColumnKind, string>>> = {
  float: 'float8',
  date: 'date',
  time: 'time',
  datetime: 'timestamp',
  instant: 'timestamp',
}

/** What makes of a number, which is never there, a value of the kind. */
const FAILING: Partial<Readonly<Record<ColumnKind, string>>> = {
  integer: '',
  boolean: '',
  decimal: '::numeric',
  float: '::float8',
  date: '::text::date',
  time: '::text::time',
  datetime: '::text::timestamp',
  instant: '::text::timestamp',
  bytes: '::text::bytea',
}

function literalOf(value: string, kind: ColumnKind): string {
  return kind === 'integer' || kind === 'decimal' || kind === 'boolean' ? value : literalText(value)
}

function literalText(value: string): string {
  if (!value.includes('\0')) return text(value)
  throw invalid(`${JSON.stringify(value)} has a character NUL, which this database does not have`)
}

/** As it is selected for a cell; whatever is text for others is text in the steps, too, and bytes decide what is equal. */
function valueOf(column: Column, own: string): Value {
  const { kind, type, nullable, valueRange, collation } = column
  const plain = kind === 'text' && /^(text|character varying)/.test(type)
  const textual = plain || (kind !== 'text' && kind !== 'json') ? cellOf(column, own) : `${own}::text`
  const sql = collation?.endsWith(VAGUE) ? `(${textual} COLLATE "C")` : textual
  return { sql, kind, type, nullable, valueRange, rowChecks: [] }
}

/** The server says what it would give. */
async function expression(session: SqlSession, table: string, written: string): Promise<Value> {
  await checkExpression(session, table, written)
  const sql = enclosed(written)
  const described = await describeType(session, `(SELECT ${sql} FROM ${tableSql(table)} WHERE false)`)
  if (described.type === 'record')
    throw invalid('"sql" gives a row value; write an expression that gives one value')
  const column = {
    name: '',
    nullable: true,
    hasDefault: false,
    generated: false,
    ordered: false,
    ...described,
  }
  return valueOf({ ...column, valueRange: { ...described.valueRange, dynamic: true } }, sql)
}

const LONGEST_NUMBER = 400
const DECIMAL = '[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)'

function cast(value: Value, to: CastType): { sql: string; fits: string | null } | null {
  switch (to.kind) {
    case 'text': {
      if (value.kind === 'bytes') return null
      const sql = value.kind === 'text' ? value.sql : `${value.sql}::text`
      return { sql, fits: to.maxChars === null ? null : `char_length(${sql}) <= ${to.maxChars}` }
    }
    case 'integer': {
      const fits = (number: string) =>
        `${number} = trunc(${number}) AND ${number} BETWEEN ${to.min} AND ${to.max}`
      return castNumber(value, '[+-]?[0-9]+', fits, (number) => `trunc(${number})`)
    }
    case 'decimal': {
      const { precision, scale } = to
      const limit = `1${'0'.repeat(precision - scale)}`
      const fits = (number: string) => `abs(${number}) < ${limit} AND ${number} = round(${number}, ${scale})`
      return castNumber(value, DECIMAL, fits, (number) => `${number}::numeric(${precision},${scale})`)
    }
    case 'float': {
      if (value.kind === 'float' || value.kind === 'boolean')
        return { sql: `${value.sql}::float8`, fits: null }
      return castNumber(value, `${DECIMAL}([eE][+-]?[0-9]{1,3})?`, sameDigits, () => `${value.sql}::float8`)
    }
    case 'date':
    case 'datetime':
      return castMoment(value, to)
    default:
      return to satisfies never
  }
}

/** Conditions and values are made of the number as a numeric: a float has the digits that it is written with. */
function castNumber(
  { sql, kind }: Value,
  pattern: string,
  fits: (number: string) => string,
  converted: (number: string) => string,
): { sql: string; fits: string } | null {
  switch (kind) {
    case 'integer':
    case 'boolean':
      return { sql: converted(`${sql}::numeric`), fits: fits(`${sql}::numeric`) }
    case 'decimal':
      return { sql: converted(sql), fits: fits(sql) }
    case 'float':
      return { sql: converted(`${sql}::text::numeric`), fits: fits(`${sql}::text::numeric`) }
    case 'text': {
      const number = `${sql}::numeric`
      const shape = `char_length(${sql}) <= ${LONGEST_NUMBER} AND ${matches(sql, pattern)}`
      return { sql: converted(number), fits: first(shape, fits(number)) }
    }
    default:
      return null
  }
}

/** Whether the nearest double is written with the same digits. Others are out of its range. */
function sameDigits(number: string): string {
  const inRange = `${number} = 0 OR abs(${number}) BETWEEN 1e-300 AND 1e308`
  return first(inRange, `${number}::float8::text::numeric = ${number}`)
}

function castMoment({ sql, kind, valueRange }: Value, to: CastType & { kind: 'date' | 'datetime' }) {
  const digits = to.kind === 'date' ? null : to.fractionDigits
  const converted = `${sql}::${digits === null ? 'date' : `timestamp(${digits})`}`
  const years = `${sql} BETWEEN '0001-01-01' AND '9999-12-31 23:59:59.999999'`
  switch (kind) {
    case 'date':
      return { sql: converted, fits: years }
    case 'datetime':
    case 'instant': {
      const isExact = (valueRange.fractionDigits ?? 6) <= (digits ?? -1)
      return { sql: converted, fits: isExact ? years : first(years, `${converted} = ${sql}`) }
    }
    case 'text': {
      const clock = `([ T]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{0,${digits}}0*)?)?`
      const shape = matches(sql, `[0-9]{4}-(0[1-9]|1[0-2])-[0-3][0-9]${digits === null ? '' : clock}`)
      const last = `(left(${sql}, 7) || '-01')::date + interval '1 month' - interval '1 day'`
      const day = `substr(${sql}, 9, 2)::int BETWEEN 1 AND extract(day FROM ${last})`
      return { sql: converted, fits: first(`${shape} AND left(${sql}, 4) <> '0000'`, day) }
    }
    default:
      return null
  }
}

/** The second condition fails for values that the first one is not true of, and AND has no order. */
function first(condition: string, then: string): string {
  return `CASE WHEN ${condition} THEN ${then} ELSE false END`
}

function matches(sql: string, pattern: string): string {
  return `${sql} ~ ${text(`^(${pattern})$`)}`
}

function invalid(message: string): RowshiftError {
  return new RowshiftError('PARAMS_INVALID', message)
}
