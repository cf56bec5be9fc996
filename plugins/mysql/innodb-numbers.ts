import type { Connection } from '../../src/contract/plugin.js'
import type { Session } from './connection.js'
import { mapError } from './errors.js'
import { serverFacts } from './server.js'
import { text } from './sql.js'

/** By name; null: the list could not be read this time. */
type Numbers = ReadonlyMap<string, string> | null

/** Names whose numbers are looked for together, once the search before has ended. */
interface Round {
  readonly names: Set<string>
  readonly found: Promise<Numbers>
}

/** Of sessions over the same connection, which see the same. */
const waiting = new WeakMap<Connection, Round>()
const running = new WeakMap<Connection, Promise<unknown>>()

/**
 * All numbers of a table, of which a partitioned one has several; null: the user may not see them, or the engine is another. `unknown`: they could not
 * be read this time, so there is nothing to compare with another look. The server reads its whole list for each search, so that tables which are
 * copied side by side share one. `name`: as InnoDB has it.
 */
export async function innodbNumber(
  session: Session,
  connection: Connection,
  name: string,
): Promise<string | null> {
  const round = waiting.get(connection) ?? nextRound(session, connection)
  round.names.add(name)
  const numbers = await round.found
  return numbers === null ? 'unknown' : (numbers.get(name) ?? null)
}

function nextRound(session: Session, connection: Connection): Round {
  const names = new Set<string>()
  const begin = async (): Promise<Numbers> => {
    await running.get(connection)
    waiting.delete(connection)
    const found = search(session, [...names])
    running.set(connection, found)
    return found
  }
  const round = { names, found: begin() }
  waiting.set(connection, round)
  return round
}

/** Never throws: a list that may not be read, or takes too long, is not a reason for a run to fail. */
async function search(session: Session, names: readonly string[]): Promise<Numbers> {
  try {
    const { mariadb, version } = await serverFacts(session)
    const view = mariadb || version < 80_000 ? 'INNODB_SYS_TABLES' : 'INNODB_TABLES'
    // Of a partition, behind its table's.
    const name = `SUBSTRING_INDEX(CAST(NAME AS BINARY), '#', 1)`
    const rows = await session.search({
      select: [name, 'GROUP_CONCAT(TABLE_ID ORDER BY TABLE_ID)'],
      from: `information_schema.${view}`,
      where: [`${name} IN (${names.map(text).join(', ')})`],
      tail: ` GROUP BY ${name}`,
    })
    return rows && new Map(rows.map(([found, numbers]) => [found!, numbers!]))
  } catch (thrown) {
    return mapError(thrown, '').code === 'ACCESS_DENIED' ? new Map() : null
  }
}
