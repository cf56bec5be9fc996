/** The tables of a run that copies several, as a worker does their jobs: of each there is a record beside that of the run. */
import { RowshiftError } from '../../contract/errors.js'
import type { JobOwner } from '../../engine/job-queue.js'
import type { CopySetup } from '../../engine/messages.js'
import type { FoundConnections } from './connection-needs.js'
import { vanishedTable } from './host-failures.js'
import { hashOf, readRecord } from './run-record.js'
import type { ServedThreads } from './served-threads.js'
import type { HostStore, TableState } from './store.js'
import { threadSetup } from './thread-setup.js'

interface ServedTablesOptions {
  readonly store: Pick<HostStore, 'record' | 'where'>
  readonly found: FoundConnections
  readonly signal: AbortSignal
}

interface ServedTable {
  readonly owner: JobOwner
  readonly planHash: string
  readonly setup: CopySetup
}

export class ServedTables {
  readonly #options: ServedTablesOptions
  readonly #begun = new Map<string, Promise<ServedTable>>()
  readonly #tables = new Map<string, ServedTable>()
  readonly #stopped = new Set<string>()
  readonly #refusals = new WeakSet<RowshiftError>()

  constructor(options: ServedTablesOptions) {
    this.#options = options
  }

  /** What a thread is given of a table whose jobs have begun to come. */
  setupOf(run: string): CopySetup | null {
    return this.#tables.get(run)?.setup ?? null
  }

  /** Looks at the table before its first job. Throws what keeps this host from copying it. */
  async of(run: string, planHash: string, threads: ServedThreads | null): Promise<JobOwner> {
    const begun = this.#begun.get(run) ?? this.#begin(run, planHash, threads)
    this.#begun.set(run, begun)
    try {
      const table = await begun
      if (table.planHash !== planHash) throw anotherPlan()
      return table.owner
    } catch (thrown) {
      if (this.#begun.get(run) === begun) this.#begun.delete(run)
      throw thrown
    }
  }

  /** Whether it is what this host has, or lacks, that keeps it from copying a table. */
  isRefusal(error: RowshiftError): boolean {
    return this.#refusals.has(error)
  }

  async #begin(run: string, planHash: string, threads: ServedThreads | null): Promise<ServedTable> {
    const { store, found, signal } = this.#options
    const text = await store.record(run).catch(() => null)
    if (text === null) throw vanishedTable(store.where)
    if (hashOf(text) !== planHash) throw anotherPlan()
    const look = () => threadSetup(readRecord(text), found, 1, signal)
    // Threads may have all connections that a database has to give.
    const looked = (threads?.pool.withRoom(look, signal) ?? look()).catch((thrown: unknown) => {
      const error = RowshiftError.from(thrown)
      if (!error.retryable && !signal.aborted) this.#refusals.add(error)
      throw error
    })
    const { plan, pipeline } = (await looked) as CopySetup
    const setup: CopySetup = { runId: run, plan, pipeline, dirty: null, defers: false }
    const table = { owner: { run, rank: 0 }, planHash, setup }
    this.#tables.set(run, table)
    return table
  }

  /** What the coordinator says of the tables under way. `isBusy`: a job of the table is in hand. */
  heard(
    states: Readonly<Record<string, TableState>>,
    threads: ServedThreads | null,
    isBusy: (run: string) => boolean,
  ): void {
    for (const [run, { owner }] of this.#tables) {
      if (states[run] === 'stopping' && threads && !this.#stopped.has(run)) {
        this.#stopped.add(run)
        threads.stop(owner)
      }
      if (run in states || isBusy(run)) continue
      this.#tables.delete(run)
      this.#begun.delete(run)
      this.#stopped.delete(run)
      threads?.end(run)
    }
  }
}

export function anotherPlan(): RowshiftError {
  return new RowshiftError('HOSTS_REFUSED', 'The plan of the run is not the one that the worker has read.')
}
