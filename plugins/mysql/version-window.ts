import { setTimeout as sleep } from 'node:timers/promises'
import type { IncrementalRequest } from '../../src/contract/plugin.js'
import { versionsBeginAnew } from '../../src/sql/epoch.js'
import type { Session } from './connection.js'
import type { OpenTransaction } from './open-transactions.js'
import { openTransactions } from './open-transactions.js'
import { nameConnection, runningStatements, stillRunning } from './running-statements.js'
import { identifier } from './sql.js'
import { uncommittedArrivals } from './uncommitted.js'
import type { WindowEnds } from './window-ends.js'

const POLL_MS = 200

/**
 * Numbers that rise with every change. No clock says when one is past, so it is proved as for keys (`key-window.ts`): all statements and
 * transactions that were under way when the highest number was looked up have ended, and none has left an uncommitted row below it.
 * Where that cannot be proved, the rows are read and the watermark stays. Rows may share a number, so those of the
 * watermark itself are read again.
 */
export async function versionEnds(session: Session, request: IncrementalRequest): Promise<WindowEnds> {
  const { column, table, watermark, overlap, lockWaitMs } = request
  const from = watermark === null ? null : String(BigInt(watermark) - BigInt(overlap))
  const nothing = (reason: string, warnings: string[] = []): WindowEnds => {
    return { from: watermark, to: watermark, watermark, reasons: [reason], warnings, delays: [] }
  }
  const top = await highestVersion(session, request)
  if (top === null) return nothing(`nothing new: no row of ${table.table} has a ${column.name}`)
  const lower =
    watermark === null || BigInt(top) >= BigInt(watermark)
      ? []
      : [versionsBeginAnew(column.name, top, watermark)]
  if (from !== null && BigInt(top) < BigInt(from)) return nothing('nothing new', lower)
  const to = String(BigInt(top) + 1n)
  const next = lower.length === 0 ? top : watermark
  const deadline = Date.now() + lockWaitMs
  const statements = await runningStatements(session)
  const { oldest, latest, hidden } = await openTransactions(session)
  const warnings = [
    ...lower,
    ...(hidden === null
      ? []
      : [
          `${hidden}, so a row that gets its ${column.name} before this run and is committed after it is missed, unless overlap covers it`,
        ]),
  ]
  const reason = `${column.name} from ${from ?? 'the beginning'} up to ${top}; the next run reads ${next} again, since several rows may have it`
  const quiet = watermark === null && statements.length === 0 && oldest === null && hidden === null
  const holder = quiet ? null : await underWay()
  if (holder === null) return { from, to, watermark: next, reasons: [reason], warnings, delays: [] }
  const held = `the watermark stays ${watermark === null ? 'unset' : `at ${watermark}`}, and the next run reads these rows again: ${holder} may hold a ${column.name} below ${top}`
  return { from, to, watermark, reasons: [reason], warnings, delays: [held] }

  /** Who may still commit a lower number, after all have had time to end; null: nobody. */
  async function underWay(): Promise<string | null> {
    let left = statements
    let open = oldest
    const key = table.columns.filter(({ name }) => table.keys[0]?.columns.includes(name))
    const range = { table, columns: [...key, column], column, from, to }
    for (;;) {
      left = await stillRunning(session, left)
      if (open !== null) open = await stillOpen(open, latest!)
      const [first] = left
      const settled = first === undefined && open === null
      if (settled && !(await uncommittedArrivals(session, range))) return null
      if (Date.now() >= deadline) {
        if (first !== undefined) return `a statement of ${await nameConnection(session, first.thread)}`
        return open === null
          ? 'an open transaction'
          : `a transaction of ${await nameConnection(session, open.thread)}`
      }
      await sleep(POLL_MS)
    }
  }

  /** The oldest transaction that was begun no later than `latest`; as before, if the list cannot be had. */
  async function stillOpen(before: OpenTransaction, latest: string): Promise<OpenTransaction | null> {
    const now = await openTransactions(session)
    if (now.hidden !== null) return before
    return now.oldest === null || now.oldest.since > latest ? null : now.oldest
  }
}

/** Of committed rows: a counter may be rolled back, and give out the same numbers again. */
async function highestVersion(
  session: Session,
  { table, column }: IncrementalRequest,
): Promise<string | null> {
  await session.query('SET TRANSACTION ISOLATION LEVEL READ COMMITTED')
  const [row] = await session.query(`SELECT MAX(${identifier(column.name)}) FROM ${identifier(table.table)}`)
  return row![0] ?? null
}
