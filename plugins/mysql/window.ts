import type { IncrementalRequest, Window } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import { missingIndex } from '../../src/sql/incremental-window.js'
import type { WindowSource } from '../../src/sql/window-source.js'
import type { Session } from './connection.js'
import { isElsewhere } from './engines.js'
import type { TableFacts } from './engines.js'
import { nextId, settleKeys } from './key-window.js'
import { describeFacts } from './schema.js'
import { identifier, text } from './sql.js'
import { times } from './time-window.js'
import { unpromised } from './unpromised.js'
import { settleVersions } from './version-window.js'

export const windowSource: WindowSource<Session> = {
  look,
  conditions: (request, bounds) => ({ nearby: nearby(request, bounds) }),
  see: async (session, rows) => {
    const level = rows === 'all' ? 'UNCOMMITTED' : 'COMMITTED'
    await session.query(`SET TRANSACTION ISOLATION LEVEL READ ${level}`)
  },
  nextId,
  settleKeys,
  settleVersions,
  times,
}

async function look(
  session: Session,
  request: IncrementalRequest,
): Promise<Pick<Window, 'index' | 'reasons' | 'warnings'>> {
  const facts = await checkTransactionsSeen(session, request)
  const index = await indexOn(session, request)
  const limits = request.range ? { reasons: [], warnings: [] } : await unpromised(session, request, facts)
  const missing = index === null ? [missingIndex(request)] : []
  return { index, reasons: limits.reasons, warnings: [...missing, ...limits.warnings] }
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
function nearby({ column }: IncrementalRequest, { from, to }: Pick<Window, 'from' | 'to'>): string[] {
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
