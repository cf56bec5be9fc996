import type { IndexStatements } from '../../src/sql/index-statements.js'
import { quoteName } from './names.js'
import type { SqliteSession } from './session.js'

/** There is one writer at a time. */
export const sqliteIndexes: IndexStatements<SqliteSession> = {
  async secondary({ database }, table) {
    const rows = database.objects<{ name: string; sql: string }>(
      `SELECT s.name, s.sql FROM pragma_index_list(?) i JOIN sqlite_schema s ON s.name = i.name AND s.type = 'index'
       WHERE i.origin = 'c' AND i."unique" = 0 AND s.sql IS NOT NULL ORDER BY s.rowid`,
      table,
    )
    return rows.map(({ name, sql }) => ({ name, add: sql, drop: `DROP INDEX ${quoteName(name)}` }))
  },
  async names({ database }, table) {
    return database.values('SELECT name FROM pragma_index_list(?)', table) as string[]
  },
  drop: (_table, indexes) => indexes.map(({ drop }) => drop),
  steps: (indexes) => indexes.map((index) => [index]),
  add: (_table, step) => step.map(({ add }) => add),
  // What a statement fails with that cannot be compiled.
  isRefusal: ({ details }) => details['sqlite'] === 'SQLITE_ERROR',
  together: false,
}
