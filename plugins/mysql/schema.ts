import type { TableFacts } from './engines.js'
import type { Column, ColumnKind, TableSchema } from '../../src/contract/plugin.js'
import type { KeyPart } from '../../src/sql/table-keys.js'
import { keysOf, noTable } from '../../src/sql/table-keys.js'
import { checkSessionFaults, hiddenBy } from '../../src/sql/user-session.js'
import { serverFacts } from './server.js'
import { askAboutTexts } from './asked.js'
import type { TextRow } from './driver.js'
import type { Session } from './connection.js'
import { mapError } from './errors.js'
import { valueRangeOf } from './value-range.js'
import { isElsewhere } from './engines.js'
import { nameFault } from './names.js'
import { identifier, text } from './sql.js'
const kinds: Readonly<Record<string, ColumnKind>> = {
  tinyint: 'integer',
  smallint: 'integer',
  mediumint: 'integer',
  int: 'integer',
  bigint: 'integer',
  year: 'integer',
  decimal: 'decimal',
  float: 'float',
  double: 'float',
  date: 'date',
  time: 'time',
  datetime: 'datetime',
  timestamp: 'instant',
  json: 'json',
  bit: 'bytes',
  binary: 'bytes',
  varbinary: 'bytes',
  tinyblob: 'bytes',
  blob: 'bytes',
  mediumblob: 'bytes',
  longblob: 'bytes',
  geometry: 'bytes',
  point: 'bytes',
  linestring: 'bytes',
  polygon: 'bytes',
  multipoint: 'bytes',
  multilinestring: 'bytes',
  multipolygon: 'bytes',
  geomcollection: 'bytes',
  geometrycollection: 'bytes',
  vector: 'bytes',
}

/** Types by which no range can be read. FLOAT: a literal is a double, and `f = 0.1` finds nothing. */
const UNORDERED = new Set(['set', 'float', 'json', 'geometry', 'point', 'vector'])

/** What the catalogs have of a table. */
interface CatalogRows {
  readonly table: TextRow
  readonly columns: readonly TextRow[]
  readonly checks: readonly TextRow[]
  readonly keyParts: readonly TextRow[]
}

export async function describeTable(session: Session, table: string): Promise<TableSchema> {
  const fault = nameFault(table)
  if (fault !== null) throw noTable(table, session.where, ` No table has that name: ${fault}.`)
  if (session.hasUserStatements) await checkNotHidden(session, table)
  const { mariadb } = await serverFacts(session)
  const [found] = await ask(session, table, tablesSql(inTable(table)))
  if (!found) throw noTable(table, session.where)
  const columns = await ask(session, table, columnsSql(inTable(table)))
  const checks = mariadb
    ? await ask(session, table, checksSql(`CONSTRAINT_SCHEMA = DATABASE() AND TABLE_NAME = ${text(table)}`))
    : []
  const keyParts = await ask(session, table, keyPartsSql(inTable(table)))
  return schemaOf(session, { table: found, columns, checks, keyParts })
}

/** Tables of one look: a statement of all of them may be longer than a server takes, and its rows more than fit into memory. */
const AT_ONCE = 500

/** What the database says of several tables at once. */
export async function describeTables(
  session: Session,
  tables: readonly string[],
): Promise<ReadonlyMap<string, TableSchema | null>> {
  const described = new Map<string, TableSchema | null>()
  if (session.hasUserStatements) return described
  for (let at = 0; at < tables.length; at += AT_ONCE)
    await describeInto(described, session, tables.slice(at, at + AT_ONCE))
  return described
}

