import { existsSync, readFileSync, realpathSync } from 'node:fs'
import type {
  Connection,
  LockState,
  RunRecord,
  RunStatus,
  Task,
  TaskStore,
} from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import type { Access } from './connection.js'
import { describeConnection, fileOf, open } from './connection.js'
import type { Database } from './driver.js'
import { requireDriver } from './driver.js'
import { sqliteError } from './errors.js'
import { lockTask } from './task-lock.js'
import { untilFree, untilWritable } from './waiting.js'

const TASK_TABLE = 'task_def_sync_manager'
const RUN_TABLE = 'rowshift_run'
const WATERMARK_TABLE = 'rowshift_watermark'
const TASK_COLUMNS =
  'id, from_app, from_db_type, from_db, from_table, to_app, to_db_type, to_db, to_table, params, online_status, ' +
  'task_desc, task_status, owner'
const RUN_COLUMNS =
  'run_id, task_id, mode, status, start_time, end_time, rows_read, rows_written, report, host, pid'
/** Columns of the run table that its first version did not have. */
const ADDED_COLUMNS = { host: 'varchar(255) DEFAULT NULL', pid: 'int DEFAULT NULL' }

/** From dist/plugins/sqlite/. */
const DDL = new URL('../../../etc/task-store.sqlite.sql', import.meta.url)

export class SqliteTaskStore implements TaskStore {
  readonly #connection: Connection
  readonly #where: string
  /** null also while the file does not exist: only `init` makes it. */
  #database: Database | null = null
  #lock: Database | null = null
  #signal: AbortSignal | undefined

  constructor(connection: Connection) {
    this.#connection = connection
    this.#where = describeConnection(connection)
  }

  async connect(signal?: AbortSignal): Promise<void> {
    this.#signal = signal
    requireDriver()
    if (existsSync(fileOf(this.#connection))) await this.#connect('write')
  }

  async init(): Promise<readonly string[]> {
    if (this.#database === null) await this.#connect('create')
    const database = this.#database!
    try {
      const before = tables(database)
      await untilFree(database, this.#signal, () => database.exec('PRAGMA journal_mode = WAL'))
      await untilWritable(database, this.#signal)
      const columns = database.transaction(() => {
        database.exec(readFileSync(DDL, 'utf8'))
        return addColumns(database)
      })
      return [...tables(database).filter((name) => !before.includes(name)), ...columns]
    } catch (thrown) {
      throw sqliteError(thrown, `creating the task tables in ${this.#where}`)
    }
  }

  async list(): Promise<readonly Task[]> {
    return this.#using('listing tasks', (database) => {
      return database.objects<Task>(`SELECT ${TASK_COLUMNS} FROM ${TASK_TABLE} ORDER BY id`)
    })
  }

  async get(id: number): Promise<Task | null> {
    return this.#using(`reading task ${id}`, (database) => {
      const [task] = database.objects<Task>(`SELECT ${TASK_COLUMNS} FROM ${TASK_TABLE} WHERE id = ?`, id)
      return task ?? null
    })
  }

  async lock(taskId: number): Promise<boolean> {
    this.#lock = await lockTask(realpathSync(fileOf(this.#connection)), taskId)
    return this.#lock !== null
  }

  async unlock(): Promise<void> {
    this.#lock?.close()
    this.#lock = null
  }

  /** It is the process's own, and cannot be lost while that lives. */
  async renewLock(): Promise<LockState> {
    return 'held'
  }

  async setStatus(taskId: number, status: RunStatus): Promise<void> {
    await this.#using('setting the status of a task', (database) => {
      database.prepare(`UPDATE ${TASK_TABLE} SET task_status = ? WHERE id = ?`).run(status, taskId)
    })
  }

