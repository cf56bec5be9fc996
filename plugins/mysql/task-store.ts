import { readFile } from 'node:fs/promises'
import type {
  Connection,
  LockState,
  RunRecord,
  RunStatus,
  Task,
  TaskStore,
} from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import type { TextRow } from './driver.js'
import { runStatements, Session } from './connection.js'
import { mapError } from './errors.js'
import { text } from './sql.js'

const DDL = new URL('../../../etc/task-store.mysql.sql', import.meta.url)

const TASK_COLUMNS = [
  'id',
  'from_app',
  'from_db_type',
  'from_db',
  'from_table',
  'to_app',
  'to_db_type',
  'to_db',
  'to_table',
  'params',
  'online_status',
  'task_desc',
  'task_status',
  'owner',
] as const
const RUN_COLUMNS =
  'run_id, task_id, mode, status, start_time, end_time, rows_read, rows_written, report, host, pid'
/** Columns of rowshift_run that its first version did not have. */
const ADDED_COLUMNS = { host: 'varchar(255) DEFAULT NULL', pid: 'int unsigned DEFAULT NULL' }

const SESSION = [
  // `update_time` is set by the server, and is to be in its own time as when others change the row.
  'SET time_zone = @@GLOBAL.time_zone',
  // A machine that is gone says no goodbye: the server ends the session, and frees its lock, when it is silent for so long.
  'SET wait_timeout = 300',
]
const ANSWER_MS = 10_000
/** The end of an interrupted run is still to be written. */
const GRACE_MS = 1_000

export class MysqlTaskStore implements TaskStore {
  readonly #connection: Connection
  #session: Session | null = null
  #signal: AbortSignal | undefined
  /** Tasks whose locks were taken here. */
  readonly #locked = new Set<number>()

  constructor(connection: Connection) {
    this.#connection = connection
  }

  async connect(signal?: AbortSignal): Promise<void> {
    this.#signal = signal
    await this.#open()
  }

  async init(): Promise<readonly string[]> {
    const before = await this.#tables()
    const ddl = await readFile(DDL, 'utf8')
    const statements = ddl.replaceAll(/^--.*$/gm, '').split(/;\s*$/m)
    for (const statement of statements) if (statement.trim() !== '') await this.#ask(statement)
    const after = await this.#tables()
    const added = before.includes('rowshift_run') ? await this.#addColumns() : []
    return [...after.filter((table) => !before.includes(table)), ...added]
  }

