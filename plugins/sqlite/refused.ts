import type { ReadSpec, Refusal, Split } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import { selectSql, splitRows, WHOLE } from '../../src/sql/select.js'
import { sqliteCode } from './errors.js'
import { displayKey, displayValue } from './display.js'
import { quoteName } from './names.js'
import type { SqliteSession } from './session.js'

const SEARCH_MS = 2_000

/** Why reading a split failed, if a row is to blame for which a derived column fails. */
export function findRefused(
  session: SqliteSession,
  spec: ReadSpec,
  split: Split,
  thrown: unknown,
): RowshiftError | null {
  return sqliteCode(thrown) === 'SQLITE_ERROR' ? firstRefused(session, spec, split, Infinity) : null
}

/** Before a row moves: throws DATA_REJECTED for the first such row that is found soon. Resolves to warnings. */
export function checkRefusals(session: SqliteSession, spec: ReadSpec): string[] {
  const end = performance.now() + SEARCH_MS
  const error = firstRefused(session, { ...spec, key: null }, WHOLE, end)
  if (error !== null)
    throw new RowshiftError(error.code, `${error.message} Nothing was written.`, error.details)
  if (performance.now() < end) return []
  return [
    'whether "columns" reject a value of some row could not be checked in time; the run fails when one is met',
  ]
}

function firstRefused(
  { database, dialect }: SqliteSession,
  spec: ReadSpec,
  split: Split,
  end: number,
): RowshiftError | null {
  const all = spec.columns.flatMap(({ name, refusals = [] }) =>
    refusals.map((refusal) => ({ name, refusal })),
  )
  if (all.length === 0) return null
  const first = (result: (refusal: Refusal, i: number) => string) =>
    `CASE ${all.map(({ refusal }, i) => `WHEN ${refusal.condition} THEN ${result(refusal, i)}`).join(' ')} END`
  const names = spec.table.keys[0]?.columns ?? []
  const key = spec.table.columns.filter(({ name }) => names.includes(name))
  const cells = [
    first((_, i) => String(i)),
    first(({ value }) => value),
    ...key.map(({ name }) => quoteName(name)),
  ]
  // Row by row, since nothing else could end a search that takes too long.
  for (const [which, value, ...values] of database.rows(
    selectSql({ select: cells, ...splitRows(dialect, spec, split) }),
  )) {
    if (typeof which === 'bigint') {
      const { name, refusal } = all[Number(which)]!
      return refusedError(spec.table.table, name, refusal, value, displayKey(key, values, names))
    }
    if (performance.now() > end) return null
  }
  return null
}

function refusedError(
  table: string,
  column: string,
  { why }: Refusal,
  value: unknown,
  key: string,
): RowshiftError {
  const place = key === '' ? '' : ` in the row with ${key}`
  const shown = displayValue(value)
  const message = `The value "${shown}" of column ${column} of table ${table}${place} ${why}.`
  return new RowshiftError('DATA_REJECTED', message, { table, column, value: shown, key })
}
