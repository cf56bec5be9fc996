import type { LoadRequest, ServerLoad } from '../../src/contract/plugin.js'
import type { Session } from './connection.js'
import { mapError } from './errors.js'
import { serverFacts } from './server.js'

/** In what `SHOW REPLICA STATUS` says, whose columns have kept their places through all versions and both servers. */
const SQL_RUNNING = 11
const SECONDS_BEHIND = 32

export async function serverLoad(session: Session, asked: LoadRequest): Promise<ServerLoad> {
  try {
    const [status] = await session.query("SHOW GLOBAL STATUS LIKE 'Threads_running'")
    return {
      threadsRunning: status ? Number(status[1]) : null,
      lag: asked.lag ? await lagOf(session) : null,
    }
  } catch (error) {
    const privilege = asked.lag
      ? '; "max_lag" needs the privilege REPLICATION CLIENT (MariaDB: SLAVE MONITOR)'
      : ''
    throw mapError(error, `asking ${session.where} how much it has to do${privilege}`)
  }
}

/** MySQL has the old name until 8.3, MariaDB all along. */
async function lagOf(session: Session): Promise<number | null> {
  const { mariadb, version } = await serverFacts(session)
  const [row] = await session.query(mariadb || version < 80_022 ? 'SHOW SLAVE STATUS' : 'SHOW REPLICA STATUS')
  if (!row) return null
  const seconds = row[SECONDS_BEHIND]
  return seconds == null || row[SQL_RUNNING] !== 'Yes' ? Infinity : Number(seconds)
}
