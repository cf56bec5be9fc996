import type { TextRow } from './driver.js'

const SECONDS = 2
/** The statement was stopped for its time: MySQL, MariaDB. */
const STOPPED = new Set([3024, 1969])

interface Asking {
  query(sql: string): Promise<TextRow[]>
}

/** The rows of a SELECT (given without that word) that must not take long; null when it was stopped. Throws driver errors. */
export async function askBounded(session: Asking, select: string): Promise<TextRow[] | null> {
  // The first comment is for MariaDB, the second for MySQL.
  const bound = `/*M! SET STATEMENT max_statement_time = ${SECONDS} FOR */ SELECT /*+ MAX_EXECUTION_TIME(${SECONDS * 1000}) */`
  try {
    return await session.query(`${bound} ${select}`)
  } catch (error) {
    if (STOPPED.has((error as { errno?: number }).errno ?? 0)) return null
    throw error
  }
}
