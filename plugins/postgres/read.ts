import type { LoadRequest, ServerLoad, TableState } from '../../src/contract/plugin.js'
import type { SqlSource } from '../../src/sql/sql-source.js'
import { digestSql } from './digest.js'
import { listForeignKeys } from './foreign-keys.js'
import { listObjects, objectDdl } from './objects.js'
import { FAMILY, sourceDdl, wideColumns } from './source-ddl.js'
import { tableTraits } from './table-traits.js'
import { derive } from './derive.js'
import { signs } from './in-server.js'
import { locationProbe } from './location.js'
import { checkSource } from './preflight.js'
import { describeTable, listTables, PARTS } from './schema.js'
import { PostgresSession } from './session.js'
import { exportSnapshot, joinSnapshot } from './snapshot.js'
import { tableId } from './sql.js'
import { windowSource } from './window.js'

export function postgresSource(): SqlSource<PostgresSession> {
  return {
    open: (endpoint, signal) => PostgresSession.open(endpoint, { signal }),
    describe: describeTable,
    tables: listTables,
    sourceDdl,
    wideColumns,
    traits: async (_session, elsewhere, own) => tableTraits(elsewhere, own),
    derive,
    check: checkSource,
    locationProbe,
    explain: async (session, sql) => (await session.query(`EXPLAIN ${sql}`)).map(([line]) => line!),
    state: tableState,
    load: serverLoad,
    foreignKeys: { family: FAMILY, list: listForeignKeys },
    objects: { family: FAMILY, list: listObjects, ddl: objectDdl },
    windows: windowSource,
    digests: digestSql,
    inServer: signs,
    exportsSnapshots: true,
    beginSnapshot: exportSnapshot,
    joinSnapshot: (session, token) => joinSnapshot(session, token!),
  }
}

/** A table has another file after TRUNCATE, and another number when it was made again; so has each of those that its rows are in. */
async function tableState(session: PostgresSession, table: string): Promise<TableState> {
  const [row] = await session.query(
    `WITH RECURSIVE ${PARTS(tableId(table))}, files AS (
       SELECT concat(oid, ':', pg_relation_filenode(oid)) AS file, pg_table_size(oid) AS bytes FROM parts JOIN pg_class ON oid = part)
     SELECT CASE WHEN count(*) > 1 THEN md5(string_agg(file, ' ' ORDER BY file)) ELSE max(file) END, sum(bytes) FROM files`,
  )
  const [identity, bytes] = row!
  return { identity: identity ?? 'gone', bytes: Number(bytes ?? 0) }
}

async function serverLoad(session: PostgresSession, { lag }: LoadRequest): Promise<ServerLoad> {
  const [row] = await session.query(
    `SELECT (SELECT count(*) FROM pg_stat_activity WHERE state = 'active'),
            CASE WHEN NOT pg_is_in_recovery() THEN NULL
                 WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
                 ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END, pg_is_in_recovery()`,
  )
  const [running, seconds, standby] = row!
  const behind = seconds == null ? Infinity : Math.max(0, Number(seconds))
  return { threadsRunning: Number(running), lag: lag && standby === 't' ? behind : null }
}
