import type { SourceDdl } from '../../src/contract/plugin.js'
import { columnsBeyond, manyDigits } from '../../src/sql/row-search.js'
import type { SqlSession } from '../../src/sql/session.js'
import { describeFacts, describeTable } from './schema.js'
import { identifier, text } from './sql.js'
import { cellOf } from './types.js'

export const FAMILY = 'postgres'

/** What a table is made of; the server has no statement that shows it. Each stands in `SourceDdl.statements` as JSON. */
export type Part =
  | {
      readonly column: string
      readonly type: string
      /** Of a type that is not built in: what its values are made of where the target does not have it. */
      readonly own: { readonly base: string | null; readonly labels: readonly string[] | null } | null
      readonly collation: string | null
      readonly notNull: boolean
      /** `ALWAYS` or `BY DEFAULT`: the column numbers rows. A serial column does, too. */
      readonly identity: string | null
      /** Of what numbers it: the next number, and what is added to that. null: nothing does, or the user may not see that, or no number is left. */
      readonly sequence: { readonly next: string; readonly step: string } | null
      readonly generated: string | null
      readonly default: string | null
      readonly comment: string | null
    }
  | { readonly constraint: string; readonly sql: string }
  /** `sql` follows the name of the table. */
  | { readonly index: string; readonly unique: boolean; readonly sql: string }
  | { readonly comment: string }

export async function sourceDdl(session: SqlSession, table: string): Promise<SourceDdl> {
  const { oid, kind } = await describeFacts(session, table)
  const parts = (sql: string) => askParts(session, table, sql)
  const isTable = kind === 'table' || kind === 'partitioned'
  const columns = await withSequences(session, oid, await parts(columnsSql(oid)))
  const others = isTable ? await parts(othersSql(oid)) : []
  const [[version] = ['']] = await session.query('SHOW server_version_num')
  const defaults = columns.flatMap((part) => {
    const value = 'column' in part && part.default !== null ? literalDefault(part.default) : null
    return value === null ? [] : [[(part as { column: string }).column, value]]
  })
  return {
    family: FAMILY,
    version: version!,
    statements: isTable ? [...columns, ...others].map((part) => JSON.stringify(part)) : null,
    defaults: Object.fromEntries(defaults) as Record<string, string>,
    numbered: columns.flatMap((part) => ('column' in part && part.identity !== null ? [part.column] : [])),
    next: Object.fromEntries(
      columns.flatMap((part) =>
        'column' in part && part.sequence ? [[part.column, part.sequence.next]] : [],
      ),
    ) as Record<string, string>,
    extras: [...[...columns, ...others].flatMap(extrasOf), ...(await unkept(session, oid, kind))],
    foreignKeys: await foreignKeyNames(session, oid),
  }
}

async function withSequences(session: SqlSession, oid: string, columns: readonly Part[]): Promise<Part[]> {
  const found: Part[] = []
  for (const part of columns) {
    const numbered = 'column' in part && part.identity !== null ? part : null
    found.push(numbered ? { ...numbered, sequence: await nextNumber(session, oid, numbered.column) } : part)
  }
  return found
}

async function nextNumber(session: SqlSession, oid: string, column: string) {
  const owned = `pg_get_serial_sequence(${oid}::regclass::text, ${text(column)})`
  const [[sequence, mayBeSeen] = []] = await session.query(
    `SELECT seq, has_sequence_privilege(seq, 'SELECT')::int FROM (SELECT ${owned} AS seq) AS found WHERE seq IS NOT NULL`,
  )
  if (sequence == null || mayBeSeen !== '1') return null
  const [[next, step] = []] = await session.query(
    `SELECT CASE WHEN is_called THEN last_value::numeric + seqincrement ELSE last_value END, seqincrement
     FROM ${sequence}, pg_sequence WHERE seqrelid = ${text(sequence)}::regclass
       AND CASE WHEN is_called THEN last_value::numeric + seqincrement ELSE last_value END BETWEEN seqmin AND seqmax`,
  )
  return next == null ? null : { next, step: step! }
}

/** What no created table gets. */
async function unkept(session: SqlSession, oid: string, kind: string): Promise<string[]> {
  const rows = await session.query(
    `SELECT concat('trigger ', tgname) FROM pg_trigger WHERE tgrelid = ${oid} AND NOT tgisinternal
     UNION ALL SELECT concat('rule ', rulename) FROM pg_rewrite WHERE ev_class = ${oid} AND rulename <> '_RETURN'
     UNION ALL SELECT concat('policy ', polname) FROM pg_policy WHERE polrelid = ${oid}`,
  )
  return [...rows.map(([name]) => name!), ...(kind === 'partitioned' ? ['its partitions'] : [])]
}

async function foreignKeyNames(session: SqlSession, oid: string): Promise<string[]> {
  const rows = await session.query(
    `SELECT concat('foreign key ', conname) FROM pg_constraint WHERE conrelid = ${oid} AND contype = 'f' ORDER BY 1`,
  )
  return rows.map(([name]) => name!)
}

