/** Who may still commit rows of a table, for incremental runs. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { IncrementalRequest } from '../../src/contract/plugin.js'
import type { SqlSession } from '../../src/sql/session.js'
import { tableId, text } from './sql.js'

/** A transaction that may write, or has written, and has not ended. */
export interface Writer {
  /** Nobody else has it until the transaction has ended. */
  readonly id: string
  /** Of its session; null: it is a prepared one. */
  readonly pid: string | null
}

const POLL_MS = 200
/** Below are the tables of the system. */
const FIRST_OF_USERS = 16_384
export const HERE = '(SELECT oid FROM pg_database WHERE datname = current_database())'
/** The modes in which a transaction that changes rows holds its table, and its sequence, to its end. */
const WRITING = "('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')"

/** The tables in which rows of a table are, and those through which they come in: partitions, children, the tables above it. */
export function tablesOf({ table }: IncrementalRequest): string {
  const name = tableId(table.table)
  return (
    `(WITH RECURSIVE below AS (SELECT ${name}::oid AS oid UNION SELECT inhrelid FROM pg_inherits JOIN below ON inhparent = oid) ` +
    `SELECT oid FROM below UNION SELECT relid FROM pg_partition_ancestors(${name}))`
  )
}

/** The sequences that fill in the column: owned by it, or named by its default. */
export function sequencesOf(request: IncrementalRequest): string {
  const column = `attrelid IN ${tablesOf(request)} AND attname = ${text(request.column.name)}`
  return (
    `(SELECT s.oid FROM pg_class s JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.refclassid = 'pg_class'::regclass ` +
    `JOIN pg_attribute ON attrelid = d.refobjid AND attnum = d.refobjsubid WHERE s.relkind = 'S' AND ${column} ` +
    `UNION SELECT d.refobjid FROM pg_attrdef JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum ` +
    `JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = pg_attrdef.oid ` +
    `JOIN pg_class s ON d.refclassid = 'pg_class'::regclass AND s.oid = d.refobjid WHERE s.relkind = 'S' AND ${column})`
  )
}

/**
 * Every transaction that holds the table, or the sequence of its column, for writing: it does from before its first row has a number until the
 * row can be seen by others, prepared or not. Of versions, which may be made of transaction ids, also all that have such an id.
 * Anybody may see these.
 */
export async function openWriters(session: SqlSession, request: IncrementalRequest): Promise<Writer[]> {
  const name = tableId(request.table.table)
  // A view has no writers of its own, so those of any table count.
  const isView = `(SELECT relkind IN ('v', 'm') FROM pg_class WHERE oid = ${name})`
  const relation =
    `relation IN ${tablesOf(request)} OR relation IN ${sequencesOf(request)} ` +
    `OR relation >= ${FIRST_OF_USERS} AND ${isView}`
  const numbered =
    ` UNION SELECT 'xid ' || backend_xid, pid FROM pg_stat_activity WHERE datid = ${HERE} AND backend_xid IS NOT NULL` +
    ` UNION SELECT 'xid ' || transaction, NULL FROM pg_prepared_xacts WHERE database = current_database()`
  const rows = await session.query(
    `SELECT virtualtransaction, pid FROM pg_locks WHERE locktype = 'relation' AND granted AND database = ${HERE} ` +
      `AND pid IS DISTINCT FROM pg_backend_pid() AND mode IN ${WRITING} AND (${relation})` +
      (request.kind === 'version' ? numbered : ''),
  )
  return rows.map(([id, pid]) => ({ id: id!, pid: pid ?? null }))
}

/** Waits for those that write now, `lockWaitMs` at most; resolves to one that has not ended, in words. */
export async function untilEnded(session: SqlSession, request: IncrementalRequest): Promise<string | null> {
  const deadline = Date.now() + request.lockWaitMs
  let left = await openWriters(session, request)
  while (left.length > 0) {
    if (Date.now() >= deadline) return nameWriter(session, left[0]!)
    await sleep(POLL_MS)
    const now = new Set((await openWriters(session, request)).map(({ id }) => id))
    left = left.filter(({ id }) => now.has(id))
  }
  return null
}

/** For people. */
export async function nameWriter(session: SqlSession, { pid }: Writer): Promise<string> {
  if (pid === null) return 'a prepared transaction (pg_prepared_xacts lists them)'
  const [row] = await session.query(
    `SELECT concat_ws(' from ', usename, host(client_addr)) FROM pg_stat_activity WHERE pid = ${Number(pid)}`,
  )
  return `a transaction of process ${pid}${row?.[0] ? ` (${row[0]})` : ''}`
}
