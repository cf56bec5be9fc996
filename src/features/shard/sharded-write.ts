import { recycle } from '../../wire/builder.js'
import { cutBatches } from '../../wire/cut-rows.js'
import { cellsOf } from '../../wire/row-name.js'
import { RowshiftError } from '../../contract/errors.js'
import { failpoint } from '../../failpoint.js'
import type { RetryPolicy } from '../../contract/waiting.js'
import { pauseAfter, pauseOf, retried } from '../../contract/waiting.js'
import type { Batch, SplitMark, WriteCounts, WriteMode, WriteOptions } from '../../contract/plugin.js'
import type { TargetCounts } from '../../contract/target-spec.js'
import { addCounts, nothingWritten } from '../../contract/write.js'
import type { Parts } from './parts.js'
import type { Router } from './router.js'
import type { SplitPart, TargetMark } from './stored-parts.js'
import { partName } from './stored-parts.js'
import type { TableWrite } from './table-writes.js'

/** As for a writer; with rows that are deferred comes the name of their shard, null where the target is one table. */
export interface TargetOptions extends Omit<WriteOptions, 'onDeferred' | 'onDirty' | 'mark'> {
  /** `part`: what the rows of the split for its shard are known by. Default: the target is one table, or no shard is for the row. */
  readonly onDirty: (row: Batch, error: RowshiftError, part?: string) => void
  readonly onDeferred?: (rows: Batch, error: RowshiftError, shard: string | null) => void
  /** How often a shard's part is tried again after another shard's is stored. */
  readonly retry: RetryPolicy
  readonly mark?: TargetMark | undefined
  /** A part is committed, and others may come. */
  readonly onCommitted?: () => void
  /** Bytes after which a batch for the writer is closed; null: as many as it came with. */
  readonly batchBytes: number | null
}

/** Where the rows of a shard go. */
export interface ShardTable extends TableWrite {
  readonly name: string
  /** In the first database, which has the state of the run. */
  readonly first: boolean
}

/** The rows of one shard, of what was collected. */
interface Part {
  readonly end: ShardTable
  readonly number: number
  readonly parts: Parts
  /** With them, all of the split is stored. */
  readonly whole: boolean
  /** There are, or may be, more of them in the split. */
  readonly piece: boolean
}

/** One split on its way into the shards. */
export class ShardedWrite {
  readonly #writeMode: WriteMode
  readonly #options: TargetOptions
  /** null: there is no such table, and none may be made. */
  readonly #table: (shard: number) => Promise<ShardTable | null>
  readonly #shards: Record<string, WriteCounts> = {}
  #rejected = 0
  #handed = 0
  /** How often rows that were collected have been written. */
  #goes = 0
  /** A mark says that all of the split is stored. */
  #marked = false
  /** Rows of shards that were written wait for a unique value: they are in no transaction yet. */
  #waits = false

  constructor(
    writeMode: WriteMode,
    options: TargetOptions,
    table: (shard: number) => Promise<ShardTable | null>,
  ) {
    this.#writeMode = writeMode
    this.#options = options
    this.#table = table
    for (const [name, counts] of Object.entries(options.mark?.parts ?? {})) {
      this.#shards[name] = counts
      options.mark!.onKept(0, counts)
    }
  }

