import type { Endpoint, Finding } from '../../src/contract/plugin.js'
import type { Question } from '../../src/sql/questions.js'
import { inspect } from '../../src/sql/questions.js'
import { PostgresSession } from './session.js'

const LONG_TEXT = "SELECT repeat('x', 500000)"

function setting(name: string, advice?: (value: string) => string): Question {
  return { name, sql: `SELECT pg_catalog.current_setting('${name}')`, ...(advice ? { advice } : {}) }
}

const PRIVILEGES = `SELECT pg_catalog.concat_ws(', ',
  CASE WHEN (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN 'superuser' END,
  CASE WHEN pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') THEN 'may create schemas' END,
  CASE WHEN pg_catalog.current_schema() IS NULL THEN 'no schema in search_path'
       WHEN pg_catalog.has_schema_privilege(pg_catalog.current_schema(), 'CREATE')
       THEN 'may create tables in ' || pg_catalog.current_schema()
       ELSE 'may not create tables in ' || pg_catalog.current_schema() END)`

const questions: readonly Question[] = [
  { name: 'server', sql: 'SELECT pg_catalog.version()' },
  { name: 'user', sql: 'SELECT current_user' },
  { name: 'privileges', sql: PRIVILEGES },
  {
    name: 'in recovery',
    sql: "SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN 'yes' ELSE 'no' END",
    advice: (value) => (value === 'yes' ? 'a standby: it can be a source, and no target' : ''),
  },
  setting('max_connections', (value) =>
    Number(value) < 50 ? 'few: each thread takes a connection at each end' : '',
  ),
  setting('shared_buffers'),
  setting('max_wal_size'),
  setting('synchronous_commit'),
  setting('server_encoding', (value) => (value === 'UTF8' ? '' : 'it cannot hold every character')),
]

/** For `rowshift check`. */
export async function inspectServer(endpoint: Endpoint, signal: AbortSignal): Promise<readonly Finding[]> {
  const session = await PostgresSession.open(endpoint, { signal })
  try {
    return await inspect(session, questions, LONG_TEXT)
  } finally {
    await session.close()
  }
}
