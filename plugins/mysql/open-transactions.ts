import { setTimeout as sleep } from 'node:timers/promises'
import type { Session } from './connection.js'
import { mapError } from './errors.js'

/** The server makes its list anew when nobody has looked at it for 100 ms; so a look must not come sooner. */
const PAUSE_MS = 110
/** Within two seconds. */
const LOOKS = 5

/** An earlier SELECT of this session, which an old list may hold, was not begun as a transaction. */
const LIST = `
  SELECT COALESCE(MAX(trx_mysql_thread_id = CONNECTION_ID() AND trx_is_read_only = 1 AND trx_autocommit_non_locking = 0), 0),
    CAST(MIN(IF(trx_mysql_thread_id <> CONNECTION_ID() AND (trx_rows_modified > 0 OR trx_query IS NOT NULL), trx_started, NULL)) AS CHAR)
  FROM information_schema.INNODB_TRX`

/** Who may be writing. */
export interface OpenTransactions {
  /** The server's UTC clock before the list was made: whoever is not on it stamps rows with this time or later. */
  readonly now: string
  /** Since when the oldest transaction is open that has changed rows, or whose statement may; in the zone SYSTEM. */
  readonly oldest: string | null
  /** Why they cannot be looked at; null: they can. */
  readonly hidden: string | null
}

/**
 * The server gives out an old list while others keep looking at it. A list that holds a transaction which we have begun
 * ourselves was made after that; a read-only one with a snapshot stands on it from the start and writes nothing.
 */
export async function openTransactions(session: Session): Promise<OpenTransactions> {
  const [clock] = await session.query('SELECT CAST(UTC_TIMESTAMP(6) AS CHAR)')
  const now = clock![0]!
  // Of other levels MySQL takes no snapshot.
  await session.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ')
  await session.query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY')
  try {
    for (let look = 0; look < LOOKS; look++) {
      // Longer each time and never alike: runs that look by turns would keep the list old for each other.
      if (look > 0) await sleep(PAUSE_MS * 1.5 ** (look - 1) * (1 + Math.random()))
      const [row] = await session.query(LIST)
      if (row![0] === '1') return { now, oldest: row![1] ?? null, hidden: null }
    }
    return { now, oldest: null, hidden: 'the server shows an old list of open transactions' }
  } catch (error) {
    if (mapError(error, '').code !== 'ACCESS_DENIED') throw error
    return { now, oldest: null, hidden: 'the user may not see open transactions (privilege PROCESS)' }
  } finally {
    await session.query('ROLLBACK')
  }
}
