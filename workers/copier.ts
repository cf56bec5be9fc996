import type { CopyJob, CopySetup, SettleJob, SplitJob, SplitResult } from '../src/engine/messages.js'
import { tableWrites } from '../src/features/shard/table-writes.js'
import { Target } from '../src/features/shard/target.js'
import { DeferredSplit, rowsOf } from '../src/engine/deferred-rows.js'
import { noCounts } from '../src/engine/messages.js'
import { settled } from '../src/engine/progress.js'
import type { Batch, WriteOptions, Writer } from '../src/contract/plugin.js'
import type { TargetOptions } from '../src/features/shard/sharded-write.js'
import type { SourceSpec, SourceSplit } from '../src/contract/source-spec.js'
import { recycle } from '../src/wire/builder.js'
import { copiedRows } from '../src/engine/deletions.js'
import { LossyCoercion } from '../src/wire/lossy-coercion.js'
import { RowshiftError } from '../src/contract/errors.js'
import { failpoint } from '../src/failpoint.js'
import { readOf } from '../src/features/sources/splits.js'
import { writesAhead } from '../src/contract/pipeline.js'
import { BatchQueue } from './batch-queue.js'
import type { CopierHost, CopyEndpoints } from './copier-host.js'
import { DeletedRows } from './deleted-rows.js'
import { DirtyRows } from './dirty-rows.js'
import { FailedSplits } from './failed-splits.js'
import { InServerCopy } from './in-server-copy.js'
import { SplitTimes } from './thread-lanes.js'
import { isPartly } from '../src/features/shard/sharded-write.js'
import { settleRows } from './settling.js'
import { mismatch, outsideSnapshot, reportOf } from './split-errors.js'
import { SplitTally } from './split-tally.js'
import { transformHooks } from './transform-hooks.js'
import { ProgressTeller } from './progress-teller.js'
import { Pipeline, pipelinedRows } from './row-pipeline.js'

/** Most bytes of one split in memory; a thread holds two splits at a time. */
const SPLIT_CAPACITY = 16 << 20
/** Statements that may have been too large hold so many times less each time. */
const SHRINK = 4

/** What is open for one run. */
interface CopierEndpoints extends CopyEndpoints {
  readonly target: Target
  /** null: rows are written as they are read. */
  readonly pipeline: Pipeline | null
}

/** One run in one thread: moves its splits from a reader to a writer. */
export class Copier {
  readonly #setup: CopySetup
  readonly #host: CopierHost
  readonly #stop = new AbortController()
  /** null unless a loss was accepted. */
  readonly #coercion: LossyCoercion | null
  readonly #copied: SourceSpec
  #pipeline: Promise<Pipeline | null> | null = null
  #target: { readonly writers: readonly Writer[]; readonly target: Target } | null = null
  readonly #failed = new FailedSplits()
  /** Of its splits. */
  readonly times = new SplitTimes()
  readonly #inServer: InServerCopy
  readonly #teller: ProgressTeller

  constructor(setup: CopySetup, host: CopierHost) {
    this.#setup = setup
    this.#host = host
    this.#teller = new ProgressTeller(setup.runId, host)
    this.#coercion = LossyCoercion.of(setup.plan.write, setup.plan.write.sharding?.reads.length ?? 0)
    this.#copied = copiedRows(setup.plan)
    this.#inServer = new InServerCopy(setup.plan.write, this.#copied, this.#failed)
  }

  /** What it has in hand is given up, and nothing new begins. */
  abort(): void {
    this.#stop.abort()
  }

  /** Its pipeline is opened again with the next split. */
  async close(): Promise<void> {
    const pipeline = this.#pipeline
    this.#pipeline = null
    await (await pipeline?.catch(() => null))?.close()
  }

