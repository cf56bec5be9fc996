import type { Batch, Plan, Writer } from '../src/plugin.js'
import type { RowshiftError } from '../src/errors.js'
import type { RowActions } from '../src/verify/row-comparison.js'

/** Rows that one transaction deletes. */
const DELETE_ROWS = 500

/** Collects the rows that a repair writes and deletes, and does it. */
export class RowRepair implements RowActions {
  readonly #writer: Writer
  readonly #plan: Plan
  readonly #signal: AbortSignal
  readonly #written: Buffer[] = []
  readonly #removed: Buffer[] = []
  /** Rows deleted so far, and committed. */
  deleted = 0

  constructor(writer: Writer, plan: Plan, signal: AbortSignal) {
    this.#writer = writer
    this.#plan = plan
    this.#signal = signal
  }

  readonly write = (row: Buffer): void => {
    this.#written.push(row)
  }

  /** The bytes are read over when the comparison goes on, so they are copied. */
  readonly remove = (row: Buffer): void => {
    this.#removed.push(Buffer.from(row))
  }

  /** Resolves to the rows written. Deletes before anything is written: an extra row may hold the value of another unique key that a missing one needs. */
  async apply(mayDelete: boolean): Promise<number> {
    for (let at = 0; mayDelete && at < this.#removed.length; at += DELETE_ROWS) {
      const rows = this.#removed.slice(at, at + DELETE_ROWS)
      this.deleted += await this.#writer.remove!(this.#plan, batchOf(rows), this.#signal)
    }
    if (this.#written.length === 0) return 0
    const { rowsWritten } = await this.#writer.write(this.#plan, this.#batches(), {
      signal: this.#signal,
      onProgress: () => {},
      onDirty,
      beforeCommit: () => {},
    })
    return rowsWritten
  }

  async *#batches(): AsyncGenerator<Batch> {
    const { bytes: most, rows: mostRows } = this.#plan.batch
    let rows: Buffer[] = []
    let bytes = 0
    for (const row of this.#written) {
      rows.push(row)
      bytes += row.length
      if (bytes < most && rows.length < mostRows) continue
      yield batchOf(rows)
      rows = []
      bytes = 0
    }
    if (rows.length > 0) yield batchOf(rows)
  }
}

function batchOf(rows: readonly Buffer[]): Batch {
  return { bytes: Buffer.concat(rows), rows: rows.length }
}

/** A row that the target refuses ends the repair. */
function onDirty(_row: Batch, error: RowshiftError): never {
  throw error
}
