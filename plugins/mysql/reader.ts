import type { Endpoint } from '../../src/contract/plugin.js'
import type { SqlSource } from '../../src/sql/sql-source.js'
import type { Session } from './connection.js'
import { listForeignKeys } from './foreign-keys.js'
import { FAMILY, readSourceDdl, wideColumns } from './source-ddl.js'
import { derive } from './derive.js'
import { digestSql } from './digest.js'
import { explainQuery } from './explain.js'
import { seesAllTables } from './grants.js'
import { signs } from './in-server.js'
import { listObjects, objectDdl, unseenObjects } from './objects.js'
import { checkSource } from './preflight.js'
import { describeTable, describeTables, listTables } from './schema.js'
import { serverLoad } from './server-load.js'
import { lockWrites } from './snapshot.js'
import { tableState } from './table-state.js'
import { tableTraits } from './table-traits.js'
import { checkWhere } from './user-sql.js'
import { windowSource } from './window.js'
import { computed, inUtc, openInZone, zoneWarnings } from './zones.js'

export function mysqlSource(endpoint: Endpoint): SqlSource<Session> {
  return {
    open: (at, signal) => openInZone(at, { signal }),
    describe: async (session, table) => inUtc(endpoint, await describeTable(session, table)),
    tables: listTables,
    seesAllTables,
    describeAll: async (session, tables) => {
      const described = await describeTables(session, tables)
      return new Map([...described].map(([name, table]) => [name, table && inUtc(endpoint, table)]))
    },
    sourceDdl: readSourceDdl,
    wideColumns,
    traits: tableTraits,
    checkWhere: (session, table, where) => checkWhere(session, endpoint, table, where),
    derive,
    check: async (session, spec, write, allColumns) => [
      ...(await checkSource(session, spec, write, allColumns)),
      ...(await zoneWarnings(session, endpoint, spec.table, computed(spec))),
    ],
    explain: explainQuery,
    state: (session, table) => tableState(session, endpoint.connection, table),
    load: serverLoad,
    windows: windowSource,
    digests: digestSql,
    foreignKeys: { family: FAMILY, list: listForeignKeys },
    objects: { family: FAMILY, list: listObjects, ddl: objectDdl, unseen: unseenObjects },
    inServer: signs,
    beginSnapshot: lockWrites,
    joinSnapshot,
  }
}

async function joinSnapshot(session: Session): Promise<void> {
  await session.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ')
  await session.query('START TRANSACTION WITH CONSISTENT SNAPSHOT')
  session.inSnapshot = true
}
