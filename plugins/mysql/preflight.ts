/** What is looked at before a row moves, beyond what a plan needs to know to be made. Nothing is changed. */
import type { Column, ColumnMapping, Message, PlannedWrite, ReadSpec } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import { keyExcerpts, namedKey, searchRows } from '../../src/sql/row-search.js'
import type { SqlRow } from '../../src/sql/session.js'
import type { Session } from './connection.js'
import { mapError } from './errors.js'
import { splitWarnings } from './explain.js'
import { checkJsonTypes } from './json-types.js'
import { LARGER_ROWS } from './row-errors.js'
import { charsetOf, expressionOf, identifier, text } from './sql.js'
import { mostBytes } from './value-range.js'

/** Unknown collation or character set, or a pair that does not fit. */
const NO_SUCH_COLLATION = new Set([1115, 1253, 1273])

async function checkPrivilege(session: Session, sql: string, doing: string): Promise<void> {
  await session.check(sql).catch((error: unknown) => {
    throw mapError(error, doing)
  })
}

/** That were writable: of many tables, the first one asks for all. */
const writable = new WeakSet<Session>()

/** `read_only` binds some users and not others, so the server is asked for a transaction that writes. */
export async function checkWritable(session: Session): Promise<void> {
  if (writable.has(session)) return
  await askWritable(session)
  writable.add(session)
}

async function askWritable(session: Session): Promise<void> {
  try {
    await session.query('START TRANSACTION READ WRITE')
    await session.query('ROLLBACK')
    const [row] = await session.query('SELECT @@innodb_read_only')
    if (row?.[0] === '0') return
  } catch (thrown) {
    const error = mapError(thrown, `writing to ${session.where}`)
    if (error.code !== 'READ_ONLY') throw error
  }
  throw new RowshiftError(
    'READ_ONLY',
    `The target ${session.where} is read-only for this user (read_only, super_read_only or innodb_read_only is ON). ` +
      'Write to the primary server, or switch that off. Nothing was written.',
    { connection: session.where },
  )
}

/** Throws when the copy cannot work; resolves to warnings. */
export async function checkSource(
  session: Session,
  spec: ReadSpec,
  write: PlannedWrite,
  allColumns: boolean,
): Promise<Message[]> {
  const { table } = spec.table
  const columns = spec.columns.map(expressionOf).join(', ')
  const reading = `reading table ${table} of ${session.where}`
  // Columns that the user may not see are not in information_schema either.
  const hidden = `${reading}, of which some columns are hidden from this user (grant SELECT on the table, or list the columns in "columns"),`
  const checkEach = () => checkPrivilege(session, `SELECT ${columns} FROM ${identifier(table)}`, reading)
  const checkAll = () => checkPrivilege(session, `SELECT * FROM ${identifier(table)}`, hidden)
  if (!allColumns || spec.columns.some(({ sql }) => sql !== undefined)) await checkEach()
  // Whoever may read all of them may read each.
  if (allColumns)
    await checkAll().catch(async (error: unknown) => {
      await checkEach()
      throw error
    })
  return [
    ...(await splitWarnings(session, spec)),
    ...(await checkOddValues(session, spec)),
    ...(await checkJsonTypes(session, spec)),
    ...(await checkRowSize(session, spec, write)),
    ...(await checkCollisions(session, spec, write)),
  ]
}

/** Index 0 of an ENUM, which reads as the empty text and is refused by strict mode: no statement can write it as text. */
async function checkOddValues(session: Session, spec: ReadSpec): Promise<string[]> {
  const columns = spec.columns.filter(
    ({ sql, valueRange }) => sql === undefined && valueRange.members !== undefined && !valueRange.multiValued,
  )
  if (columns.length === 0) return []
  const tests = columns.map(({ name }) => [name, `${identifier(name)} = 0`] as const)
  const which = tests.map(([name, sql]) => `WHEN ${sql} THEN ${text(name)}`).join(' ')
  const any = tests.map(([, sql]) => `(${sql})`).join(' OR ')
  const select = [`CASE ${which} END`, ...keyExcerpts(session, spec)]
  const rows = await searchRows(session, spec, select, [`(${any})`]).catch((error: unknown) => {
    throw mapError(error, `looking for odd values in table ${spec.table.table}`)
  })
  const [row] = rows ?? []
  if (!row) return []
  const key = namedKey(spec, row.slice(1))
  return [
    `an ENUM of index 0 (what an invalid value becomes without strict mode) is rejected by the target, or becomes its member '': ${row[0]}${key === '' ? '' : `, in the row with ${key}`}`,
  ]
}

