// One case of the fault suite on its server: its tables, the attempts at its run, and what the server says of the tables in the end.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createConnection, type RowDataPacket } from 'mysql2/promise'
import { query } from '../support/context.js'
import { scratchFile } from '../support/copying.js'
import { Started } from '../support/task-fixture.js'
import type { TestServer } from '../support/servers.js'
import { until } from '../support/until.js'
import { STRUCK } from './failpoint.js'
import type { Mode, Shape } from './tables.js'
import {
  allRows,
  isTask,
  LATE_INDEX,
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
  readonly server: TestServer
  readonly mode: Mode
  readonly shape: Shape
  readonly threads: 1 | 4
}

export type End = 'source' | 'target' | 'store'

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
const TASK_STORE = readFileSync(new URL('../../../etc/task-store.mysql.sql', import.meta.url), 'utf8')

export class Scene {
  readonly cell: Cell
  readonly database: string
  readonly trace = scratchFile('trace')
  readonly attempts: Started[] = []
  /** The file of the task store; null: it is on the server. */
  storeFile: string | null = null
  readonly #program: string
  readonly #folder = scratchFile('etc')
  /** A copy that has left nothing to resume is begun anew. */
  #begin = true
  /** How many attempts have reached their failpoint. */
  #struck = 0

  private constructor(cell: Cell, program: string, database: string) {
    this.cell = cell
    this.#program = program
    this.database = database
  }

  /** `lane`: no other case is on the server under this name at the same time. */
  static async set(cell: Cell, program: string, lane: string): Promise<Scene> {
    const scene = new Scene(cell, program, `faults_${process.pid}_${lane}`)
    const { mode, shape } = cell
    await query(
      cell.server,
      `DROP DATABASE IF EXISTS ${scene.database}; CREATE DATABASE ${scene.database} CHARACTER SET utf8mb4`,
    )
    await scene.query(`${sourceSql(mode, shape)};\n${targetSql(mode, shape)}`)
    if (isTask(mode)) {
      const { from, to, params } = scene.task
      await scene.query(`${TASK_STORE}
        INSERT INTO task_def_sync_manager (id, from_app, from_db_type, from_db, from_table, to_app, to_db_type, to_db, to_table, params,
          online_status, create_time, update_time)
        VALUES (1, 'app', 'mysql', 'db', '${from}', 'app', 'mysql', 'db', '${to}', '${params}', 1, NOW(), NOW())`)
    }
    return scene
  }

  /** What its task copies. */
  get task(): { readonly from: string; readonly to: string; readonly params: string } {
    const { mode, shape, threads } = this.cell
    return { from: 'src', to: targetName(shape), params: JSON.stringify(paramsOf(mode, shape, threads)) }
  }

  query(sql: string) {
    return query(this.cell.server, sql, this.database)
  }

  async value(sql: string): Promise<string | null | undefined> {
    return (await this.query(sql))[0]?.[0]
  }

  /** Somebody else's session. */
  async session() {
    const { host, port, user, password } = this.cell.server
    const connection = await createConnection({ host, port, user, password, database: this.database })
    connection.on('error', () => {})
    return connection
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
    const { mode, shape } = this.cell
    // Somebody may be suspended in the middle of a transaction.
    const level = 'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED'
    const found = `CREATE TABLE found (KEY (id)) AS ${allRows(mode, shape)}`
    await this.query(`${level}; DROP TABLE IF EXISTS found; ${found}`)
    const [counts] = await this.query(
      `SELECT (SELECT COUNT(*) FROM want w LEFT JOIN found f ON f.id = w.id WHERE f.id IS NULL),
        (SELECT COUNT(*) FROM found f LEFT JOIN want w ON w.id = f.id WHERE w.id IS NULL),
        (SELECT COUNT(*) - COUNT(DISTINCT id) FROM found),
        (SELECT COUNT(*) FROM found f JOIN want w ON w.id = f.id
          WHERE NOT (HEX(f.v) = HEX(w.v) AND f.ver = w.ver AND f.place = w.place))`,
    )
    await this.query('DROP TABLE found')
    const names = ['lost', 'extra', 'doubled', 'changed']
    const indexes = await this.value(
      `SELECT COUNT(DISTINCT TABLE_NAME) FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND INDEX_NAME = '${LATE_INDEX}'`,
    )
    const expected = lateIndexes(mode, shape)
    return [
      ...counts!.flatMap((count, i) => (count === '0' ? [] : [`${names[i]!} ${count}`])),
      ...(Number(indexes) === expected ? [] : [`${indexes!} indexes of ${expected}`]),
    ]
  }

