/** Tasks and their history in tables of a database that speaks SQL. */
import { readFile } from 'node:fs/promises'
import { RowshiftError } from '../contract/errors.js'
import type { ErrorCode } from '../contract/errors.js'
import type { LockState, RunRecord, RunStatus, Task, TaskFields, TaskStore } from '../contract/task-store.js'
import { retried } from '../contract/waiting.js'
import type { SqlRow, SqlSession } from './session.js'
import { addTask, runAll } from './task-edits.js'
import {
  ADDED_COLUMNS,
  END_COLUMNS,
  fieldsIn,
  lackingColumns,
  namesIn,
  NOW,
  RUN_COLUMNS,
  RUNS,
  TABLES,
  TASK_COLUMNS,
  TASKS,
  toRun,
  toTask,
  WATERMARKS,
} from './task-tables.js'
import { afterConflict } from './transaction.js'

const ANSWER_MS = 10_000
const GOODBYE_MS = 1_000
/** What an unknown table or column may be to a database. */
const MAY_LACK: ReadonlySet<ErrorCode> = new Set(['TABLE_NOT_FOUND', 'COLUMN_NOT_FOUND', 'SERVER_ERROR'])

/** What each database does in a way of its own. */
export interface TaskDatabase {
  /** The connection without secrets. */
  readonly where: string
  /** A file with the statements that make the tables where they are missing; each ends with a semicolon and an empty line. */
  readonly ddl: URL
  /**
   * Opens a session whose answers are awaited for a second each when `signal` has aborted. null: there is no database; `create` makes
   * it.
   */
  open(create: boolean, signal: AbortSignal | undefined): Promise<SqlSession | null>
  /** What a session that was opened so needs first. */
  setUp(session: SqlSession, create: boolean): Promise<void>
  readonly lock: TaskLock
}

/** A lock that belongs to a session, or to this process, and is free by itself when that ends. */
export interface TaskLock {
  /** At once; false when somebody else has it. */
  take(session: SqlSession, taskId: number): Promise<boolean>
  holds(session: SqlSession, taskId: number): Promise<boolean>
  free(session: SqlSession, taskId: number): Promise<void>
}

export class SqlTaskStore implements TaskStore {
  readonly #database: TaskDatabase
  /** null also while the database does not exist: only `init` makes it. */
  #session: SqlSession | null = null
  #signal: AbortSignal | undefined
  /** Tasks whose locks were taken here. */
  readonly #locked = new Set<number>()

  constructor(database: TaskDatabase) {
    this.#database = database
  }

  async connect(signal?: AbortSignal): Promise<void> {
    this.#signal = signal
    await this.#begin(false)
  }

  /** A session that cannot be set up is closed with the store. */
  async #begin(create: boolean): Promise<SqlSession | null> {
    const session = (this.#session = await this.#database.open(create, this.#signal))
    if (session !== null) await this.#database.setUp(session, create)
    return session
  }

