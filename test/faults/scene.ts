// One case of the fault suite on its server: its tables, the attempts at its run, and what the server says of the tables in the end.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { scratchFile } from '../support/copying.js'
import { Started } from '../support/task-fixture.js'
import { until } from '../support/until.js'
import type { Backend, End, Home, StorePlace } from './backend.js'
import { STRUCK } from './failpoint.js'
import type { Mode, Shape } from './tables.js'
import {
  allRows,
  isTask,
  lateIndexes,
  laterSql,
  paramsOf,
  sourceSql,
  tablesOf,
  targetName,
  targetSql,
} from './tables.js'

/** What a run is like, whatever happens to it. */
export interface Cell {
  readonly on: Backend
  readonly mode: Mode
  readonly shape: Shape
  readonly threads: 1 | 4
  /** Rows go from table to table inside the server. */
  readonly inServer?: true
}

export interface StartOptions {
  /** `NAME:HIT:ACTION`. */
  readonly failpoint?: string
  /** Ports of proxies. Default: the server's own. */
  readonly ports?: Partial<Record<End, number>>
  /** How long files may get, in blocks of 512 bytes. */
  readonly fileBlocks?: number
  /** Seconds after which a silent server is asked about. */
  readonly stall?: number
}

const TASK_TABLES = ['task_def_sync_manager', 'rowshift_run', 'rowshift_watermark']
/** When a task was defined is told to no one. */
const DEFINED = "'2024-01-01 00:00:00'"

export class Scene {
  readonly cell: Cell
  readonly home: Home
  readonly trace = scratchFile('trace')
  readonly attempts: Started[] = []
  /** Where its task is. */
  store: StorePlace
  /** Statements of every session of its attempts. */
  readonly session: string[]
  readonly #program: string
  readonly #folder = scratchFile('etc')
  /** A copy that has left nothing to resume is begun anew. */
  #begin = true
  /** How many attempts have reached their failpoint. */
  #struck = 0

  private constructor(cell: Cell, program: string, home: Home) {
    this.cell = cell
    this.#program = program
    this.home = home
    this.store = home.store
    this.session = [...cell.on.sql.session]
  }

  /** `lane`: no other case is on the server under this name at the same time. */
  static async set(cell: Cell, program: string, lane: string): Promise<Scene> {
    const { on, mode, shape } = cell
    const scene = new Scene(cell, program, await on.home(`faults_${process.pid}_${lane}`))
    await scene.home.fill(sourceSql(mode, shape), targetSql(mode, shape))
    if (isTask(mode)) await scene.storeIn(scene.store)
    return scene
  }

  /** Defines its task there. */
  async storeIn(store: StorePlace): Promise<void> {
    const { mode, shape, on } = this.cell
    const ddl = readFileSync(new URL(`../../../etc/task-store.${store.type}.sql`, import.meta.url), 'utf8')
    await store.run(`${ddl}
      INSERT INTO task_def_sync_manager (id, from_app, from_db_type, from_db, from_table, to_app, to_db_type, to_db, to_table, params,
        online_status, create_time, update_time)
      VALUES (1, 'app', '${on.type}', 'db', 'src', 'app', '${on.type}', 'db', '${targetName(shape)}',
        '${this.#params(mode).replaceAll("'", "''")}', 1, ${DEFINED}, ${DEFINED})`)
    this.store = store
  }

  async value(sql: string): Promise<string | null | undefined> {
    return (await this.home.query(sql))[0]?.[0]
  }

