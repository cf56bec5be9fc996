import type { Column, ReadSpec, Split } from '../../src/contract/plugin.js'
import type { SqlKeyColumn } from '../../src/sql/range.js'
import { above, orderBy, rangeConditions, upTo, whereClause } from '../../src/sql/range.js'
import type { KeyProbe, KeyValue } from '../../src/sql/splits.js'
import type { TextRow } from './driver.js'
import type { Session } from './connection.js'
import { mapError } from './errors.js'
import { mappedText } from './unmapped.js'
import {
  charsetOf,
  expressionOf,
  hexLiteral,
  identifier,
  isReversible,
  keyLiteral,
  keyOrder,
  keyText,
  memberNumber,
} from './sql.js'

/** `SELECT … FROM t WHERE …`: the query of one split. */
export function selectSql(spec: ReadSpec, split: Split): string {
  return `SELECT ${readColumns(spec)}${fromSql(spec, split)}`
}

export function readColumns(spec: ReadSpec): string {
  return spec.columns.map(readExpression).join(', ')
}

/** ` FROM t WHERE …`, of the rows of which one more condition is true. */
export function fromSql(spec: ReadSpec, split: Split, more: readonly string[] = []): string {
  const key = keyColumns(spec)
  const range = { ...split, lower: literals(spec, split.lower), upper: literals(spec, split.upper) }
  const conditions = [...rangeConditions(key, range, spec.where, spec.window?.sql), ...more]
  return ` FROM ${sourceTable(spec)}${whereClause(conditions)}`
}

/**
 * How a column is read, so that its cells are what the plan says. FLOAT is sent with 6 digits, and FLOAT(M,D) and DOUBLE(M,D) with D
 * decimal places; as a plain double a value comes with all its digits. Adding 0 would do the same but lose -0.
 */
export function readExpression(column: Column): string {
  const name = expressionOf(column)
  if (column.cells === 'encoded') return `CONVERT(${name} USING binary)`
  if (column.cells === 'numbered') return memberNumber(name)
  return column.kind === 'float' && /^(float|double\()/.test(column.type)
    ? `${name}*1e0`
    : (mappedText(column) ?? name)
}

export function keyProbe(session: Session, spec: ReadSpec): KeyProbe {
  const key = keyColumns(spec)
  const cells = (spec.key?.columns ?? []).map(boundText)
  const present = rangeConditions(key, { lower: null, upper: null }, spec.where, spec.window?.sql)
  const ask = async (
    selected: readonly string[],
    conditions: readonly string[],
    tail: string,
  ): Promise<TextRow | null> => {
    const sql = `SELECT ${selected.join(', ')} FROM ${sourceTable(spec)}${whereClause(conditions)}${tail}`
    const rows = await session.query(sql).catch((error: unknown) => {
      throw mapError(error, `splitting table ${spec.table.table}`, { table: spec.table.table })
    })
    return rows[0] ?? null
  }
  const bound = (found: TextRow | null) => {
    // Throws for what is not a key, before anybody counts with it.
    literals(spec, found as KeyValue | null)
    return found as KeyValue | null
  }
  return {
    first: async () => bound(await ask(cells, present, `${orderBy(key)} LIMIT 1`)),
    last: async () => bound(await ask(cells, present, `${orderBy(key, 'DESC')} LIMIT 1`)),
    async nth(lower, upper, offset) {
      const range = [upTo(key, literals(spec, upper)!)]
      if (lower) range.push(above(key, literals(spec, lower)!))
      const selected = [range.join(' AND '), ...cells]
      const row = await ask(selected, [...present, ...range], `${orderBy(key)} LIMIT 1 OFFSET ${offset}`)
      return row && { within: row[0] === '1', key: bound(row.slice(1))! }
    },
  }
}

/** The query by which the next bound of a split is found; null for a table that is one split. */
export function splitSql(spec: ReadSpec): string | null {
  if (spec.key === null) return null
  const key = keyColumns(spec)
  const present = rangeConditions(key, { lower: null, upper: null }, spec.where)
  const names = key.map(({ sql }) => sql).join(', ')
  return `SELECT ${names} FROM ${sourceTable(spec)}${whereClause(present)}${orderBy(key)} LIMIT 1 OFFSET ${spec.splitRows}`
}

/** The source with its split key's index: left to itself, the optimizer sometimes prefers a full scan and a sort. */
export function sourceTable(spec: ReadSpec): string {
  const table = identifier(spec.table.table)
  return spec.key === null ? table : `${table} FORCE INDEX (${identifier(spec.key.name)})`
}

export function keyColumns(spec: ReadSpec): SqlKeyColumn[] {
  return (spec.key?.columns ?? []).map((column) => ({
    sql: expressionOf(column),
    nullable: column.nullable,
    ...keyOrder(column),
  }))
}

function literals(spec: ReadSpec, bound: KeyValue | null): string[] | null {
  return bound && bound.map((value, i) => boundLiteral(spec.key!.columns[i]!, value))
}

/** The bounds of a text that does not come back from UTF-8 as it was are its bytes. */
function boundText(column: Column): string {
  if (column.readAs !== undefined) return column.readAs
  return ownEncoding(column) === null ? keyText(column) : `HEX(${identifier(column.name)})`
}

function boundLiteral(column: Column, value: string): string {
  const charset = ownEncoding(column)
  return charset === null ? keyLiteral(column, value) : `_${charset} ${hexLiteral(column, value)}`
}

function ownEncoding(column: Column): string | null {
  const charset = charsetOf(column)
  const isText = column.kind === 'text' && column.domain.members === undefined
  return isText && charset !== null && !isReversible(charset) ? charset : null
}
