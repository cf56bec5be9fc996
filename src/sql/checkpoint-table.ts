/** The table of a target in which runs leave what they must not forget, and what is done to it. */
import { RowshiftError } from '../contract/errors.js'
import { retried } from '../contract/waiting.js'
import type { SqlDialect } from './dialect.js'
import type { SqlRow, SqlSession } from './session.js'
import { afterConflict, createOwn, inTransaction } from './transaction.js'

export const NAME = 'rowshift_checkpoint'
export const COLUMNS = 'run_id, split, attempt, target_table, rows_written, created_at, state'

export function createSql(dialect: SqlDialect): string {
  const columns = [
    `run_id ${dialect.ownType(64)} NOT NULL`,
    `split ${dialect.ownType(190)} NOT NULL`,
    `attempt ${dialect.ownType('integer')} NOT NULL`,
    `target_table ${dialect.ownType(255)} NOT NULL`,
    `rows_written ${dialect.ownType('integer')} NOT NULL`,
    `superseded_by ${dialect.ownType(64)}`,
    `created_at ${dialect.ownType(20)} NOT NULL`,
    `state ${dialect.ownType('text')} NOT NULL`,
    'PRIMARY KEY (run_id, split)',
  ]
  const comment = 'rowshift: what unfinished runs have stored; without any it is empty'
  return `CREATE TABLE IF NOT EXISTS ${NAME} (${columns.join(', ')})${dialect.ownOptions(comment)}`
}

/** So long ago, in UTC: `2026-01-31 12:00:00`. */
export function time(agoMs = 0): string {
  return new Date(Date.now() - agoMs).toISOString().slice(0, 19).replace('T', ' ')
}

export async function create(session: SqlSession): Promise<void> {
  await createOwn(session, NAME, createSql(session.dialect)).catch((thrown: unknown) => {
    throw checkpointError(thrown, session)
  })
  looks.delete(session)
}

/** For so long nobody asks again whether the table is there: of many small tables, each one asks several times. */
const LOOK_MS = 1_000

const looks = new WeakMap<SqlSession, { readonly at: number; readonly there: boolean }>()

export async function isThere(session: SqlSession): Promise<boolean> {
  const last = looks.get(session)
  const at = performance.now()
  if (last !== undefined && at - last.at < LOOK_MS) return last.there
  const there = (await ask(session, session.dialect.columnNames(NAME))).length > 0
  looks.set(session, { at, there })
  return there
}

/** Again where it meets the lock of another run. */
export function transact<T>(session: SqlSession, work: () => Promise<T>): Promise<T> {
  return retried(
    () =>
      inTransaction(session, work).catch((thrown: unknown) => {
        throw checkpointError(thrown, session)
      }),
    afterConflict,
  )
}

/** A statement in a transaction of its own. */
export async function alone(session: SqlSession, sql: string): Promise<void> {
  await transact(session, () => change(session, sql))
}

export function ask(session: SqlSession, sql: string): Promise<readonly SqlRow[]> {
  return session.query(sql).catch((thrown: unknown) => {
    throw checkpointError(thrown, session)
  })
}

export function change(session: SqlSession, sql: string): Promise<number> {
  return session.run(sql).catch((thrown: unknown) => {
    throw checkpointError(thrown, session)
  })
}

/** No error of this table is the fault of a row of the split. */
export function checkpointError(thrown: unknown, session: SqlSession): RowshiftError {
  const doing = `keeping checkpoints in table ${NAME} of ${session.where}`
  const error = session.dialect.error(thrown, doing, { table: NAME })
  return error.blamesRow ? new RowshiftError('SERVER_ERROR', error.message, error.details, error) : error
}
