import type { ForeignKey, ReferentialAction } from '../../src/contract/plugin.js'
import type { ForeignKeyStatements } from '../../src/sql/foreign-key-statements.js'
import { find } from '../../src/sql/tokens.js'
import type { Session } from './connection.js'
import { parseTable } from './ddl.js'
import { foreignKeyName } from './names.js'
import { serverFacts } from './server.js'
import { identifier } from './sql.js'

const UNCHECKED = 'SET SESSION foreign_key_checks = 0'
/** How long all databases of a server are looked through for keys that refer to one. */
const ELSEWHERE_SECONDS = 10
/** The user may not see the table, or nothing that says how it is made. */
const DENIED: ReadonlySet<number | undefined> = new Set([1044, 1142, 1143, 1227])

/**
 * With the checks switched off, a key is added at once; else the server makes the whole table anew. So the search for orphans is trusted, and
 * repeated when the key is there.
 */
export const mysqlForeignKeys: ForeignKeyStatements<Session> = {
  list: async (session) => [
    ...(await listForeignKeys(session)),
    ...(await listKeys(
      session,
      'TABLE_SCHEMA <> DATABASE() AND REFERENCED_TABLE_SCHEMA = DATABASE()',
      ELSEWHERE_SECONDS,
    )),
  ],
  async translate(_session, wanted) {
    const { deferrable: _, matchFull: __, ...key } = wanted
    if (key.onDelete === 'set default' || key.onUpdate === 'set default')
      return 'InnoDB does not support SET DEFAULT'
    return { ...key, name: foreignKeyName(key) }
  },
  unchecked: async () => [UNCHECKED],
  async ignoresCase(session) {
    const [row] = await session.query('SELECT @@lower_case_table_names')
    return row![0] !== '0'
  },
  uniqueNames: true,
  trust: UNCHECKED,
  drop: 'DROP FOREIGN KEY',
  searchSeconds: 600,
}

/** Those of the tables of the database. */
export function listForeignKeys(session: Session): Promise<readonly ForeignKey[]> {
  return listKeys(session, 'TABLE_SCHEMA = DATABASE()', 0)
}

/** None where that takes longer (0: whatever it takes): MariaDB opens every table that it looks at. */
async function listKeys(session: Session, whose: string, seconds: number): Promise<readonly ForeignKey[]> {
  const rows =
    (await session.search(
      {
        select: [
          'TABLE_SCHEMA, CONSTRAINT_NAME, TABLE_NAME, COLUMN_NAME, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME',
          'IF(TABLE_SCHEMA = DATABASE(), NULL, TABLE_SCHEMA)',
          'IF(REFERENCED_TABLE_SCHEMA = DATABASE(), NULL, REFERENCED_TABLE_SCHEMA)',
        ],
        from: 'information_schema.KEY_COLUMN_USAGE',
        where: [whose, 'REFERENCED_TABLE_NAME IS NOT NULL'],
        tail: ' ORDER BY TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION',
      },
      seconds,
    )) ?? []
  const rules = rows.length === 0 ? null : await listRules(session)
  const keys = new Map<string, ForeignKey>()
  for (const [schema, name, table, column, parent, parentColumn, tableIn, parentIn] of rows) {
    const id = JSON.stringify([schema, table, name])
    const key = keys.get(id)
    keys.set(id, {
      ...(key ?? (await rules!(schema!, table!, name!))),
      name: name!,
      table: table!,
      ...(tableIn != null && { tableIn }),
      columns: [...(key?.columns ?? []), column!],
      parent: parent!,
      ...(parentIn != null && {
        parentIn,
        unsupported: `it refers to ${parent} of another database, ${parentIn}`,
      }),
      parentColumns: [...(key?.parentColumns ?? []), parentColumn!],
    })
  }
  return [...keys.values()]
}

type Rules = Pick<ForeignKey, 'onDelete' | 'onUpdate' | 'unsupported'>

/** Of the keys of all tables that a database has, or that refer to one of them. MariaDB lists them for users who may do more than read a table. */
async function listRules(
  session: Session,
): Promise<(schema: string, table: string, name: string) => Promise<Rules>> {
  const { mariadb } = await serverFacts(session)
  const rows = await session.query(
    `SELECT CONSTRAINT_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, DELETE_RULE, UPDATE_RULE FROM information_schema.REFERENTIAL_CONSTRAINTS
     WHERE CONSTRAINT_SCHEMA = DATABASE()`,
  )
  const known = new Map(
    rows.map(([schema, table, name, onDelete, onUpdate]) => [
      JSON.stringify([schema, table, name]),
      { onDelete: actionOf(onDelete!, mariadb), onUpdate: actionOf(onUpdate!, mariadb) },
    ]),
  )
  return async (schema, table, name) =>
    known.get(JSON.stringify([schema, table, name])) ?? shownRules(session, mariadb, schema, table, name)
}

/** As SHOW CREATE TABLE has them. */
async function shownRules(
  session: Session,
  mariadb: boolean,
  ...[schema, table, name]: readonly [string, string, string]
): Promise<Rules> {
  const rows = await session
    .query(`SHOW CREATE TABLE ${identifier(schema)}.${identifier(table)}`)
    .catch((error: { errno?: number }) => {
      if (DENIED.has(error.errno)) return []
      throw error
    })
  const key = parseTable(rows[0]?.[1] ?? '').items.find(
    (item) => item.kind === 'foreign' && item.name === name,
  )
  if (key === undefined) {
    const unsupported = 'the user may not see its rules: grant SELECT on the whole table'
    return { onDelete: 'no action', onUpdate: 'no action', unsupported }
  }
  const ruleFor = (event: RegExp) => {
    const [, , rule = 'NO', next] =
      find(key.tokens, /^ON$/i, event, /^(SET|NO)$/i, WORD) ?? find(key.tokens, /^ON$/i, event, WORD) ?? []
    return /^NO$/i.test(rule) ? 'no action' : actionOf(next === undefined ? rule : `${rule} ${next}`, mariadb)
  }
  return { onDelete: ruleFor(/^DELETE$/i), onUpdate: ruleFor(/^UPDATE$/i) }
}

const WORD = /^\w+$/

/** Both are the same to InnoDB. MariaDB shows RESTRICT where a key says nothing, MySQL shows NO ACTION. */
function actionOf(rule: string, mariadb: boolean): ReferentialAction {
  const action = rule.toLowerCase() as ReferentialAction
  return mariadb && action === 'restrict' ? 'no action' : action
}
