/** Worker threads that copy several tables side by side. */
import type { ErrorReport, RowshiftError } from '../contract/errors.js'
import { log } from '../log.js'
import type { JobPool, OwnPoolOptions, PooledTable, PoolHooks, TablesPool, Threads } from './job-pool.js'
import type { JobOwner } from './job-queue.js'
import type { ControlMessage, CopyJob, RunMessage, SplitResult, ThreadReady } from './messages.js'

export interface SharedThreadsOptions {
  readonly runId: string
  readonly count: Threads
  /** `tableOf`: that has joined, by its run. */
  readonly pool: (
    own: Pick<OwnPoolOptions, 'onMessage' | 'setupOf'>,
    hooks: PoolHooks,
    tableOf: (run: string) => PooledTable | null,
  ) => TablesPool
  /** They are those of other hosts. */
  readonly elsewhere: boolean
  readonly onReady: (message: ThreadReady) => void
  /** A thread died, and no other takes its place; the tables that have joined know. */
  readonly onError: (error: RowshiftError) => void
  /** Aborts when the user interrupts the run. */
  readonly signal: AbortSignal
  /** Called whenever there is less to do for them. */
  readonly onFreed: () => void
}

/** The copy of one table. */
export interface TableOfThreads extends PooledTable {
  /** Of all splits that wait, those of the table of the lowest rank get a thread first. */
  readonly rank: number
  readonly onMessage: (message: RunMessage) => void
}

/** The threads of a run, how many there are, and the tables that they copy. */
export class SharedThreads {
  readonly pool: TablesPool
  readonly #options: SharedThreadsOptions
  readonly #shares = new Map<string, ThreadShare>()
  /** Of the tables that have left. */
  #rowsBefore = 0
  /** Of the threads that have ended. */
  readonly busySeconds: number[] = []
  /** Whether a thread has its connections, or has had them. */
  connected = false

