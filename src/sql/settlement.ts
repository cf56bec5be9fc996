import type { RowshiftError } from '../contract/errors.js'
import type { Column } from '../contract/table-schema.js'
import type { PlannedWrite, WriteSpec } from '../contract/write.js'
import type { Batch } from '../wire/batch.js'
import type { BatchLimits } from '../wire/builder.js'
import type { RejectedRow, Settlement } from '../wire/settle.js'
import { settle, unsettled } from '../wire/settle.js'
import { holderOf } from './row-errors.js'
import type { SqlSession } from './session.js'
import { Tally } from './tally.js'

/** How a database does, in the transaction that is under way, what a settlement is made of. */
export interface SettlementSteps {
  /** Writes rows as `upsert` does. */
  store(rows: readonly Batch[], tally: Tally): Promise<void>
  /** What would notice that a row is deleted and inserted instead of being changed; null: nothing. */
  obstacle(): Promise<string | null>
  /** Takes the old rows with the same keys away and inserts the new ones, with the old values of `untouchedColumns`. */
  exchange(rows: readonly Batch[], tally: Tally): Promise<void>
}

/** Writes rows that have waited for unique values. */
export async function settleRows(
  session: SqlSession,
  spec: PlannedWrite,
  rows: readonly Batch[],
  steps: SettlementSteps,
  tally: Tally,
): Promise<void> {
  await settle(rows, new SqlSettlement(session, spec, steps, tally))
}

class SqlSettlement implements Settlement {
  readonly limits: BatchLimits
  readonly #session: SqlSession
  readonly #spec: PlannedWrite
  readonly #steps: SettlementSteps
  readonly #tally: Tally

  constructor(session: SqlSession, spec: PlannedWrite, steps: SettlementSteps, tally: Tally) {
    this.limits = spec.batch
    this.#session = session
    this.#spec = spec
    this.#steps = steps
    this.#tally = tally
  }

  async upsert(rows: readonly Batch[]): Promise<readonly RejectedRow[]> {
    const rejected: RejectedRow[] = []
    const onDeferred = (row: Batch, error: RowshiftError) => rejected.push({ row, error })
    const tally = new Tally({ ...this.#tally.options, onDeferred }, 1)
    await this.#steps.store(rows, tally)
    this.#tally.add(tally.counts)
    return rejected
  }

  obstacle(): Promise<string | null> {
    return this.#steps.obstacle()
  }

  async exchange(rows: readonly Batch[]): Promise<readonly RejectedRow[]> {
    const rejected: RejectedRow[] = []
    // The old rows are gone: one that is rejected for whatever reason must not be left out.
    const { onDeferred: _, ...options } = this.#tally.options
    const onDirty = (row: Batch, error: RowshiftError) => rejected.push({ row, error })
    const tally = new Tally({ ...options, onDirty })
    await this.#session.run('SAVEPOINT rowshift_exchange')
    await this.#steps.exchange(rows, tally)
    if (rejected.length === 0) this.#tally.add(tally.counts)
    else await this.#session.run('ROLLBACK TO SAVEPOINT rowshift_exchange')
    return rejected
  }

  async reject({ row, error }: RejectedRow, obstacle: string | null): Promise<void> {
    const holder = error.code === 'DUPLICATE_KEY' ? await holderOf(this.#session, this.#spec, row) : null
    this.#tally.reject(row, unsettled(this.#spec, error, { holder, obstacle }))
  }
}

/** Columns that a copy leaves alone and a DELETE does not. */
export function untouchedColumns({ columns, table }: WriteSpec): Column[] {
  const mapped = new Set(columns.map(({ target: { name } }) => name))
  return table.columns.filter(({ name, generated }) => !generated && !mapped.has(name))
}
