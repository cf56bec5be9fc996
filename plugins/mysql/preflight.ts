/** What is looked at before a row moves, beyond what a plan needs to know to be made. Nothing is changed. */
import type { ColumnMapping, Plan, PlanDraft } from '../../src/plugin.js'
import { RowshiftError } from '../../src/plugin.js'
import { enclosed } from '../../src/sql/fragment.js'
import { whereClause } from '../../src/sql/range.js'
import { askBounded } from './bounded.js'
import type { Session, TextRow } from './connection.js'
import { tryCreation } from './create.js'
import { mapError } from './errors.js'
import { checkJsonTypes } from './json-types.js'
import { charsetOf, expressionOf, identifier, text } from './sql.js'

/** ER_OPTION_PREVENTS_STATEMENT, ER_READ_ONLY_MODE. */
const READ_ONLY = new Set([1290, 1836])
/** Unknown collation or character set, or a pair that does not fit. */
const NO_SUCH_COLLATION = new Set([1115, 1253, 1273])

/** Throws ACCESS_DENIED or READ_ONLY; resolves to warnings. */
export async function checkTarget(session: Session, draft: PlanDraft): Promise<string[]> {
  const { table } = draft.target
  if (draft.create) {
    await tryCreation(session, table, draft.create.statements)
    await checkWritable(session)
    return []
  }
  const columns = draft.columns.map(({ target }) => identifier(target.name))
  const insert = `INSERT INTO ${identifier(table)} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`
  await checkPrivilege(session, insert, `writing to table ${table} of ${session.where}`)
  await checkWritable(session)
  return foreignKeyWarnings(session, table)
}

/** Preparing a statement asks for its privileges and does nothing else. */
async function checkPrivilege(session: Session, sql: string, doing: string): Promise<void> {
  await session.query(`PREPARE rowshift_probe FROM ${text(sql)}`).catch((error: unknown) => {
    throw mapError(error, doing)
  })
  await session.query('DEALLOCATE PREPARE rowshift_probe')
}

/** Who may write a table need not be allowed to read it; then nobody knows. */
export async function holdsRows(session: Session, table: string): Promise<boolean> {
  const rows = await askBounded(session, `1 FROM ${identifier(table)} LIMIT 1`).catch(() => null)
  return rows !== null && rows.length > 0
}

/** `read_only` binds some users and not others, so the server is asked for a transaction that writes. */
async function checkWritable(session: Session): Promise<void> {
  try {
    await session.query('START TRANSACTION READ WRITE')
    await session.query('ROLLBACK')
    const [row] = await session.query('SELECT @@innodb_read_only')
    if (row?.[0] === '0') return
  } catch (error) {
    if (!READ_ONLY.has((error as { errno?: number }).errno ?? 0))
      throw mapError(error, `writing to ${session.where}`)
  }
  throw new RowshiftError(
    'READ_ONLY',
    `The target ${session.where} is read-only for this user (read_only, super_read_only or innodb_read_only is ON). ` +
      'Write to the primary server, or switch that off. Nothing was written.',
    { connection: session.where },
  )
}

async function foreignKeyWarnings(session: Session, table: string): Promise<string[]> {
  const rows = await session.query(
    `SELECT DISTINCT REFERENCED_TABLE_NAME FROM information_schema.KEY_COLUMN_USAGE
     WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ${text(table)} AND REFERENCED_TABLE_NAME IS NOT NULL`,
  )
  if (rows.length === 0) return []
  const parents = rows.map(([name]) => name).join(', ')
  return [`target ${table} refers to ${parents}: a row whose parent is not there yet fails the run`]
}

/** Throws when the copy cannot work; resolves to warnings. `splitSql` finds the bounds of splits. */
export async function checkSource(
  session: Session,
  plan: Plan,
  splitSql: string | null,
  allColumns: boolean,
): Promise<string[]> {
  const { table } = plan.source
  const columns = plan.columns.map(({ source }) => expressionOf(source)).join(', ')
  const reading = `reading table ${table} of ${session.where}`
  await checkPrivilege(session, `SELECT ${columns} FROM ${identifier(table)}`, reading)
  // Columns that the user may not see are not in information_schema either.
  const hidden = `${reading}, of which some columns are hidden from this user (grant SELECT on the table, or list the columns in "columns"),`
  if (allColumns) await checkPrivilege(session, `SELECT * FROM ${identifier(table)}`, hidden)
  return [
    ...(splitSql === null ? [] : await splitWarnings(session, plan, splitSql)),
    ...(await checkOddValues(session, plan)),
    ...(await checkJsonTypes(plan, {
      ask: (cells, condition) => askRows(session, plan, `${cells}${keyCells(plan)}`, [condition], ''),
      key: (cells) => namedKey(plan, cells),
    })),
    ...(await checkRowSize(session, plan)),
    ...(await checkCollisions(session, plan)),
  ]
}