  async interruptRuns(taskId: number): Promise<readonly RunRecord[]> {
    return this.#using('marking runs that died', (database) => {
      const running = "task_id = ? AND status = 'running'"
      const sql = `SELECT ${RUN_COLUMNS} FROM ${RUN_TABLE} WHERE ${running}`
      const runs = database.objects<RunRecord>(sql, taskId)
      if (runs.length > 0)
        database.prepare(`UPDATE ${RUN_TABLE} SET status = 'interrupted' WHERE ${running}`).run(taskId)
      return runs
    })
  }

  async startRun(run: RunRecord): Promise<void> {
    await this.#using('recording the start of a run', (database) => {
      const values = RUN_COLUMNS.replaceAll(/\w+/g, ':$&')
      database.prepare(`INSERT INTO ${RUN_TABLE} (${RUN_COLUMNS}) VALUES (${values})`).run({ ...run })
    })
  }

  async finishRun(run: RunRecord): Promise<void> {
    await this.#using('recording the end of a run', (database) => {
      const sql =
        `UPDATE ${RUN_TABLE} SET mode = :mode, status = :status, end_time = :end_time, rows_read = :rows_read, ` +
        'rows_written = :rows_written, report = :report WHERE run_id = :run_id'
      const statement = database.prepare(sql)
      // The record has more than the statement asks for.
      statement.setAllowUnknownNamedParameters(true)
      const { changes } = statement.run({ ...run })
      if (changes !== 1n)
        throw new RowshiftError('INTERNAL', `Run ${run.run_id} was never started in ${this.#where}`)
    })
  }

  async history(taskId: number | null, limit: number): Promise<readonly RunRecord[]> {
    return this.#using('reading the history', (database) => {
      const sql =
        `SELECT ${RUN_COLUMNS} FROM ${RUN_TABLE} WHERE ? IS NULL OR task_id = ? ` +
        'ORDER BY start_time DESC, rowid DESC LIMIT ?'
      return database.objects<RunRecord>(sql, taskId, taskId, limit)
    })
  }

  async watermarks(taskId: number): Promise<Readonly<Record<string, string>>> {
    return this.#using('reading watermarks', (database) => {
      const sql = `SELECT mode, value FROM ${WATERMARK_TABLE} WHERE task_id = ?`
      return Object.fromEntries(database.rows(sql, taskId) as Iterable<[string, string]>)
    })
  }

  async saveWatermarks(
    taskId: number,
    runId: string,
    watermarks: Readonly<Record<string, string | null>>,
  ): Promise<void> {
    await this.#using('saving watermarks', (database) => {
      const sql = `REPLACE INTO ${WATERMARK_TABLE} (task_id, mode, value, run_id) VALUES (?, ?, ?, ?)`
      const save = database.prepare(sql)
      const forget = database.prepare(`DELETE FROM ${WATERMARK_TABLE} WHERE task_id = ? AND mode = ?`)
      database.transaction(() => {
        for (const [mode, value] of Object.entries(watermarks)) {
          if (value === null) forget.run(taskId, mode)
          else save.run(taskId, mode, value, runId)
        }
      })
    })
  }

  async close(): Promise<void> {
    this.#lock?.close()
    this.#database?.close()
    this.#lock = this.#database = null
  }

  async #connect(access: Access): Promise<void> {
    this.#database = await open({ connection: this.#connection, session: [] }, access, this.#signal)
  }

  /** `work` is done again when it meets a lock, so it is one statement or one transaction. */
  async #using<Result>(doing: string, work: (database: Database) => Result): Promise<Result> {
    const database = this.#database
    if (database === null) throw this.#missing()
    try {
      return await untilFree(database, this.#signal, () => work(database))
    } catch (thrown) {
      if (thrown instanceof RowshiftError) throw thrown
      if (tables(database).length < 3 || missingColumns(database).length > 0) throw this.#missing(thrown)
      throw sqliteError(thrown, `${doing} in ${this.#where}`)
    }
  }

  #missing(cause?: unknown): RowshiftError {
    const old = this.#database !== null && tables(this.#database).length > 0
    const state = old ? 'has task tables of an earlier version' : 'has no task tables yet'
    const message = `The task store ${this.#where} ${state}; run "rowshift init"`
    return new RowshiftError('TASK_STORE_MISSING', message, { store: this.#where }, cause)
  }
}

/** Those of the tables that exist. */
function tables(database: Database): string[] {
  const sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name IN (?, ?, ?)"
  return database.values(sql, TASK_TABLE, RUN_TABLE, WATERMARK_TABLE) as string[]
}

function missingColumns(database: Database): string[] {
  const names = database.values('SELECT name FROM pragma_table_info(?)', RUN_TABLE)
  return Object.keys(ADDED_COLUMNS).filter((name) => !names.includes(name))
}

/** Resolves to the names of those that were missing. */
function addColumns(database: Database): string[] {
  const missing = missingColumns(database) as (keyof typeof ADDED_COLUMNS)[]
  for (const name of missing)
    database.exec(`ALTER TABLE ${RUN_TABLE} ADD COLUMN ${name} ${ADDED_COLUMNS[name]}`)
  return missing.map((name) => `${RUN_TABLE}.${name}`)
}
