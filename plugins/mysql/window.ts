import type { IncrementalRequest, Window } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import { windowConditions } from '../../src/sql/window-sql.js'
import type { Session } from './connection.js'
import { isElsewhere } from './engines.js'
import { keyEnds } from './key-window.js'
import type { TableFacts } from './engines.js'
import { describeFacts } from './schema.js'
import { unpromised } from './unpromised.js'
import type { WindowEnds } from './window-ends.js'
import { COUNT_TO } from './window-ends.js'
import { versionEnds } from './version-window.js'
import { expressionOf, identifier, keyLiteral, text } from './sql.js'
import { timeEnds } from './time-window.js'

/** The window of an incremental run; see docs/incremental.md for what it promises. */
export async function findWindow(session: Session, request: IncrementalRequest): Promise<Window> {
  const facts = await checkTransactionsSeen(session, request)
  const index = await indexOn(session, request)
  const ends = await findEnds(session, request, index !== null)
  const conditions = windowConditions(request, ends, {
    name: expressionOf(request.column),
    literal: (value) => keyLiteral(request.column, value),
    nearby: nearby(request, ends),
  })
  const nothing = request.kind === 'key' && ends.to === null && request.range === undefined
  const rows = nothing ? 0 : await countRows(session, request, conditions.sql)
  const limits = request.range ? null : await unpromised(session, request, facts)
  const warnings = [
    ...(index === null ? [missingIndex(request)] : []),
    ...(limits?.warnings ?? []),
    ...ends.warnings,
  ]
  const reasons = [...ends.reasons, ...(limits?.reasons ?? [])]
  return {
    column: request.column,
    ...ends,
    ...conditions,
    rows,
    countedTo: COUNT_TO,
    index,
    reasons,
    warnings,
  }
}

async function findEnds(
  session: Session,
  request: IncrementalRequest,
  indexed: boolean,
): Promise<WindowEnds> {
  const { kind, range } = request
  if (range) return { ...range, watermark: null, reasons: [], warnings: [], delays: [] }
  if (kind === 'key') return keyEnds(session, request)
  return kind === 'version' ? versionEnds(session, request) : timeEnds(session, request, indexed)
}

/** Transactions on another server, or rows that somebody writes past this one, cannot be waited for. */
async function checkTransactionsSeen(
  session: Session,
  { table: { table } }: IncrementalRequest,
): Promise<TableFacts> {
  const facts = await describeFacts(session, table)
  const { engine } = facts
  if (engine === null || !isElsewhere(engine)) return facts
  throw new RowshiftError(
    'PARAMS_INVALID',
    `Source table ${table} uses engine ${engine}, which keeps its rows in other tables, files or servers: what is being written there is not seen, so an incremental run could pass rows by. ` +
      'Read the table that holds the rows, or use mode "init" or "sync".',
    { table, engine },
  )
}

/** No index serves what `readAs` computes; wide bounds of the column itself do, and no zone is two days off. */
function nearby({ column }: IncrementalRequest, { from, to }: Pick<WindowEnds, 'from' | 'to'>): string[] {
  if (column.readAs === undefined) return []
  const days = (value: string, sign: '+' | '-') => `${text(value)} ${sign} INTERVAL 2 DAY`
  return [
    ...(from === null ? [] : [`${identifier(column.name)} >= ${days(from, '-')}`]),
    ...(to === null ? [] : [`${identifier(column.name)} <= ${days(to, '+')}`]),
  ]
}

async function indexOn(session: Session, { table, column }: IncrementalRequest): Promise<string | null> {
  const rows = await session.query(
    `SELECT INDEX_NAME FROM information_schema.STATISTICS
     WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ${text(table.table)} AND COLUMN_NAME = ${text(column.name)}
       AND SEQ_IN_INDEX = 1 AND SUB_PART IS NULL AND INDEX_TYPE = 'BTREE'
       /*!80000 AND IS_VISIBLE = 'YES' */ /*M!100600 AND IGNORED = 'NO' */
     ORDER BY INDEX_NAME LIMIT 1`,
  )
  return rows[0]?.[0] ?? null
}

async function countRows(session: Session, { table }: IncrementalRequest, sql: string): Promise<number> {
  const [row] = await session.query(
    `SELECT COUNT(*) FROM (SELECT 1 FROM ${identifier(table.table)} WHERE ${sql} LIMIT ${COUNT_TO}) q`,
  )
  return Number(row![0])
}

function missingIndex({ table, column }: IncrementalRequest): string {
  return `${table.table} has no index that begins with ${column.name}, so every run reads the whole table: ADD INDEX (${column.name})`
}