/** Columns whose numbers have more digits than some databases keep. */
export async function wideColumns(session: SqlSession, table: string): Promise<readonly string[]> {
  const { columns } = await describeTable(session, table)
  const looked = columns.flatMap((column) => {
    const { precision, scale = 0 } = column.valueRange
    const number = cellOf(column, identifier(column.name))
    const condition =
      column.kind === 'decimal' && precision !== undefined ? manyDigits(number, precision, scale) : null
    return condition === null ? [] : [{ name: column.name, condition }]
  })
  return (await columnsBeyond(session, table, looked)) ?? looked.map(({ name }) => name)
}

async function askParts(session: SqlSession, table: string, sql: string): Promise<Part[]> {
  const rows = await session.query(sql).catch((error: unknown) => {
    throw session.dialect.error(error, `reading what table ${table} of ${session.where} is made of`, {
      table,
    })
  })
  return rows.map(([part]) => JSON.parse(part!) as Part)
}

/** Of a domain, the type below all domains. */
const BASE = `WITH RECURSIVE base (type, modifier) AS (
    SELECT t.typbasetype, t.typtypmod WHERE t.typtype = 'd'
    UNION ALL SELECT typbasetype, CASE WHEN modifier >= 0 THEN modifier ELSE typtypmod END
    FROM base JOIN pg_type ON oid = type WHERE typtype = 'd')
  SELECT format_type(type, modifier) FROM base JOIN pg_type ON oid = type WHERE typtype <> 'd'`

function columnsSql(oid: string): string {
  return `SELECT json_build_object(
       'column', attname, 'type', format_type(atttypid, atttypmod), 'notNull', attnotnull,
       'own', CASE WHEN atttypid >= 16384 THEN json_build_object(
         'base', (${BASE}),
         'labels', (SELECT json_agg(enumlabel ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid)) END,
       'collation', CASE WHEN attcollation <> typcollation THEN concat(quote_ident(collnamespace::regnamespace::text), '.', quote_ident(collname)) END,
       'identity', CASE WHEN attidentity = 'a' THEN 'ALWAYS' WHEN attidentity = 'd' OR EXISTS (
         SELECT FROM pg_depend JOIN pg_class s ON s.oid = objid AND relkind = 'S'
         WHERE refobjid = attrelid AND refobjsubid = attnum AND deptype = 'a' AND pg_get_expr(adbin, adrelid) LIKE 'nextval(%') THEN 'BY DEFAULT' END,
       'generated', CASE WHEN attgenerated = 's' THEN pg_get_expr(adbin, adrelid) END,
       'default', CASE WHEN attgenerated = '' THEN pg_get_expr(adbin, adrelid) END,
       'comment', col_description(attrelid, attnum))
     FROM pg_attribute JOIN pg_type t ON t.oid = atttypid LEFT JOIN pg_collation c ON c.oid = attcollation
          LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
     WHERE attrelid = ${oid} AND attnum > 0 AND NOT attisdropped ORDER BY attnum`
}

/** Keys and CHECKs, then indexes that are not of keys, then the table's comment. */
function othersSql(oid: string): string {
  return `SELECT part FROM (
       SELECT 1 AS rank, json_build_object('constraint', conname, 'sql', regexp_replace(pg_get_constraintdef(oid), ' NOT VALID$', '')) AS part
       FROM pg_constraint WHERE conrelid = ${oid} AND contype IN ('p', 'u', 'c', 'x')
       UNION ALL SELECT 2, json_build_object('index', relname, 'unique', indisunique,
         'sql', substr(pg_get_indexdef(indexrelid), strpos(pg_get_indexdef(indexrelid), ' USING ')))
       FROM pg_index JOIN pg_class i ON i.oid = indexrelid
       WHERE indrelid = ${oid} AND indisvalid AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
       UNION ALL SELECT 3, json_build_object('comment', obj_description(${oid}, 'pg_class'))
       WHERE obj_description(${oid}, 'pg_class') IS NOT NULL) AS parts
     ORDER BY rank, part->>'constraint', part->>'index'`
}

/** The value of a default that is a plain literal, as cell text. */
export function literalDefault(sql: string): string | null {
  const [, quoted] = /^'((?:[^']|'')*)'(?:::[\w ".(),]+)?$/.exec(sql) ?? []
  if (quoted !== undefined) return quoted.replaceAll("''", "'")
  if (sql === 'true' || sql === 'false') return sql === 'true' ? '1' : '0'
  return /^\(?(-?\d+(?:\.\d+)?)\)?(?:::[\w ".(),]+)?$/.exec(sql)?.[1] ?? null
}

/** What other databases do not get; unique keys of columns they do. */
function extrasOf(part: Part): string[] {
  if ('index' in part)
    return part.unique && /^ USING btree \([^()]+\)( INCLUDE \([^()]+\))?$/.test(part.sql)
      ? []
      : [`index ${part.index}`]
  if ('constraint' in part) return /^(CHECK|EXCLUDE)/.test(part.sql) ? [part.sql] : []
  if (!('column' in part)) return []
  const { column, identity } = part
  if (identity !== null) return []
  return part.default !== null && literalDefault(part.default) === null ? [`default of ${column}`] : []
}
