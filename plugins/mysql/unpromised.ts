/** What an incremental run cannot promise of its source, because of what the table or the server is. */
import type { IncrementalRequest } from '../../src/contract/plugin.js'
import type { Session } from './connection.js'
import type { TableFacts } from './engines.js'
import { text } from './sql.js'

/** `reasons` are what the user has to see to, `warnings` what may be missed all the same. */
export interface Unpromised {
  readonly reasons: readonly string[]
  readonly warnings: readonly string[]
}

/** One look; what the user may not see is not said. */
export async function unpromised(
  session: Session,
  { table: { table }, column, kind, lag }: IncrementalRequest,
  { engine, kind: tableKind }: TableFacts,
): Promise<Unpromised> {
  const [row] = await session.query(
    `SELECT (SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = 'system user' AND COMMAND <> 'Daemon'),
       (SELECT GROUP_CONCAT(CONSTRAINT_NAME SEPARATOR ', ') FROM information_schema.REFERENTIAL_CONSTRAINTS
        WHERE CONSTRAINT_SCHEMA = DATABASE() AND TABLE_NAME = ${text(table)}
          AND (UPDATE_RULE IN ('CASCADE', 'SET NULL', 'SET DEFAULT') OR DELETE_RULE IN ('SET NULL', 'SET DEFAULT'))),
       (SELECT EXTRA LIKE '%on update%' FROM information_schema.COLUMNS
        WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ${text(table)} AND COLUMN_NAME = ${text(column.name)})`,
  )
  const [appliers, cascades, isStamped] = row!
  const isStampedHere = tableKind !== 'view' && isStamped === '1'
  return {
    reasons:
      kind === 'key' || isStampedHere
        ? []
        : [`${column.name} is not set by the server: a change that leaves it as it was is not seen`],
    warnings: [
      ...(tableKind === 'view' ? [viewWarning(table, column.name)] : []),
      ...(engine === null ? [] : engineWarnings(table, engine)),
      ...(appliers === '0' || (kind !== 'key' && lag !== null) ? [] : [replicaWarning(table, kind)]),
      ...(kind === 'key' || cascades == null
        ? []
        : [
            `foreign keys change rows of ${table} without their ${column.name} (${cascades}); mode "sync" finds those`,
          ]),
    ],
  }
}

function viewWarning(table: string, column: string): string {
  return (
    `source ${table} is a view: a row that comes into it, or changes, because of another table or another definition is read only when its ${column} rises; ` +
    'and whether its tables have transactions is not looked at'
  )
}

function engineWarnings(table: string, engine: string): string[] {
  switch (engine.toLowerCase()) {
    case 'innodb':
      return []
    case 'myisam':
    case 'aria':
    case 'memory':
    case 'archive':
    case 'csv':
      return [
        `source ${table} uses engine ${engine}, which has no transactions: what a failed statement or a rolled back transaction leaves is copied, and rows that ` +
          `${engine.toLowerCase() === 'memory' ? 'a restart empties out of it' : 'a crash takes from it'} stay in the target`,
      ]
    default:
      return [
        `source ${table} uses engine ${engine}, whose open transactions the server does not list: rows that are committed late may be missed. Use mode "sync" now and then, or "overlap" above the longest transaction`,
      ]
  }
}

function replicaWarning(table: string, kind: IncrementalRequest['kind']): string {
  const late = `rows of ${table} may also come from another server, by replication or in a cluster`
  return kind === 'key'
    ? `${late}, in another order than their keys: one that comes after a higher one was copied is missed. Read from the server that hands out the keys`
    : `${late}, later than their times say: set lag above the longest delay`
}