  /** Begins the run, or goes on with it. */
  start({ failpoint = '', ports = {}, fileBlocks, stall = 60 }: StartOptions = {}): Started {
    const command = this.#command(ports, stall)
    const env = { ROWSHIFT_FAILPOINT: failpoint, ROWSHIFT_FAILPOINT_TRACE: this.trace }
    const limited = [`ulimit -f ${fileBlocks}; exec "$0" "$@"`, process.execPath, this.#program, ...command]
    const attempt =
      fileBlocks === undefined
        ? new Started(command, { env, program: this.#program })
        : new Started(limited, {
            env: { ...env, ROWSHIFT_FAILPOINT_TRACE: '' },
            node: '/bin/sh',
            program: '-c',
          })
    this.#begin = false
    this.attempts.push(attempt)
    return attempt
  }

  beginAnew(): void {
    this.#begin = true
  }

  /** How often attempts have passed each failpoint so far. */
  passes(): Map<string, number> {
    const passes = new Map<string, number>()
    const lines = existsSync(this.trace) ? readFileSync(this.trace, 'utf8').split('\n') : []
    for (const line of lines) if (line !== '') passes.set(line, (passes.get(line) ?? 0) + 1)
    return passes
  }

  /** Resolves when the attempt has reached its failpoint, and to false if it ends before that. */
  async untilStruck(attempt: Started): Promise<boolean> {
    const struck = () => this.passes().get(STRUCK) ?? 0
    const before = this.#struck
    await until('a failpoint', () => attempt.ended || struck() > before)
    this.#struck = struck()
    return this.#struck > before
  }

  /** What is wrong with the tables, in words; empty: they are as they are to be. */
  async differences(): Promise<string[]> {
    const { mode, shape, on } = this.cell
    const { exact } = on.sql
    await this.home.run(
      `DROP TABLE IF EXISTS found; CREATE TABLE found AS ${allRows(mode, shape)}; CREATE INDEX found_id ON found (id)`,
    )
    const [counts] = await this.home.query(
      `SELECT (SELECT COUNT(*) FROM want w LEFT JOIN found f ON f.id = w.id WHERE f.id IS NULL),
        (SELECT COUNT(*) FROM found f LEFT JOIN want w ON w.id = f.id WHERE w.id IS NULL),
        (SELECT COUNT(*) - COUNT(DISTINCT id) FROM found),
        (SELECT COUNT(*) FROM found f JOIN want w ON w.id = f.id
          WHERE NOT (${exact('f.v')} = ${exact('w.v')} AND f.ver = w.ver AND f.place = w.place))`,
    )
    await this.home.run('DROP TABLE found')
    const names = ['lost', 'extra', 'doubled', 'changed']
    const indexes = new Set(await this.home.indexes())
    const missing = lateIndexes(mode, shape).filter((name) => !indexes.has(name))
    return [
      ...counts!.flatMap((count, i) => (count === '0' ? [] : [`${names[i]!} ${count}`])),
      ...missing.map((name) => `index ${name} lost`),
    ]
  }

  /** What runs have left behind that should not be there. */
  async leftovers(): Promise<string[]> {
    const { mode, shape } = this.cell
    const left = await this.home.sessions()
    const known = new Set([...tablesOf(mode, shape), ...(isTask(mode) ? TASK_TABLES : [])])
    const tables = await this.home.tables()
    for (const name of tables) if (!known.has(name)) left.push(`table ${name} left`)
    if (tables.includes('rowshift_checkpoint')) {
      const checkpoints = await this.value('SELECT COUNT(*) FROM rowshift_checkpoint')
      if (checkpoints !== '0') left.push(`checkpoints left: ${checkpoints!}`)
    }
    return left
  }

  /** New rows for the next run of the task. */
  async later(): Promise<void> {
    await this.home.run(laterSql(this.cell.mode, this.cell.shape))
  }

  #params(mode: Mode): string {
    const { shape, threads, inServer } = this.cell
    const path = inServer ? { write_path: 'in-server' } : {}
    return JSON.stringify({ ...paramsOf(mode, shape, threads, this.session), ...path })
  }

  #command(ports: Partial<Record<End, number>>, stall: number): string[] {
    const { mode, shape } = this.cell
    if (isTask(mode)) {
      this.#configure(ports, stall)
      return ['run', '1', '-c', this.#folder]
    }
    const url = (end: End, table: string) => this.home.url(end, table, { port: ports[end], stall })
    const endpoints = ['--from', url('source', 'src'), '--to', url('target', targetName(shape))]
    const params = ['--params', this.#params(mode)]
    return [...(this.#begin ? ['copy'] : ['resume', 'latest']), ...endpoints, ...params]
  }

  #configure(ports: Partial<Record<End, number>>, stall: number): void {
    const { type } = this.cell.on
    const way = (end: End) => ({ port: ports[end], stall })
    const at = (end: End) => ({ [type]: { app_db: this.home.connection(end, way(end)) } })
    const write = (name: string, value: unknown) =>
      writeFileSync(join(this.#folder, name), JSON.stringify(value))
    mkdirSync(this.#folder, { recursive: true })
    const store = { db_type: this.store.type, ...this.store.connection(way('store')) }
    write('local.json', { task_meta: store })
    write('db_global.json', { from: at('source'), to: at('target') })
  }
}
