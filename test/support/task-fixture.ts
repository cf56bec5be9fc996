// A configuration folder, a task store and tables for its tasks, in MySQL, MariaDB, PostgreSQL or SQLite alike.
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RunReport } from '../../src/index.js'
import { connect } from './client.js'
import { runCli, startCli, type CliOptions, type CliResult } from './context.js'
import { TestDatabase, scratchFile } from './copying.js'
import { Database } from './database.js'
import type { TestServer } from './servers.js'

/** What differs between the databases. */
interface Backend {
  readonly type: string
  readonly connection: object
  /** The first cell of the first row. */
  value(sql: string): Promise<unknown>
  /** Makes every writer of the table wait; resolves to what lets them go on. */
  hold(table: string): Promise<() => Promise<void>>
}

const TABLES = ['src', 'dst', 'dst2', 'dst3'].map(
  (name) => `CREATE TABLE ${name} (id INT PRIMARY KEY, v INT)`,
)
const ROWS = 'INSERT INTO src VALUES (1, 1), (2, 2), (3, 3)'

async function onServer(server: TestServer): Promise<Backend & { db: TestDatabase }> {
  const db = await TestDatabase.create(server, [...TABLES, ROWS].join(';'))
  const { host, port, user, password } = server
  const connection = { host, port, user, password, db: db.database }
  return {
    type: server.kind === 'postgres' ? 'postgres' : 'mysql',
    connection,
    db,
    value: (sql) => db.value(sql),
    hold: async (table) => {
      const session = await connect(server.kind, { host, port, user, password, database: db.database })
      await session.query('BEGIN')
      await session.query(`INSERT INTO ${table} (id) VALUES (1)`)
      return () => session.end()
    },
  }
}

function inFiles(): Backend {
  const path = scratchFile('db')
  const database = new Database(path)
  // The switch to it does not wait for whoever holds the database.
  database.exec('PRAGMA journal_mode = WAL')
  database.exec([...TABLES, ROWS].join(';'))
  return {
    type: 'sqlite',
    connection: { path },
    value: async (sql) => database.value(sql),
    hold: async () => {
      const holder = new Database(path)
      holder.exec('BEGIN IMMEDIATE')
      return async () => holder.close()
    },
  }
}

/** A run that was started and not waited for. */
export class Started {
  readonly #child: ReturnType<typeof startCli>
  readonly #file: string
  readonly #exit: Promise<unknown[]>
  ended = false
  stderr = ''

  constructor(args: readonly string[], options: CliOptions = {}) {
    this.#file = scratchFile('json')
    this.#child = startCli([...args, '--report', this.#file], options)
    this.#child.stdout.resume()
    this.#child.stderr.on('data', (text: Buffer) => (this.stderr += text.toString()))
    this.#exit = once(this.#child, 'exit').finally(() => (this.ended = true))
  }

  get pid(): number {
    return this.#child.pid!
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  async code(): Promise<number | null> {
    return (await this.#exit)[0] as number | null
  }

  report<T = RunReport>(): T {
    return JSON.parse(readFileSync(this.#file, 'utf8')) as T
  }
}

export class TaskFixture {
  readonly folder = scratchFile('etc')
  /** Of the tables. */
  readonly data: Backend
  /** Of the tasks: the same server, but another file, so that whoever holds the tables does not hold the tasks. */
  readonly store: Backend

  /** The database of the tables, on a server. */
  get database(): TestDatabase {
    if (this.#db === null) throw new Error('these tables are in a file')
    return this.#db
  }

  /** The database of the tasks, on a server. */
  get storeDatabase(): TestDatabase {
    if (this.#storeDb === null) throw new Error('these tasks are in a file')
    return this.#storeDb
  }

  readonly #db: TestDatabase | null
  readonly #storeDb: TestDatabase | null

  private constructor(data: Backend & { db?: TestDatabase }, store: Backend & { db?: TestDatabase }) {
    this.#db = data.db ?? null
    this.#storeDb = store.db ?? null
    this.data = data
    this.store = store
    const side = { [data.type]: { app_db: data.connection } }
    mkdirSync(this.folder)
    const write = (name: string, value: unknown) =>
      writeFileSync(join(this.folder, name), JSON.stringify(value))
    write('local.json', { task_meta: { db_type: store.type, ...store.connection } })
    write('db_global.json', { from: side, to: side })
  }

  /** null: SQLite. */
  static async create(server: TestServer | null, { init = true } = {}): Promise<TaskFixture> {
    const fixture = server
      ? new TaskFixture(...(await Promise.all([onServer(server), onServer(server)])))
      : new TaskFixture(inFiles(), inFiles())
    if (!init) return fixture
    const { code, stderr } = await fixture.cli('init')
    if (code !== 0) throw new Error(stderr)
    return fixture
  }

  async addTask(id: number, to: string, { online = 1, params = '{}', from = 'src' } = {}): Promise<void> {
    const { type } = this.data
    await this.store.value(
      `INSERT INTO task_def_sync_manager (id, from_app, from_db_type, from_db, from_table, to_app, to_db_type, to_db, to_table,
         params, online_status, task_status, create_time, update_time)
       VALUES (${id}, 'app', '${type}', 'db', '${from}', 'app', '${type}', 'db', '${to}', '${params}', ${online}, '1',
         '2021-03-30 16:13:34', '2024-07-08 11:00:11')`,
    )
  }

  cli(...args: string[]): Promise<CliResult> {
    return runCli([...args, '-c', this.folder])
  }

  start(...args: string[]): Started {
    return this.startWith({}, ...args)
  }

  startWith(options: CliOptions, ...args: string[]): Started {
    return new Started([...args, '-c', this.folder], options)
  }

  async json<T>(...args: string[]): Promise<T> {
    return JSON.parse((await this.cli(...args, '--json')).stdout) as T
  }

  status(id: number): Promise<unknown> {
    return this.store.value(`SELECT task_status FROM task_def_sync_manager WHERE id = ${id}`)
  }

  /** Waits until a run of the task has its lock and has begun to write. */
  async untilRunning(id: number, started: Started): Promise<void> {
    const sql = `SELECT COUNT(*) FROM rowshift_run r JOIN task_def_sync_manager t ON t.id = r.task_id
      WHERE t.id = ${id} AND t.task_status = 'running' AND r.status = 'running' AND r.pid = ${started.pid}`
    while (!started.ended) {
      if (Number(await this.store.value(sql)) === 1) return
      await sleep(50)
    }
    throw new Error(`task ${id} did not begin: ${started.stderr}`)
  }
}
