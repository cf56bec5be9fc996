import type { Column, TableSchema } from '../../src/contract/plugin.js'
import { parseTableName, showTableName } from '../../src/contract/plugin.js'
import type { SqlRow, SqlSession } from '../../src/sql/session.js'
import { keysOf, noTable } from '../../src/sql/table-keys.js'
import { CTID } from './location.js'
import { tableId } from './sql.js'
import type { TypeFacts } from './types.js'
import { described } from './types.js'

/** What a table is, beyond its columns and keys. */
export interface TableFacts {
  readonly oid: string
  readonly kind: 'table' | 'partitioned' | 'view' | 'materialized view' | 'foreign'
  readonly schema: string
  readonly name: string
  /** Tables that inherit from it, partitions included. */
  readonly children: boolean
}

const KINDS: Readonly<Record<string, TableFacts['kind']>> = {
  r: 'table',
  p: 'partitioned',
  v: 'view',
  m: 'materialized view',
  f: 'foreign',
}

/** The table, and all that inherit from it. */
export const PARTS = (oid: string) =>
  `parts AS (SELECT ${oid}::oid AS part UNION SELECT inhrelid FROM pg_catalog.pg_inherits JOIN parts ON inhparent = part)`

/** Throws TABLE_NOT_FOUND. */
export async function describeFacts(session: SqlSession, table: string): Promise<TableFacts> {
  const [row] = await ask(
    session,
    table,
    `SELECT c.oid, c.relkind, n.nspname, c.relname,
            (EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhparent = c.oid))::int
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.oid = ${tableId(table)}`,
  )
  const [oid, relkind, schema, name, children] = row ?? []
  const kind = KINDS[relkind ?? '']
  const named = parseTableName(table)
  if (kind !== undefined && (isCut(named.name, name!) || isCut(named.schema ?? '', schema!)))
    throw noTable(table, session.where, ` The server cuts that name, to that of another table: ${name}.`)
  if (kind === undefined) {
    const hint = table.includes('.') ? '' : ' Write schema.table, if it is in a schema that is not searched.'
    throw noTable(table, session.where, hint)
  }
  return { oid: oid!, kind, schema: schema!, name: name!, children: children === '1' }
}

/** Names that are too long are looked up by what is left of them. */
function isCut(name: string, found: string): boolean {
  return name.length > found.length && name.startsWith(found)
}

export async function describeTable(session: SqlSession, table: string): Promise<TableSchema> {
  const facts = await describeFacts(session, table)
  const { oid, kind, children } = facts
  const columns = await describeColumns(session, table, oid)
  const { keys, otherKeys } = await keysOfTable(session, table, facts, columns)
  const [size] = await ask(
    session,
    table,
    `WITH RECURSIVE ${PARTS(oid)}, sizes AS (
       SELECT reltuples, relpages, pg_catalog.pg_relation_size(c.oid) AS bytes FROM parts JOIN pg_catalog.pg_class c ON c.oid = part
       WHERE relkind IN ('r', 'm'))
     SELECT round(sum(CASE WHEN relpages > 0 THEN reltuples * (bytes / relpages / current_setting('block_size')::float8) END)),
            sum(bytes), (SELECT system_identifier FROM pg_catalog.pg_control_system()),
            (SELECT timeline_id FROM pg_catalog.pg_control_checkpoint()),
            (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()),
            (current_setting('server_version_num')::int >= 140000)::int
     FROM sizes`,
  )
  const [rows, bytes, system, timeline, database, hasRanges] = size!
  const estimatedRows = rows === null || rows === undefined || rows === '0' ? null : Number(rows)
  const keyed = new Set(keys.flatMap((key) => key.columns))
  return {
    table,
    identity: JSON.stringify([system, timeline, database, oid]),
    columns: columns.map((column) => (keyed.has(column.name) ? inKey(column) : column)),
    keys,
    otherKeys,
    // Older servers read all of a table to find a range of it.
    ...(hasRanges === '1' && !children && /^(table|materialized view)$/.test(kind) && { location: CTID }),
    estimatedRows,
    estimatedRowBytes: estimatedRows && Math.max(1, Math.round(Number(bytes) / estimatedRows)),
  }
}

