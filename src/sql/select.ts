/** The queries by which rows are read. */
import type { ReadSpec, Split } from '../contract/read.js'
import type { Column } from '../contract/table-schema.js'
import type { SqlDialect } from './dialect.js'
import type { Range, SqlKeyColumn } from './range.js'
import { rangeConditions, whereClause } from './range.js'
import type { SqlSelect } from './session.js'
import type { KeyValue } from './splits.js'

/** Of a split: all rows. */
export const WHOLE: Split = { index: 0, lower: null, upper: null }

/** `SELECT a, b FROM t WHERE x AND y LIMIT 1` */
export function selectSql({ select, from, where, tail = '' }: SqlSelect): string {
  return `SELECT ${select.join(', ')} FROM ${from}${whereClause(where)}${tail}`
}

/** The query of one split. */
export function splitQuery(dialect: SqlDialect, spec: ReadSpec, split: Split): SqlSelect {
  return { select: spec.columns.map((column) => dialect.cell(column)), ...splitRows(dialect, spec, split) }
}

/** Where the rows of a split are; what is selected of them is for the caller to say. */
export function splitRows(
  dialect: SqlDialect,
  spec: ReadSpec,
  split: Split,
): Pick<SqlSelect, 'from' | 'where'> {
  const range = {
    lower: boundLiterals(dialect, spec, split.lower),
    upper: boundLiterals(dialect, spec, split.upper),
    nullKey: split.nullKey ?? false,
  }
  return { from: dialect.source(spec), where: conditionsOf(dialect, spec, range) }
}

/** Of a range of the split key, whose bounds are literals, with the user's condition and that of the window. */
export function conditionsOf(dialect: SqlDialect, spec: ReadSpec, range: Range): string[] {
  return rangeConditions(keyColumns(dialect, spec), range, spec.where, spec.window?.sql)
}

export function keyColumns(dialect: SqlDialect, spec: ReadSpec): SqlKeyColumn[] {
  return (spec.key?.columns ?? []).map((column) => {
    const order = dialect.keyOrder?.(column)
    return {
      sql: dialect.expression(column),
      nullable: column.nullable,
      ...(order === undefined ? {} : { order }),
    }
  })
}

export function boundLiterals(dialect: SqlDialect, spec: ReadSpec, bound: KeyValue | null): string[] | null {
  return bound && bound.map((value, i) => keyLiteral(dialect, spec.key!.columns[i]!, value))
}

export function keyLiteral(dialect: SqlDialect, column: Column, value: string): string {
  return dialect.keyLiteral?.(column, value) ?? dialect.literal(column, value)
}
