import type { ForeignKey, ReferentialAction } from '../../src/contract/plugin.js'
import { readTableName, showTableName } from '../../src/contract/plugin.js'
import type { ForeignKeyStatements } from '../../src/sql/foreign-key-statements.js'
import { sqlState } from './errors.js'
import type { PostgresSession } from './session.js'
import { isLong, tableId, tableSql, text } from './sql.js'

const UNCHECKED = 'SET session_replication_role = replica'
const NO_RIGHTS = '42501'

const ACTIONS: Readonly<Record<string, ReferentialAction>> = {
  a: 'no action',
  r: 'restrict',
  c: 'cascade',
  n: 'set null',
  d: 'set default',
}

export const postgresForeignKeys: ForeignKeyStatements<PostgresSession> = {
  list: listForeignKeys,
  /** The server finds a name that is short enough itself, where no other key has it. */
  async translate(session, key) {
    if (key.name === null || !isLong(key.name)) return key
    const bytes = `octet_length(${text(key.name)})`
    const [row] = await session.query(
      `SELECT (${bytes} > current_setting('max_identifier_length')::int)::int`,
    )
    return row![0] === '1' ? { ...key, name: null } : key
  },
  /** Takes a privilege: that of a superuser, or one that is granted for this setting. Triggers do not run then, either. */
  async unchecked(session, triggers, tables) {
    if (triggers) return 'triggers would not run, which they are allowed to'
    if (await changesMore(session, tables))
      return 'switching that off would switch off a UNIQUE constraint that is DEFERRABLE, or set off a trigger that is enabled for replicas'
    await session.begin()
    try {
      await session.query(UNCHECKED.replace('SET', 'SET LOCAL'))
      return [UNCHECKED]
    } catch (error) {
      if (sqlState(error) === NO_RIGHTS) return 'the user may not switch that off'
      throw error
    } finally {
      await session.rollback()
    }
  },
  drop: 'DROP CONSTRAINT',
  searchSeconds: 600,
}

/** Constraints that can wait are enforced by triggers of the server's own, which a session of a replica does not run; those of replicas it does. */
async function changesMore(session: PostgresSession, tables: readonly string[]): Promise<boolean> {
  if (tables.length === 0) return false
  const [row] = await session.query(
    `SELECT (EXISTS (
       SELECT FROM unnest(ARRAY[${tables.map(tableId).join(', ')}]) AS wanted (top)
         CROSS JOIN LATERAL (SELECT top::oid UNION SELECT relid::oid FROM pg_catalog.pg_partition_tree(top)) AS parts (id)
       WHERE EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conrelid = id AND condeferrable AND contype IN ('p', 'u', 'x'))
         OR EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = id AND tgenabled = 'R' AND NOT tgisinternal)))::int`,
  )
  return row![0] === '1'
}

/**
 * Of the schema that the connection looks in first, of those `tables` that are named with a schema, and those that refer to one of them. Partitions
 * have those of their table.
 */
export async function listForeignKeys(
  session: PostgresSession,
  tables: readonly string[],
): Promise<readonly ForeignKey[]> {
  const named = [...new Set(tables)].filter((table) => readTableName(table)?.schema !== undefined)
  const list = (texts: readonly string[]) => `ARRAY[${texts.map(text).join(', ')}]::text[]`
  const columns = (table: string, numbers: string) =>
    `(SELECT json_agg(attname ORDER BY place) FROM unnest(${numbers}) WITH ORDINALITY AS n (num, place)
      JOIN pg_catalog.pg_attribute ON attrelid = ${table} AND attnum = num)`
  const elsewhere = (schema: string, asked: string) =>
    `CASE WHEN ${asked} IS NULL AND own IS DISTINCT FROM ${schema} THEN (SELECT nspname FROM pg_catalog.pg_namespace WHERE oid = ${schema}) END`
  const rows = await session.query(
    `WITH asked AS (
       SELECT to_regclass(quoted)::oid AS id, shown FROM unnest(${list(named.map(tableSql))}, ${list(named)}) AS a (quoted, shown))
     SELECT conname, c.relname, ${columns('conrelid', 'conkey')}, p.relname, ${columns('confrelid', 'confkey')},
            confdeltype, confupdtype, (confmatchtype = 'f')::int, condeferrable::int, condeferred::int,
            child.shown, parent.shown, ${elsewhere('c.relnamespace', 'child.id')}, ${elsewhere('p.relnamespace', 'parent.id')},
            (to_jsonb(k)->>'confdelsetcols' IS NOT NULL)::int, (NOT convalidated)::int
     FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = conrelid JOIN pg_catalog.pg_class p ON p.oid = confrelid
       CROSS JOIN (SELECT quote_ident(current_schema())::regnamespace::oid) AS here (own)
       LEFT JOIN asked AS child ON child.id = conrelid LEFT JOIN asked AS parent ON parent.id = confrelid
     WHERE contype = 'f' AND conparentid = 0 AND NOT c.relispartition
       AND (own IN (c.relnamespace, p.relnamespace) OR child.id IS NOT NULL OR parent.id IS NOT NULL)
     ORDER BY c.relname, conname`,
  )
  return rows.map((row) => {
    const [
      name,
      table,
      own,
      parent,
      parents,
      onDelete,
      onUpdate,
      full,
      deferrable,
      deferred,
      tableAsked,
      parentAsked,
      tableIn,
      ...odd
    ] = row
    const unsupported = oddity(parent!, odd)
    const [parentIn] = odd
    return {
      name: name!,
      table: tableAsked ?? showTableName({ name: table! }),
      ...(tableIn != null && { tableIn }),
      columns: JSON.parse(own!) as string[],
      parent: parentAsked ?? showTableName({ name: parent! }),
      ...(parentIn != null && { parentIn }),
      parentColumns: JSON.parse(parents!) as string[],
      onDelete: ACTIONS[onDelete!]!,
      onUpdate: ACTIONS[onUpdate!]!,
      ...(full === '1' && { matchFull: true as const }),
      ...(deferrable === '1' && {
        deferrable: deferred === '1' ? ('deferred' as const) : ('immediate' as const),
      }),
      ...(unsupported !== null && { unsupported }),
    }
  })
}

function oddity(
  parent: string,
  [schema, some, loose]: readonly (string | null | undefined)[],
): string | null {
  if (schema != null) return `it refers to ${parent} of another schema, ${schema}`
  if (some === '1') return 'it sets some of its columns only'
  return loose === '1' ? 'it is NOT VALID in the source, where rows may lack their parent' : null
}
