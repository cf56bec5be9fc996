import type { RowshiftError } from '../contract/errors.js'
import { backoff } from '../contract/waiting.js'
import type { SqlSession } from './session.js'

const MAX_RETRIES = 5
const RETRY_MS = 100

/** A session that cannot even roll back is cut, which has the same effect. */
export async function inTransaction<T>(session: SqlSession, work: () => Promise<T>): Promise<T> {
  try {
    await session.begin()
    const result = await work()
    await session.commit()
    return result
  } catch (thrown) {
    await session.rollback().catch(() => session.destroy())
    throw thrown
  }
}

/**
 * Makes a table of rowshift's own, outside a transaction, unless it is there. Of two that do so at the same time one may fail in spite of IF NOT
 * EXISTS; then the table is there.
 */
export async function createOwn(session: SqlSession, name: string, sql: string): Promise<void> {
  await session.run(sql).catch(async (thrown: unknown) => {
    if ((await session.query(session.dialect.columnNames(name))).length === 0) throw thrown
  })
}

/** For `retried`: short transactions on rowshift's own tables may meet the locks of other runs. */
export function afterConflict({ code }: RowshiftError, retries: number): number | null {
  return code === 'LOCK_CONFLICT' && retries < MAX_RETRIES ? backoff(retries, RETRY_MS) : null
}
