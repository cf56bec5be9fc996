import type { ForeignKey, ReferentialAction } from '../../src/contract/plugin.js'
import type { ForeignKeyStatements } from '../../src/sql/foreign-key-statements.js'
import type { Database } from './driver.js'
import { listTables } from './schema.js'
import type { SqliteSession } from './session.js'

interface KeyRow {
  readonly id: number
  readonly table: string
  readonly from: string
  readonly to: string | null
  readonly on_update: string
  readonly on_delete: string
}

/** They are part of CREATE TABLE, and what they say is true of rows that are written while they are switched off, too. */
export const sqliteForeignKeys: ForeignKeyStatements<SqliteSession> = {
  list: async ({ database }) => listForeignKeys(database),
  // It takes MATCH FULL and does nothing about it.
  async translate(_session, wanted) {
    const { matchFull: _, ...key } = wanted
    return key
  },
  unchecked: async () => ['PRAGMA foreign_keys = OFF'],
  ignoresCase: async () => true,
  withTable: true,
  drop: 'DROP CONSTRAINT',
  // Nothing else happens in this thread meanwhile.
  searchSeconds: 10,
}

export function listForeignKeys(database: Database): ForeignKey[] {
  const tables = listTables(database)
  const known = new Map(tables.map((name) => [name.toLowerCase(), name]))
  return tables.flatMap((table) => {
    const rows = database.objects<KeyRow>('SELECT * FROM pragma_foreign_key_list(?) ORDER BY id, seq', table)
    return [...new Set(rows.map(({ id }) => id))].map((id) => {
      const parts = rows.filter((row) => row.id === id)
      const [first] = parts
      const parent = known.get(first!.table.toLowerCase()) ?? first!.table
      const primary = 'SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk'
      return {
        name: null,
        table,
        columns: parts.map(({ from }) => from),
        parent,
        parentColumns:
          first!.to === null ? (database.values(primary, parent) as string[]) : parts.map(({ to }) => to!),
        onDelete: first!.on_delete.toLowerCase() as ReferentialAction,
        onUpdate: first!.on_update.toLowerCase() as ReferentialAction,
      }
    })
  })
}
