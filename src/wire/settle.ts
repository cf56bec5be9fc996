import { RowshiftError } from '../contract/errors.js'
import type { PlannedWrite } from '../contract/write.js'
import type { Batch } from './batch.js'
import { LF } from './batch.js'
import type { BatchLimits } from './builder.js'

/** A row that was not written, as a batch of one, and why. */
export interface RejectedRow {
  readonly row: Batch
  readonly error: RowshiftError
}

/** What a target does with rows that wait for unique values of other rows, all in one transaction. */
export interface Settlement {
  readonly limits: BatchLimits
  /** Writes rows as `upsert` does. Resolves to those whose unique value another row still has. */
  upsert(rows: readonly Batch[]): Promise<readonly RejectedRow[]>
  /** Why `exchange` must not be used on this table; null: it may. */
  obstacle(): Promise<string | null>
  /**
   * Takes the old rows with the same keys away and inserts the new ones, with the old values of all columns that are not
   * copied. Resolves to the rows that are rejected even so; when there are any, nothing has happened.
   */
  exchange(rows: readonly Batch[]): Promise<readonly RejectedRow[]>
  /** A row that cannot be written; `obstacle` is why its value could not be exchanged, or null. Throws when the run tolerates no more. */
  reject(rejected: RejectedRow, obstacle: string | null): Promise<void>
}

/**
 * Writes rows that had to wait because another row had their unique value. Rows are updated in place as long as that gets
 * on: a row that gave up its value lets another one have it. Only what is left, where rows wait for each other in a
 * ring, is exchanged.
 */
export async function settle(rows: readonly Batch[], target: Settlement): Promise<void> {
  // Rows that move one after another mostly wait in the order of their keys, each for the next one.
  let waiting = rows.flatMap(singleRows).reverse()
  let obstacle: string | null = null
  for (;;) {
    const rejected = await target.upsert(joined(waiting, target.limits))
    const written = waiting.length - rejected.length
    if (rejected.length === 0) return
    waiting = rejected.map(({ row }) => row).reverse()
    if (written >= rejected.length) continue
    obstacle ??= await target.obstacle()
    if (obstacle === null) return exchangeAll(waiting, target)
    if (written > 0) continue
    for (const each of rejected) await target.reject(each, obstacle)
    return
  }
}

/** A row that cannot have its value keeps its old one, which another row may want: that one is rejected in the next round. */
async function exchangeAll(rows: readonly Batch[], target: Settlement): Promise<void> {
  for (let waiting = rows; waiting.length > 0;) {
    const rejected = await target.exchange(joined(waiting, target.limits))
    if (rejected.length === 0) return
    for (const each of rejected) await target.reject(each, null)
    const gone = new Set(rejected.map(({ row }) => row.bytes.toString('latin1')))
    waiting = waiting.filter(({ bytes }) => !gone.has(bytes.toString('latin1')))
  }
}

/** Why a row could not have its unique value after all, and what to do. `holder`: the row that has it, for people. */
export function unsettled(
  { deletes, table }: PlannedWrite,
  error: RowshiftError,
  { holder, obstacle }: { readonly holder: string | null; readonly obstacle: string | null },
): RowshiftError {
  if (error.code !== 'DUPLICATE_KEY') return error
  const who = holder === null ? `Another row of ${table.table}` : `The row of ${table.table} with ${holder}`
  const next = deletes
    ? 'Somebody may have written to one of the tables meanwhile: run it again.'
    : 'If the source no longer has that row, mode "sync" (or "rowshift verify --repair") deletes it; if the source has another value in it, run again; else correct one of the two rows.'
  const ring =
    obstacle === null
      ? ''
      : ` Rows that take over each other's values would have to be deleted and inserted, which is not done here: ${obstacle}. ` +
        'If that is the case, set the value of one of them to something else in the target, and run again.'
  return new RowshiftError(
    error.code,
    `${error.message} ${who} keeps that value in this run. ${next}${ring}`,
    { ...error.details, ...(holder === null ? {} : { holder }) },
    error.cause,
  )
}

function singleRows({ bytes }: Batch): Batch[] {
  const rows: Batch[] = []
  for (let at = 0; at < bytes.length;) {
    // An escaped line feed is a letter, so each LF byte ends a row.
    const end = bytes.indexOf(LF, at) + 1
    rows.push({ bytes: bytes.subarray(at, end), rows: 1 })
    at = end
  }
  return rows
}

function joined(rows: readonly Batch[], limits: BatchLimits): Batch[] {
  const batches: Batch[] = []
  let held: Buffer[] = []
  let bytes = 0
  for (const [i, row] of rows.entries()) {
    held.push(row.bytes)
    bytes += row.bytes.length
    if (bytes < limits.bytes && held.length < limits.rows && i < rows.length - 1) continue
    batches.push({ bytes: Buffer.concat(held), rows: held.length })
    held = []
    bytes = 0
  }
  return batches
}
