import type { DatabaseObject } from '../../src/contract/plugin.js'
import type { ObjectTargetSql } from '../../src/sql/object-statements.js'
import { mustMatch } from '../../src/sql/sql-objects.js'
import type { Session } from './connection.js'
import { grantsOnDatabase } from './grants.js'
import { identifier, text } from './sql.js'

/** What the server shows of an object. Its literals and comparisons mean what the session that has made it says. */
interface ShownObject {
  readonly sql: string
  readonly mode: string
  readonly collation: string
}

/** Where SHOW CREATE has the statement, the mode and the collation. */
const SHOWN: Readonly<
  Record<string, { readonly sql: number; readonly mode: number | null; readonly collation: number }>
> = {
  view: { sql: 1, mode: null, collation: 3 },
  trigger: { sql: 2, mode: 1, collation: 4 },
  function: { sql: 2, mode: 1, collation: 4 },
  procedure: { sql: 2, mode: 1, collation: 4 },
  event: { sql: 3, mode: 1, collation: 5 },
}

const NAME = '(?:`(?:[^`]|``)+`|[\\w$\\u0080-\\uffff]+)'
/** `user`@`host`, or a role. */
const DEFINER = new RegExp(`\\sDEFINER\\s*=\\s*${NAME}(?:@${NAME})?(?=\\s)`, 'i')

/** Routines first, since views and triggers call them; events last. */
export async function listObjects(session: Session): Promise<readonly DatabaseObject[]> {
  const rows = await session.query(
    `SELECT 1 AS place, LOWER(ROUTINE_TYPE), ROUTINE_NAME, NULL, DEFINER, ROUTINE_NAME AS sorted FROM information_schema.ROUTINES
     WHERE ROUTINE_SCHEMA = DATABASE()
     UNION ALL SELECT 2, 'view', TABLE_NAME, NULL, DEFINER, TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE()
     UNION ALL SELECT 3, 'trigger', TRIGGER_NAME, EVENT_OBJECT_TABLE, DEFINER,
       CONCAT(EVENT_OBJECT_TABLE, '\\n', ACTION_TIMING, EVENT_MANIPULATION, LPAD(ACTION_ORDER, 10, '0'))
     FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()
     UNION ALL SELECT 4, 'event', EVENT_NAME, NULL, DEFINER, EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()
     UNION ALL SELECT 5, 'sequence', TABLE_NAME, NULL, NULL, TABLE_NAME FROM information_schema.TABLES
     WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'SEQUENCE'
     ORDER BY 1, 6`,
  )
  return rows.map(([, kind, name, table, definer]) => ({
    kind: kind!,
    name: name!,
    table: table ?? null,
    definer: definer ?? null,
    ...(Object.hasOwn(SHOWN, kind!) ? {} : { unsupported: `what a ${kind} says is not copied` }),
  }))
}

/** The server tells users without these privileges nothing of what others have made. */
const TOLD_BY: Readonly<Record<string, RegExp>> = {
  'triggers (TRIGGER)': /^TRIGGER$/,
  'routines (EXECUTE)': /^(EXECUTE|ALTER ROUTINE|CREATE ROUTINE|SHOW_ROUTINE)$/,
  'events (EVENT)': /^EVENT$/,
}

/** By privileges of the user for the whole database; those of roles and of single tables are shown in ways of each server. */
export async function unseenObjects(session: Session): Promise<readonly string[]> {
  const { given } = await grantsOnDatabase(session)
  if (given.includes('ALL PRIVILEGES')) return []
  return Object.keys(TOLD_BY).filter((kind) => !given.some((privilege) => TOLD_BY[kind]!.test(privilege)))
}

export async function objectDdl(session: Session, { kind, name }: DatabaseObject): Promise<string> {
  const [row] = await session.query(`SHOW CREATE ${kind.toUpperCase()} ${identifier(name)}`)
  const { sql, mode, collation } = SHOWN[kind]!
  const shown: ShownObject = {
    sql: row?.[sql] ?? '',
    mode: (mode === null ? null : row?.[mode]) ?? '',
    collation: row?.[collation] ?? '',
  }
  return JSON.stringify(shown)
}

export const mysqlObjects: ObjectTargetSql<Session> = {
  list: listObjects,
  async create(session, object, ddl, definer) {
    const { sql, mode, collation } = JSON.parse(ddl) as ShownObject
    const local = withoutDatabase(object, sql)
    mustMatch(object, local, headerOf(object))
    if (mode !== '') await session.query(`SET SESSION sql_mode = ${text(await modeHere(session, mode))}`)
    await useCollation(session, collation)
    await session.run(definer === 'keep' ? local : local.replace(DEFINER, ''))
  },
}

/** A trigger is shown as it was typed, with the database that it was typed with. */
function withoutDatabase({ kind }: DatabaseObject, sql: string): string {
  if (kind !== 'trigger') return sql
  const before = new RegExp(
    `^(CREATE\\b[^]*?\\bTRIGGER\\s+(?:IF\\s+NOT\\s+EXISTS\\s+)?)${NAME}\\s*\\.\\s*(?=${NAME})`,
    'i',
  )
  const on = new RegExp(
    `^(CREATE\\b[^]*?\\b(?:INSERT|UPDATE|DELETE)\\s+ON\\s+)${NAME}\\s*\\.\\s*(?=${NAME})`,
    'i',
  )
  return sql.replace(before, '$1').replace(on, '$1')
}

/** The connection takes one statement at a time, so that what follows is the body. */
function headerOf({ kind, name, table }: DatabaseObject): RegExp {
  const named = (value: string) => {
    const plain = value.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&')
    return `(?:\`${plain.replaceAll('`', '``')}\`|${plain})`
  }
  const options = `(?:\\s+(?:ALGORITHM\\s*=\\s*\\w+|SQL\\s+SECURITY\\s+\\w+|AGGREGATE|DEFINER\\s*=\\s*${NAME}(?:@${NAME})?))*`
  const follows =
    kind === 'trigger'
      ? `\\s+(?:BEFORE|AFTER)\\s+\\w+\\s+ON\\s+${named(table!)}\\s`
      : kind === 'view'
        ? '\\s+(?:\\(|AS\\s)'
        : kind === 'event'
          ? '\\s+ON\\s+SCHEDULE\\s'
          : '\\s*\\('
  return new RegExp(
    `^CREATE${options}\\s+${kind}\\s+(?:IF\\s+NOT\\s+EXISTS\\s+)?${named(name)}${follows}`,
    'i',
  )
}

/** Without modes that this server does not have. */
async function modeHere(session: Session, mode: string): Promise<string> {
  const modes: string[] = []
  for (const each of mode.split(',')) {
    const taken = await session.query(`SET SESSION sql_mode = ${text(each)}`).then(
      () => true,
      (error: { errno?: number }) => {
        if (error.errno === WRONG_VALUE) return false
        throw error
      },
    )
    if (taken) modes.push(each)
  }
  return modes.join(',')
}

const WRONG_VALUE = 1231
const UNKNOWN_COLLATION = 1273

/** Literals are sent in the character set of the connection; only a collation of that is taken over. */
async function useCollation(session: Session, collation: string): Promise<void> {
  if (!collation.startsWith('utf8mb4_')) return
  await session
    .query(`SET SESSION collation_connection = ${text(collation)}`)
    .catch((error: { errno?: number }) => {
      if (error.errno !== UNKNOWN_COLLATION) throw error
    })
}
