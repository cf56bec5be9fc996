import type { ServerSideSql } from '../../src/sql/server-side.js'

/** What threads do that are in the middle of sending or receiving: MySQL, MariaDB. */
const ON_THE_NETWORK = new Set([
  'Sending to client',
  'Receiving from client',
  'Writing to net',
  'Reading from net',
])

/** The thread of a session. */
export const serverThread: ServerSideSql = {
  server: "CONCAT_WS(':', @@hostname, @@port, @@datadir, @@server_id)",
  id: 'CONNECTION_ID()',
  look: (id) => `SELECT COMMAND, STATE FROM information_schema.PROCESSLIST WHERE ID = ${id}`,
  sight([command, state]) {
    if (command === 'Sleep') return 'idle'
    return ON_THE_NETWORK.has(state ?? '') ? 'blocked' : 'busy'
  },
  end: (ask, id) => ask(`KILL ${id}`),
  isAnswer: (thrown) => ((thrown as { errno?: number }).errno ?? 0) > 0,
}