  async #addColumns(): Promise<string[]> {
    const rows = await this.#ask('SHOW COLUMNS FROM rowshift_run')
    const missing = Object.entries(ADDED_COLUMNS).filter(([name]) => !rows.some(([field]) => field === name))
    for (const [name, type] of missing) await this.#ask(`ALTER TABLE rowshift_run ADD COLUMN ${name} ${type}`)
    return missing.map(([name]) => `rowshift_run.${name}`)
  }

  async list(): Promise<readonly Task[]> {
    return (await this.#ask(`SELECT ${TASK_COLUMNS.join()} FROM task_def_sync_manager ORDER BY id`)).map(
      toTask,
    )
  }

  async get(id: number): Promise<Task | null> {
    const [row] = await this.#ask(`SELECT ${TASK_COLUMNS.join()} FROM task_def_sync_manager WHERE id = ${id}`)
    return row ? toTask(row) : null
  }

  async lock(taskId: number): Promise<boolean> {
    const [row] = await this.#ask(`SELECT GET_LOCK(${lockName(taskId)}, 0)`)
    if (row![0] !== '1') return false
    this.#locked.add(taskId)
    return true
  }

  async unlock(taskId: number): Promise<void> {
    await this.#ask(`SELECT RELEASE_LOCK(${lockName(taskId)})`)
    this.#locked.delete(taskId)
  }

  async renewLock(taskId: number): Promise<LockState> {
    if (await this.#holds(taskId)) return 'held'
    return (await this.lock(taskId)) ? 'regained' : 'lost'
  }

  /** A session that is lost, or does not answer, is replaced by a new one, which holds nothing yet. */
  async #holds(taskId: number): Promise<boolean> {
    const session = this.#session!
    const timer = setTimeout(() => session.destroy(), ANSWER_MS)
    try {
      const [row] = await session.query(`SELECT IS_USED_LOCK(${lockName(taskId)}) = CONNECTION_ID()`)
      return row![0] === '1'
    } catch {
      session.destroy()
      await this.#open()
      return false
    } finally {
      clearTimeout(timer)
    }
  }

  async setStatus(taskId: number, status: RunStatus): Promise<void> {
    await this.#ask(`UPDATE task_def_sync_manager SET task_status = ${text(status)} WHERE id = ${taskId}`)
  }

  async interruptRuns(taskId: number): Promise<readonly RunRecord[]> {
    const running = `task_id = ${taskId} AND status = 'running'`
    const runs = await this.#ask(`SELECT ${RUN_COLUMNS} FROM rowshift_run WHERE ${running}`)
    if (runs.length > 0) await this.#ask(`UPDATE rowshift_run SET status = 'interrupted' WHERE ${running}`)
    return runs.map(toRun)
  }

  async startRun(run: RunRecord): Promise<void> {
    const values = [
      text(run.run_id),
      run.task_id,
      text(run.mode),
      text(run.status),
      text(run.start_time),
      'NULL',
      run.rows_read,
      run.rows_written,
      'NULL',
      textOrNull(run.host),
      run.pid ?? 'NULL',
    ]
    await this.#ask(`INSERT INTO rowshift_run (${RUN_COLUMNS}) VALUES (${values.join(', ')})`)
  }

  async finishRun(run: RunRecord): Promise<void> {
    await this.#ask(
      `UPDATE rowshift_run SET mode = ${text(run.mode)}, status = ${text(run.status)}, end_time = ${textOrNull(run.end_time)},
         rows_read = ${run.rows_read}, rows_written = ${run.rows_written}, report = ${textOrNull(run.report)}
       WHERE run_id = ${text(run.run_id)}`,
    )
  }

  async history(taskId: number | null, limit: number): Promise<readonly RunRecord[]> {
    const where = taskId === null ? '' : `WHERE task_id = ${taskId}`
    const sql = `SELECT ${RUN_COLUMNS} FROM rowshift_run ${where} ORDER BY start_time DESC, run_id DESC LIMIT ${limit}`
    return (await this.#ask(sql)).map(toRun)
  }

  async watermarks(taskId: number): Promise<Readonly<Record<string, string>>> {
    const rows = await this.#ask(`SELECT mode, value FROM rowshift_watermark WHERE task_id = ${taskId}`)
    return Object.fromEntries(rows.map(([mode, value]) => [mode!, value!]))
  }

  async saveWatermarks(
    taskId: number,
    runId: string,
    watermarks: Readonly<Record<string, string | null>>,
  ): Promise<void> {
    const forgotten: string[] = []
    const rows: string[] = []
    for (const [mode, value] of Object.entries(watermarks)) {
      if (value === null) forgotten.push(text(mode))
      else rows.push(`(${taskId}, ${text(mode)}, ${text(value)}, ${text(runId)})`)
    }
    if (rows.length > 0)
      await this.#ask(
        `REPLACE INTO rowshift_watermark (task_id, mode, value, run_id) VALUES ${rows.join(', ')}`,
      )
    if (forgotten.length > 0)
      await this.#ask(
        `DELETE FROM rowshift_watermark WHERE task_id = ${taskId} AND mode IN (${forgotten.join(', ')})`,
      )
  }

  async close(): Promise<void> {
    const session = this.#session
    if (session === null) return
    // The server frees the locks of a session some time after its goodbye, and the next run may begin at once.
    const timer = setTimeout(() => session.destroy(), GRACE_MS)
    for (const taskId of this.#locked) await this.unlock(taskId).catch(() => {})
    clearTimeout(timer)
    await session.close()
    this.#session = null
  }

  async #open(): Promise<void> {
    const endpoint = { connection: this.#connection, session: [] }
    const session = await Session.open(endpoint, { signal: this.#signal, graceMs: GRACE_MS })
    this.#session = session
    await runStatements(session, SESSION, 'session set-up of the task store')
  }

  async #tables(): Promise<string[]> {
    const rows = await this.#ask(
      `SELECT TABLE_NAME FROM information_schema.TABLES
       WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN ('task_def_sync_manager', 'rowshift_run', 'rowshift_watermark')`,
    )
    return rows.map(([name]) => name!)
  }

  async #ask(sql: string): Promise<TextRow[]> {
    const session = this.#session!
    try {
      return await session.query(sql)
    } catch (thrown) {
      const error = mapError(thrown, `using the task store ${session.where}`)
      if (error.code !== 'TABLE_NOT_FOUND' && error.code !== 'COLUMN_NOT_FOUND') throw error
      throw new RowshiftError(
        'TASK_STORE_MISSING',
        error.code === 'TABLE_NOT_FOUND'
          ? `The task store ${session.where} has no task tables yet; create them with "rowshift init".`
          : `The task tables in ${session.where} are of an earlier version; "rowshift init" adds what they lack.`,
        { connection: session.where },
        thrown,
      )
    }
  }
}

/** Locks are the server's, not the database's. A name may have 64 characters; MySQL has no SHA1 and MD5 any more. */
function lockName(taskId: number): string {
  return `CONCAT('rowshift:', LEFT(SHA2(DATABASE(), 256), 40), ':', ${taskId})`
}

function toTask(row: TextRow): Task {
  const fields = Object.fromEntries(TASK_COLUMNS.map((column, i) => [column, row[i]])) as unknown as Task
  const { id, online_status } = fields
  return { ...fields, id: Number(id), online_status: online_status === null ? null : Number(online_status) }
}

function toRun([id, task, mode, status, start, end, read, written, report, host, pid]: TextRow): RunRecord {
  return {
    run_id: id!,
    task_id: Number(task),
    mode: mode!,
    status: status as RunRecord['status'],
    start_time: start!,
    end_time: end!,
    rows_read: Number(read),
    rows_written: Number(written),
    report: report!,
    host: host!,
    pid: pid === null ? null : Number(pid),
  }
}

function textOrNull(value: string | null): string {
  return value === null ? 'NULL' : text(value)
}
