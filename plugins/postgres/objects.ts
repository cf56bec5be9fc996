import type { DatabaseObject } from '../../src/contract/plugin.js'
import { parseTableName, showTableName } from '../../src/contract/plugin.js'
import type { ObjectTargetSql } from '../../src/sql/object-statements.js'
import { mustMatch } from '../../src/sql/sql-objects.js'
import type { SqlSession } from '../../src/sql/session.js'
import type { PostgresSession } from './session.js'
import { identifier, tableId, text } from './sql.js'

const OWN_SCHEMA = 'quote_ident(current_schema())::regnamespace'
/** Whatever an extension brings, it brings to the target as well. */
const NOT_OF_EXTENSIONS = (oid: string) =>
  `NOT EXISTS (SELECT FROM pg_catalog.pg_depend WHERE objid = ${oid} AND deptype = 'e')`

/** Routines first, since views and triggers call them. Each is the property of whoever makes it. */
export async function listObjects(session: SqlSession): Promise<readonly DatabaseObject[]> {
  const rows = await session.query(
    `SELECT 1, CASE prokind WHEN 'f' THEN 'function' WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'window function' END,
            concat(quote_ident(proname), '(', pg_catalog.pg_get_function_identity_arguments(oid), ')') AS name, NULL AS of
     FROM pg_catalog.pg_proc WHERE pronamespace = ${OWN_SCHEMA} AND ${NOT_OF_EXTENSIONS('oid')}
     UNION ALL SELECT 2, CASE relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'sequence' END, quote_ident(relname), NULL
     FROM pg_catalog.pg_class WHERE relnamespace = ${OWN_SCHEMA} AND ${NOT_OF_EXTENSIONS('oid')}
       AND (relkind IN ('v', 'm') OR relkind = 'S' AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend WHERE objid = pg_class.oid AND deptype IN ('a', 'i')))
     UNION ALL SELECT 3, 'trigger', quote_ident(tgname), relname
     FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = tgrelid
     WHERE relnamespace = ${OWN_SCHEMA} AND NOT tgisinternal AND coalesce(pg_catalog.to_jsonb(t)->>'tgparentid', '0') = '0'
     UNION ALL SELECT 4, 'rule', quote_ident(rulename), relname
     FROM pg_catalog.pg_rewrite JOIN pg_catalog.pg_class c ON c.oid = ev_class WHERE relnamespace = ${OWN_SCHEMA} AND rulename <> '_RETURN'
     UNION ALL SELECT 5, 'policy', quote_ident(polname), relname
     FROM pg_catalog.pg_policy JOIN pg_catalog.pg_class c ON c.oid = polrelid WHERE relnamespace = ${OWN_SCHEMA}
     ORDER BY 1, 4, 3`,
  )
  return rows.map(([, kind, name, table]) => ({
    kind: kind!,
    name: name!,
    table: table == null ? null : showTableName({ name: table }),
    definer: null,
    ...(Object.hasOwn(DDL, kind!) ? {} : { unsupported: `what a ${kind} says is not copied` }),
  }))
}

/** The statements that make an object, in the schema that a session looks in first; each is a row. */
const DDL: Readonly<Record<string, (object: DatabaseObject) => string>> = {
  function: routineSql,
  procedure: routineSql,
  view: relationSql,
  'materialized view': relationSql,
  trigger: ({ name, table }) =>
    `SELECT pg_catalog.pg_get_triggerdef(oid, true) FROM pg_catalog.pg_trigger
     WHERE tgrelid = ${tableId(table!)} AND quote_ident(tgname) = ${text(name)} AND NOT tgisinternal`,
}

export async function objectDdl(session: SqlSession, object: DatabaseObject): Promise<string> {
  const rows = await session.query(DDL[object.kind]!(object))
  return JSON.stringify(rows.map(([sql]) => sql))
}

/** Its definition names the schema, and the target's may have another name. */
function routineSql({ name }: DatabaseObject): string {
  return `SELECT regexp_replace(pg_catalog.pg_get_functiondef(oid), '^CREATE OR REPLACE (FUNCTION|PROCEDURE) ([^("]|"[^"]*")*\\(',
            concat('CREATE \\1 ', replace(quote_ident(proname), '\\', '\\\\'), '('))
     FROM pg_catalog.pg_proc WHERE pronamespace = ${OWN_SCHEMA} AND concat(quote_ident(proname), '(', pg_catalog.pg_get_function_identity_arguments(oid), ')') = ${text(name)}`
}

function relationSql({ kind, name }: DatabaseObject): string {
  const oid = `to_regclass(concat(quote_ident(current_schema()), '.', ${text(name)}))`
  return `SELECT concat('CREATE ${kind.toUpperCase()} ', ${text(name)},
              CASE WHEN reloptions IS NOT NULL THEN concat(' WITH (', array_to_string(reloptions, ', '), ')') END,
              ' AS ', rtrim(pg_catalog.pg_get_viewdef(oid), '; '))
     FROM pg_catalog.pg_class WHERE oid = ${oid}
     UNION ALL SELECT concat('CREATE ', CASE WHEN indisunique THEN 'UNIQUE ' END, 'INDEX ', quote_ident(relname), ' ON ', ${text(name)},
              substr(pg_catalog.pg_get_indexdef(indexrelid), strpos(pg_catalog.pg_get_indexdef(indexrelid), ' USING ')))
     FROM pg_catalog.pg_index JOIN pg_catalog.pg_class i ON i.oid = indexrelid WHERE indrelid = ${oid}`
}

export const postgresObjects: ObjectTargetSql<PostgresSession> = {
  list: listObjects,
  async create(session, object, ddl) {
    const { kind, name, table } = object
    const statements = JSON.parse(ddl) as string[]
    const escaped = (value: string) => value.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&')
    const own =
      kind === 'trigger'
        ? `(CONSTRAINT )?TRIGGER ${escaped(name)} [^]* ON (${identifiersOf(table!).map(escaped).join('|')}) `
        : `${kind.toUpperCase()} ${escaped(ROUTINE_NAME.exec(name)![0])}(?=[\\s(])`
    const index = new RegExp(`^CREATE (UNIQUE )?INDEX [^;]* ON ${escaped(name)} USING [^;]*$`)
    for (const [i, sql] of statements.entries())
      mustMatch(object, sql, i === 0 ? new RegExp(`^CREATE ${own}`, 'i') : index)
    // Bodies may name what comes later.
    await session.query('SET check_function_bodies = off')
    await session.begin()
    // Each is sent so that the server takes one statement only.
    for (const sql of statements) await session.runOne(sql)
    await session.commit()
  },
}

/** Of a routine, without its arguments; of anything else, all of it. */
const ROUTINE_NAME = /^("([^"]|"")*"|[^"(]+)/

/** As a server may show it: in quotes where it has to be, which its words in use decide as well. */
function identifiersOf(table: string): string[] {
  const { name } = parseTableName(table)
  return /^[a-z_][a-z0-9_]*$/.test(name) ? [name, identifier(name)] : [identifier(name)]
}
