/** Rows that the target rejects, in words. */
import { RowshiftError } from '../contract/errors.js'
import type { PlannedWrite } from '../contract/write.js'
import type { Batch } from '../wire/batch.js'
import { cellsOf, excerpt, rowName } from '../wire/row-name.js'
import { shown } from './failing-rows.js'
import type { SqlSession } from './session.js'
import type { Tally } from './tally.js'

/** An error that a row is to blame for, with which row it is, and its values in the columns that the database names. */
export function rowError(
  spec: PlannedWrite,
  row: Batch,
  error: RowshiftError,
  named: readonly string[],
): RowshiftError {
  const cells = cellsOf(row)
  const value = (i: number) => excerpt(cells[i] ?? null, spec.columns[i]!.source)
  const key = rowName(spec, cells)
  const which = key.length > 0 ? key : cells.slice(0, 5).map((_, i) => value(i))
  const unsaid = named.filter((name) => !key.some((part) => part.startsWith(`${name} = `)))
  const values = unsaid.map((name) => {
    const i = spec.columns.findIndex(({ target }) => target.name === name)
    return ` Its ${name} is ${value(i)}.`
  })
  const [column] = named
  const where = named.length > 1 ? { columns: named } : column === undefined ? {} : { column }
  return new RowshiftError(
    error.code,
    `${error.message} The row with ${which.join(', ')} was not written.${values.join('')}`,
    { ...error.details, key, ...where },
    error.cause,
  )
}

/** Even alone, the row is more than one transaction may change. */
export function tooLargeAlone(
  spec: PlannedWrite,
  row: Batch,
  { message, details }: RowshiftError,
): RowshiftError {
  return rowError(spec, row, new RowshiftError('ROW_TOO_LARGE', message, details), [])
}

/** No transaction is smaller, so that others are waited for. */
export function exhausted({ message, details, cause }: RowshiftError): RowshiftError {
  return new RowshiftError('LOCK_CONFLICT', message, details, cause)
}

/** In the place of storing rows: rejects them. */
export function rejecting(error: RowshiftError) {
  return async (_session: SqlSession, _rows: unknown, batches: AsyncIterable<Batch>, tally: Tally) => {
    for await (const row of batches) tally.reject(row, error)
  }
}

/** Which other row of the table has a unique value of this one: `id = "2"`. null: not found, for instance on an expression. */
export async function holderOf(session: SqlSession, spec: PlannedWrite, row: Batch): Promise<string | null> {
  const { dialect } = session
  const cells = cellsOf(row)
  const same = (names: readonly string[]) =>
    names.map((name) => {
      const i = spec.columns.findIndex(({ target }) => target.name === name)
      const cell = cells[i] ?? null
      return cell && dialect.sameValue(spec.columns[i]!, cell)[0]
    })
  const identity = spec.identity!
  const select = identity.map((name) => {
    const column = spec.table.columns.find((each) => each.name === name)
    return dialect.excerpt(dialect.identifier(name), column?.kind)
  })
  const from = dialect.table(spec.table.table)
  for (const { columns } of spec.table.keys) {
    const equal = columns.join() === identity.join() ? [null] : same(columns)
    if (equal.includes(null)) continue
    const [found] = await session.query(
      `SELECT ${select.join(', ')} FROM ${from} WHERE ${equal.join(' AND ')} AND NOT (${same(identity).join(' AND ')}) LIMIT 1`,
    )
    if (found) return identity.map((name, i) => `${name} = ${shown(found[i])}`).join(', ')
  }
  return null
}