  get counts(): TargetCounts {
    const rejected = { ...nothingWritten, dirtyRows: this.#rejected }
    return { ...Object.values(this.#shards).reduce(addCounts, rejected), shards: this.#shards }
  }

  /** A row that no shard is for. */
  reject(row: Batch, error: RowshiftError): void {
    this.#options.onDirty(row, error)
    this.#rejected++
    this.#options.onProgress((this.#handed += row.rows))
  }

  /** Writes what was collected, shard by shard. `last`: nothing more comes. */
  async store(parts: Parts, router: Router, last: boolean): Promise<void> {
    const { mark } = this.#options
    const open: { end: ShardTable; number: number }[] = []
    for (const number of parts.shards) {
      const end = await this.#table(number)
      if (end === null) {
        const why = `there is no table ${router.nameOf(number)}, and the run may not create it`
        for (const row of parts.rowsOf(number)) this.reject(row, router.shardError(cellsOf(row), why))
      } else if (mark && Object.hasOwn(mark.parts, end.name)) this.#keep(parts.rowsIn(number), nothingWritten)
      else open.push({ end, number })
    }
    // Whatever says that the split is whole is in the first database.
    open.sort((a, b) => Number(a.end.first) - Number(b.end.first))
    const piece = this.#goes > 0 || !last
    for (const [i, { end, number }] of open.entries()) {
      const whole = last && end.first && i === open.length - 1
      const counts = await this.#storePart({ end, number, parts, whole, piece })
      this.#shards[end.name] = addCounts(this.#shards[end.name] ?? nothingWritten, counts)
      failpoint('shard-stored')
    }
    parts.clear()
    this.#goes++
  }

  /** After the last rows: leaves the mark of the whole split where no part could, in the first database. */
  async end({ writer, spec }: TableWrite): Promise<TargetCounts> {
    const { mark, signal, onDirty, beforeCommit, onProgress } = this.#options
    const { counts } = this
    if (mark && !this.#marked) {
      const options = { signal, onDirty, beforeCommit, onProgress }
      const whole = { ...mark, state: () => mark.state(counts) }
      await writer.write(spec, noRows(), { ...options, mark: whole }).catch((thrown: unknown) => {
        throw afterParts(RowshiftError.from(thrown))
      })
    }
    return counts
  }

  #keep(rows: number, counts: WriteCounts): void {
    this.#options.mark!.onKept(rows, counts)
    this.#options.onProgress((this.#handed += rows))
  }

  /**
   * Once a shard is committed the split cannot be run again as if nothing had happened, so a part that fails on
   * a deadlock or lock wait timeout after that is tried again here.
   */
  async #storePart(part: Part): Promise<WriteCounts> {
    const first = Object.keys(this.#shards).length === 0
    const { mark, retry, signal } = this.#options
    // Once a commit had no answer, its mark is looked up.
    let again = mark?.again ?? false
    const next = (error: RowshiftError, retries: number) => {
      if (first) return null
      const inDoubt = mark !== undefined && error.details['inDoubt'] === true
      again ||= inDoubt
      return inDoubt ? pauseOf(error, retries, retry) : pauseAfter(error, retries, retry)
    }
    try {
      return await retried(() => this.#write(part, again), next, signal)
    } catch (thrown) {
      if (first) throw thrown
      const whatNow = mark === undefined ? wayOn(this.#writeMode) : ''
      throw partly(RowshiftError.from(thrown), part.end.name, this.#shards, whatNow)
    }
  }

  async #write(part: Part, again: boolean): Promise<WriteCounts> {
    const { number, parts } = part
    const { name, writer, spec } = part.end
    const spent: Batch[] = []
    const held: [row: Batch, error: RowshiftError][] = []
    const deferred: [row: Batch, error: RowshiftError][] = []
    const { onDirty, onDeferred, onProgress, beforeCommit, signal, batchBytes } = this.#options
    const storedParts: SplitPart[] = []
    const mark = this.#markOf(part, again, {
      deferred: () => deferred.length > 0,
      onStored: (stored) => storedParts.push(stored),
    })
    const before = this.#handed
    const flush = () => {
      for (const [row, error] of held.splice(0)) onDirty(row, error, mark?.split)
    }
    try {
      const batches = cutBatches(parts.batchesOf(number, spec.batch, spent), batchBytes)
      const counts = await writer.write(spec, batches, {
        signal,
        onProgress: (rows) => onProgress(before + rows),
        // A part that is tried again must not have its rows refused twice.
        onDirty: spec.errorLimit.record === 0 ? onDirty : (row, error) => held.push([row, error]),
        ...(onDeferred && { onDeferred: (row, error) => deferred.push([row, error]) }),
        beforeCommit: () => {
          flush()
          beforeCommit()
        },
        mark,
      })
      this.#options.onCommitted?.()
      if (storedParts.length > 0) return this.#keptNow(storedParts[0]!, parts.rowsIn(number))
      flush()
      for (const [row, error] of deferred) onDeferred!(row, error, name)
      this.#waits ||= deferred.length > 0
      const waiting = deferred.reduce((sum, [{ rows }]) => sum + rows, 0)
      const { rowsWritten, rowsUnchanged, rowsSkipped, dirtyRows } = counts
      this.#handed = before + rowsWritten + rowsUnchanged + rowsSkipped + dirtyRows + waiting
      return counts
    } finally {
      for (const batch of spent) recycle(batch)
    }
  }

  #markOf(
    { end: { name, spec }, whole, piece }: Part,
    again: boolean,
    { deferred, onStored }: { deferred: () => boolean; onStored: (part: SplitPart) => void },
  ): SplitMark | undefined {
    const { mark } = this.#options
    return (
      mark && {
        run: mark.run,
        attempt: mark.attempt,
        split: partName(mark.split, spec.table.table, this.#goes),
        again,
        state: (counts) => {
          if (deferred()) return null
          this.#marked = whole && !this.#waits
          const { [name]: before = nothingWritten } = this.#shards
          const shards = { ...this.#shards, [name]: addCounts(before, counts) }
          const all = this.#marked ? { ...addCounts(this.counts, counts), shards } : null
          return mark.partState({ shard: name, counts, piece }, all)
        },
        onStored: (state) => onStored(mark.partIn(state)),
      }
    )
  }

  /** What an attempt before in this process has stored. */
  #keptNow({ shard, counts, piece }: SplitPart, rows: number): WriteCounts {
    if (!piece) {
      this.#keep(rows, counts)
      return counts
    }
    throw new RowshiftError(
      'COUNT_MISMATCH',
      `The split was written to ${shard} in pieces, one of which is stored already: which rows these are cannot be told. Empty the target, and begin anew.`,
      { table: shard },
    )
  }
}

function wayOn(writeMode: WriteMode): string {
  return writeMode === 'insert'
    ? ' Before it is run again, give it write_mode "upsert" or "ignore".'
    : ' Run it again.'
}

async function* noRows(): AsyncGenerator<Batch> {}

/** All rows are stored: whoever writes the split again is to look for them. */
function afterParts({ code, message, details, cause }: RowshiftError): RowshiftError {
  return new RowshiftError(code, message, { ...details, inDoubt: true }, cause)
}

/** Of a split, some shards hold their rows, and the way on from there is not simply to write it again. */
export function isPartly({ details }: RowshiftError): boolean {
  return details['committed'] !== undefined
}

function partly(
  error: RowshiftError,
  name: string,
  committed: Readonly<Record<string, WriteCounts>>,
  whatNow: string,
): RowshiftError {
  const names = Object.keys(committed).join(', ')
  return new RowshiftError(
    error.code,
    `${error.message} It happened in ${name}; of this split, the rows for ${names} are committed already.${whatNow}`,
    { ...error.details, inDoubt: true, committed },
    error.cause,
  )
}
