import type { ServerSideSql } from '../../src/sql/server-side.js'
import { setTimeout as delay } from 'node:timers/promises'
import { sqlState } from './errors.js'

/** How often it is asked whether a process that was ended has gone. */
const POLL_MS = 50

/** The number of a process may be used again. */
const ID = "concat(pid, ':', extract(epoch FROM backend_start))"

/** The server process of a session. */
export const serverBackend: ServerSideSql = {
  // A standby has the number of its primary.
  server:
    "(SELECT concat_ws(':', system_identifier, host(inet_server_addr()), inet_server_port(), pg_is_in_recovery()) FROM pg_control_system())",
  id: `(SELECT ${ID} FROM pg_stat_activity WHERE pid = pg_backend_pid())`,
  look: (id) => `SELECT state, wait_event_type FROM pg_stat_activity WHERE ${ID} = '${id}'`,
  sight([state, waitsFor]) {
    if (state?.startsWith('idle')) return 'idle'
    return state === 'active' && waitsFor === 'Client' ? 'blocked' : 'busy'
  },
  async end(ask, id) {
    const end = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${ID} = '${id}'`
    while ((await ask(end)).length > 0) await delay(POLL_MS)
  },
  isAnswer: (thrown) => sqlState(thrown) !== null,
}
