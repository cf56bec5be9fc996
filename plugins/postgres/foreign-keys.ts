import type { ForeignKey, ReferentialAction } from '../../src/contract/plugin.js'
import { showTableName } from '../../src/contract/plugin.js'
import type { ForeignKeyStatements } from '../../src/sql/foreign-key-statements.js'
import { sqlState } from './errors.js'
import type { PostgresSession } from './session.js'

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
  translate: async (_session, key) => key,
  /** Takes a privilege: that of a superuser, or one that is granted for this setting. Triggers do not run then, either. */
  async unchecked(session, triggers) {
    if (triggers) return null
    await session.begin()
    try {
      await session.query(UNCHECKED.replace('SET', 'SET LOCAL'))
      return [UNCHECKED]
    } catch (error) {
      if (sqlState(error) === NO_RIGHTS) return null
      throw error
    } finally {
      await session.rollback()
    }
  },
  drop: 'DROP CONSTRAINT',
  searchSeconds: 600,
}

/** Of the schema that the connection looks in first. Partitions have those of their table. */
export async function listForeignKeys(session: PostgresSession): Promise<readonly ForeignKey[]> {
  const columns = (table: string, numbers: string) =>
    `(SELECT json_agg(attname ORDER BY place) FROM unnest(${numbers}) WITH ORDINALITY AS n (num, place)
      JOIN pg_catalog.pg_attribute ON attrelid = ${table} AND attnum = num)`
  const rows = await session.query(
    `SELECT conname, c.relname, ${columns('conrelid', 'conkey')}, p.relname, ${columns('confrelid', 'confkey')},
            confdeltype, confupdtype, (confmatchtype = 'f')::int, condeferrable::int, condeferred::int,
            CASE WHEN p.relnamespace <> c.relnamespace THEN p.relnamespace::regnamespace::text END,
            (to_jsonb(k)->>'confdelsetcols' IS NOT NULL)::int, (NOT convalidated)::int
     FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = conrelid JOIN pg_catalog.pg_class p ON p.oid = confrelid
     WHERE contype = 'f' AND conparentid = 0 AND c.relnamespace = current_schema()::regnamespace AND NOT c.relispartition
     ORDER BY c.relname, conname`,
  )
  return rows.map((row) => {
    const [name, table, own, parent, parents, onDelete, onUpdate, full, deferrable, deferred, ...odd] = row
    const unsupported = oddity(parent!, odd)
    return {
      name: name!,
      table: showTableName({ name: table! }),
      columns: JSON.parse(own!) as string[],
      parent: showTableName({ name: parent! }),
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
