import { RowshiftError } from '../contract/errors.js'
import type { Batch } from '../contract/plugin.js'
import type { TargetOptions } from '../features/shard/sharded-write.js'
import type { Target } from '../features/shard/target.js'
import type { DeferredRows, SettleJob } from './messages.js'

/** Most bytes of rows that wait, in one split and in the whole run. They are kept in memory. */
const MOST_BYTES = 64 << 20

/** The rows of one split that wait. */
export class DeferredSplit {
  readonly #rows = new Map<string | null, Batch[]>()
  #bytes = 0
  rows = 0

  /** For `write`. */
  optionsFor({ defers }: Target): Pick<TargetOptions, 'onDeferred'> {
    return defers ? { onDeferred: (rows, error, shard) => this.add(rows, error, shard) } : {}
  }

  /** Their memory is used again, so that rows are copied. */
  add({ bytes, rows }: Batch, error: RowshiftError, shard: string | null): void {
    this.#bytes += bytes.length
    if (this.#bytes > MOST_BYTES) throw tooMany(error)
    const waiting = this.#rows.get(shard) ?? []
    this.#rows.set(shard, waiting)
    waiting.push({ bytes: Buffer.from(bytes), rows })
    this.rows += rows
  }

  get parts(): DeferredRows[] {
    return [...this.#rows].map(([shard, waiting]) => ({
      shard,
      rows: waiting.reduce((sum, { rows }) => sum + rows, 0),
      bytes: Buffer.concat(waiting.map(({ bytes }) => bytes)),
    }))
  }
}

/** The rows of a whole run that wait. */
export class DeferredRun {
  readonly #parts = new Map<string | null, { readonly split: number; readonly part: DeferredRows }[]>()
  #bytes = 0

  add(parts: readonly DeferredRows[], split: number): void {
    for (const part of parts) {
      this.#bytes += part.bytes.length
      if (this.#bytes > MOST_BYTES) throw tooMany(null)
      const others = this.#parts.get(part.shard) ?? []
      this.#parts.set(part.shard, others)
      others.push({ split, part })
    }
  }

  /** What is written in one transaction each, in the order in which it was read. */
  parts(): SettleJob['settle'][] {
    return [...this.#parts.values()].map((parts) =>
      parts.sort((a, b) => a.split - b.split).map(({ part }) => part),
    )
  }
}

export function rowsOf({ settle }: SettleJob): number {
  return settle.reduce((sum, { rows }) => sum + rows, 0)
}

function tooMany(error: RowshiftError | null): RowshiftError {
  const first = error === null ? '' : `${error.message} `
  return new RowshiftError(
    'DUPLICATE_KEY',
    `${first}More than ${MOST_BYTES >> 20} MiB of rows wait for unique values that other rows of the target have. ` +
      'Copy into an empty table, for instance with "schema_save_mode": "recreate" and "write_mode": "insert".',
    error?.details,
  )
}