async function splitWarnings(session: Session, plan: Plan, splitSql: string): Promise<string[]> {
  const [row] = await session.query(`EXPLAIN FORMAT=TRADITIONAL ${splitSql}`).catch((error: unknown) => {
    throw mapError(error, `explaining how table ${plan.source.table} is split`)
  })
  if (!row) return []
  // MySQL has a column "partitions" before "type".
  const type = row.length > 10 ? row[4] : row[3]
  const key = plan.key!.columns.map(({ name }) => name).join(', ')
  const extra = row.at(-1) ?? ''
  return [
    ...(type === 'ALL'
      ? [`splitting ${plan.source.table} by ${key} reads the whole table for every split`]
      : []),
    ...(extra.includes('filesort')
      ? [`splitting ${plan.source.table} by ${key} sorts the table for every split`]
      : []),
  ]
}

/** How the server would run a query: what it reads by which index, and how many rows it expects. */
export async function explainQuery(session: Session, sql: string): Promise<string[]> {
  const rows = await session.query(`EXPLAIN FORMAT=TRADITIONAL ${sql}`)
  return rows.map((row) => {
    // MySQL has columns "partitions" and "filtered" beside those of MariaDB.
    const [type, , key, , , estimate] = row.length > 10 ? row.slice(4) : row.slice(3)
    return `${type}, key ${key ?? 'none'}, about ${estimate} rows. ${row.at(-1) ?? ''}`.trim()
  })
}

/** Index 0 of an ENUM, which reads as the empty text and is refused by strict mode: no statement can write it as text. */
async function checkOddValues(session: Session, plan: Plan): Promise<string[]> {
  const columns = plan.columns
    .map(({ source }) => source)
    .filter(({ sql, domain }) => sql === undefined && domain.members !== undefined && !domain.several)
  if (columns.length === 0) return []
  const tests = columns.map(({ name }) => [name, `${identifier(name)} = 0`] as const)
  const which = tests.map(([name, sql]) => `WHEN ${sql} THEN ${text(name)}`).join(' ')
  const any = tests.map(([, sql]) => `(${sql})`).join(' OR ')
  const rows = await askRows(session, plan, `CASE ${which} END${keyCells(plan)}`, [`(${any})`], '').catch(
    (error: unknown) => {
      throw mapError(error, `looking for odd values in table ${plan.source.table}`)
    },
  )
  const [row] = rows ?? []
  if (!row) return []
  const key = namedKey(plan, row.slice(1))
  return [
    `an ENUM of index 0 (what an invalid value becomes without strict mode) is rejected by the target, or becomes its member '': ${row[0]}${key === '' ? '' : `, in the row with ${key}`}`,
  ]
}

/** Throws ROW_TOO_LARGE for a row that one statement to the target cannot hold. */
async function checkRowSize(session: Session, plan: Plan): Promise<string[]> {
  const { maxRowBytes } = plan.write
  const long = plan.columns.filter(({ source }) => ['text', 'bytes', 'json'].includes(source.kind))
  if (maxRowBytes === undefined || long.reduce((sum, column) => sum + mostBytes(column), 0) < maxRowBytes)
    return []
  const size = long.map(lengthSql).join(' + ')
  const rows = await askRows(session, plan, `${size}${keyCells(plan)}`, [`${size} >= ${maxRowBytes}`], '')
  const limit = `max_allowed_packet of the target (${maxRowBytes} bytes)`
  if (rows === null) return [`whether every row is smaller than ${limit} could not be checked in time`]
  const [row] = rows
  if (!row) return []
  const key = namedKey(plan, row.slice(1))
  throw new RowshiftError(
    'ROW_TOO_LARGE',
    `A row of ${plan.source.table}${key === '' ? '' : ` (${key})`} has ${row[0]} bytes, more than the ${limit}. ` +
      'Raise max_allowed_packet there, or leave the row out with "where". Nothing was written.',
    { table: plan.source.table, bytes: Number(row[0]), key },
  )
}

