import type { Session } from './connection.js'
import { text } from './sql.js'

/** Strict mode refuses what CREATE TABLE … LIKE takes: a member of a SET that stands twice, dates that are in no calendar. */
const STRICTNESS = new Set([1067, 1291])
/** ZEROFILL, FLOAT(M,D), utf8 and others of which MySQL only says that they are deprecated. */
const DEPRECATED = new Set([1287, 1554, 1681, 3719, 3778])

/** Without strict mode only where it says no, and with no other warning: it would also shorten keys and change types. */
export async function leniently(session: Session, sql: string): Promise<void> {
  try {
    await session.query(sql)
  } catch (error) {
    if (!STRICTNESS.has((error as { errno?: number }).errno ?? 0)) throw error
    const [[mode]] = (await session.query('SELECT @@SESSION.sql_mode')) as [[string]]
    const less = ['ALLOW_INVALID_DATES', ...mode.split(',').filter((each) => !/STRICT|NO_ZERO/.test(each))]
    await session.query(`SET SESSION sql_mode = ${text(less.join(','))}`)
    try {
      await session.query(sql)
      const harmless = (errno: number) => STRICTNESS.has(errno) || DEPRECATED.has(errno)
      const other = (await session.query('SHOW WARNINGS')).find(([, errno]) => !harmless(Number(errno)))
      if (other) throw Object.assign(new Error(other[2]!), { errno: Number(other[1]) })
    } finally {
      await session.query(`SET SESSION sql_mode = ${text(mode)}`)
    }
  }
}
