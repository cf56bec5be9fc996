import type { PlannedWrite } from '../../src/contract/plugin.js'
import { mysqlForeignKeys } from './foreign-keys.js'
import { mysqlIndexes } from './indexes.js'
import type { RowStore, SqlSink } from '../../src/sql/sql-sink.js'
import { commitInDoubt } from '../../src/sql/doubt.js'
import { Session } from './connection.js'
import { FAMILY } from './source-ddl.js'
import { mysqlObjects } from './objects.js'
import { planCreateTable } from './create-table-plan.js'
import { mapError } from './errors.js'
import { copySplit, inServerPlanner } from './in-server.js'
import { leniently } from './lenient-ddl.js'
import { askCharsetCoverage } from './charset-coverage.js'
import { describeTable, describeTables, listTables } from './schema.js'
import { serverLoad } from './server-load.js'
import { charsetOf } from './sql.js'
import { settlementSteps, settlementTables } from './settlement.js'
import { beginSplit, SplitWrite } from './split-write.js'
import { dropStagingSql, Statements } from './statements.js'
import { InsertMemory } from './transcode.js'
import { planWrite } from './write-plan.js'

export function mysqlSink(): SqlSink<Session> {
  /** By plan: a sharded target has one for each table. */
  const known = new WeakMap<PlannedWrite, Statements>()
  const memory = new InsertMemory()
  const statementsOf = (spec: PlannedWrite): Statements => {
    const statements = known.get(spec) ?? new Statements(spec, memory)
    known.set(spec, statements)
    return statements
  }
  return {
    open: (endpoint, signal) => Session.open(endpoint, { signal }),
    describe: describeTable,
    tables: listTables,
    describeAll: describeTables,
    charsetCoverage: (session, column) => askCharsetCoverage(session, charsetOf(column)!),
    load: serverLoad,
    family: FAMILY,
    planCreateTable,
    plan: planWrite,
    foreignKeys: mysqlForeignKeys,
    objects: mysqlObjects,
    indexes: mysqlIndexes,
    runDdl: leniently,
    inServer: inServerPlanner,
    forget: async (session, spec) =>
      statementsOf(spec).stage && leniently(session, dropStagingSql(spec.table.table)),
    rows: (session, spec) => rowStore(session, statementsOf(spec)),
  }
}

function rowStore(session: Session, statements: Statements): RowStore {
  const { spec, facts, stage } = statements
  return {
    transactional: facts.transactional,
    // Without a staging table there is one unique key only: what is taken is a key of another table, which a trigger writes to.
    defers: facts.staged,
    async begin(purpose) {
      if (purpose === 'copy') return beginSplit(session, { ...facts, readCommitted: true })
      for (const sql of stage?.create ?? []) await leniently(session, sql)
      if (purpose === 'settlement')
        for (const sql of settlementTables(spec, statements)) await leniently(session, sql)
      await beginSplit(session, facts)
    },
    write: (batches, tally) => new SplitWrite(session, statements, tally, { stored: false }).split(batches),
    copy: (read, split) => copySplit(session, spec, read, split),
    settlement: () => settlementSteps(session, statements),
    blamesOnlyRow: ({ details }) => details['errno'] === CACHE_FULL,
    commitError(thrown) {
      const error = mapError(thrown, 'committing')
      const rejected = ['LOCK_CONFLICT', 'READ_ONLY', 'SPLIT_TOO_LARGE'].includes(error.code)
      const answered = rejected && error.details['errno'] !== QUERY_KILLED
      return answered ? error : commitInDoubt(error)
    },
  }
}

/** More than the cache of the binary log may hold of one transaction. */
const CACHE_FULL = 1197
/** The one conflict after which a commit may have happened all the same. */
const QUERY_KILLED = 1317
