// What a table holds, in the words of its own server: the HEX of every cell. Nothing of rowshift decodes a value here.
import { canonicalColumns, canonicalRows, commonSort, type TableAt } from './canonical.js'
import { query, type Row } from './context.js'

export type { TableAt }

export interface Comparison {
  /** SQL that both sides are compared by, instead of the column itself, by column name. */
  readonly compare?: Readonly<Record<string, string>> | undefined
  /** The same in the words of the target's server. Default: as `compare`. */
  readonly compareTarget?: Readonly<Record<string, string>> | undefined
  /** Columns that are not compared. */
  readonly except?: readonly string[]
}

interface ColumnFacts {
  readonly name: string
  readonly base: string
  readonly type: string
  readonly charset: string | null
}

/** Longer cells are compared by length and SHA-256: a cell of 64 MiB has 128 MiB of digits. */
const LONGEST_HEX = 1 << 16

const SESSION = "SET time_zone = '+00:00', sql_mode = ''; "

/** Resolves to what differs, in words; null when every row and every column is equal. */
export async function difference(
  from: TableAt,
  to: TableAt,
  comparison: Comparison = {},
): Promise<string | null> {
  if (from.server.kind === 'postgres' || to.server.kind === 'postgres')
    return canonicalDifference(from, to, comparison)
  const [a, b] = await Promise.all([columnsOf(from), columnsOf(to)])
  const pairs = pairsOf(a, b, comparison)
  if (typeof pairs === 'string') return pairs
  const override = ({ name }: ColumnFacts) => comparison.compare?.[name]
  const [rowsA, rowsB] = await Promise.all([
    cells(
      from,
      pairs.map(([source, target]) => cell(source, target, override(source))),
    ),
    cells(
      to,
      pairs.map(([source, target]) => cell(target, source, override(source))),
    ),
  ])
  return firstDifference(
    pairs.map(([{ name }]) => name),
    rowsA,
    rowsB,
  )
}

async function canonicalDifference(
  from: TableAt,
  to: TableAt,
  comparison: Comparison,
): Promise<string | null> {
  const pairs = pairsOf(await canonicalColumns(from), await canonicalColumns(to), comparison)
  if (typeof pairs === 'string') return pairs
  const { compare, compareTarget = compare } = comparison
  const sameServers = from.server.kind === to.server.kind
  const columns = (side: 0 | 1) =>
    pairs.map((pair) => ({
      ...pair[side],
      sort: sameServers && pair[0].base === pair[1].base ? 'text' : commonSort(...pair),
      override: [compare, compareTarget][side]?.[pair[0].name],
    }))
  const [a, b] = await Promise.all([canonicalRows(from, columns(0)), canonicalRows(to, columns(1))])
  return firstDifference(
    pairs.map(([{ name }]) => name),
    sorted(a),
    sorted(b),
  )
}

/** The columns of two tables by their names; a text: what is missing. */
function pairsOf<C extends { readonly name: string }>(
  a: readonly C[],
  b: readonly C[],
  comparison: Comparison,
): [C, C][] | string {
  const except = new Set(comparison.except?.map((name) => name.toLowerCase()))
  const targets = new Map(b.map((column) => [column.name.toLowerCase(), column]))
  const pairs: [C, C][] = []
  for (const column of a) {
    const name = column.name.toLowerCase()
    if (except.has(name)) continue
    const target = targets.get(name)
    if (!target) return `the target has no column ${column.name}`
    pairs.push([column, target])
  }
  return pairs
}

/** All rows of a table as one text, to see that nothing has touched it. */
export async function contents(at: TableAt): Promise<string> {
  if (at.server.kind === 'postgres') {
    const rows = await canonicalRows(at, await canonicalColumns(at))
    return sorted(rows)
      .map((row) => row.join('|'))
      .join('\n')
  }
  const columns = await columnsOf(at)
  const rows = await cells(
    at,
    columns.map((column) => cell(column, column)),
  )
  return rows.map((row) => row.join('|')).join('\n')
}