async function describeInto(
  described: Map<string, TableSchema | null>,
  session: Session,
  tables: readonly string[],
): Promise<void> {
  const { mariadb } = await serverFacts(session)
  // A server may open every table that it looks at.
  const named = `TABLE_NAME IN (${tables.map(text).join(', ')})`
  const ours = `TABLE_SCHEMA = DATABASE() AND ${named}`
  const found = await byTable(session, tablesSql(ours))
  const columns = await byTable(session, columnsSql(ours))
  const checks = mariadb
    ? await byTable(session, checksSql(`CONSTRAINT_SCHEMA = DATABASE() AND ${named}`))
    : null
  const keyParts = await byTable(session, keyPartsSql(ours))
  const folded = new Set([...found.keys()].map((name) => name.toLowerCase()))
  for (const name of tables) {
    const table = found.get(name)?.[0]
    // A name in another case may be that of the same table.
    if (table === undefined && folded.has(name.toLowerCase())) continue
    const rows = table && {
      table,
      columns: columns.get(name) ?? [],
      checks: checks?.get(name) ?? [],
      keyParts: keyParts.get(name) ?? [],
    }
    described.set(name, rows === undefined ? null : await schemaOf(session, rows))
  }
}

async function byTable(session: Session, sql: string): Promise<ReadonlyMap<string, TextRow[]>> {
  const tables = new Map<string, TextRow[]>()
  for (const row of await session.query(sql)) {
    const rows = tables.get(row[0]!) ?? []
    tables.set(row[0]!, rows)
    rows.push(row)
  }
  return tables
}

function tablesSql(where: string): string {
  return `SELECT TABLE_NAME, TABLE_SCHEMA, TABLE_ROWS, AVG_ROW_LENGTH, ENGINE,
            CONCAT_WS(':', @@hostname, @@port, @@datadir, @@server_id)
     FROM information_schema.TABLES WHERE ${where}`
}

function columnsSql(where: string): string {
  return `SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, IS_NULLABLE, COLUMN_DEFAULT, EXTRA, NUMERIC_PRECISION, NUMERIC_SCALE,
            CHARACTER_MAXIMUM_LENGTH, CHARACTER_SET_NAME, DATETIME_PRECISION, COLLATION_NAME
            /*!80003 , SRS_ID */
     FROM information_schema.COLUMNS WHERE ${where} ORDER BY ORDINAL_POSITION`
}

/** MariaDB's JSON is LONGTEXT with a check. */
function checksSql(where: string): string {
  return `SELECT TABLE_NAME, CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS
     WHERE ${where} AND CHECK_CLAUSE LIKE 'json\\_valid(%'`
}

function keyPartsSql(where: string): string {
  return `SELECT TABLE_NAME, INDEX_NAME, COLUMN_NAME, NULLABLE, SUB_PART IS NULL AND INDEX_TYPE = 'BTREE'
     FROM information_schema.STATISTICS WHERE ${where} AND NON_UNIQUE = 0
       /*!80000 AND IS_VISIBLE = 'YES' */ /*M!100600 AND IGNORED = 'NO' */
     ORDER BY INDEX_NAME <> 'PRIMARY', INDEX_NAME, SEQ_IN_INDEX`
}

async function schemaOf(session: Session, rows: CatalogRows): Promise<TableSchema> {
  const [name, schema, estimatedRows, rowBytes, engine, server] = rows.table
  const { release } = await serverFacts(session)
  const json = jsonColumns(rows.checks)
  const columns = rows.columns.map(([, ...row]) => toColumn(row, release, json))
  return {
    table: name!,
    identity: JSON.stringify([server, schema, name]),
    columns: await askAboutTexts(session, columns),
    // Where the rows are somewhere else, nobody makes them unique.
    keys: engine != null && isElsewhere(engine) ? [] : keysOf(rows.keyParts.map(([, ...row]) => toPart(row))),
    estimatedRows: positive(estimatedRows),
    estimatedRowBytes: positive(rowBytes),
  }
}

/** The catalogs say nothing about temporary tables, and statements use them first. */
async function checkNotHidden(session: Session, table: string): Promise<void> {
  const [shown] = await session.query(`SHOW CREATE TABLE ${identifier(table)}`).catch(() => [])
  if (/^CREATE TEMPORARY /i.test(shown?.[1] ?? '')) checkSessionFaults([hiddenBy(table)])
}

