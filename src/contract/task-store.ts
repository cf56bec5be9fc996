import type { ErrorReport } from './errors.js'
import type { TableMarks } from './read.js'
import type { TimeSpent } from './time-spent.js'
import type { WriteCounts } from './write.js'

/** One row of `task_def_sync_manager`, or one JSON file with the same fields. */
export interface Task {
  readonly id: number
  readonly from_app: string | null
  readonly from_db_type: string | null
  readonly from_db: string | null
  readonly from_table: string | null
  readonly to_app: string | null
  readonly to_db_type: string | null
  readonly to_db: string | null
  readonly to_table: string | null
  /** JSON text; see `etc/params.schema.json`. */
  readonly params: string | null
  /** 1 online, anything else offline. */
  readonly online_status: number | null
  readonly task_desc: string | null
  readonly task_status: string | null
  readonly owner: string | null
}

/** What people decide about a task; the id and the status are the store's. */
export type TaskFields = Omit<Task, 'id' | 'task_status'>

/** `skipped` stands in reports only: another run of the task was under way, so this one did nothing. */
export type RunStatus = 'running' | 'success' | 'failed' | 'interrupted' | 'skipped'

/** One execution of a task: one row of `rowshift_run`. Times are UTC, `YYYY-MM-DD HH:MM:SS`. */
export interface RunRecord {
  readonly run_id: string
  readonly task_id: number
  readonly mode: string
  readonly status: RunStatus
  readonly start_time: string
  readonly end_time: string | null
  readonly rows_read: number
  readonly rows_written: number
  /** The machine and the process that run it; null in rows of before they were kept. */
  readonly host: string | null
  readonly pid: number | null
  /** The whole report as JSON text; null while running, and for ever when the process died. */
  readonly report: string | null
}

export interface SourceReport {
  readonly name: string
  /** In splits that are committed. */
  readonly rowsRead: number
  readonly watermark: RunReport['watermark']
}

export interface ShardReport extends WriteCounts {
  readonly name: string
}

/** What a run leaves behind when it ends: the `--report` file, `--json`, and the history. */
export interface RunReport {
  readonly runId: string
  readonly taskId: number | null
  readonly mode: string
  readonly writeMode: string
  readonly status: Exclude<RunStatus, 'running'>
  readonly rowsRead: number
  /** Left out on purpose by a transform or a lookup. */
  readonly rowsFiltered: number
  /** Made by a transform beyond one for each row read. */
  readonly rowsAdded: number
  /** Rows whose key a lookup did not find, whatever became of them. */
  readonly lookupMisses: number
  /** Inserted or changed, and committed. */
  readonly rowsWritten: number
  /**
   * Whether the run has changed the target, or may have: rows, a table that it made, `pre_sql`. Without it, exit codes 2 and 3
   * promise that the target is as it was; with it, a failure ends with 1.
   */
  readonly targetChanged: boolean
  /** Those of the rows written whose key was in the target before. */
  readonly rowsChanged: number
  /**
   * Those of the rows written whose `diff_column` is before the watermark of earlier runs: found by `overlap`. null: nothing before it was read, or
   * the write mode does not tell rows that are equal.
   */
  readonly rowsLate: number | null
  /** Upsert found them equal in the target. */
  readonly rowsUnchanged: number
  /** Ignore found their key in the target. */
  readonly rowsSkipped: number
  /** Deleted in the target, because the source has deleted them. */
  readonly rowsDeleted: number
  /** Flagged in the target instead (`deletes.target.flag`). Of an incremental run, all rows of its window that are deleted in the source. */
  readonly rowsFlagged: number
  /** Rejected, and kept in one of the two files. */
  readonly dirtyRows: number
  /** Those that the target refused; null: there are none. */
  readonly dirtyFile: string | null
  /** Those that a transform or a lookup refused, as they were read; null: there are none. */
  readonly dirtyReadFile: string | null
  /** Of each table of a source that is several; null: it is one table. */
  readonly sources: readonly SourceReport[] | null
  /** What became of the rows of each table of a sharded target; null: the target is one table. */
  readonly shards: readonly ShardReport[] | null
  /** Bytes of the rows read, in the wire format; of a verification or repair, what statistics say of the rows compared. */
  readonly bytes: number
  /** Splits planned so far; all of them when the run succeeded. */
  readonly splits: number
  readonly splitsDone: number
  /** How often a split was run again, or the next one looked for again. */
  readonly retries: number
  /** The same by the code of the error. */
  readonly retryReasons: Readonly<Record<string, number>>
  /** An earlier run that this one went on with: the counts above are of both, but for retries. Beside the attempt stands what was there already. null: it began anew. */
  readonly resumed: {
    readonly run: string
    readonly attempt: number
    readonly splits: number
    readonly rowsRead: number
    readonly rowsWritten: number
    readonly dirtyRows: number
    readonly bytes: number
  } | null
  /** The run that "rowshift resume" goes on with, if this one failed; null: it succeeded, or can only be begun anew. */
  readonly resumable: string | null
  readonly seconds: number
  readonly workerNum: number
  /** For each thread that was started, how long it had a split in hand; in no order. */
  readonly busySeconds: readonly number[]
  /** Where the time of the threads went: in reports of runs that copy rows. Without it, nobody has looked. */
  readonly timeSpent?: TimeSpent
  readonly writePath: string | null
  readonly consistency: 'split' | 'snapshot'
  /** Where the source's log of changes stood when the snapshot was taken; null: unknown, or there is no snapshot. */
  readonly snapshotPosition: string | null
  readonly reasons: readonly string[]
  readonly warnings: readonly string[]
  /** The one among them that says that threads stopped because a server took no more connections; null: none did. */
  readonly threadsGaveUp: string | null
  /** The one among them that says that the source was emptied or replaced while it was read; null: nothing speaks for that. */
  readonly sourceChanged: string | null
  /** The range that was read again, as it was asked for (`--since`, `--until`); no watermark has moved. null: it is not a backfill. */
  readonly backfill: { readonly since: string; readonly until: string | null } | null
  /** The window of an incremental run; null: the whole table was read, or it was a backfill. */
  readonly watermark: { readonly from: string | null; readonly to: string | null } | null
  /** How long before the source's clock the window ended when it was chosen; of several tables the one that is furthest behind. Without it, there is none that ends by time. */
  readonly secondsBehind?: number
  /** Where the next run of each mode begins, if this one succeeds. */
  readonly watermarks: Readonly<Record<string, string>>
  /** Why a run that succeeds leaves the watermarks of its task where they were; null: it moves them, or has none. */
  readonly watermarkHeld: string | null
  /** Which rows that were left out the watermark passes, so that no later run reads them; null: none. */
  readonly watermarkPassed: string | null
  /** Those of the warnings that say why an incremental run stayed behind, by how much, and who held it. */
  readonly delays: readonly string[]
  /** What the next incremental run tells by whether source and target are still the same tables; null: there was no plan. */
  readonly marks: TableMarks | null
  /** Where rows came from and went to: server, database and table, without secrets. Of runs that show their progress. */
  readonly from?: string
  readonly to?: string
  /** `key=value` params that this run had in place of the task's. Without it, there were none. */
  readonly overrides?: readonly string[]
  /** How the run went, for plots: seconds since it began, rows and bytes by then. Of runs that show their progress. */
  readonly samples?: readonly (readonly [seconds: number, rows: number, bytes: number])[]
  readonly error: ErrorReport | null
}

