import type { DatabaseObject } from '../../src/contract/plugin.js'
import type { ObjectTargetSql } from '../../src/sql/object-statements.js'
import { mustMatch } from '../../src/sql/sql-objects.js'
import type { Database } from './driver.js'
import type { SqliteSession } from './session.js'

/** In the order in which they were made. */
export function listObjects(database: Database): DatabaseObject[] {
  const rows = database.objects<{ type: string; name: string; tbl_name: string }>(
    `SELECT type, name, tbl_name FROM sqlite_schema WHERE type IN ('view', 'trigger') ORDER BY type DESC, rowid`,
  )
  return rows.map(({ type, name, tbl_name: table }) => ({
    kind: type,
    name,
    table: type === 'trigger' ? table : null,
    definer: null,
  }))
}

export function objectDdl(database: Database, { kind, name }: DatabaseObject): string {
  const sql = 'SELECT sql FROM sqlite_schema WHERE type = ? AND name = ?'
  return database.value(sql, kind, name) as string
}

export const sqliteObjects: ObjectTargetSql<SqliteSession> = {
  list: async ({ database }) => listObjects(database),
  async create(session, object, ddl) {
    mustMatch(object, ddl, object.kind === 'view' ? /^CREATE\s+VIEW\s/i : /^CREATE\s+TRIGGER\s/i)
    // It refuses more than one statement.
    await session.check(ddl)
    await session.run(ddl)
  },
}
