import { threadId } from 'node:worker_threads'
import type {
  CopyJob,
  SettleJob,
  SplitJob,
  SplitCounts,
  SplitResult,
  ThreadMessage,
  WorkerMessage,
  WorkerSetup,
} from '../src/engine/messages.js'
import { Target } from '../src/features/shard/target.js'
import { DeferredSplit, rowsOf } from '../src/engine/deferred-rows.js'
import { noCounts } from '../src/engine/messages.js'
import { settled } from '../src/engine/progress.js'
import type { Batch, Reader, WriteOptions, Writer } from '../src/contract/plugin.js'
import type { TargetOptions } from '../src/features/shard/sharded-write.js'
import type { SourceSpec, SourceSplit } from '../src/contract/source-spec.js'
import { recycle } from '../src/wire/builder.js'
import { copiedRows } from '../src/engine/deletions.js'
import { LossyCoercion } from '../src/wire/lossy-coercion.js'
import { RowshiftError } from '../src/contract/errors.js'
import { failpoint } from '../src/failpoint.js'
import { readOf } from '../src/features/sources/splits.js'
import { closeAll, openAll } from '../src/contract/opening.js'
import { writesAhead } from '../src/contract/pipeline.js'
import { BatchQueue } from './batch-queue.js'
import type { ControlHandlers } from './control.js'
import { DeletedRows } from './deleted-rows.js'
import { DirtyRows } from './dirty-rows.js'
import { FailedSplits } from './failed-splits.js'
import { InServerCopy } from './in-server-copy.js'
import { makeReaders, makeWriters } from './load-plugin.js'
import { PoolThread } from './pool-thread.js'
import { isPartly } from '../src/features/shard/sharded-write.js'
import { settleRows } from './settling.js'
import { mismatch, outsideSnapshot, reportOf } from './split-errors.js'
import { SplitTally } from './split-tally.js'
import { transformHooks } from './transform-hooks.js'
import { Pipeline, pipelinedRows } from './row-pipeline.js'
import { BusyTimer, Mutex } from './mutex.js'

/** Most bytes of one split in memory; a thread holds two splits at a time. */
const SPLIT_CAPACITY = 16 << 20
const PROGRESS_INTERVAL_MS = 250
/** Statements that may have been too large hold so many times less each time. */
const SHRINK = 4

interface CopyEndpoints {
  readonly readers: readonly Reader[]
  readonly writers: readonly Writer[]
  readonly target: Target
  /** null: rows are written as they are read. */
  readonly pipeline: Pipeline | null
}

/** One thread's readers and writers, and the loop that moves splits from one to the other. */
export class Copier extends PoolThread<CopyEndpoints, WorkerMessage> {
  readonly #setup: WorkerSetup
  readonly #reads = new Mutex()
  readonly #writes = new Mutex()
  readonly #busy = new BusyTimer()
  /** null unless a loss was accepted. */
  readonly #coercion: LossyCoercion | null
  readonly #copied: SourceSpec
  #reportedAt = 0
  #inSnapshot = false
  readonly #failed = new FailedSplits()
  readonly #inServer: InServerCopy

  constructor(setup: WorkerSetup, post: (message: ThreadMessage | WorkerMessage) => void) {
    super(setup, post)
    this.#setup = setup
    this.#coercion = LossyCoercion.of(setup.plan.write, setup.plan.write.sharding?.reads.length ?? 0)
    this.#copied = copiedRows(setup.plan)
    this.#inServer = new InServerCopy(setup.plan.write, this.#copied, this.#failed)
  }