function mostBytes({ source: { domain } }: ColumnMapping): number {
  const { maxChars, maxBytes, maxBits, characters } = domain
  if (maxBits !== undefined) return Math.ceil(maxBits / 8)
  return maxBytes ?? (maxChars === undefined ? Infinity : maxChars * (characters?.maxBytes ?? 4))
}

function lengthSql({ source }: ColumnMapping): string {
  const name = expressionOf(source)
  const utf8 = source.kind === 'bytes' || (source.domain.characters?.encoding ?? 'utf8') === 'utf8'
  return `COALESCE(LENGTH(${utf8 ? name : `CONVERT(${name} USING utf8mb4)`}), 0)`
}

/** Throws LOSSY when two keys that the source tells apart are the same key under the target's collations. */
async function checkCollisions(session: Session, plan: Plan): Promise<string[]> {
  const warnings: string[] = []
  for (const { name, columns } of plan.target.keys) {
    const parts = columns.map((column) => plan.columns.find(({ target }) => target.name === column))
    if (parts.some((part) => part === undefined) || !parts.some((part) => changesCollation(part!))) continue
    const groups = (parts as ColumnMapping[]).map(underTarget)
    const sources = (parts as ColumnMapping[]).map(({ source }) => expressionOf(source))
    const shown = (parts as ColumnMapping[]).map(firstAndLast)
    const key = `key ${name} of target ${plan.target.table}`
    try {
      const rows = await askRows(
        session,
        plan,
        shown.join(', '),
        sources.map((column) => `${column} IS NOT NULL`),
        ` GROUP BY ${groups.join(', ')} HAVING COUNT(*) > 1`,
      )
      if (rows === null)
        warnings.push(
          `whether rows collide in ${key}, whose collation is another, could not be checked in time`,
        )
      else if (rows[0]) throw collision(plan, key, sources, rows[0])
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
  return (
    source.collation !== undefined && target.collation !== undefined && source.collation !== target.collation
  )
}

/** Two values of a group that differ, where they do: the order of bytes tells equal values under a collation apart. */
function firstAndLast({ source }: ColumnMapping): string {
  const name = expressionOf(source)
  const pick = (which: string) =>
    source.kind === 'text'
      ? `LEFT(CONVERT(${which}(CAST(CONVERT(${name} USING utf8mb4) AS BINARY)) USING utf8mb4), 60)`
      : `LEFT(CAST(${which}(${name}) AS CHAR), 60)`
  return `${pick('MIN')}, ${pick('MAX')}`
}

function underTarget(column: ColumnMapping): string {
  const name = expressionOf(column.source)
  if (!changesCollation(column)) return name
  return `CONVERT(${name} USING ${charsetOf(column.target)}) COLLATE ${column.target.collation}`
}

function collision(plan: Plan, key: string, sources: readonly string[], row: TextRow): RowshiftError {
  const pair = sources.map(
    (column, i) => `${column} ${JSON.stringify(row[i * 2])} and ${JSON.stringify(row[i * 2 + 1])}`,
  )
  return new RowshiftError(
    'LOSSY',
    `Rows that ${plan.source.table} tells apart have the same ${key} under its collation: ${pair.join(', ')}. ` +
      'Give the target column the collation of the source, or change those rows. Nothing was written.',
    { table: plan.target.table, key },
  )
}

/** The first row of the source of which `conditions` are true; null when it takes too long. */
function askRows(
  session: Session,
  plan: Plan,
  cells: string,
  conditions: readonly string[],
  tail: string,
): Promise<TextRow[] | null> {
  const where = [...conditions, ...(plan.where === null ? [] : [enclosed(plan.where)])]
  return askBounded(
    session,
    `${cells} FROM ${identifier(plan.source.table)}${whereClause(where)}${tail} LIMIT 1`,
  )
}

function keyCells(plan: Plan): string {
  return (plan.key?.columns ?? []).map(({ name }) => `, LEFT(CAST(${identifier(name)} AS CHAR), 60)`).join('')
}

function namedKey(plan: Plan, cells: TextRow): string {
  return (plan.key?.columns ?? []).map(({ name }, i) => `${name} = ${JSON.stringify(cells[i])}`).join(', ')
}