async function cells({ server, database, table }: TableAt, values: readonly string[]): Promise<Row[]> {
  const rows = await query(server, `${SESSION}SELECT ${values.join(', ')} FROM ${quote(table)}`, database)
  return sorted(rows)
}

/** In an order of their own, which no collation and no key has a say in. */
function sorted(rows: readonly Row[]): Row[] {
  const keyed = rows.map((row) => ({ row, key: row.join('|') }))
  return keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)).map(({ row }) => row)
}

function firstDifference(names: readonly string[], a: readonly Row[], b: readonly Row[]): string | null {
  if (a.length !== b.length) return `the source has ${a.length} rows, the target ${b.length}`
  for (const [i, row] of a.entries()) {
    const column = row.findIndex((cell, j) => cell !== b[i]![j])
    if (column >= 0) return `${names[column]}: ${row[column]} became ${b[i]![column]}`
  }
  return null
}

async function columnsOf({ server, database, table }: TableAt): Promise<ColumnFacts[]> {
  const literal = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
  const rows = await query(
    server,
    `SELECT COLUMN_NAME, LOWER(DATA_TYPE), COLUMN_TYPE, CHARACTER_SET_NAME FROM information_schema.COLUMNS
     WHERE TABLE_SCHEMA = ${literal(database)} AND TABLE_NAME = ${literal(table)} ORDER BY ORDINAL_POSITION`,
  )
  if (rows.length === 0) throw new Error(`there is no table ${table} in ${database}`)
  return rows.map(([name, base, type, charset]) => ({
    name: name!,
    base: base!,
    type: type!,
    charset: charset ?? null,
  }))
}

/** Inside an expression MySQL cuts the text of a double at 22 characters, so doubles come as their own text. */
function cell(column: ColumnFacts, other: ColumnFacts, override?: string): string {
  const binary = [column.base, other.base].some((base) => base === 'float' || base === 'double')
  return binary && override === undefined
    ? `${quote(column.name)}*1e0`
    : hex(override ?? value(column, other))
}

function hex(sql: string): string {
  return `IF((${sql}) IS NULL, 'NULL', IF(OCTET_LENGTH(${sql}) > ${LONGEST_HEX}, CONCAT(OCTET_LENGTH(${sql}), ' bytes, sha256 ', SHA2(${sql}, 256)), CONCAT('=', HEX(${sql}))))`
}

/**
 * The value of a column as text or bytes. Two columns of one type are compared as they are stored; `other`, the same
 * column on the other side, matters when they are not of one type.
 */
function value(column: ColumnFacts, other: ColumnFacts): string {
  const name = quote(column.name)
  const wide = widened(column, other)
  if (wide !== null) return wide
  switch (column.base) {
    case 'bit':
      return `CONCAT(${name}+0)`
    case 'enum':
    case 'set':
      return other.base === column.base
        ? `CONCAT(CAST(${name} AS UNSIGNED), ':', CONVERT(${name} USING utf8mb4))`
        : text(column, other)
    case 'json':
      return `CONVERT(${name} USING utf8mb4)`
    default:
      if (column.charset !== null) return text(column, other)
      return BYTES.test(column.base) ? name : `CONCAT(${name})`
  }
}

const BYTES = /^(binary|varbinary|(tiny|medium|long)?blob|vector|(multi)?(point|linestring|polygon)|geom\w*)$/

function text(column: ColumnFacts, other: ColumnFacts): string {
  const name = quote(column.name)
  return column.charset === other.charset ? name : `CONVERT(${name} USING utf8mb4)`
}

/** Types that differ in precision only are compared at the largest one. */
function widened(column: ColumnFacts, other: ColumnFacts): string | null {
  if (column.type === other.type) return null
  const bases = [column.base, other.base]
  const name = quote(column.name)
  if (bases.includes('datetime') || bases.includes('timestamp')) return `CONCAT(CAST(${name} AS DATETIME(6)))`
  if (bases.includes('time')) return `CONCAT(CAST(${name} AS TIME(6)))`
  if (bases.includes('decimal')) return `CONCAT(CAST(${name} AS DECIMAL(65,30)))`
  return null
}

function quote(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``
}
