import type { PlannedWrite } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import type { Binding } from './binds.js'
import type { Database, SqliteValue } from './driver.js'
import { errorClassOf, sqliteCode, sqliteError } from './errors.js'
import { displayKey, displayValue } from './display.js'
import { quoteName } from './names.js'

/** Why one row was not stored, from SQLite's error code and a look at the table. */
export function rowRefusal(
  database: Database,
  spec: PlannedWrite,
  bindings: readonly Binding[],
  values: readonly SqliteValue[],
  thrown: unknown,
): RowshiftError {
  const code = sqliteCode(thrown)
  const { table } = spec.table
  const where = rowName(spec, values)
  if (code === null) return RowshiftError.from(thrown)
  const kind = errorClassOf(code).code
  if (kind === 'DUPLICATE_KEY') return duplicate(database, spec, bindings, values, thrown)
  if (code === 'SQLITE_CONSTRAINT_NOTNULL') {
    const column =
      spec.columns.find(({ target }, i) => !target.nullable && values[i] === null)?.target.name ?? ''
    const message = `Column ${column} of the target table "${table}" takes no NULL, but the source has one${where}; correct the row or the table`
    return new RowshiftError('DATA_REJECTED', message, { table, column, key: where }, thrown)
  }
  if (kind === 'DATA_REJECTED' && thrown instanceof Error) {
    // SQLite names the column or the constraint in its text only.
    const at = spec.columns.findIndex(({ target }) => thrown.message.endsWith(`${table}.${target.name}`))
    const column = at < 0 ? null : spec.columns[at]!.target.name
    const value = column === null ? '' : ` (its ${column} is ${displayValue(values[at])})`
    const message = `The target table "${table}" rejected a row${where.replace(' in the row', '')}: ${thrown.message}${value}; correct the row or the constraint`
    const details = { table, column, key: where, sqlite: code, reason: thrown.message }
    return new RowshiftError('DATA_REJECTED', message, details, thrown)
  }
  return sqliteError(thrown, `inserting into table "${table}"${where}`, { table })
}

/** A value that the target column would store changed. */
export function valueRefusal(
  spec: PlannedWrite,
  index: number,
  cells: readonly (Buffer | null)[],
): RowshiftError {
  const { source, target } = spec.columns[index]!
  const { table } = spec.table
  const value = displayValue(cells[index])
  const declared = target.type === '' ? 'without a type' : target.type
  const message =
    `Column ${target.name} (${declared}) of the target table "${table}" cannot hold the ${source.kind} value ${value} unchanged` +
    `${rowName(spec, cells)}; declare the column as ${source.kind === 'bytes' ? 'BLOB' : 'TEXT'} or correct the value`
  return new RowshiftError('DATA_REJECTED', message, { table, column: target.name, value })
}

/** A NULL for the column that SQLite would fill in by itself. */
export function nullRowidRefusal(
  spec: PlannedWrite,
  column: string,
  cells: readonly (Buffer | null)[],
): RowshiftError {
  const { table } = spec.table
  const message =
    `Column ${column} of the target table "${table}" is its INTEGER PRIMARY KEY and would make a number of the NULL that ` +
    `the source has${rowName(spec, cells)}; correct the row or the table`
  return new RowshiftError('DATA_REJECTED', message, { table, column })
}

function duplicate(
  database: Database,
  spec: PlannedWrite,
  bindings: readonly Binding[],
  values: readonly SqliteValue[],
  thrown: unknown,
): RowshiftError {
  const { table } = spec.table
  const names = violatedKey(database, spec, bindings, values)
  const key = displayTarget(spec, values, names)
  // The engine says what to do about inserts; rows of an upsert wait for the value first, and what gives up says it then.
  const advice = {
    insert: '.',
    upsert: '.',
    ignore: '; correct one of the two rows',
    replace: '; correct one of the two rows',
  }[spec.writeMode]
  const message = `The target table "${table}" already has a row with ${key}, so none was added${rowName(spec, values)}${advice}`
  return new RowshiftError('DUPLICATE_KEY', message, { table, key, columns: names }, thrown)
}