/** Of the schema that the connection looks in first. */
export async function listTables(session: SqlSession): Promise<string[]> {
  const sql = `SELECT relname FROM pg_catalog.pg_class
     WHERE relnamespace = quote_ident(current_schema())::regnamespace AND relkind IN ('r', 'p', 'f') AND NOT relispartition ORDER BY 1`
  const rows = await session.query(sql).catch((error: unknown) => {
    throw session.dialect.error(error, `listing the tables of ${session.where}`)
  })
  return rows.map(([name]) => showTableName({ name: name! }))
}

/** What a value of an expression is; `sql` is one that gives NULL. */
export async function describeType(
  session: SqlSession,
  sql: string,
): Promise<Pick<Column, 'kind' | 'type' | 'valueRange'>> {
  const from = `SELECT 1 AS attnum, pg_catalog.pg_typeof(${sql})::oid AS atttypid, -1 AS atttypmod`
  const rows = await session.query(typesSql(from))
  return { type: rows[0]![1]!, ...described(typeFacts(rows[0]!)) }
}

/** The types of numbered columns; of a domain, the type below all domains. */
function typesSql(from: string): string {
  return `WITH RECURSIVE own AS (${from}), base (num, type, modifier, required, filled) AS (
       SELECT attnum, atttypid, atttypmod, false, false FROM own
       UNION ALL
       SELECT num, typbasetype, CASE WHEN modifier >= 0 THEN modifier ELSE typtypmod END, required OR typnotnull,
              filled OR typdefault IS NOT NULL
       FROM base JOIN pg_catalog.pg_type t ON t.oid = type WHERE typtype = 'd')
     SELECT num, pg_catalog.format_type(atttypid, atttypmod), pg_catalog.format_type(type, modifier),
            CASE WHEN t.oid < 16384 OR typname = 'citext' AND pg_catalog.pg_type_is_visible(t.oid) THEN typname END, modifier,
            (SELECT json_agg(enumlabel ORDER BY enumsortorder) FROM pg_catalog.pg_enum WHERE enumtypid = t.oid),
            current_setting('server_encoding'), required::int, filled::int,
            CASE WHEN typname = 'money' AND '1.5'::money::numeric = 1.5 THEN scale('1'::money::numeric) END,
            current_setting('lc_monetary')
     FROM base JOIN pg_catalog.pg_type t ON t.oid = type JOIN own ON attnum = num WHERE typtype <> 'd'`
}

function typeFacts([, , type, base, modifier, labels, encoding, , , money, lcMonetary]: SqlRow): TypeFacts {
  return {
    base: base ?? '',
    type: type!,
    modifier: Number(modifier),
    labels: labels == null ? null : (JSON.parse(labels) as string[]),
    encoding: encoding!,
    moneyScale: money == null ? null : Number(money),
    lcMonetary: lcMonetary!,
  }
}