  /** What runs have left behind that should not be there. */
  async leftovers(): Promise<string[]> {
    const { mode, shape } = this.cell
    const left: string[] = []
    left.push(...(await this.#sessions()))
    const known = new Set([...tablesOf(mode, shape), ...(isTask(mode) ? TASK_TABLES : [])])
    const tables = (await this.query('SHOW TABLES')).map(([name]) => name!)
    for (const name of tables) if (!known.has(name)) left.push(`table ${name} left`)
    if (tables.includes('rowshift_checkpoint')) {
      const checkpoints = await this.value('SELECT COUNT(*) FROM rowshift_checkpoint')
      if (checkpoints !== '0') left.push(`checkpoints left: ${checkpoints!}`)
    }
    return left
  }

  /** Sessions of the program. A server takes a moment to see that a process is gone. */
  async #sessions(): Promise<string[]> {
    // One session asks again and again: the goodbye of each of many would be seen by the next.
    const session = await this.session()
    const others = async () => {
      const [rows] = await session.query<RowDataPacket[]>(
        'SELECT command, time, state, info FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()',
      )
      return rows
    }
    try {
      for (let tries = 0; tries < 200 && (await others()).length > 0; tries++) await sleep(50)
      return (await others()).map((other) => `a session is left: ${JSON.stringify(other)}`)
    } finally {
      await session.end()
    }
  }

  /** New rows for the next run of the task. */
  async later(): Promise<void> {
    await this.query(laterSql(this.cell.mode, this.cell.shape))
  }

  #command(ports: Partial<Record<End, number>>, stall: number): string[] {
    const { mode, shape, threads } = this.cell
    if (isTask(mode)) {
      this.#configure(ports, stall)
      return ['run', '1', '-c', this.#folder]
    }
    const from = this.#url('src', ports.source, stall)
    const endpoints = ['--from', from, '--to', this.#url(targetName(shape), ports.target, stall)]
    const params = ['--params', JSON.stringify(paramsOf(mode, shape, threads))]
    return [...(this.#begin ? ['copy'] : ['resume', 'latest']), ...endpoints, ...params]
  }

  #url(table: string, port: number | undefined, stall: number): string {
    const url = new URL(this.cell.server.url)
    if (port !== undefined) url.port = String(port)
    return `${url.href.replace(/\/$/, '')}/${this.database}?table=${table}&stall-timeout=${stall}`
  }

  #configure(ports: Partial<Record<End, number>>, stall: number): void {
    const { host, port, user, password } = this.cell.server
    const own = { host, user, password, db: this.database, stall_timeout: stall }
    const at = (end: End) => ({ ...own, port: ports[end] ?? port })
    const write = (name: string, value: unknown) =>
      writeFileSync(join(this.#folder, name), JSON.stringify(value))
    mkdirSync(this.#folder, { recursive: true })
    const store =
      this.storeFile === null
        ? { db_type: 'mysql', ...at('store') }
        : { db_type: 'sqlite', path: this.storeFile }
    write('local.json', { task_meta: store })
    write('db_global.json', {
      from: { mysql: { app_db: at('source') } },
      to: { mysql: { app_db: at('target') } },
    })
  }
}
