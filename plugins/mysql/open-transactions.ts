import { setTimeout as sleep } from 'node:timers/promises'
import type { Session } from './connection.js'
import { mapError } from './errors.js'

/** The server makes its list anew when nobody has looked at it for 100 ms; so a look must not come sooner. */
const PAUSE_MS = 110
/** Within two seconds. */
const LOOKS = 5

/**
 * A transaction counts when it has changed rows, or when its statement locks tables for writing. Reading transactions, of
 * whatever length, do not. An earlier SELECT of this session, which an old list may hold, was not begun as a transaction.
 */
const LIST = `
  SELECT COALESCE(MAX(trx_mysql_thread_id = CONNECTION_ID() AND trx_is_read_only = 1 AND trx_autocommit_non_locking = 0), 0),
    MIN(IF(writes, trx_mysql_thread_id, NULL)),
    MIN(IF(writes, CONCAT(trx_started, ' ', trx_mysql_thread_id), NULL)), CAST(MAX(IF(writes, trx_started, NULL)) AS CHAR)
  FROM (
    SELECT trx_mysql_thread_id, trx_started, trx_is_read_only, trx_autocommit_non_locking,
      trx_mysql_thread_id <> CONNECTION_ID() AND trx_is_read_only = 0
        AND (trx_rows_modified > 0 OR (trx_query IS NOT NULL AND trx_tables_locked > 0)) AS writes
    FROM information_schema.INNODB_TRX
  ) q`

/** Who may have written something that is not committed. */
export interface OpenTransactions {
  /** The transaction that has been open for the longest. */
  readonly oldest: OpenTransaction | null
  /** When the youngest one was begun, in the zone SYSTEM; null: there is none. */
  readonly latest: string | null
  /** It belongs to no connection: a prepared XA transaction, which may be older than the server's last start. */
  readonly detached: boolean
  /** Why they cannot be looked at; null: they can. */
  readonly hidden: string | null
}

export interface OpenTransaction {
  /** The connection that it belongs to; 0: none. */
  readonly thread: string
  /** In the zone SYSTEM. */
  readonly since: string
}

/**
 * The server gives out an old list while others keep looking at it. A list that holds a transaction which we have begun
 * ourselves was made after that; a read-only one with a snapshot stands on it from the start and writes nothing.
 */
export async function openTransactions(session: Session): Promise<OpenTransactions> {
  const unknown = { oldest: null, latest: null, detached: false }
  // Of other levels MySQL takes no snapshot.
  await session.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ')
  await session.query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY')
  try {
    for (let look = 0; look < LOOKS; look++) {
      // Longer each time and never alike: runs that look by turns would keep the list old for each other.
      if (look > 0) await sleep(PAUSE_MS * 1.5 ** (look - 1) * (1 + Math.random()))
      const [row] = await session.query(LIST)
      const [fresh, lowest, first = null, latest = null] = row!
      if (fresh === '1') {
        return { oldest: transaction(first), latest, detached: lowest === '0', hidden: null }
      }
    }
    return { ...unknown, hidden: 'the server shows an old list of open transactions' }
  } catch (error) {
    if (mapError(error, '').code !== 'ACCESS_DENIED') throw error
    return { ...unknown, hidden: 'the user may not see open transactions (privilege PROCESS)' }
  } finally {
    await session.query('ROLLBACK')
  }
}

function transaction(first: string | null): OpenTransaction | null {
  if (first === null) return null
  const gap = first.lastIndexOf(' ')
  return { since: first.slice(0, gap), thread: first.slice(gap + 1) }
}