/** The key whose value is in the table already; the first one when none is found (an index on an expression, say). */
function violatedKey(
  database: Database,
  spec: PlannedWrite,
  bindings: readonly Binding[],
  values: readonly SqliteValue[],
): readonly string[] {
  return collision(database, spec, bindings, values)?.columns ?? spec.table.keys[0]?.columns ?? []
}

/** Which row of the table has a unique value of this one, for people; null: not found. */
export function holderOf(
  database: Database,
  spec: PlannedWrite,
  bindings: readonly Binding[],
  values: readonly SqliteValue[],
): string | null {
  const holder = collision(database, spec, bindings, values)?.holder
  return holder ? spec.identity!.map((name, i) => `${name} = ${displayValue(holder[i])}`).join(', ') : null
}

/** The unique key, beside the one that says which row it is, whose value another row has; and that of this row. */
function collision(
  database: Database,
  spec: PlannedWrite,
  bindings: readonly Binding[],
  values: readonly SqliteValue[],
): { readonly columns: readonly string[]; readonly holder: readonly unknown[] } | null {
  const indexOf = (name: string) => spec.columns.findIndex(({ target }) => target.name === name)
  const equals = (i: number) => `${quoteName(spec.columns[i]!.target.name)} = ${bindings[i]!.sql}`
  const shown = (spec.identity ?? []).map(quoteName)
  const own = (spec.identity ?? []).map(indexOf)
  const other = own.length === 0 ? '' : ` AND NOT (${own.map(equals).join(' AND ')})`
  for (const { columns } of spec.table.keys) {
    // A row with the same identity is what the write mode is about.
    if (columns.join() === spec.identity?.join()) continue
    const indexes = columns.map(indexOf)
    if (indexes.includes(-1)) continue
    const sql = `SELECT ${['1', ...shown].join(', ')} FROM ${quoteName(spec.table.table)} WHERE ${indexes.map(equals).join(' AND ')}${other} LIMIT 1`
    const found = database.row(sql, ...[...indexes, ...own].map((i) => values[i]!))
    if (found !== undefined) return { columns, holder: found.slice(1) }
  }
  return null
}

/** Why COMMIT refused: foreign keys are checked there, so that the order of the rows does not matter. */
export function commitRefusal(database: Database, spec: PlannedWrite, thrown: unknown): RowshiftError {
  const { table } = spec.table
  if (sqliteCode(thrown) !== 'SQLITE_CONSTRAINT_FOREIGNKEY')
    return sqliteError(thrown, `committing rows of table "${table}"`, { table })
  const broken = database.row('SELECT fkid, parent, rowid FROM pragma_foreign_key_check(?) LIMIT 1', table)
  const [fkid = null, parent = '', rowid = null] = broken ?? []
  const sql = 'SELECT "from" FROM pragma_foreign_key_list(?) WHERE id = ? ORDER BY seq'
  const columns = broken ? (database.values(sql, table, fkid) as string[]) : []
  const row = rowid === null ? '' : ` (row ${String(rowid)})`
  const message =
    `Column ${columns.join(', ')} of the target table "${table}" refers to a row that table "${String(parent)}" has not${row}; ` +
    'copy that table first, or pass "session": ["PRAGMA foreign_keys = OFF"]'
  return new RowshiftError('DATA_REJECTED', message, { table, column: columns.join(', ') }, thrown)
}

function rowName(spec: PlannedWrite, values: readonly unknown[]): string {
  const key = displayTarget(spec, values, spec.table.keys[0]?.columns ?? [])
  return key === '' ? '' : ` in the row with ${key}`
}

function displayTarget(spec: PlannedWrite, values: readonly unknown[], names: readonly string[]): string {
  return displayKey(
    spec.columns.map(({ target }) => target),
    values,
    names,
  )
}
