/** Rows that cannot be read: a computed column fails for a value, or a value would not arrive as it is. */
import type { RowCheck } from '../contract/derivation.js'
import { RowshiftError } from '../contract/errors.js'
import type { Message } from '../contract/message.js'
import type { ReadSpec, Split } from '../contract/read.js'
import { splitRows, WHOLE } from './select.js'
import type { SqlRow, SqlSession } from './session.js'

interface Candidate {
  readonly column: string
  readonly rowCheck: RowCheck
}

/** Before a row moves: throws DATA_REJECTED for the first row that is found soon and for which a computed column fails. Resolves to warnings. */
export async function checkFailingRows(session: SqlSession, spec: ReadSpec): Promise<Message[]> {
  const found = await findFailingRow(session, { ...spec, key: null }, WHOLE, computedCandidates(spec))
  if (found === null) return []
  if (found !== 'unknown')
    throw new RowshiftError(found.code, `${found.message} Nothing was written.`, found.details)
  return [
    'whether "columns" reject a value of some row could not be checked in time; the run fails when one is met',
  ]
}

/** What `thrown`, by which reading (of a split, or by keys) has failed, is to the user: with the row to blame, if there is one and it is found. */
export async function readFailure(
  session: SqlSession,
  thrown: unknown,
  spec: ReadSpec,
  split: Split | null,
  doing = 'reading',
): Promise<RowshiftError> {
  const { dialect } = session
  const row = split && dialect.failsByValue(thrown) ? await findFailingRow(session, spec, split) : null
  if (row !== null && row !== 'unknown') return row
  const { table } = spec.table
  const details = { table, ...(split && { split: split.index }) }
  return (
    dialect.valueError?.(thrown, spec) ??
    dialect.error(thrown, `${doing} table ${table} of ${session.where}`, details)
  )
}

async function findFailingRow(
  session: SqlSession,
  spec: ReadSpec,
  split: Split,
  candidates = [...computedCandidates(spec), ...ownCandidates(session, spec)],
): Promise<RowshiftError | 'unknown' | null> {
  if (candidates.length === 0) return null
  const { dialect } = session
  const first = (result: (candidate: Candidate, i: number) => string) =>
    `CASE ${candidates.map((one, i) => `WHEN ${one.rowCheck.condition} THEN ${result(one, i)}`).join(' ')} END`
  const names = spec.table.keys[0]?.columns ?? []
  const select = [
    first((_, i) => String(i)),
    first(({ rowCheck }) => dialect.excerpt(rowCheck.value)),
    ...names.map((name) => dialect.excerpt(dialect.identifier(name))),
  ]
  // Conditions of later steps fail for values that earlier ones reject, and are not reached for them.
  const any = candidates.map(({ rowCheck }) => `(${rowCheck.condition})`).join(' OR ')
  const { from, where } = splitRows(dialect, spec, split)
  const search = { select, from, where: [...where, `(${any})`], tail: ' LIMIT 1' }
  const rows = await session.search(search).catch((error: unknown) => {
    throw dialect.error(error, `looking at the values of table ${spec.table.table} of ${session.where}`)
  })
  if (rows === null) return 'unknown'
  const [row] = rows
  return row ? failure(spec, candidates[Number(row[0])]!, row.slice(1), names) : null
}

function computedCandidates({ columns }: ReadSpec): Candidate[] {
  return columns.flatMap(({ name, rowChecks = [] }) =>
    rowChecks.map((rowCheck) => ({ column: name, rowCheck })),
  )
}

/** Of columns that are read as they are. Hardly any row has such a value, so nothing is looked for before one is met. */
function ownCandidates({ dialect }: SqlSession, { columns }: ReadSpec): Candidate[] {
  return columns.flatMap((column) =>
    (dialect.unreadable?.(column) ?? []).map((rowCheck) => ({ column: column.name, rowCheck })),
  )
}

function failure(
  { table: { table } }: ReadSpec,
  { column, rowCheck: { why } }: Candidate,
  [value, ...key]: SqlRow,
  names: readonly string[],
): RowshiftError {
  const row = names.map((name, i) => `${name} = ${shown(key[i])}`)
  const which = row.length === 0 ? '' : ` in the row with ${row.join(', ')}`
  return new RowshiftError(
    'DATA_REJECTED',
    `The value ${shown(value)} of column ${column} of table ${table}${which} ${why}.`,
    { table, column, value: value ?? null, key: row },
  )
}

/** A cell of a small result in a message. */
export function shown(cell: string | null | undefined): string {
  return cell === null || cell === undefined ? 'NULL' : JSON.stringify(cell)
}