  run(job: CopyJob): Promise<SplitResult> {
    return this.busy(() => this.#run(job))
  }

  async #run(job: CopyJob): Promise<SplitResult> {
    this.#busy.enter()
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
      const failed = { ...this.failure(failure, report, facts), writing: writing && undone }
      // Nothing else that this thread has in hand may be committed; but its failure must not be told before this one.
      if (!failed.repeatable) setImmediate(() => this.abort())
      return failed
    } finally {
      this.#busy.leave()
    }
  }

  /** Before the first split, when all threads must be able to begin their snapshot at the same moment. */
  connect(): Promise<void> {
    return this.#tellReady(async () => void (await this.opened()))
  }

  /** Before the snapshot is released. */
  joinSnapshot(token: string | null): Promise<void> {
    if (this.connections.gaveUp) return Promise.resolve()
    return this.#tellReady(async () => {
      const { readers } = await this.opened()
      await readers[0]!.skills.snapshot!.join(token)
      this.#inSnapshot = true
    })
  }

  protected override handlers(): ControlHandlers {
    return { snapshot: ({ token }) => void this.joinSnapshot(token) }
  }

  async #copy(split: SplitJob, dirty: DirtyRows): Promise<SplitResult> {
    const { readers, target, pipeline } = await this.opened()
    const { plan } = this.#setup
    if (plan.policy.consistency === 'snapshot' && !this.#inSnapshot) throw outsideSnapshot(split)
    const { signal } = this
    let [queuedBytes, milliseconds] = [0, 0]
    const deferred = new DeferredSplit()
    const tally = new SplitTally(split, this.#sourceOf(split), dirty, deferred, this.#teller(split))
    const deleted = new DeletedRows(plan, (rowsDeleted) => tally.count({ rowsDeleted }))
    let oversized = false
    // One that may be stored already is looked up as it is.
    const divisible =
      plan.read.key !== null && !split.nullKey && !split.indivisible && !(split.mark?.again ?? false)
    // Where one writer locks the whole database, the pipeline would wait for us, and we for its next batch.
    const queue = new BatchQueue(writesAhead(plan.pipeline) ? Infinity : SPLIT_CAPACITY)
    let unread: unknown = null
    const reading = this.#reads.run(async () => {
      const started = performance.now()
      try {
        if (signal.aborted) throw new RowshiftError('INTERRUPTED', 'Interrupted before reading.')
        failpoint('split-reading')
        await deleted.find(readers, split, signal)
        const { reader, spec } = readOf(readers, this.#copied, split)
        const rows = reader.read(spec, split, signal, (row, error) => tally.reject(row, error))
        for await (const pipelined of pipelinedRows(rows, pipeline, tally.sink)) {
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
      const ended = await this.#writes.run(() => target.write(queue, options))
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
    const endpoints = await this.opened()
    const deferred = new DeferredSplit()
    const tally = new SplitTally(split, this.#sourceOf(split), dirty, deferred, this.#teller(split))
    const options = this.#writeOptions(dirty, () => {})
    return this.#writes.run(() => this.#inServer.copy(endpoints, split, tally, options))
  }

  /** Rows that have waited for a unique value; all other rows of the run are written. */
  async #settle(job: SettleJob, dirty: DirtyRows): Promise<SplitResult> {
    const { target } = await this.opened()
    const waited = { ...noCounts, rowsDeferred: -rowsOf(job) }
    const tell = this.#teller(job)
    const options = this.#writeOptions(dirty, (rowsWritten) => tell({ ...waited, rowsWritten }))
    const mark = job.mark && { ...job.mark, state: () => null, onStored: () => {} }
    const ended = await this.#writes.run(() =>
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
  ): WriteOptions & Pick<TargetOptions, 'onDirty'> {
    return {
      signal: this.signal,
      onProgress,
      onDirty: (row: Batch, error: RowshiftError, part?: string) => dirty.add(row, error, part),
      beforeCommit: () => dirty.save(),
    }
  }

  /** Bytes after which a batch is closed on its way to the target; null: it stays as it is. */
  #batchBytes({ shrunk = 0 }: CopyJob): number | null {
    return shrunk === 0 ? null : Math.max(1, this.#setup.plan.read.batch.bytes / SHRINK ** shrunk)
  }

  /** The table that a split is of, where the source is several. */
  #sourceOf({ table }: SourceSplit): string | null {
    return table === undefined ? null : this.#setup.plan.read.sources![table]!.name
  }

  /** A message costs about 0.1 ms of CPU on its two ends, so not every batch sends one. */
  #teller({ index: split }: CopyJob): (counts: SplitCounts) => void {
    return (counts) => {
      const now = performance.now()
      if (now - this.#reportedAt < PROGRESS_INTERVAL_MS) return
      this.#reportedAt = now
      this.post({ type: 'progress', split, counts })
    }
  }

  #tellReady(step: () => Promise<void>): Promise<void> {
    return this.busy(async () => {
      const error = await step().then(
        () => null,
        (thrown: unknown) => RowshiftError.from(thrown).report(),
      )
      this.post({ type: 'ready', error, gaveUp: this.connections.gaveUp ? threadId : null })
    })
  }

  protected async open(): Promise<CopyEndpoints> {
    const { source, target, plan } = this.#setup
    const readers = await makeReaders(source)
    const writers = await makeWriters(target)
    const { signal } = this
    const hooks = transformHooks(plan, (message) => this.post(message))
    const pipeline = await Pipeline.open(this.#setup, signal, hooks)
    try {
      await this.connections.open(() => openAll([...readers, ...writers], signal), signal)
    } catch (error) {
      await closeAll([pipeline])
      throw error
    }
    return { readers, writers, target: new Target(writers, plan.write), pipeline }
  }

  protected async closeEndpoints({ readers, writers, pipeline }: CopyEndpoints): Promise<void> {
    await closeAll([...readers, ...writers, pipeline])
    this.post({ type: 'busy', seconds: this.#busy.seconds })
  }
}
