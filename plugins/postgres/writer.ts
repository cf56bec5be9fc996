import type { Message, PlannedWrite, TableSchema, WritePlan, WriteSpec } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import { postgresForeignKeys } from './foreign-keys.js'
import { postgresIndexes } from './indexes.js'
import type { RowStore, SqlSink } from '../../src/sql/sql-sink.js'
import { commitInDoubt } from '../../src/sql/doubt.js'
import { charsetCoverage } from './charset-coverage.js'
import { planCreateTable } from './create-table-plan.js'
import { runDdl } from './enum-types.js'
import { CopyEncoder } from './encoder.js'
import { postgresObjects } from './objects.js'
import { postgresError } from './errors.js'
import { copySplit, inServerPlanner } from './in-server.js'
import { describeFacts, describeTable, listTables, PARTS } from './schema.js'
import { PostgresSession } from './session.js'
import { settlementSteps } from './settlement.js'
import { sequencesOf, setSequences } from './sequences.js'
import { SplitWrite } from './split-write.js'
import { FAMILY } from './source-ddl.js'
import { identifier, tableId } from './sql.js'
import type { Statements } from './statements.js'
import { Stages, statementsOf } from './statements.js'

export function postgresSink(): SqlSink<PostgresSession> {
  /** By plan: a sharded target has one for each table. */
  const known = new WeakMap<PlannedWrite, Statements>()
  const stages = new Stages()
  const encoder = new CopyEncoder()
  return {
    open: (endpoint, signal) => PostgresSession.open(endpoint, { signal }),
    describe: describeTarget,
    tables: listTables,
    family: FAMILY,
    charsetCoverage,
    planCreateTable,
    plan: planWrite,
    rows(session, spec) {
      const statements = known.get(spec) ?? statementsOf(spec, stages)
      known.set(spec, statements)
      return rowStore(session, statements, encoder)
    },
    foreignKeys: postgresForeignKeys,
    objects: postgresObjects,
    async forget(session, spec) {
      const { stage, sessions } = statementsOf(spec, stages)
      if (stage && sessions.delete(session)) await session.query(stage.drop)
    },
    indexes: postgresIndexes,
    runDdl,
    finish: setSequences,
    inServer: inServerPlanner,
  }
}

function rowStore(session: PostgresSession, statements: Statements, encoder: CopyEncoder): RowStore {
  const { spec, stage, sessions } = statements
  const begin = async () => {
    await session.begin()
    // Which row is at fault is told by the statement that fails, not by the commit.
    if (spec.facts['deferrable']) await session.query('SET CONSTRAINTS ALL IMMEDIATE')
    if (spec.facts['unchecked']) await session.query(CHECKED)
  }
  const at = { session, statements, encoder, begin }
  return {
    transactional: true,
    defers: true,
    async begin(purpose) {
      if (purpose !== 'copy' && stage && !sessions.has(session)) await session.query(stage.create)
      if (purpose !== 'copy') sessions.add(session)
      await begin()
    },
    write: (batches, tally) => new SplitWrite(at, tally, { stored: false }).split(batches),
    copy: (read, split) => copySplit(session, spec, read, split),
    settlement: () => settlementSteps(at),
    commitError(thrown) {
      const error = postgresError(thrown, 'committing')
      const { sqlstate } = error.details
      return typeof sqlstate === 'string' && REFUSED.test(sqlstate) ? error : commitInDoubt(error)
    },
  }
}

/** For a transaction. Whoever may not set it has not set it either. */
const CHECKED =
  "SELECT set_config('session_replication_role', 'origin', true) WHERE current_setting('session_replication_role') = 'replica'"

/** Classes of errors after which a transaction is rolled back. */
const REFUSED = /^(22|23|25|40|42|44|P0)/

/** A view, and a table of another server, may store something else than what they are given. */
async function describeTarget(session: PostgresSession, table: string): Promise<TableSchema> {
  const { kind } = await describeFacts(session, table)
  if (kind === 'table' || kind === 'partitioned') return describeTable(session, table)
  throw new RowshiftError(
    'TABLE_NOT_FOUND',
    `"${table}" in ${session.where} is a ${kind}${kind === 'foreign' ? ' table' : ''}; rows can be written to a table only`,
    { table },
  )
}

