import type { ReadSpec, Refusal, Split } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import type { TextRow } from './driver.js'
import type { Session } from './connection.js'
import { mapError } from './errors.js'
import { splitRows, WHOLE } from '../../src/sql/select.js'
import { identifier } from './sql.js'
import { OUT_OF_RANGE, unmappedError, unmappedRefusals } from './unmapped.js'

const EXCERPT = 60

interface Candidate {
  readonly column: string
  readonly refusal: Refusal
}

/** The error of a row that cannot be read: a derived column fails, or a value would not arrive. null: there is none, or it was not found in time (then `late` is called). */
export async function findRefused(
  session: Session,
  spec: ReadSpec,
  split: Split,
  late: () => void = () => {},
  all = [...derivedCandidates(spec), ...ownCandidates(spec)],
): Promise<RowshiftError | null> {
  if (all.length === 0) return null
  const first = (result: (candidate: Candidate, i: number) => string) =>
    `CASE ${all.map((one, i) => `WHEN ${one.refusal.condition} THEN ${result(one, i)}`).join(' ')} END`
  const names = spec.table.keys[0]?.columns ?? []
  const cells = [
    first((_, i) => String(i)),
    first(({ refusal }) => beginning(refusal.value)),
    ...names.map((name) => beginning(identifier(name))),
  ]
  // Conditions of later steps fail for values that earlier ones refuse, and are not reached for them.
  const any = all.map(({ refusal }) => `(${refusal.condition})`).join(' OR ')
  const { from, where } = splitRows(session.dialect, spec, split)
  const search = { select: cells, from, where: [...where, `(${any})`], tail: ' LIMIT 1' }
  const rows = await session.search(search).catch((error: unknown) => {
    throw mapError(error, `looking at the values of table ${spec.table.table}`)
  })
  if (rows === null) late()
  const [row] = rows ?? []
  return row ? refused(spec, all[Number(row[0])]!, row.slice(1), names) : null
}

/** Whether a read may have failed because of a value. */
export function mayBeRefused(thrown: unknown, spec: ReadSpec): boolean {
  return (
    (thrown as { errno?: number }).errno === OUT_OF_RANGE &&
    (derivedCandidates(spec).length > 0 || ownCandidates(spec).length > 0)
  )
}

/** Before a row moves: throws DATA_REJECTED for the first such row that is found soon. Resolves to warnings. */
export async function checkRefusals(session: Session, spec: ReadSpec): Promise<string[]> {
  const warnings: string[] = []
  const late = () =>
    warnings.push(
      'whether "columns" reject a value of some row could not be checked in time; the run fails when one is met',
    )
  const error = await findRefused(session, { ...spec, key: null }, WHOLE, late, derivedCandidates(spec))
  if (error === null) return warnings.slice(0, 1)
  throw new RowshiftError(error.code, `${error.message} Nothing was written.`, error.details)
}

function derivedCandidates({ columns }: ReadSpec): Candidate[] {
  return columns.flatMap(({ name, refusals = [] }) => refusals.map((refusal) => ({ column: name, refusal })))
}

/** Of columns that are read as they are. Hardly any row has such a value, so nothing is looked for before one is met. */
function ownCandidates({ columns }: ReadSpec): Candidate[] {
  return columns.flatMap((column) =>
    unmappedRefusals(column).map((refusal) => ({ column: column.name, refusal })),
  )
}

function refused(
  { table: { table } }: ReadSpec,
  { column, refusal: { why } }: Candidate,
  [value, ...key]: TextRow,
  names: readonly string[],
): RowshiftError {
  const row = names.map((name, i) => `${name} = ${display(key[i])}`)
  const place = row.length === 0 ? '' : ` in the row with ${row.join(', ')}`
  return new RowshiftError(
    'DATA_REJECTED',
    `The value ${display(value)} of column ${column} of table ${table}${place} ${why}.`,
    { table, column, value: value ?? null, key: row },
  )
}

function beginning(sql: string): string {
  return `LEFT(CAST(${sql} AS CHAR), ${EXCERPT})`
}

function display(cell: string | null | undefined): string {
  return cell === null || cell === undefined ? 'NULL' : JSON.stringify(cell)
}

/** A row that cannot be read is looked for, so that the user can be told which it is. */
export async function readError(
  session: Session,
  error: unknown,
  spec: ReadSpec,
  split: Split | null,
  doing: string,
): Promise<RowshiftError> {
  const refused = split && mayBeRefused(error, spec) ? await findRefused(session, spec, split) : null
  const { table } = spec.table
  return (
    refused ??
    unmappedError(error, spec) ??
    mapError(error, `${doing} table ${table}`, { table, ...(split ? { split: split.index } : {}) })
  )
}
