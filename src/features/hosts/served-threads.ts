/** The threads with which a worker takes part in a run. */
import type { RowshiftError } from '../../contract/errors.js'
import type { TablesPool } from '../../engine/job-pool.js'
import type { JobOwner } from '../../engine/job-queue.js'
import type {
  CopyJob,
  CopySetup,
  RunMessage,
  SplitCounts,
  SplitResult,
  TablesSetup,
  WorkerSetup,
} from '../../engine/messages.js'
import { takesWorkers } from '../../engine/pipeline-setup.js'
import { WorkerPool } from '../../engine/pool.js'
import { threadLost } from '../../engine/thread-lost.js'
import { log } from '../../log.js'
import { TransformWatch } from '../transform/watch.js'
import { isComparison } from './refusals.js'
import type { RunRecord } from './run-record.js'
import type { HostSetup } from './thread-setup.js'

export interface ServedThreadsOptions {
  readonly record: RunRecord
  readonly setup: HostSetup
  readonly threads: number
  /** Of one of several tables, by its run; null: the run copies or compares one. */
  readonly setupOf: ((run: string) => CopySetup | null) | null
  readonly onProgress: (run: string, index: number, counts: SplitCounts) => void
}

export class ServedThreads {
  readonly pool: TablesPool
  readonly #options: ServedThreadsOptions
  /** By run: of a plan that calls a user's function. */
  readonly #watches = new Map<string, TransformWatch>()
  #aborted = false
  /** One has died, and nobody takes its place. */
  broken = false

  constructor(options: ServedThreadsOptions) {
    this.#options = options
    const { record, setup, threads, setupOf } = options
    const { maxYoungGenerationSizeMb: young } = record
    this.pool = new WorkerPool<CopyJob, SplitResult>({
      worker: record.worker,
      threads,
      startsEarly: 'none',
      jobsPerThread: record.jobsPerThread,
      ...(young !== null && { maxYoungGenerationSizeMb: young }),
      setup: setupOf === null ? setup : ofTables(setup as WorkerSetup),
      ...(setupOf && { setupOf }),
      // A new thread would make ids that somebody else makes.
      replaces: !takesWorkers(setup.plan.pipeline),
      onMessage: (message) => {
        if ('run' in message) this.#receive(message)
      },
      onError: () => {
        this.broken = true
      },
      onRetired: () => {},
    })
  }

  abort(): void {
    this.#aborted = true
    this.pool.abort()
    for (const watch of this.#watches.values()) watch.requestStop()
  }

  /** One of several tables is given up. */
  stop(owner: JobOwner): void {
    this.pool.stop(owner)
    this.#watches.get(owner.run)?.requestStop()
  }

  /** No more jobs of one of several tables will come. */
  end(run: string): void {
    this.#watches.get(run)?.close()
    this.#watches.delete(run)
    this.pool.tell({ type: 'end', run })
  }

  /** Why a thread died that had a job of this run in hand. */
  attribute(run: string, death: unknown): RowshiftError {
    return this.#watchOf(run)?.attribute(death) ?? threadLost(death)
  }

  async close(): Promise<void> {
    for (const watch of this.#watches.values()) watch.close()
    await this.pool.close()
  }

  /** null: its plan calls no user's function. */
  #watchOf(run: string): TransformWatch | null {
    const known = this.#watches.get(run)
    if (known) return known
    const { setup, setupOf } = this.#options
    const own = setupOf === null ? setup : setupOf(run)
    if (own === null || isComparison(own) || own.plan.pipeline?.transform == null) return null
    const watch = new TransformWatch({
      plan: own.plan,
      isAlive: (thread) => this.pool.isAlive(thread),
      onOverdue: (thread) => void this.pool.terminate(thread),
    })
    this.#watches.set(run, watch)
    if (this.#aborted) watch.requestStop()
    return watch
  }

  #receive(message: RunMessage): void {
    if (message.type === 'progress') this.#options.onProgress(message.run, message.split, message.counts)
    else if (message.type === 'calls') this.#watchOf(message.run)?.add(message.thread, message.memory)
    else log[message.level]({ runId: message.run }, message.text)
  }
}

/** Each table brings its own plan. */
function ofTables({ source, target, control, connected, snapshot }: WorkerSetup): TablesSetup {
  const ends = { source, target, control, connected, beginsSnapshot: false }
  return snapshot === undefined ? ends : { ...ends, snapshot }
}
