import type { Endpoint, Finding } from '../../src/contract/plugin.js'
import type { Question } from '../../src/sql/questions.js'
import { inspect } from '../../src/sql/questions.js'
import { Session } from './connection.js'

const SMALL_PACKET = 16 * 1024 * 1024
const LONG_TEXT = "SELECT REPEAT('x', 500000)"

/** A variable that the server may not have. */
function setting(name: string, advice?: (value: string) => string): Question {
  return { name, sql: `SELECT @@GLOBAL.${name}`, ...(advice ? { advice } : {}) }
}

const on = (value: string) => value === '1' || value.toUpperCase() === 'ON'

const questions: readonly Question[] = [
  { name: 'server', sql: "SELECT CONCAT(VERSION(), ' ', @@version_comment)" },
  { name: 'user', sql: 'SELECT CURRENT_USER()' },
  setting('read_only', (value) =>
    on(value) ? 'it can be a source, and no target unless the user is privileged' : '',
  ),
  setting('local_infile', (value) =>
    on(value)
      ? ''
      : 'as a target it takes rows by INSERT; with SET GLOBAL local_infile = 1 they go in faster, by LOAD DATA',
  ),
  setting('max_allowed_packet', (value) =>
    Number(value) < SMALL_PACKET ? 'rows and statements cannot be larger; 16 MiB or more are usual' : '',
  ),
  setting('innodb_buffer_pool_size', (value) =>
    Number(value) < 512 * 1024 * 1024
      ? 'small: large tables and their indexes are read from the disk again and again'
      : '',
  ),
  setting('innodb_flush_log_at_trx_commit'),
  setting('sync_binlog'),
  setting('log_bin', (value) =>
    on(value) ? 'rows written are logged for replicas, which takes time and room' : '',
  ),
  setting('max_connections', (value) =>
    Number(value) < 50 ? 'few: each thread takes a connection at each end' : '',
  ),
  setting('wait_timeout', (value) =>
    Number(value) < 60 ? 'short: connections that wait for the other end may be closed' : '',
  ),
  setting('sql_mode'),
  setting('character_set_server'),
  setting('time_zone'),
]

/** For `rowshift check`. */
export async function inspectServer(endpoint: Endpoint, signal: AbortSignal): Promise<readonly Finding[]> {
  const session = await Session.open(endpoint, { signal })
  try {
    const grants = await session.query('SHOW GRANTS')
    const privileges = {
      name: 'privileges',
      value: grants.map(([line]) => withoutSecret(line ?? '')).join('\n'),
    }
    const [server, user, ...others] = await inspect(session, questions, LONG_TEXT)
    return [server!, user!, privileges, ...others]
  } finally {
    await session.close()
  }
}

/** MariaDB shows the hash of the password. */
function withoutSecret(grant: string): string {
  return grant.replace(/ IDENTIFIED (BY|VIA) .*?(?= WITH | REQUIRE |$)/i, '')
}