export async function listTables(session: Session): Promise<string[]> {
  const sql =
    "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE NOT IN ('VIEW', 'SEQUENCE')"
  const rows = await session.query(sql).catch((error: unknown) => {
    throw mapError(error, `listing the tables of ${session.where}`)
  })
  return rows.map(([name]) => name!)
}

export async function describeFacts(session: Session, table: string): Promise<TableFacts> {
  const [row] = await ask(
    session,
    table,
    `SELECT ENGINE, AUTO_INCREMENT IS NOT NULL, TABLE_TYPE,
            (SELECT COUNT(DISTINCT INDEX_NAME) FROM information_schema.STATISTICS
             WHERE ${inTable(table)} AND NON_UNIQUE = 0),
            EXISTS (SELECT * FROM information_schema.TRIGGERS
             WHERE EVENT_OBJECT_SCHEMA = DATABASE() AND EVENT_OBJECT_TABLE = ${text(table)})
     FROM information_schema.TABLES WHERE ${inTable(table)}`,
  )
  const [engine, autoIncrement, type, uniqueKeys, triggers] = row ?? []
  return {
    engine: engine ?? null,
    kind: /VIEW/.test(type ?? '') ? 'view' : type === 'SEQUENCE' ? 'sequence' : 'table',
    autoIncrement: autoIncrement === '1',
    uniqueKeys: Number(uniqueKeys),
    triggers: triggers === '1',
  }
}

function inTable(table: string): string {
  return `TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ${text(table)}`
}

function ask(session: Session, table: string, sql: string): Promise<TextRow[]> {
  return session.query(sql).catch((error: unknown) => {
    throw mapError(error, `describing table ${table} in ${session.where}`, { table })
  })
}

function jsonColumns(checks: readonly TextRow[]): Set<string> {
  const columns = checks.map(([, clause]) => /^json_valid\(`((?:[^`]|``)*)`\)$/.exec(clause!)?.[1])
  return new Set(columns.flatMap((name) => (name === undefined ? [] : [name.replaceAll('``', '`')])))
}

/** From a row of information_schema.COLUMNS, as `describeTable` selects it. */
export function toColumn(row: TextRow, version: string, json: ReadonlySet<string>): Column {
  const [name, dataType, type, nullable, defaultValue, extra, precision, scale, length, charset, fraction] =
    row
  const collation = row[11]
  const base = dataType!.toLowerCase()
  const kind = json.has(name!) ? 'json' : Object.hasOwn(kinds, base) ? kinds[base]! : 'text'
  return {
    name: name!,
    type: type!,
    kind,
    nullable: nullable === 'YES',
    // MariaDB writes the default of a nullable column without one as the word NULL.
    hasDefault: (defaultValue !== null && defaultValue !== undefined) || /auto_increment/i.test(extra!),
    generated: /\b(VIRTUAL|STORED|PERSISTENT) GENERATED\b/i.test(extra!),
    ordered: !UNORDERED.has(base),
    valueRange: valueRangeOf({
      base,
      type: type!,
      precision: count(precision),
      scale: count(scale),
      length: count(length),
      charset: charset ?? null,
      fraction: count(fraction),
      srid: row[12] ?? null,
      version,
    }),
    ...(collation ? { collation } : {}),
  }
}

function count(figure: string | null | undefined): number | undefined {
  return figure === null || figure === undefined ? undefined : Number(figure)
}

/** Keys on prefixes or expressions are unique for those, not for the columns, and hash indexes have no ranges. */
function toPart([name, column, nullable, whole]: TextRow): KeyPart {
  const usable = whole === '1' ? (column ?? null) : null
  return { key: name!, primary: name === 'PRIMARY', column: usable, nullable: nullable === 'YES' }
}

function positive(text: string | null | undefined): number | null {
  return text === null || text === undefined || text === '0' ? null : Number(text)
}
