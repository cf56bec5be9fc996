import type { ForeignKey, ReferentialAction } from '../../src/contract/plugin.js'
import type { ForeignKeyStatements } from '../../src/sql/foreign-key-statements.js'
import type { Session } from './connection.js'
import { serverFacts } from './server.js'

const UNCHECKED = 'SET SESSION foreign_key_checks = 0'
const LONGEST_NAME = 64

/**
 * With the checks switched off, a key is added at once; else the server makes the whole table anew. So the search for orphans is trusted, and
 * repeated when the key is there.
 */
export const mysqlForeignKeys: ForeignKeyStatements<Session> = {
  list: listForeignKeys,
  async translate(_session, wanted) {
    const { deferrable: _, matchFull: __, ...key } = wanted
    if (key.onDelete === 'set default' || key.onUpdate === 'set default')
      return 'InnoDB does not support SET DEFAULT'
    return key.name !== null && key.name.length > LONGEST_NAME ? { ...key, name: null } : key
  },
  unchecked: async () => [UNCHECKED],
  uniqueNames: true,
  trust: UNCHECKED,
  drop: 'DROP FOREIGN KEY',
  searchSeconds: 600,
}

export async function listForeignKeys(session: Session): Promise<readonly ForeignKey[]> {
  const { mariadb } = await serverFacts(session)
  const rows = await session.query(
    `SELECT k.CONSTRAINT_NAME, k.TABLE_NAME, k.COLUMN_NAME, k.REFERENCED_TABLE_NAME, k.REFERENCED_COLUMN_NAME,
            r.DELETE_RULE, r.UPDATE_RULE, IF(k.REFERENCED_TABLE_SCHEMA = k.TABLE_SCHEMA, NULL, k.REFERENCED_TABLE_SCHEMA)
     FROM information_schema.KEY_COLUMN_USAGE k JOIN information_schema.REFERENTIAL_CONSTRAINTS r
       ON r.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA AND r.TABLE_NAME = k.TABLE_NAME AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME
     WHERE k.TABLE_SCHEMA = DATABASE() AND r.CONSTRAINT_SCHEMA = DATABASE() AND k.REFERENCED_TABLE_NAME IS NOT NULL
     ORDER BY k.TABLE_NAME, k.CONSTRAINT_NAME, k.ORDINAL_POSITION`,
  )
  const keys = new Map<string, ForeignKey>()
  for (const [name, table, column, parent, parentColumn, onDelete, onUpdate, elsewhere] of rows) {
    const id = JSON.stringify([table, name])
    const key = keys.get(id)
    keys.set(id, {
      name: name!,
      table: table!,
      columns: [...(key?.columns ?? []), column!],
      parent: parent!,
      parentColumns: [...(key?.parentColumns ?? []), parentColumn!],
      onDelete: actionOf(onDelete!, mariadb),
      onUpdate: actionOf(onUpdate!, mariadb),
      ...(elsewhere == null
        ? {}
        : { unsupported: `it refers to ${parent} of another database, ${elsewhere}` }),
    })
  }
  return [...keys.values()]
}

/** Both are the same to InnoDB. MariaDB shows RESTRICT where a key says nothing, MySQL shows NO ACTION. */
function actionOf(rule: string, mariadb: boolean): ReferentialAction {
  const action = rule.toLowerCase() as ReferentialAction
  return mariadb && action === 'restrict' ? 'no action' : action
}
