import type {
  Checkpoints,
  RunCheckpoint,
  SplitCheckpoint,
  SplitMark,
  TableCounts,
} from '../../src/contract/plugin.js'
import { runTaken } from '../../src/contract/plugin.js'
import type { Database } from './driver.js'
import { sqliteError } from './errors.js'
import { quoteName } from './names.js'
import { beginWrite } from './waiting.js'

const TABLE = 'rowshift_checkpoint'

/** A run has a row with an empty split. */
const CREATE = `CREATE TABLE IF NOT EXISTS ${TABLE} (
  run_id TEXT NOT NULL,
  split TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  target_table TEXT NOT NULL,
  rows_written INTEGER NOT NULL,
  superseded_by TEXT,
  created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
  state TEXT NOT NULL,
  PRIMARY KEY (run_id, split)
)`

const COLUMNS = 'run_id, split, attempt, target_table, rows_written, state'
const RUN = `run_id = ? AND split = '' AND attempt = ?`
/** Of runs that nobody has resumed for so long, and that another run has superseded. */
const KEPT_DAYS = 30

/** `database` null: the file does not exist yet. */
type Opened = readonly [database: Database | null, where: string, signal: AbortSignal | undefined]

export class SqliteCheckpoints implements Checkpoints {
  readonly #open: () => Opened

  constructor(open: () => Opened) {
    this.#open = open
  }

  async list(): Promise<readonly RunCheckpoint[]> {
    const [database] = this.#open()
    if (database === null || !isThere(database)) return []
    const sql = `SELECT run_id AS run, target_table AS "table", attempt, superseded_by AS supersededBy, state FROM ${TABLE} WHERE split = '' ORDER BY run_id DESC`
    return this.#asking(() => database.objects<RunCheckpoint>(sql))
  }

  async begin({ run, table, state }: Pick<RunCheckpoint, 'run' | 'table' | 'state'>): Promise<void> {
    await this.#transact((database) => {
      database.exec(CREATE)
      const old = `SELECT run_id FROM ${TABLE} WHERE split = '' AND superseded_by IS NOT NULL AND created_at < datetime('now', '-${KEPT_DAYS} days')`
      database.exec(`DELETE FROM ${TABLE} WHERE run_id IN (${old})`)
      const mine = `UPDATE ${TABLE} SET superseded_by = ? WHERE split = '' AND target_table = ? AND superseded_by IS NULL`
      database.prepare(mine).run(run, table)
      database.prepare(`INSERT INTO ${TABLE} (${COLUMNS}) VALUES (?, '', 1, ?, 0, ?)`).run(run, table, state)
    })
  }

  async claim(
    { run, attempt }: Pick<RunCheckpoint, 'run' | 'attempt'>,
    merge: (state: string, splits: readonly SplitCheckpoint[]) => string,
  ): Promise<void> {
    await this.#transact((database) => {
      const found = database.value(`SELECT state FROM ${TABLE} WHERE ${RUN}`, run, attempt)
      if (found === undefined) throw runTaken(run)
      const splits = `run_id = ? AND split <> ''`
      const rows = database.objects<SplitCheckpoint>(`SELECT split, state FROM ${TABLE} WHERE ${splits}`, run)
      const state = merge(found as string, rows)
      database.prepare(`DELETE FROM ${TABLE} WHERE ${splits}`).run(run)
      database
        .prepare(`UPDATE ${TABLE} SET attempt = attempt + 1, state = ? WHERE ${RUN}`)
        .run(state, run, attempt)
    })
  }

  async update({ run, attempt, state }: Pick<RunCheckpoint, 'run' | 'attempt' | 'state'>): Promise<void> {
    await this.#transact((database) => {
      const sql = `UPDATE ${TABLE} SET state = ? WHERE ${RUN}`
      if (database.prepare(sql).run(state, run, attempt).changes !== 1n) throw runTaken(run)
    })
  }

  async end(run: string): Promise<void> {
    await this.#transact((database) => {
      database.prepare(`DELETE FROM ${TABLE} WHERE run_id = ?`).run(run)
    })
  }

  async countRows(table: string): Promise<bigint> {
    return this.#asking(() => this.#open()[0]!.value(`SELECT count(*) FROM ${quoteName(table)}`) as bigint)
  }

  async #transact(work: (database: Database) => void): Promise<void> {
    const [opened, , signal] = this.#open()
    const database = opened!
    try {
      await beginWrite(database, signal)
      work(database)
      database.exec('COMMIT')
    } catch (thrown) {
      if (database.inTransaction) database.exec('ROLLBACK')
      throw this.#error(thrown)
    }
  }

  #asking<T>(ask: () => T): T {
    try {
      return ask()
    } catch (thrown) {
      throw this.#error(thrown)
    }
  }

  #error(thrown: unknown) {
    return sqliteError(thrown, `keeping checkpoints in table ${TABLE} of ${this.#open()[1]}`, {
      table: TABLE,
    })
  }
}

/** Inside the transaction of the split: whether it is stored already. */
export function isStored(database: Database, { run, split, onStored }: SplitMark): boolean {
  const state = database.value(`SELECT state FROM ${TABLE} WHERE run_id = ? AND split = ?`, run, split)
  if (state !== undefined) onStored(state as string)
  return state !== undefined
}

/** Inside the transaction of the split, which has the write lock: nobody can take the run over before its commit. */
export function leaveMark(database: Database, mark: SplitMark, counts: TableCounts): void {
  const state = mark.state(counts)
  const { run, attempt, split } = mark
  if (database.value(`SELECT 1 FROM ${TABLE} WHERE ${RUN}`, run, attempt) === undefined) throw runTaken(run)
  if (state === null) return
  database
    .prepare(
      `INSERT INTO ${TABLE} (${COLUMNS}) SELECT run_id, ?, attempt, target_table, ?, ? FROM ${TABLE} WHERE ${RUN}`,
    )
    .run(split, counts.rowsWritten, state, run, attempt)
}

function isThere(database: Database): boolean {
  return database.value("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", TABLE) !== undefined
}
