import type { Batch, PlannedWrite } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import { rowError } from '../../src/sql/row-errors.js'
import type { Cells } from '../../src/wire/row-name.js'
import { excerpt, rowName } from '../../src/wire/row-name.js'
import type { Database } from './driver.js'
import { sqliteCode, sqliteError } from './errors.js'

/** Why one row was not stored. */
export function rejectedRowError(spec: PlannedWrite, row: Batch, thrown: unknown): RowshiftError {
  const { table } = spec.table
  const error = sqliteError(thrown, `writing table ${table}`, { table })
  return error.blamesRow ? rowError(spec, row, error, columnsNamed(spec, thrown)) : error
}

/** SQLite names the columns in its text only: `UNIQUE constraint failed: t.a, t.b`, `cannot store TEXT value in INT column t.v`. */
function columnsNamed({ columns, table: { table } }: PlannedWrite, thrown: unknown): string[] {
  const [, named = ''] = /(?: failed: | column )(.+)$/s.exec((thrown as Error).message) ?? []
  const parts = named.toLowerCase().split(', ')
  return columns
    .map(({ target }) => target.name)
    .filter((name) => parts.includes(`${table}.${name}`.toLowerCase()))
}

/** A value that the target column would store changed. */
export function valueError(spec: PlannedWrite, index: number, cells: Cells): RowshiftError {
  const { source, target } = spec.columns[index]!
  const { table } = spec.table
  const value = excerpt(cells[index] ?? null, source)
  const declared = target.type === '' ? 'without a type' : target.type
  const message =
    `Column ${target.name} (${declared}) of the target table "${table}" cannot hold the ${source.kind} value ${value} unchanged` +
    `${ofRow(spec, cells)}; declare the column as ${source.kind === 'bytes' ? 'BLOB' : 'TEXT'} or correct the value`
  return new RowshiftError('DATA_REJECTED', message, { table, column: target.name, value })
}

/** A NULL for the column that SQLite would fill in by itself. */
export function nullRowidError(spec: PlannedWrite, column: string, cells: Cells): RowshiftError {
  const { table } = spec.table
  const message =
    `Column ${column} of the target table "${table}" is its INTEGER PRIMARY KEY and would make a number of the NULL that ` +
    `the source has${ofRow(spec, cells)}; correct the row or the table`
  return new RowshiftError('DATA_REJECTED', message, { table, column })
}

/** Why COMMIT refused: foreign keys are checked there, so that the order of the rows does not matter. */
export function commitError(database: Database, spec: PlannedWrite, thrown: unknown): RowshiftError {
  const { table } = spec.table
  if (sqliteCode(thrown) !== 'SQLITE_CONSTRAINT_FOREIGNKEY')
    return sqliteError(thrown, `committing rows of table "${table}"`, { table })
  const broken = database.row('SELECT fkid, parent, rowid FROM pragma_foreign_key_check(?) LIMIT 1', table)
  const [fkid = null, parent = '', rowid = null] = broken ?? []
  const sql = 'SELECT "from" FROM pragma_foreign_key_list(?) WHERE id = ? ORDER BY seq'
  const columns = broken ? (database.values(sql, table, fkid) as string[]) : []
  const row = rowid === null ? '' : ` (row ${String(rowid)})`
  const message =
    `Column ${columns.join(', ')} of the target table "${table}" refers to a row that is missing in table "${String(parent)}"${row}; ` +
    'copy that table first, or pass "session": ["PRAGMA foreign_keys = OFF"]'
  return new RowshiftError('DATA_REJECTED', message, { table, column: columns.join(', ') }, thrown)
}

function ofRow(spec: PlannedWrite, cells: Cells): string {
  const key = rowName(spec, cells)
  return key.length === 0 ? '' : ` in the row with ${key.join(', ')}`
}