/** Throws ROW_TOO_LARGE for a row that one statement to the target cannot hold. */
async function checkRowSize(
  session: Session,
  spec: ReadSpec,
  { maxRowBytes }: PlannedWrite,
): Promise<string[]> {
  const long = spec.columns.filter(({ kind }) => ['text', 'bytes', 'json'].includes(kind))
  if (maxRowBytes === undefined || long.reduce((sum, column) => sum + mostBytes(column), 0) < maxRowBytes)
    return []
  const size = long.map(lengthSql).join(' + ')
  const select = [size, ...keyExcerpts(session, spec)]
  const rows = await searchRows(session, spec, select, [`${size} >= ${maxRowBytes}`])
  const limit = `max_allowed_packet of the target (${maxRowBytes} bytes)`
  if (rows === null) return [`whether every row is smaller than ${limit} could not be checked in time`]
  const [row] = rows
  if (!row) return []
  const key = namedKey(spec, row.slice(1))
  throw new RowshiftError(
    'ROW_TOO_LARGE',
    `A row of ${spec.table.table}${key === '' ? '' : ` (${key})`} has ${row[0]} bytes, more than the ${limit}. ` +
      `Raise max_allowed_packet there, or ${LARGER_ROWS}, or leave the row out with "where". Nothing was written.`,
    { table: spec.table.table, bytes: Number(row[0]), key },
  )
}

function lengthSql(column: Column): string {
  const name = expressionOf(column)
  const utf8 = column.kind === 'bytes' || (column.valueRange.characters?.encoding ?? 'utf8') === 'utf8'
  return `COALESCE(LENGTH(${utf8 ? name : `CONVERT(${name} USING utf8mb4)`}), 0)`
}

/** Throws LOSSY when two keys that the source tells apart are the same key under the target's collations. */
async function checkCollisions(session: Session, spec: ReadSpec, write: PlannedWrite): Promise<string[]> {
  const warnings: string[] = []
  const read = write.columns.filter(({ computedBy }) => computedBy === undefined)
  for (const { name, columns } of write.table.keys) {
    const parts = columns.map((column) => read.find(({ target }) => target.name === column))
    if (parts.some((part) => part === undefined) || !parts.some((part) => changesCollation(part!))) continue
    const groups = (parts as ColumnMapping[]).map(underTarget)
    const sources = (parts as ColumnMapping[]).map(({ source }) => expressionOf(source))
    const shown = (parts as ColumnMapping[]).map(firstAndLast)
    const key = `key ${name} of target ${write.table.table}`
    try {
      const rows = await searchRows(
        session,
        spec,
        shown.flat(),
        sources.map((column) => `${column} IS NOT NULL`),
        ` GROUP BY ${groups.join(', ')} HAVING COUNT(*) > 1`,
      )
      if (rows === null)
        warnings.push(
          `whether rows collide in ${key}, whose collation is another, could not be checked in time`,
        )
      else if (rows[0]) throw collision(spec, write, key, sources, rows[0])
    } catch (error) {
      if (!NO_SUCH_COLLATION.has((error as { errno?: number }).errno ?? 0))
        throw mapError(error, `looking for rows that collide in ${key}`)
      warnings.push(
        `whether rows collide in ${key} could not be checked: the source does not know its collation`,
      )
    }
  }
  return warnings
}

function changesCollation({ source, target }: ColumnMapping): boolean {
  if (source.collation === undefined || target.collation === undefined || target.equalByBytes) return false
  return source.collation !== target.collation
}

/** Two values of a group that differ, where they do: the order of bytes tells equal values under a collation apart. */
function firstAndLast({ source }: ColumnMapping): string[] {
  const name = expressionOf(source)
  const pick = (which: string) =>
    source.kind === 'text'
      ? `LEFT(CONVERT(${which}(CAST(CONVERT(${name} USING utf8mb4) AS BINARY)) USING utf8mb4), 60)`
      : `LEFT(CAST(${which}(${name}) AS CHAR), 60)`
  return [pick('MIN'), pick('MAX')]
}

function underTarget(column: ColumnMapping): string {
  const name = expressionOf(column.source)
  if (!changesCollation(column)) return name
  return `CONVERT(${name} USING ${charsetOf(column.target)}) COLLATE ${column.target.collation}`
}

function collision(
  spec: ReadSpec,
  write: PlannedWrite,
  key: string,
  sources: readonly string[],
  row: SqlRow,
): RowshiftError {
  const pair = sources.map(
    (column, i) => `${column} ${JSON.stringify(row[i * 2])} and ${JSON.stringify(row[i * 2 + 1])}`,
  )
  return new RowshiftError(
    'LOSSY',
    `Rows that ${spec.table.table} tells apart have the same ${key} under its collation: ${pair.join(', ')}. ` +
      'Give the target column the collation of the source, or change those rows. Nothing was written.',
    { table: write.table.table, key },
  )
}