async function describeColumns(session: SqlSession, table: string, oid: string): Promise<Column[]> {
  const from = `SELECT attnum, atttypid, atttypmod FROM pg_catalog.pg_attribute
     WHERE attrelid = ${oid} AND attnum > 0 AND NOT attisdropped`
  const types = new Map((await ask(session, table, typesSql(from))).map((row) => [row[0], row]))
  const columns = await ask(
    session,
    table,
    `SELECT attnum, attname, attnotnull::int, (atthasdef OR attidentity <> '')::int, (attgenerated <> '')::int,
            CASE attcollation WHEN 0 THEN NULL WHEN 100 THEN ${collationName('d')} ELSE ${collationName('c')} END
     FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_collation c ON c.oid = attcollation
          JOIN pg_catalog.pg_database d ON datname = current_database()
     WHERE attrelid = ${oid} AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
  )
  return columns.map(([number, name, required, filled, generated, collation]) => {
    const type = types.get(number!)!
    return {
      name: name!,
      type: type[1]!,
      ...described(typeFacts(type)),
      nullable: required === '0' && type[7] === '0',
      hasDefault: (filled === '1' || type[8] === '1') && generated === '0',
      generated: generated === '1',
      ...(collation == null ? {} : { collation }),
      ...(collation == null || collation.endsWith(VAGUE) || type[3] === 'citext'
        ? {}
        : { equalByBytes: true }),
    }
  })
}

/** Of a collation by which different texts may be equal. */
export const VAGUE = 'not deterministic'

/** The rules of a collation, and their version. Catalogs of older and newer servers have them in other columns. */
function collationName(row: 'c' | 'd'): string {
  const json = `pg_catalog.to_jsonb(${row})`
  const field = (...names: string[]) => names.map((name) => `${json}->>'${name}'`).join(', ')
  const rules = `coalesce(${field('colllocale', 'colliculocale', 'collcollate', 'datlocale', 'daticulocale', 'datcollate')})`
  return `(CASE WHEN ${rules} IN ('C', 'POSIX') THEN 'C' ELSE concat_ws(' ', ${field('collprovider', 'datlocprovider')}, ${rules},
     ${field('collversion', 'datcollversion')}, CASE ${json}->>'collisdeterministic' WHEN 'false' THEN '${VAGUE}' END) END)`
}

/**
 * Unique indexes that an INSERT looks at: not those of some rows, of expressions, or that wait for the end of the transaction. Those of another
 * collation, and those of a table that others inherit from, do not tell all rows apart.
 */
async function keysOfTable(
  session: SqlSession,
  table: string,
  { oid, kind, children }: TableFacts,
  columns: readonly Column[],
): Promise<Required<Pick<TableSchema, 'keys' | 'otherKeys'>>> {
  if (kind === 'table' && children) return { keys: [], otherKeys: [] }
  const parts = await ask(
    session,
    table,
    `SELECT relname, indisprimary::int, attname,
            CASE WHEN NOT indisvalid THEN 'is not valid' WHEN NOT indimmediate THEN 'is DEFERRABLE' WHEN indpred IS NOT NULL THEN 'is of some rows only' END
     FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = indexrelid
          CROSS JOIN generate_series(0, indnkeyatts - 1) AS part
          JOIN pg_catalog.pg_opclass o ON o.oid = indclass[part]
          LEFT JOIN pg_catalog.pg_attribute ON attrelid = indrelid AND attnum = indkey[part] AND attnum > 0
               AND attcollation = indcollation[part] AND opcdefault
     WHERE indrelid = ${oid} AND indisunique
     ORDER BY indisprimary DESC, relname, part`,
  )
  const nullable = new Set(columns.flatMap((column) => (column.nullable ? [column.name] : [])))
  const usable = parts.filter(([, , , why]) => why == null)
  const keys = keysOf(
    usable.map(([key, primary, column]) => ({
      key: key!,
      primary: primary === '1',
      column: column ?? null,
      nullable: nullable.has(column ?? ''),
    })),
  )
  const otherKeys = parts.flatMap(([key, , , why]) => (why == null ? [] : [`${key} ${why}`]))
  return { keys, otherKeys: [...new Set(otherKeys)] }
}

/** An index takes long values only where they compress well, so other databases look at each of them. */
function inKey(column: Column): Column {
  const { kind, valueRange } = column
  const unbounded = kind === 'bytes' || (kind === 'text' && valueRange.subtypes === undefined)
  if (!unbounded || valueRange.maxChars !== undefined) return column
  return { ...column, valueRange: { ...valueRange, dynamic: true } }
}

function ask(session: SqlSession, table: string, sql: string): Promise<readonly SqlRow[]> {
  return session.query(sql).catch((error: unknown) => {
    throw session.dialect.error(error, `describing table ${table} in ${session.where}`, { table })
  })
}
