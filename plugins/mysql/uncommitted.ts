import type { Column, TableSchema } from '../../src/contract/plugin.js'
import type { TextRow } from './driver.js'
import type { Session } from './connection.js'
import { identifier, keyLiteral } from './sql.js'

/** So many rows are compared one by one; of more, the half in which the difference is. */
const COMPARED = 20_000

/** A range of rows, and a way to divide it. */
export interface Range {
  readonly table: TableSchema
  /** By which rows are told apart. */
  readonly columns: readonly Column[]
  readonly condition: string
}

/**
 * Whether committed rows are all rows: READ UNCOMMITTED sees those of open transactions too, also of prepared ones. Asked in
 * this order, what is committed between the two looks only makes them differ.
 */
export async function allCommitted(session: Session, range: Range): Promise<boolean> {
  const committed = await figures(session, range, 'COMMITTED')
  const all = await figures(session, range, 'UNCOMMITTED')
  return committed.join() === all.join()
}

/** Whether open transactions have put rows into the range. That they take some out of it does not matter. */
export async function uncommittedArrivals(
  session: Session,
  {
    column,
    from,
    to,
    ...range
  }: Omit<Range, 'condition'> & { column: Column; from: string | null; to: string },
): Promise<boolean> {
  const name = identifier(column.name)
  const within = (low: string | null, high: string): Range => ({
    ...range,
    condition: `${low === null ? '1 = 1' : `${name} >= ${keyLiteral(column, low)}`} AND ${name} < ${keyLiteral(column, high)}`,
  })
  const arrived = async (low: string | null, high: string): Promise<boolean> => {
    const part = within(low, high)
    const committed = await figures(session, part, 'COMMITTED')
    const all = await figures(session, part, 'UNCOMMITTED')
    if (committed.join() === all.join()) return false
    const count = Math.max(Number(committed[0]), Number(all[0]))
    const middle = count <= COMPARED ? null : await nth(session, part, column, count >> 1)
    if (middle === null || middle === low) return hasMore(session, part)
    return (await arrived(low, middle)) || arrived(middle, high)
  }
  return arrived(from, to)
}

async function hasMore(session: Session, range: Range): Promise<boolean> {
  const rows = (level: Level) => at(session, level, `SELECT ${rowText(range)} FROM ${from(range)}`)
  const committed = new Set((await rows('COMMITTED')).map(([row]) => row))
  return (await rows('UNCOMMITTED')).some(([row]) => !committed.has(row))
}

async function figures(session: Session, range: Range, level: Level): Promise<TextRow> {
  const sum = `COALESCE(SUM(CRC32(${rowText(range)})), 0)`
  const [row] = await at(session, level, `SELECT COUNT(*), ${sum} FROM ${from(range)}`)
  return row!
}

async function nth(session: Session, range: Range, column: Column, offset: number): Promise<string | null> {
  const name = identifier(column.name)
  const sql = `SELECT CAST(${name} AS CHAR) FROM ${from(range)} ORDER BY ${name} LIMIT 1 OFFSET ${offset}`
  const [row] = await at(session, 'COMMITTED', sql)
  return row?.[0] ?? null
}

type Level = 'COMMITTED' | 'UNCOMMITTED'

async function at(session: Session, level: Level, sql: string): Promise<TextRow[]> {
  await session.query(`SET TRANSACTION ISOLATION LEVEL READ ${level}`)
  return session.query(sql)
}

function from({ table, condition }: Range): string {
  return `${identifier(table.table)} WHERE ${condition}`
}

/** Checksums, since texts of two collations cannot be put together. */
function rowText({ columns }: Range): string {
  return `CONCAT_WS(' ', ${columns.map(({ name }) => `CRC32(COALESCE(${identifier(name)}, ''))`).join(', ')})`
}
