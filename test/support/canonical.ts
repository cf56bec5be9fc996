// What a table holds, in words that PostgreSQL and MySQL share: numbers by value, moments in UTC with six digits, floats by their bits, all
// else as the bytes of its text in UTF-8. Each server says it of its own rows; nothing of rowshift decodes a value here.
import { query, type Row } from './context.js'
import type { TestServer } from './servers.js'

export interface TableAt {
  readonly server: TestServer
  readonly database: string
  readonly table: string
}

type Sort = 'number' | 'float' | 'moment' | 'time' | 'bytes' | 'text'

export interface CanonicalColumn {
  readonly name: string
  readonly sort: Sort
  readonly base: string
  /** A number that is always printed with a point. */
  readonly pointed: boolean
}

const SESSION = {
  postgres:
    "SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres'; SET bytea_output = 'hex'; SET extra_float_digits = 1; ",
  other: "SET time_zone = '+00:00', sql_mode = ''; ",
}

const SORTS: readonly (readonly [RegExp, Sort])[] = [
  [/^((tiny|small|medium|big)?int|int[248]|decimal|numeric|year|bool)$/, 'number'],
  [/^(float[48]?|double)$/, 'float'],
  [/^(date|datetime|timestamp|timestamptz)$/, 'moment'],
  [/^(time|interval)$/, 'time'],
  [
    /^(bytea|binary|varbinary|(tiny|medium|long)?blob|vector|(multi)?(point|linestring|polygon)|geom\w*)$/,
    'bytes',
  ],
]

/** `bit` is a number in MySQL and a text of digits in PostgreSQL. */
function sortOf(base: string): Sort {
  return SORTS.find(([pattern]) => pattern.test(base))?.[1] ?? 'text'
}

export async function canonicalColumns({ server, database, table }: TableAt): Promise<CanonicalColumn[]> {
  const literal = `'${table.replaceAll("'", "''")}'`
  const sql =
    server.kind === 'postgres'
      ? `SELECT attname, typname, (typname = 'numeric')::int FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid
         WHERE attrelid = quote_ident(${literal})::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`
      : `SELECT COLUMN_NAME, LOWER(DATA_TYPE), COALESCE(NUMERIC_SCALE, 0) > 0 FROM information_schema.COLUMNS
         WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ${literal.replaceAll('\\', '\\\\')} ORDER BY ORDINAL_POSITION`
  const rows = await query(server, sql, database)
  if (rows.length === 0) throw new Error(`there is no table ${table} in ${database}`)
  return rows.map(([name, base, pointed]) => ({
    name: name!,
    base: base!,
    sort: server.kind !== 'postgres' && base === 'bit' ? 'bytes' : sortOf(base!),
    pointed: pointed === '1',
  }))
}

/** How both sides of a pair are written: as the one that says less about its values. */
export function commonSort(a: CanonicalColumn, b: CanonicalColumn): Sort {
  if (a.sort === b.sort) return a.sort
  const order: readonly Sort[] = ['text', 'bytes', 'float', 'moment', 'time', 'number']
  return order.find((sort) => sort === a.sort || sort === b.sort)!
}

export async function canonicalRows(
  { server, database, table }: TableAt,
  columns: readonly (CanonicalColumn & { readonly override?: string | undefined })[],
): Promise<Row[]> {
  const isPostgres = server.kind === 'postgres'
  const quote = (name: string) =>
    isPostgres ? `"${name.replaceAll('"', '""')}"` : `\`${name.replaceAll('`', '``')}\``
  const cells = columns.map((column) => {
    const name = quote(column.name)
    const { override } = column
    if (override !== undefined)
      return isPostgres ? hexPostgres(`convert_to((${override})::text, 'UTF8')`) : hexMysql(override)
    return isPostgres ? cellPostgres(name, column) : cellMysql(name, column)
  })
  const session = SESSION[isPostgres ? 'postgres' : 'other']
  return query(server, `${session}SELECT ${cells.join(', ')} FROM ${quote(table)}`, database)
}

function cellMysql(name: string, { sort, base, pointed }: CanonicalColumn): string {
  switch (sort) {
    case 'number':
      return pointed
        ? `TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM CAST(${name} AS CHAR)))`
        : `CAST(${name}+0 AS CHAR)`
    case 'float':
      return `HEX(SUBSTR(POINT(${name}, 0), 10, 8))`
    case 'moment':
      return `CAST(CAST(${name} AS DATETIME(6)) AS CHAR)`
    case 'time':
      return `CAST(CAST(${name} AS TIME(6)) AS CHAR)`
    case 'bytes':
    case 'text':
      return hexMysql(bytesMysql(name, base, sort))
    default:
      return sort satisfies never
  }
}

/** A BIT is the bytes of its number, or its digits. */
function bytesMysql(name: string, base: string, sort: Sort): string {
  if (base === 'bit') return sort === 'bytes' ? `CONCAT(${name})` : `BIN(${name}+0)`
  return sortOf(base) === 'bytes' ? name : `CONVERT(${name} USING utf8mb4)`
}

function hexMysql(sql: string): string {
  return `IF(OCTET_LENGTH(${sql}) > ${LONGEST}, CONCAT(OCTET_LENGTH(${sql}), ' bytes ', SHA2(${sql}, 256)), LOWER(HEX(${sql})))`
}

function cellPostgres(name: string, { sort, base }: CanonicalColumn): string {
  const text = `${name}::text`
  switch (sort) {
    case 'number':
      return base === 'bool' ? `${name}::int::text` : `trim_scale(${name}::numeric)::text`
    case 'float': {
      const bytes = `float8send(${name}::float8)`
      const reversed = [8, 7, 6, 5, 4, 3, 2, 1].map((at) => `substr(${bytes}, ${at}, 1)`).join(' || ')
      return `upper(encode(${reversed}, 'hex'))`
    }
    case 'moment': {
      const moment = `(${name}::timestamp)`
      return `CASE WHEN isfinite(${moment}) AND ${moment} >= '0001-01-01' THEN to_char(${moment}, 'YYYY-MM-DD HH24:MI:SS.US') ELSE ${text} END`
    }
    case 'time':
      return `CASE WHEN ${name}::interval < interval '0' THEN '-' || to_char(-${name}::interval, ${CLOCK}) ELSE to_char(${name}::interval, ${CLOCK}) END`
    case 'bytes':
    case 'text':
      return hexPostgres(base === 'bytea' ? name : `convert_to(${text}, 'UTF8')`)
    default:
      return sort satisfies never
  }
}

function hexPostgres(sql: string): string {
  return `CASE WHEN octet_length(${sql}) > ${LONGEST} THEN octet_length(${sql}) || ' bytes ' || encode(sha256(${sql}), 'hex') ELSE encode(${sql}, 'hex') END`
}

const CLOCK = "'HH24:MI:SS.US'"
/** Longer cells are compared by length and SHA-256. */
const LONGEST = 1 << 16
