/**
 * For plugins of databases that speak SQL: a reader, a writer and a task store that need to be told only what the database does in its own
 * way.
 *
 * ```ts
 * import { SqlReader, SqlTaskStore, SqlWriter } from 'rowshift/sql'
 *
 * createReader: (endpoint) => new SqlReader(endpoint, source),
 * createWriter: (endpoint) => new SqlWriter(endpoint, sink),
 * createTaskStore: (connection) => new SqlTaskStore(databaseOf(connection)),
 * ```
 *
 * What else they need, and plugins that do without them, is in `rowshift/plugin`. See docs/plugins.md.
 */
// What a plugin brings.
export type { SqlDialect } from './sql/dialect.js'
export type { LossSql } from './sql/loss-sql.js'
export type { SqlRow, SqlSelect, SqlSession } from './sql/session.js'
export type { SqlSource } from './sql/sql-source.js'
export type { DigestSql, WrittenFormat } from './sql/row-digest.js'
export type {
  Moments,
  SettledKeys,
  SettledTimes,
  SettledVersions,
  WindowBounds,
  WindowSource,
} from './sql/window-source.js'
export type { RowStore, SplitPurpose, SqlSink } from './sql/sql-sink.js'
export type { CopiedRows, InServerPlanner, InServerSigns } from './sql/unseen-rows.js'
export type { IndexStatements } from './sql/index-statements.js'
export type { SettlementSteps } from './sql/settlement.js'
export type { TaskDatabase, TaskLock } from './sql/sql-task-store.js'
// What it gets for that.
export { SqlReader } from './sql/reader.js'
export { SqlWriter } from './sql/writer.js'
export { SqlTaskStore } from './sql/sql-task-store.js'
// Connections to servers: fields, URLs, TLS, and waits that end.
export {
  describeServer,
  fieldsOf,
  type ServerFields,
  type ServerKind,
  serverFromUrl,
  serverSchema,
  stallMs,
} from './sql/server-connection.js'
export { type Encryption, encryptionOf, PLAIN, readPem, staysHere } from './sql/encryption.js'
export {
  interrupted,
  openingSignal,
  type ServerLink,
  ServerWaits,
  type SessionOptions,
  unlessAborted,
} from './sql/server-waits.js'
export { checkSessionFaults, runStatements } from './sql/user-session.js'
export { movementOf, type MovingSocket, type Sight } from './sql/silence.js'
export { openConnection, type ServerDriver, ServerSession } from './sql/server-session.js'
// Errors.
export {
  classOf,
  type ErrorClass,
  errorClasses,
  failureOf,
  LostConnection,
  withoutStop,
} from './sql/error-classes.js'
export { commitInDoubt } from './sql/doubt.js'
export { rowError } from './sql/row-errors.js'
export { misfitError } from './sql/misfit-error.js'
// Tables: what they are, and how they are made.
export { type KeyPart, keysOf, noTable } from './sql/table-keys.js'
export { type MappedColumns, mappedTable, sizesOf } from './sql/mapped-table.js'
export { creationError } from './sql/created-table.js'
// Queries.
export { selectSql, splitRows } from './sql/select.js'
export { boundQuery } from './sql/key-probe.js'
export { aboveWatermark } from './sql/key-bounds.js'
export { missingIndex } from './sql/incremental-window.js'
export { type Beyond, columnsBeyond, keyExcerpts, namedKey, searchRows } from './sql/row-search.js'
export { checkCondition, checkExpression } from './sql/user-sql.js'
// Rows on their way into a table.
export { BisectedWrite } from './sql/bisected-write.js'
export { untouchedColumns } from './sql/settlement.js'
export type { Tally } from './sql/tally.js'
export { castText } from './wire/cast-text.js'