async function planWrite(session: PostgresSession, spec: WriteSpec): Promise<WritePlan> {
  const { create, identity, table, writeMode } = spec
  if (writeMode === 'upsert') await refuseUpdatesOfNumbers(session, spec)
  const facts = await askFacts(session, table.table, create !== null)
  const sequences = create ? [] : await sequencesOf(session, spec)
  const plan: WritePlan = {
    path: 'copy',
    reasons: [
      'write path copy: COPY takes rows as they come, and fails as a whole',
      ...(identity
        ? [
            `write mode ${writeMode}: COPY fills a temporary table, from which rows are merged by the key (${identity.join(', ')})`,
          ]
        : []),
    ],
    warnings: [
      ...(create ? [] : await subscriptionWarnings(session, table.table)),
      ...sequences
        .filter(({ mayBeSet }) => !mayBeSet)
        .map(
          ({ column, name }) =>
            `sequence ${name} stays as it is, since the user lacks SELECT or UPDATE on it, or SELECT on the column: set it above the highest ${column} before rows are inserted without one`,
        ),
    ],
    facts,
  }
  if (create === null)
    await tryStatements(
      session,
      statementsOf({ ...spec, ...plan, batch: { bytes: 0, rows: 0 } }, new Stages()),
    )
  return plan
}

async function subscriptionWarnings(session: PostgresSession, table: string): Promise<Message[]> {
  const parts = `WITH RECURSIVE ${PARTS(tableId(table))}`
  const [row] = await session.query(
    `${parts} SELECT count(*) FROM pg_subscription_rel JOIN parts ON srrelid = part`,
  )
  if (row![0] === '0') return []
  const text =
    'target {table} also gets rows from another server, by a subscription: it stops at a row with a key that this run has written, until that row is removed'
  return [{ text }]
}

/** The server updates no column that is GENERATED ALWAYS AS IDENTITY; those of the key need no update. */
async function refuseUpdatesOfNumbers(session: PostgresSession, spec: WriteSpec): Promise<void> {
  const { columns, create, identity, table } = spec
  const rows = create
    ? []
    : await session.query(
        `SELECT attname FROM pg_attribute WHERE attrelid = ${tableId(table.table)} AND attidentity = 'a' AND NOT attisdropped`,
      )
  const numbered = columns.find(({ target: { name, type } }) => {
    if (identity?.includes(name)) return false
    const line = `${identifier(name)} ${type} GENERATED ALWAYS AS IDENTITY`
    return create
      ? create.statements.some((sql) => sql.includes(line))
      : rows.some(([found]) => found === name)
  })
  if (numbered === undefined) return
  const column = numbered.target.name
  throw new RowshiftError(
    'PARAMS_INVALID',
    `Column ${column} of ${table.table} is GENERATED ALWAYS AS IDENTITY, which PostgreSQL does not update, and write mode "upsert" would. Leave it out with "columns", make it take numbers (ALTER TABLE … ALTER COLUMN ${column} SET GENERATED BY DEFAULT), or use write mode "replace". Nothing was written.`,
    { table: table.table, column },
  )
}

/**
 * Throws READ_ONLY. `created`: what is there is not the table that rows go into, which may be deferrable. `dropsUpdates`: triggers look at rows
 * before they are changed, and at none before they are inserted, which would have a say in whether a row is changed. `unchecked`: the session
 * would not check UNIQUE constraints that are DEFERRABLE, as those of a created table may be, which has no foreign keys yet.
 */
async function askFacts(
  session: PostgresSession,
  table: string,
  created: boolean,
): Promise<WritePlan['facts']> {
  const [row] = await session.query(
    `SELECT (pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on')::int, (relkind = 'p')::int,
            (EXISTS (SELECT FROM pg_constraint WHERE conrelid = id AND condeferrable))::int,
            (SELECT bool_or(tgtype & 16 <> 0) AND NOT bool_or(tgtype & 4 <> 0) FROM pg_trigger
             WHERE (tgrelid = id OR tgrelid IN (SELECT relid FROM pg_partition_tree(id))) AND NOT tgisinternal AND tgenabled IN ('O', 'A') AND tgtype & 3 = 3)::int,
            (current_setting('session_replication_role') = 'replica')::int
     FROM (SELECT ${tableId(table)} AS id) AS wanted LEFT JOIN pg_class ON oid = id`,
  )
  const [isReadOnly, partitioned, deferrable, dropsUpdates, replica] = row!.map((value) => value === '1')
  if (isReadOnly) {
    throw new RowshiftError(
      'READ_ONLY',
      `The target ${session.where} takes no writes: it is a standby, or default_transaction_read_only is on for the user or the database. Write to its primary, or switch that off. Nothing was written.`,
      { connection: session.where },
    )
  }
  return {
    partitioned: partitioned!,
    deferrable: created || deferrable!,
    dropsUpdates: !created && dropsUpdates!,
    unchecked: created && replica!,
  }
}

/** A temporary table changes nothing that others see. */
async function tryStatements(session: PostgresSession, { spec, stage }: Statements): Promise<void> {
  if (stage === null) return
  try {
    await session.query(stage.create)
    for (const sql of [...stage.remove, stage.merge]) await session.check(sql)
    await session.query(stage.drop)
  } catch (thrown) {
    const { table } = spec.table
    throw postgresError(
      thrown,
      `merging rows from a temporary table into table ${table} (write mode ${spec.writeMode} does so)`,
      { table },
    )
  }
}
