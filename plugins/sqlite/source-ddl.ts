import type { SourceDdl } from '../../src/contract/plugin.js'
import { sizesOf } from '../../src/sql/mapped-table.js'
import { affinityOf, kindOf } from './affinity.js'
import { literalDefault } from './ddl.js'
import { columnsBeyond } from '../../src/sql/row-search.js'
import type { Database } from './driver.js'
import { quoteName } from './names.js'
import { findRowidColumn } from './schema.js'
import type { SqliteSession } from './session.js'

export const FAMILY = 'sqlite'

interface SchemaRow {
  readonly type: string
  readonly name: string
  readonly sql: string
}

/** What sqlite_schema keeps: the table's own statement, and those of its indexes. */
export function readSourceDdl(database: Database, table: string): SourceDdl {
  const sql =
    'SELECT type, name, sql FROM sqlite_schema WHERE tbl_name = ? COLLATE NOCASE AND sql IS NOT NULL ORDER BY rowid'
  const rows = database.objects<SchemaRow>(sql, table)
  const own = rows.find(({ type }) => type === 'table')
  const indexes = rows.filter(({ type }) => type === 'index')
  const version = database.value('SELECT sqlite_version()') as string
  const numbered = findRowidColumn(database, database.file, table)
  const usable = own !== undefined && /^CREATE TABLE\b/i.test(own.sql)
  return {
    family: FAMILY,
    version,
    statements: usable ? [own.sql, ...indexes.map((index) => index.sql)] : null,
    defaults: defaultsOf(database, table),
    numbered: numbered === null ? [] : [numbered],
    extras: extrasOf(database, table, rows),
    foreignKeys: database
      .values('SELECT DISTINCT "table" FROM pragma_foreign_key_list(?)', table)
      .map((parent) => `foreign key to ${String(parent)}`),
  }
}

/** All that declare something when the table is too large to look at in time. */
export async function wideColumns(session: SqliteSession, table: string): Promise<readonly string[]> {
  const columns = session.database.objects<{ name: string; type: string }>(
    'SELECT name, type FROM pragma_table_xinfo(?)',
    table,
  )
  const declared = columns.flatMap(({ name, type }) => {
    const condition = beyond(quoteName(name), type)
    return condition === null ? [] : [{ name, condition }]
  })
  return (await columnsBeyond(session, table, declared)) ?? declared.map(({ name }) => name)
}

/** Whether a value is more than the type declares; null for a type that declares nothing. */
function beyond(column: string, type: string): string | null {
  const affinity = affinityOf(type)
  if (affinity === 'none') return null
  const kind = kindOf(type, affinity)
  const [first, second = 0] = sizesOf(type)
  if (kind === 'integer') return /unsigned/i.test(type) ? `${column} < 0` : null
  if (first === undefined) return null
  if (kind === 'text') return `length(${column}) > ${first}`
  if (kind !== 'decimal') return null
  const whole = Math.max(0, first - second)
  return `${column} IS NOT NULL AND (typeof(${column}) NOT IN ('integer', 'real') OR abs(${column}) >= 1e${whole} OR ${column} <> round(${column}, ${second}))`
}

function defaultsOf(database: Database, table: string): Record<string, string> {
  const rows = database.objects<{ name: string; dflt_value: string | null }>(
    'SELECT name, dflt_value FROM pragma_table_xinfo(?)',
    table,
  )
  return Object.fromEntries(
    rows.flatMap(({ name, dflt_value: sql }) => {
      const value = literalDefault(sql)
      return value === null ? [] : [[name, value]]
    }),
  )
}

function extrasOf(database: Database, table: string, rows: readonly SchemaRow[]): string[] {
  const plain = 'SELECT name FROM pragma_index_list(?) WHERE "unique" = 0 OR partial = 1'
  const triggers = rows.filter(({ type }) => type === 'trigger')
  return [
    ...database.values(plain, table).map((name) => `index ${String(name)}`),
    ...triggers.map(({ name }) => `trigger ${name}`),
    ...(rows.some(({ type, sql }) => type === 'table' && /\bCHECK\b/i.test(sql)) ? ['its CHECKs'] : []),
  ]
}