  constructor(options: SharedThreadsOptions) {
    this.#options = options
    const own: Pick<OwnPoolOptions, 'onMessage' | 'setupOf'> = {
      setupOf: (run) => this.#shares.get(run)?.table?.setup ?? null,
      onMessage: (message) => {
        if (message.type === 'ready') options.onReady(message)
        else if (message.type === 'busy') this.busySeconds.push(message.seconds)
        else this.#shares.get(message.run)?.receive(message)
      },
    }
    const hooks: PoolHooks = {
      threads: options.count.now,
      onError: (error) => {
        options.onError(error)
        for (const share of this.#shares.values()) share.fail(error)
        this.freed()
      },
      onRetired: (working) => this.changed(options.count.limit(working)),
      onConnected: () => {
        this.connected = true
        this.freed()
      },
      onWaiting: (reason) => {
        for (const share of this.#shares.values()) share.waits(reason)
      },
    }
    this.pool = options.pool(own, hooks, (run) => this.#shares.get(run)?.table ?? null)
  }

  get elsewhere(): boolean {
    return this.#options.elsewhere
  }

  get now(): number {
    return this.#options.count.now
  }

  get count(): Threads {
    return this.#options.count
  }

  join(table: TableOfThreads): ThreadShare {
    const share = new ThreadShare(this, table)
    this.#shares.set(table.setup.runId, share)
    return share
  }

  /** Its copy has ended: nothing of it is kept. */
  leave(run: string): void {
    this.#rowsBefore += this.#shares.get(run)?.rows ?? 0
    this.#shares.delete(run)
  }

  /**
   * How many splits a table has for threads, or is expected to have: `expected` as long as more of them come. One that fails keeps all others
   * from beginning until it has ended.
   */
  loadOf(run: string, expected: number): number {
    const share = this.#shares.get(run)
    if (share === undefined) return expected
    if (share.aborted) return Infinity
    return share.hasMore ? Math.max(share.jobs, expected) : share.jobs
  }

  /** Rows that all tables have moved so far. */
  get rows(): number {
    let rows = this.#rowsBefore
    for (const share of this.#shares.values()) rows += share.rows
    return rows
  }

  /** Nothing of the table goes on. After an interruption nothing at all does: threads stop reading, and waiting for connections, too. */
  stop(owner: JobOwner): void {
    if (this.#options.signal.aborted) this.pool.abort()
    else this.pool.stop(owner)
  }

  changed(changed: boolean): void {
    if (!changed) return
    const threads = this.now
    log.info({ runId: this.#options.runId, threads }, 'number of threads')
    this.pool.allow(threads)
    this.freed()
  }

  freed(): void {
    this.#options.onFreed()
  }
}

/** One table's part in the threads: for its scheduler it is a pool of its own. */
export class ThreadShare implements JobPool<CopyJob, SplitResult>, Threads {
  readonly #shared: SharedThreads
  readonly #owner: JobOwner
  /** null: it needs no threads any more. */
  #table: TableOfThreads | null
  #hooks: PoolHooks | null = null
  /** The number of threads that its scheduler knows of. */
  #told: number
  /** That threads have in hand, or that wait for one. */
  jobs = 0
  /** Whether more jobs will come. */
  hasMore = true
  aborted = false
  /** That the table has moved so far. */
  rows = 0

  constructor(shared: SharedThreads, table: TableOfThreads) {
    this.#shared = shared
    this.#owner = { run: table.setup.runId, rank: table.rank }
    this.#table = table
    this.#told = shared.now
  }

  /** For its scheduler. */
  withHooks(hooks: PoolHooks): this {
    this.#hooks = hooks
    return this
  }

  /** null: no thread is to begin with it. */
  get table(): PooledTable | null {
    return this.aborted ? null : this.#table
  }

  /** Why its jobs do not go on for the time being; null: they do. */
  waits(reason: string | null): void {
    this.#hooks?.onWaiting?.(reason)
  }

  receive(message: RunMessage): void {
    this.#table?.onMessage(message)
  }

  fail(error: RowshiftError): void {
    if (this.#table !== null) this.#hooks?.onError(error)
  }

  /** The last split is planned. */
  noMore(): void {
    this.hasMore = false
    this.#shared.freed()
  }

  async run(job: CopyJob, inPlace: boolean): Promise<SplitResult> {
    this.jobs++
    try {
      return await this.#shared.pool.run(job, inPlace, this.#owner)
    } finally {
      this.jobs--
      this.#shared.freed()
    }
  }

  abort(): void {
    this.aborted = true
    this.#shared.stop(this.#owner)
  }

  /** The threads stay, for the other tables. */
  async close(): Promise<void> {
    this.#table = null
    this.#hooks = null
    this.noMore()
    this.#shared.pool.tell({ type: 'end', run: this.#owner.run })
  }

  get now(): number {
    return this.#shared.now
  }

  get reason(): string | null {
    return this.#shared.count.reason
  }

  look(rows: number): boolean {
    this.rows = rows
    return this.#tell(this.#shared.count.look(this.#shared.rows))
  }

  refused(): boolean {
    return this.#tell(this.#shared.count.refused())
  }

  limit(threads: number): boolean {
    return this.#tell(this.#shared.count.limit(threads))
  }

  /** Whether its scheduler does not know the number yet: another table may have changed it. */
  #tell(changed: boolean): boolean {
    this.#shared.changed(changed)
    const isNew = this.#told !== this.now
    this.#told = this.now
    return isNew
  }

  /** The number is that of all tables, and was changed with it. */
  allow(): void {}

  get replaces(): boolean {
    return this.#shared.pool.replaces
  }

  get workingThreads(): number {
    return this.#shared.pool.workingThreads
  }

  get gaveUp(): string | null {
    return this.#shared.pool.gaveUp
  }

  retire(thread: number, error: ErrorReport): void {
    this.#shared.pool.retire(thread, error)
  }

  withRoom<T>(connect: () => Promise<T>, signal: AbortSignal): Promise<T> {
    return this.#shared.pool.withRoom(connect, signal)
  }

  tell(message: ControlMessage): void {
    this.#shared.pool.tell(message)
  }

  isAlive(thread: number): boolean {
    return this.#shared.pool.isAlive(thread)
  }

  terminate(thread: number): Promise<void> {
    return this.#shared.pool.terminate(thread)
  }
}
