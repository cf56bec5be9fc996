import { recycle } from '../../wire/builder.js'
import { cellsOf } from '../../wire/row-name.js'
import { RowshiftError } from '../../contract/errors.js'
import type { RetryPolicy } from '../../contract/waiting.js'
import { pauseAfter, retried } from '../../contract/waiting.js'
import type { Batch, WriteCounts, WriteMode, WriteOptions } from '../../contract/plugin.js'
import type { TargetCounts } from '../../contract/target-spec.js'
import { addCounts, nothingWritten } from '../../contract/write.js'
import type { Parts } from './parts.js'
import type { Router } from './router.js'
import type { TableWrite } from './table-writes.js'

/** As for a writer; with rows that are deferred comes the name of their shard, null where the target is one table. */
export interface TargetOptions extends Omit<WriteOptions, 'onDeferred'> {
  readonly onDeferred?: (rows: Batch, error: RowshiftError, shard: string | null) => void
  /** How often a shard's part is tried again after another shard's is stored. */
  readonly retry: RetryPolicy
}

/** Where the rows of a shard go. */
export interface ShardTable extends TableWrite {
  readonly name: string
}

/** One split on its way into the shards. */
export class ShardedWrite {
  readonly #writeMode: WriteMode
  readonly #options: TargetOptions
  /** null: there is no such table, and none may be made. */
  readonly #table: (shard: number) => Promise<ShardTable | null>
  readonly #shards: Record<string, WriteCounts> = {}
  #refused = 0
  #handed = 0

  constructor(
    writeMode: WriteMode,
    options: TargetOptions,
    table: (shard: number) => Promise<ShardTable | null>,
  ) {
    this.#writeMode = writeMode
    this.#options = options
    this.#table = table
  }

  get counts(): TargetCounts {
    const refused = { ...nothingWritten, dirtyRows: this.#refused }
    return { ...Object.values(this.#shards).reduce(addCounts, refused), shards: this.#shards }
  }

  /** A row that no shard is for. */
  refuse(row: Batch, error: RowshiftError): void {
    this.#options.onDirty(row, error)
    this.#refused++
    this.#options.onProgress((this.#handed += row.rows))
  }

  /** Writes what was collected, shard by shard. */
  async store(parts: Parts, router: Router): Promise<void> {
    for (const number of parts.shards) {
      const end = await this.#table(number)
      if (end === null) {
        const why = `there is no table ${router.nameOf(number)}, and the run may not create it`
        for (const row of parts.rowsOf(number)) this.refuse(row, router.refusal(cellsOf(row), why))
        continue
      }
      const counts = await this.#storePart(end, number, parts)
      this.#shards[end.name] = addCounts(this.#shards[end.name] ?? nothingWritten, counts)
    }
    parts.clear()
  }

  /**
   * Once a shard is committed the split cannot be run again as if nothing had happened, so a part that fails on
   * a deadlock or lock wait timeout after that is tried again here.
   */
  async #storePart(end: ShardTable, number: number, parts: Parts): Promise<WriteCounts> {
    const first = Object.keys(this.#shards).length === 0
    const next = (error: RowshiftError, retries: number) =>
      first ? null : pauseAfter(error, retries, this.#options.retry)
    try {
      return await retried(() => this.#write(end, number, parts), next, this.#options.signal)
    } catch (thrown) {
      throw first ? thrown : partly(RowshiftError.from(thrown), end.name, this.#shards, this.#writeMode)
    }
  }

  async #write({ name, writer, spec }: ShardTable, number: number, parts: Parts): Promise<WriteCounts> {
    const spent: Batch[] = []
    const held: [row: Batch, error: RowshiftError][] = []
    const deferred: [row: Batch, error: RowshiftError][] = []
    const { onDirty, onDeferred, onProgress, beforeCommit, signal } = this.#options
    const before = this.#handed
    const flush = () => {
      for (const [row, error] of held.splice(0)) onDirty(row, error)
    }
    try {
      const counts = await writer.write(spec, parts.batchesOf(number, spec.batch, spent), {
        signal,
        onProgress: (rows) => onProgress(before + rows),
        // A part that is tried again must not have its rows refused twice.
        onDirty: spec.errorLimit.record === 0 ? onDirty : (row, error) => held.push([row, error]),
        ...(onDeferred && { onDeferred: (row, error) => deferred.push([row, error]) }),
        beforeCommit: () => {
          flush()
          beforeCommit()
        },
      })
      flush()
      for (const [row, error] of deferred) onDeferred!(row, error, name)
      const waiting = deferred.reduce((sum, [{ rows }]) => sum + rows, 0)
      const { rowsWritten, rowsUnchanged, rowsSkipped, dirtyRows } = counts
      this.#handed = before + rowsWritten + rowsUnchanged + rowsSkipped + dirtyRows + waiting
      return counts
    } finally {
      for (const batch of spent) recycle(batch)
    }
  }
}

function partly(
  error: RowshiftError,
  name: string,
  committed: Readonly<Record<string, WriteCounts>>,
  writeMode: WriteMode,
): RowshiftError {
  const again =
    writeMode === 'insert'
      ? 'Before it is run again, give it write_mode "upsert" or "ignore"'
      : 'Run it again'
  const names = Object.keys(committed).join(', ')
  return new RowshiftError(
    error.code,
    `${error.message} It happened in ${name}; of this split, the rows for ${names} are committed already. ${again}.`,
    { ...error.details, inDoubt: true, committed },
    error.cause,
  )
}