  /** No more splits will come, and the thread goes on with other runs. */
  async end(): Promise<void> {
    await this.close()
    const writers = this.#target?.writers ?? []
    const forget = async () => {
      // What is closed would be opened again, with a connection that nobody closes.
      if (!this.#host.areOpen(writers)) return
      for (const { writer, spec } of tableWrites(writers, this.#setup.plan.write))
        await writer.skills.forget?.(spec)
    }
    // Whatever it leaves goes with the connection.
    await this.#host.writes.run(forget).catch(() => {})
  }

  get #signal(): AbortSignal {
    return this.#stop.signal
  }

  async run(job: CopyJob): Promise<SplitResult> {
    const dirty = new DirtyRows(this.#setup.dirty, job.mark ?? null)
    try {
      if ('settle' in job) return await this.#settle(job, dirty)
      return (await this.#copyInServer(job, dirty)) ?? (await this.#copy(job, dirty))
    } catch (thrown) {
      dirty.discard()
      const failure = RowshiftError.from(thrown)
      const report = reportOf(failure, job.index, 'settle' in job ? null : this.#sourceOf(job))
      const inDoubt = failure.details['inDoubt'] === true
      const undone = !inDoubt && !dirty.saved
      const { marked, writing, parts } = this.#failed.take(job.index)
      if (parts && undone && failure.code === 'SPLIT_TOO_LARGE')
        return { outcome: 'oversized', ...parts, error: report }
      // Whether a split that left a mark is stored can be looked up.
      const knowable = marked && inDoubt && !isPartly(failure) && !dirty.saved
      // The next attempt makes smaller statements.
      const shrinks = undone && failure.code === 'PACKET_TOO_LARGE'
      const facts = { undone, knowable: knowable || shrinks }
      const failed = { ...this.#host.failure(failure, report, facts), writing: writing && undone }
      // Nothing else of the run that this thread has in hand may be committed; but its failure must not be told before this one.
      if (!failed.repeatable) setImmediate(() => this.abort())
      return failed
    }
  }

  async #copy(split: SplitJob, dirty: DirtyRows): Promise<SplitResult> {
    const { readers, target, pipeline } = await this.#opened()
    const { plan } = this.#setup
    const { inSnapshot, reads, writes } = this.#host
    if (plan.policy.consistency === 'snapshot' && !inSnapshot) throw outsideSnapshot(split)
    const signal = this.#signal
    // A reader that is interrupted loses its snapshot, which the tables of other runs are read in.
    const readSignal = inSnapshot ? this.#host.signal : signal
    let [queuedBytes, milliseconds] = [0, 0]
    const deferred = new DeferredSplit()
    const tally = this.#tally(split, dirty, deferred)
    const deleted = new DeletedRows(plan, (rowsDeleted) => tally.count({ rowsDeleted }))
    let oversized = false
    // One that may be stored already is looked up as it is.
    const divisible =
      plan.read.key !== null && !split.nullKey && !split.indivisible && !(split.mark?.again ?? false)
    // Where one writer locks the whole database, the pipeline would wait for us, and we for its next batch.
    const queue = new BatchQueue(writesAhead(plan.pipeline) ? Infinity : SPLIT_CAPACITY, this.#host)
    let unread: unknown = null
    const reading = reads.spending(this.times, 'reading', async () => {
      const started = performance.now()
      try {
        if (signal.aborted) throw new RowshiftError('INTERRUPTED', 'Interrupted before reading.')
        failpoint('split-reading')
        await deleted.find(readers, split, signal)
        const { reader, spec } = readOf(readers, this.#copied, split)
        const rows = reader.read(spec, split, readSignal, (row, error) => tally.reject(row, error))
        for await (const pipelined of pipelinedRows(rows, pipeline, tally.sink, reads)) {
          if (signal.aborted) throw new RowshiftError('INTERRUPTED', 'Interrupted while reading.')
          const batch = this.#coercion?.apply(pipelined) ?? pipelined
          queuedBytes += batch.bytes.length
          // The queue is not full yet, so nothing of it was written; nor is a row in a file, where it would be twice.
          oversized = divisible && !dirty.saved && queuedBytes >= SPLIT_CAPACITY
          if (oversized) {
            recycle(batch)
            break
          }
          await queue.put(batch)
        }
        failpoint('split-read')
        queue.end()
        milliseconds = performance.now() - started
      } catch (error) {
        unread = error
        // The writer must not take a fault of the source for one of a row that it was given.
        queue.end(new RowshiftError('INTERRUPTED', 'Reading has failed.'))
      }
    })
    await queue.readyToWrite()
    if (oversized) {
      dirty.discard()
      // Not waited for: in a snapshot the rest of the result is read first, and others can take up the parts meanwhile.
      void reading.then(() => queue.recycle())
      return { outcome: 'oversized', rows: tally.counts.rowsRead, bytes: queuedBytes, error: null }
    }
    try {
      const options = {
        ...this.#writeOptions(dirty, (rowsWritten) => tally.count({ rowsWritten })),
        ...(this.#setup.defers ?? deferred.optionsFor(target)),
        mark: tally.mark,
        removal: deleted.removal,
        retry: plan.policy.retry,
        batchBytes: this.#batchBytes(split),
      }
      const write = () => target.write(queue, options)
      const ended = await writes.spending(this.times, 'writing', write)
      if (tally.wrote(ended) === 'before') {
        queue.end(new RowshiftError('INTERRUPTED', 'The split is stored already.'))
        return { outcome: 'copied', counts: tally.counts, deferred: [], milliseconds }
      }
      return { outcome: 'copied', counts: tally.counts, deferred: deferred.parts, milliseconds }
    } catch (error) {
      const rows = tally.counts.rowsRead + deleted.rows
      const writing = unread === null
      const parts = writing && divisible && rows > 1 ? { rows, bytes: queuedBytes } : null
      this.#failed.set(split.index, { marked: tally.marked, writing, parts })
      queue.end(error)
      throw unread ?? error
    } finally {
      await reading
      queue.recycle()
      deleted.close()
    }
  }

  /** null: its rows are to be read and written. */
  async #copyInServer(split: SplitJob, dirty: DirtyRows): Promise<SplitResult | null> {
    if (!this.#inServer.on) return null
    const endpoints = await this.#opened()
    const deferred = new DeferredSplit()
    const tally = this.#tally(split, dirty, deferred)
    const options = this.#writeOptions(dirty, () => {})
    const copy = () => this.#inServer.copy(endpoints, split, tally, options)
    return this.#host.writes.spending(this.times, 'inServer', copy)
  }

  /** Rows that have waited for a unique value; all other rows of the run are written. */
  async #settle(job: SettleJob, dirty: DirtyRows): Promise<SplitResult> {
    const { target } = await this.#opened()
    const waited = { ...noCounts, rowsDeferred: -rowsOf(job) }
    const tell = this.#teller.of(job)
    const options = this.#writeOptions(dirty, (rowsWritten) => tell({ ...waited, rowsWritten }))
    const mark = job.mark && { ...job.mark, state: () => null, onStored: () => {} }
    const ended = await this.#host.writes.spending(this.times, 'writing', () =>
      settleRows(target, job, { ...options, mark }, this.#batchBytes(job)),
    )
    dirty.save()
    const counts = { ...waited, ...ended }
    if (settled(counts) !== 0)
      throw mismatch(job.index, { ...counts, rowsRead: rowsOf(job), rowsDeferred: 0 })
    return { outcome: 'copied', counts, deferred: [], milliseconds: 0 }
  }

  #writeOptions(
    dirty: DirtyRows,
    onProgress: (rows: number) => void,
  ): WriteOptions & Pick<TargetOptions, 'onDirty' | 'onCommitted'> {
    return {
      signal: this.#signal,
      onProgress,
      onDirty: (row: Batch, error: RowshiftError, part?: string) => dirty.add(row, error, part),
      beforeCommit: () => {
        this.#host.writes.enter('committing')
        dirty.save()
      },
      onCommitted: () => this.#host.writes.enter('writing'),
    }
  }

  /** Bytes after which a batch is closed on its way to the target; null: it stays as it is. */
  #batchBytes({ shrunk = 0 }: CopyJob): number | null {
    return shrunk === 0 ? null : Math.max(1, this.#setup.plan.read.batch.bytes / SHRINK ** shrunk)
  }

  #tally(split: SplitJob, dirty: DirtyRows, deferred: DeferredSplit): SplitTally {
    const onMark = () => this.#host.writes.enter('committing')
    return new SplitTally(split, this.#sourceOf(split), {
      dirty,
      deferred,
      onMark,
      tell: this.#teller.of(split),
    })
  }

  /** The table that a split is of, where the source is several. */
  #sourceOf({ table }: SourceSplit): string | null {
    return table === undefined ? null : this.#setup.plan.read.sources![table]!.name
  }

  /** With the pipeline first: connections that cannot be opened are closed again, and it stays. */
  async #opened(): Promise<CopierEndpoints> {
    const opening = (this.#pipeline ??= this.#openPipeline())
    const pipeline = await opening.catch((error: unknown) => {
      // Another job may try again.
      if (this.#pipeline === opening) this.#pipeline = null
      throw error
    })
    const { readers, writers } = await this.#host.opened()
    return { readers, writers, target: this.#targetOf(writers), pipeline }
  }

  #openPipeline(): Promise<Pipeline | null> {
    const { plan, runId } = this.#setup
    const hooks = transformHooks(plan, runId, (message) => this.#host.post(message))
    return Pipeline.open(this.#setup, this.#signal, hooks)
  }

  /** Those of the thread may be others by now. */
  #targetOf(writers: readonly Writer[]): Target {
    if (this.#target?.writers !== writers)
      this.#target = { writers, target: new Target(writers, this.#setup.plan.write) }
    return this.#target.target
  }
}