  async init(): Promise<readonly string[]> {
    await this.#session?.close()
    const session = (await this.#begin(true))!
    const statements = statementsIn(await readFile(this.#database.ddl, 'utf8'))
    const before = await this.#columns(session)
    const lacking = lackingColumns(before)
    const additions = lacking.map(
      (name) => `ALTER TABLE ${RUNS} ADD COLUMN ${name} ${ADDED_COLUMNS[name]} DEFAULT NULL`,
    )
    const created = TABLES.filter((table) => before.get(table)!.length === 0)
    try {
      await runAll(session, [...statements, ...additions])
    } catch (thrown) {
      // Somebody else may be making the same: as long as less is lacking, what is left can be made.
      const now = await this.#columns(session)
      const othersCreated = lackingColumns(now).length < lacking.length
      if (othersCreated || created.some((table) => now.get(table)!.length > 0)) return this.init()
      throw session.dialect.error(thrown, `creating the task tables in ${this.#database.where}`)
    }
    return [...created, ...lacking.map((name) => `${RUNS}.${name}`)]
  }

  async list(): Promise<readonly Task[]> {
    return (await this.#ask(`SELECT ${TASK_COLUMNS} FROM ${TASKS} ORDER BY id`)).map(toTask)
  }

  async get(id: number): Promise<Task | null> {
    const [row] = await this.#ask(`SELECT ${TASK_COLUMNS} FROM ${TASKS} WHERE id = ${id}`)
    return row ? toTask(row) : null
  }

  async lock(taskId: number): Promise<boolean> {
    const taken = await this.#using((session) => this.#database.lock.take(session, taskId))
    if (taken) this.#locked.add(taskId)
    return taken
  }

  async unlock(taskId: number): Promise<void> {
    await this.#using((session) => this.#database.lock.free(session, taskId))
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
      return await this.#database.lock.holds(session, taskId)
    } catch {
      session.destroy()
      this.#session = await this.#database.open(false, this.#signal)
      return false
    } finally {
      clearTimeout(timer)
    }
  }

  add(task: TaskFields): Promise<number> {
    const work = (session: SqlSession) => addTask(session, task, (value) => this.#literal(value))
    return retried(() => this.#using(work), afterConflict)
  }

  async change(taskId: number, fields: Partial<TaskFields>): Promise<boolean> {
    const changes = fieldsIn(fields).map(([name, value]) => `${name} = ${this.#literal(value)}`)
    if (changes.length > 0)
      await this.#write(`UPDATE ${TASKS} SET ${changes.join()}, update_time = ${NOW} WHERE id = ${taskId}`)
    return (await this.get(taskId)) !== null
  }

  async remove(taskId: number): Promise<boolean> {
    if ((await this.get(taskId)) === null) return false
    await this.#write(
      `DELETE FROM ${WATERMARKS} WHERE task_id = ${taskId}`,
      `DELETE FROM ${TASKS} WHERE id = ${taskId}`,
    )
    return true
  }

  async setStatus(taskId: number, status: RunStatus): Promise<void> {
    await this.#write(`UPDATE ${TASKS} SET task_status = ${this.#literal(status)} WHERE id = ${taskId}`)
  }

  async interruptRuns(taskId: number): Promise<readonly RunRecord[]> {
    const running = `task_id = ${taskId} AND status = 'running'`
    const runs = await this.#ask(`SELECT ${RUN_COLUMNS} FROM ${RUNS} WHERE ${running}`)
    if (runs.length > 0) await this.#write(`UPDATE ${RUNS} SET status = 'interrupted' WHERE ${running}`)
    return runs.map(toRun)
  }

  async startRun(run: RunRecord): Promise<void> {
    const values = namesIn(RUN_COLUMNS).map((name) => this.#literal(run[name]))
    await this.#write(`INSERT INTO ${RUNS} (${RUN_COLUMNS}) VALUES (${values.join()})`)
  }

  async finishRun(run: RunRecord): Promise<void> {
    const changes = namesIn(END_COLUMNS).map((name) => `${name} = ${this.#literal(run[name])}`)
    const ofRun = `WHERE run_id = ${this.#literal(run.run_id)}`
    await this.#write(`UPDATE ${RUNS} SET ${changes.join()} ${ofRun}`)
    // Somebody may have cleaned up the history meanwhile.
    if ((await this.#ask(`SELECT 1 FROM ${RUNS} ${ofRun}`)).length === 0) await this.startRun(run)
  }

  async run(runId: string): Promise<RunRecord | null> {
    const [row] = await this.#ask(`SELECT ${RUN_COLUMNS} FROM ${RUNS} WHERE run_id = ${this.#literal(runId)}`)
    return row ? toRun(row) : null
  }

  async history(taskId: number | null, limit: number, which = 'runs'): Promise<readonly RunRecord[]> {
    const wanted = which === 'runs' ? "mode <> 'verify'" : "mode IN ('verify','sync')"
    const where = taskId === null ? wanted : `task_id = ${taskId} AND ${wanted}`
    const order = `ORDER BY start_time DESC, run_id DESC LIMIT ${limit}`
    return (await this.#ask(`SELECT ${RUN_COLUMNS} FROM ${RUNS} WHERE ${where} ${order}`)).map(toRun)
  }

  async watermarks(taskId: number): Promise<Readonly<Record<string, string>>> {
    const rows = await this.#ask(`SELECT mode, value FROM ${WATERMARKS} WHERE task_id = ${taskId}`)
    return Object.fromEntries(rows.map(([mode, value]) => [mode!, value!]))
  }

  async saveWatermarks(
    taskId: number,
    runId: string,
    watermarks: Readonly<Record<string, string | null>>,
  ): Promise<void> {
    const modes = Object.keys(watermarks).map((mode) => this.#literal(mode))
    const rows = Object.entries(watermarks)
      .filter(([, value]) => value !== null)
      .map((row) => `(${[taskId, ...row, runId].map((value) => this.#literal(value)).join()})`)
    if (modes.length === 0) return
    const all = rows.join()
    await this.#write(
      `DELETE FROM ${WATERMARKS} WHERE task_id = ${taskId} AND mode IN (${modes.join()})`,
      ...(rows.length === 0
        ? []
        : [`INSERT INTO ${WATERMARKS} (task_id, mode, value, run_id) VALUES ${all}`]),
    )
  }

  async close(): Promise<void> {
    const session = this.#session
    if (session === null) return
    // A database may free the locks of a session some time after its goodbye, and the next run may begin at once.
    const timer = setTimeout(() => session.destroy(), GOODBYE_MS)
    for (const taskId of this.#locked) await this.unlock(taskId).catch(() => {})
    clearTimeout(timer)
    await session.close()
    this.#session = null
  }

  #literal(value: string | number | null): string {
    if (value === null) return 'NULL'
    return typeof value === 'number' ? String(value) : this.#open.dialect.text(value)
  }

  #ask(sql: string): Promise<readonly SqlRow[]> {
    return this.#using((session) => session.query(sql))
  }

  /** Again where tasks that end at the same time meet each other's locks. */
  #write(...statements: readonly string[]): Promise<void> {
    return retried(() => this.#using((session) => runAll(session, statements)), afterConflict)
  }

  async #using<T>(work: (session: SqlSession) => Promise<T>): Promise<T> {
    const session = this.#open
    try {
      return await work(session)
    } catch (thrown) {
      const error = session.dialect.error(thrown, `using the task store ${this.#database.where}`)
      if (!MAY_LACK.has(error.code)) throw error
      const columns = await this.#columns(session).catch(() => null)
      if (columns === null) throw error
      if (TABLES.some((table) => columns.get(table)!.length === 0)) throw this.#missing(error)
      throw lackingColumns(columns).length > 0 ? this.#outdated(error) : error
    }
  }

  get #open(): SqlSession {
    if (this.#session === null) throw this.#missing()
    return this.#session
  }

  /** Of each table; none: it is missing. */
  async #columns(session: SqlSession): Promise<ReadonlyMap<string, readonly string[]>> {
    const columns = new Map<string, readonly string[]>()
    for (const table of TABLES) {
      const rows = await session.query(session.dialect.columnNames(table))
      columns.set(
        table,
        rows.map(([name]) => name!),
      )
    }
    return columns
  }

  #missing(cause?: RowshiftError): RowshiftError {
    const { where } = this.#database
    const message = `The task store ${where} has no task tables yet; create them with "rowshift init".`
    return new RowshiftError('TASK_STORE_MISSING', message, { connection: where }, cause)
  }

  #outdated(cause: RowshiftError): RowshiftError {
    const { where } = this.#database
    const message = `The task tables in ${where} are of an earlier version; "rowshift init" adds what they lack.`
    return new RowshiftError('TASK_STORE_MISSING', message, { connection: where }, cause)
  }
}

/** A semicolon inside a statement, as in a trigger, has no empty line behind it. */
function statementsIn(ddl: string): string[] {
  const statements = ddl.replaceAll(/^--.*$/gm, '').split(/;[ \t]*(?:\n[ \t]*\n|\n?$)/)
  return statements.filter((statement) => statement.trim() !== '')
}
