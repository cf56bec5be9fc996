import type { TableDefinition } from '../../src/plugin.js'
import { literalDefault } from './ddl.js'
import type { Database } from './driver.js'

export const FAMILY = 'sqlite'

interface SchemaRow {
  readonly type: string
  readonly name: string
  readonly sql: string
}

/** What sqlite_schema keeps: the table's own statement, and those of its indexes. */
export function defineTable(database: Database, table: string): TableDefinition {
  const sql =
    'SELECT type, name, sql FROM sqlite_schema WHERE tbl_name = ? COLLATE NOCASE AND sql IS NOT NULL ORDER BY rowid'
  const rows = database.prepare(sql).all(table) as SchemaRow[]
  const own = rows.find(({ type }) => type === 'table')
  const indexes = rows.filter(({ type }) => type === 'index')
  const { version } = database.prepare('SELECT sqlite_version() AS version').get() as { version: string }
  const usable = own !== undefined && /^CREATE TABLE\b/i.test(own.sql)
  return {
    family: FAMILY,
    version,
    ddl: usable ? [own.sql, ...indexes.map((index) => index.sql)] : null,
    defaults: defaultsOf(database, table),
    extras: extrasOf(database, table, rows),
  }
}

function defaultsOf(database: Database, table: string): Record<string, string> {
  const rows = database.prepare('SELECT name, dflt_value FROM pragma_table_xinfo(?)').all(table) as {
    readonly name: string
    readonly dflt_value: string | null
  }[]
  return Object.fromEntries(
    rows.flatMap(({ name, dflt_value: sql }) => {
      const value = literalDefault(sql)
      return value === null ? [] : [[name, value]]
    }),
  )
}

function extrasOf(database: Database, table: string, rows: readonly SchemaRow[]): string[] {
  const plain = database
    .prepare('SELECT name FROM pragma_index_list(?) WHERE "unique" = 0 OR partial = 1')
    .pluck()
    .all(table) as string[]
  const foreign = database
    .prepare('SELECT DISTINCT "table" FROM pragma_foreign_key_list(?)')
    .pluck()
    .all(table) as string[]
  const triggers = rows.filter(({ type }) => type === 'trigger')
  return [
    ...plain.map((name) => `index ${name}`),
    ...foreign.map((parent) => `foreign key to ${parent}`),
    ...triggers.map(({ name }) => `trigger ${name}`),
    ...(rows.some(({ type, sql }) => type === 'table' && /\bCHECK\b/i.test(sql)) ? ['its CHECKs'] : []),
  ]
}