/** What became of a task's lock: `regained` after it was lost for a while; `lost`: somebody else has it. */
export type LockState = 'held' | 'regained' | 'lost'

/** Where tasks and their history are kept. One store serves one run. */
export interface TaskStore {
  /** When `signal` aborts, answers that are due, and those to come, are awaited for a second each: the end of the run is still to be written. */
  connect(signal?: AbortSignal): Promise<void>
  /**
   * Creates the task and history tables where they are missing, and adds the columns that tables of an earlier version
   * lack; resolves to the names of what it created (`table` or `table.column`).
   */
  init(): Promise<readonly string[]>
  /** Throws TASK_STORE_MISSING before `init`. */
  list(): Promise<readonly Task[]>
  get(id: number): Promise<Task | null>
  /**
   * Takes the lock of a task at once; false when another store has it, on whatever machine. It is held until `close`, and
   * is free by itself when this process or its machine dies.
   */
  lock(taskId: number): Promise<boolean>
  /** Gives the lock back before `close`. */
  unlock(taskId: number): Promise<void>
  /**
   * Sees to it that the lock is still held, over a new connection if the old one was lost. Called every few seconds
   * while a run lasts, so that the lock of a machine that is gone can be told by its silence.
   */
  renewLock(taskId: number): Promise<LockState>
  /** Adds a task; resolves to its id. */
  add(task: TaskFields): Promise<number>
  /** Changes these fields of a task; false: there is no such task. */
  change(taskId: number, fields: Partial<TaskFields>): Promise<boolean>
  /** Removes a task with its watermarks; its runs stay in the history. false: there is no such task. */
  remove(taskId: number): Promise<boolean>
  /** Sets `task_status` of a task. */
  setStatus(taskId: number, status: RunStatus): Promise<void>
  /** Marks the runs of a task that are still `running` as `interrupted`; resolves to them as they were. */
  interruptRuns(taskId: number): Promise<readonly RunRecord[]>
  startRun(run: RunRecord): Promise<void>
  /** Fills in the end of a run that was started, whose record may have been deleted meanwhile. */
  finishRun(run: RunRecord): Promise<void>
  /** How far the incremental runs of a task have got, by mode. */
  watermarks(taskId: number): Promise<Readonly<Record<string, string>>>
  /** Remembers them, in one go; `runId` says who set them, and null forgets one. */
  saveWatermarks(
    taskId: number,
    runId: string,
    watermarks: Readonly<Record<string, string | null>>,
  ): Promise<void>
  /** One run; null: the history does not have it. */
  run(runId: string): Promise<RunRecord | null>
  /**
   * Newest first. `runs` are those that write, or may; `comparisons` are what `verify` has left, which is kept when it has ended, and the runs that
   * compare and then repair.
   */
  history(taskId: number | null, limit: number, which?: 'runs' | 'comparisons'): Promise<readonly RunRecord[]>
  close(): Promise<void>
}
