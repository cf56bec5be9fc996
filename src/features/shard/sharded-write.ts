import { recycle } from '../../wire/builder.js'
import { cellsOf } from '../../wire/row-name.js'
import { RowshiftError } from '../../contract/errors.js'
import { backoff, retried } from '../../contract/waiting.js'
import type { Batch, PlannedWrite, WriteCounts, WriteOptions, Writer } from '../../contract/plugin.js'
import { addCounts, nothingWritten } from '../../contract/write.js'
import type { TableCounts } from '../../contract/write.js'
import type { Parts } from './parts.js'
import type { Router } from './router.js'

const MAX_RETRIES = 5
const RETRY_MS = 100

/** Where the rows of a shard go. */
export interface ShardEnd {
  readonly name: string
  readonly writer: Writer
  readonly spec: PlannedWrite
}

/** One split on its way into the shards. */
export class ShardedWrite {
  readonly #spec: PlannedWrite
  readonly #options: WriteOptions
  readonly #end: (shard: number) => Promise<ShardEnd | null>
  readonly #shards: Record<string, TableCounts> = {}
  #refused = 0
  #handed = 0

  constructor(spec: PlannedWrite, options: WriteOptions, end: (shard: number) => Promise<ShardEnd | null>) {
    this.#spec = spec
    this.#options = options
    this.#end = end
  }

  get counts(): WriteCounts {
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
      const end = await this.#end(number)
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
  async #storePart(end: ShardEnd, number: number, parts: Parts): Promise<TableCounts> {
    const first = Object.keys(this.#shards).length === 0
    const next = (error: RowshiftError, retries: number) => {
      const again = !first && error.code === 'LOCK_CONFLICT' && error.details['inDoubt'] !== true
      return again && retries < MAX_RETRIES ? backoff(retries, RETRY_MS) : null
    }
    try {
      return await retried(() => this.#write(end, number, parts), next, this.#options.signal)
    } catch (thrown) {
      throw first ? thrown : partly(RowshiftError.from(thrown), end.name, this.#shards, this.#spec)
    }
  }

  async #write({ name, writer, spec }: ShardEnd, number: number, parts: Parts): Promise<TableCounts> {
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
  committed: Readonly<Record<string, TableCounts>>,
  spec: PlannedWrite,
): RowshiftError {
  const again =
    spec.writeMode === 'insert'
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
