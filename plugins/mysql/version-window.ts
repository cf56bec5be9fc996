import { setTimeout as sleep } from 'node:timers/promises'
import type { IncrementalRequest } from '../../src/contract/plugin.js'
import type { SettledVersions } from '../../src/sql/window-source.js'
import type { Session } from './connection.js'
import type { OpenTransaction } from './open-transactions.js'
import { openTransactions } from './open-transactions.js'
import { nameConnection, runningStatements, stillRunning } from './running-statements.js'
import { uncommittedArrivals } from './uncommitted.js'

const POLL_MS = 200

/**
 * It is proved as for keys (`key-window.ts`): all statements and transactions that were under way when the highest number was looked
 * up have ended, and none has left an uncommitted row below it.
 */
export async function settleVersions(
  session: Session,
  { column, table, watermark, lockWaitMs }: IncrementalRequest,
  { from, to }: { readonly from: string | null; readonly to: string },
): Promise<SettledVersions> {
  const deadline = Date.now() + lockWaitMs
  const statements = await runningStatements(session)
  const { oldest, latest, hidden } = await openTransactions(session)
  const quiet = watermark === null && statements.length === 0 && oldest === null && hidden === null
  return { hidden, holder: quiet ? null : await underWay() }

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
