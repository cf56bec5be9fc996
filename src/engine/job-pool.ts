import type { ErrorReport, RowshiftError } from '../contract/errors.js'
import type { Reader, Snapshot, Writer } from '../contract/plugin.js'
import type { RunPlan } from '../contract/run-plan.js'
import type { JobOwner } from './job-queue.js'
import type {
  ControlMessage,
  CopyJob,
  CopySetup,
  SplitResult,
  ThreadSetup,
  WorkerMessage,
} from './messages.js'
import type { ThreadCount } from './thread-count.js'

/** Who does the jobs of a {@link Scheduler}: threads of this process, or of other machines. */
export interface JobPool<Job, Result> {
  /** Another thread goes on where one has died; otherwise that ends the run. */
  readonly replaces: boolean
  /** Threads that take jobs. */
  readonly workingThreads: number
  /** What happened to the threads that gave up, for people; null: none did. */
  readonly gaveUp: string | null
  /** `inPlace`: it is not worth a thread. */
  run(job: Job, inPlace: boolean): Promise<Result>
  /** From now on so many threads take jobs. */
  allow(threads: number): void
  /** A thread has given up, and why: others do its work. */
  retire(thread: number, error: ErrorReport): void
  /** For a connection beside those of the threads. */
  withRoom<T>(connect: () => Promise<T>, signal: AbortSignal): Promise<T>
  tell(message: ControlMessage): void
  isAlive(thread: number): boolean
  /** Ends a thread, whatever it is at. */
  terminate(thread: number): Promise<void>
  /** Ends all that is under way; jobs that nobody has in hand are rejected. */
  abort(): void
  close(): Promise<void>
}

/** The same for the copies of several tables, which own its jobs. */
export interface TablesPool extends JobPool<CopyJob, SplitResult> {
  run(job: CopyJob, inPlace: boolean, owner?: JobOwner): Promise<SplitResult>
  /** Ends what is under way of one table; those of others go on. */
  stop(owner: JobOwner): void
}

/** What a pool is told of a table whose jobs it does. */
export interface PooledTable {
  readonly setup: CopySetup
  /** Of the source, open. */
  readonly readers: readonly Reader[]
  /** Of the target, open. */
  readonly writers: readonly Writer[]
}

/** What a run decides about its pool. */
export interface OwnPoolOptions {
  /** File in `workers/`. */
  readonly worker: string
  /** Which threads start before there are jobs for them, since that takes a while; the others start as jobs come. Default: the first. */
  readonly startsEarly?: 'all' | 'first' | 'none'
  /** Most jobs that a thread has in hand (1). */
  readonly jobsPerThread?: number
  /** Of each thread's heap; V8's own default when left out. */
  readonly maxYoungGenerationSizeMb?: number
  /** `workerData` of each thread. */
  readonly setup: ThreadSetup
  /** Another thread takes the place of one that died; otherwise that is an error. */
  readonly replaces: boolean
  /** What the threads of a copy say beside a {@link ThreadMessage}. */
  readonly onMessage?: (message: WorkerMessage) => void
  /** What a thread asks for before its first job of a run; null: the run is over. Default: it started with that. */
  readonly setupOf?: (run: string) => object | null
}

/** What a pool tells its scheduler, and with how many threads it begins. */
export interface PoolHooks {
  /** That take jobs at first: see `allow`. */
  readonly threads: number
  /** A thread died, and no other takes its place. If it had jobs in hand, they have been rejected before. */
  readonly onError: (error: RowshiftError) => void
  /** A thread has given up its connections; so many take jobs now. */
  readonly onRetired: (working: number) => void
  /** A thread has its connections. Default: nobody is told. */
  readonly onConnected?: () => void
  /** Why jobs do not go on for the time being; null: they do. Default: nobody is told. */
  readonly onWaiting?: (reason: string | null) => void
}

export type PoolOptions = OwnPoolOptions & PoolHooks

export type MakePool<Job, Result> = (hooks: PoolHooks) => JobPool<Job, Result>

/** How many threads take jobs, as a scheduler sees it. */
export type Threads = Pick<ThreadCount, 'now' | 'reason' | 'look' | 'refused' | 'limit'>

/** Machines whose threads do the jobs of one run. */
export interface Hosts {
  readonly threads: Threads
  /** Why nothing can be done by them any more, whatever is asked for; null: it can, as far as is known. */
  readonly lost: RowshiftError | null
  /** Why they cannot copy a table, in words; null: they can. */
  whyNot(plan: RunPlan): string | null
  /** Throws HOSTS_REFUSED when the run needs what only threads of one process have. `readers`: of the source, open. */
  pool<Job extends object, Result extends object>(
    own: OwnPoolOptions,
    hooks: PoolHooks,
    readers: readonly Reader[],
  ): JobPool<Job, Result>
  /** For tables that they can copy. `tableOf`: of a run of one; null: it is over. */
  tablesPool(own: OwnPoolOptions, hooks: PoolHooks, tableOf: (run: string) => PooledTable | null): TablesPool
  /** For `consistency: snapshot`. Throws HOSTS_REFUSED where the source exports none. */
  checkSnapshot(reader: Reader): void
  /**
   * Before the first job, for `consistency: snapshot`: all readers, and all threads of whatever host, see one moment of these tables. Throws
   * as `checkSnapshot` does.
   */
  beginSnapshot(
    readers: readonly Reader[],
    tables: readonly string[],
    signal: AbortSignal,
  ): Promise<JoinedSnapshot>
  /** The run has ended. */
  close(): Promise<void>
}

/** A snapshot that threads may join at any time, until the run ends. */
export type JoinedSnapshot = Pick<Snapshot, 'position' | 'token' | 'check' | 'end'>
