import type {
  Checkpoints,
  RunCheckpoint,
  SplitCheckpoint,
  SplitMark,
  TableCounts,
} from '../../src/contract/plugin.js'
import { runTaken, RowshiftError } from '../../src/contract/plugin.js'
import type { Session } from './connection.js'
import { mapError } from './errors.js'
import type { TextRow } from './driver.js'
import { identifier, text } from './sql.js'

const NAME = 'rowshift_checkpoint'
const TABLE = identifier(NAME)

/** A run has a row with an empty split. */
const CREATE = `CREATE TABLE IF NOT EXISTS ${TABLE} (
  run_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  split VARCHAR(190) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  attempt INT UNSIGNED NOT NULL,
  target_table VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  rows_written BIGINT UNSIGNED NOT NULL,
  superseded_by VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
  created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  state LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  PRIMARY KEY (run_id, split)
) ENGINE=InnoDB COMMENT='rowshift: what unfinished runs have stored; without any it is empty'`

const COLUMNS = 'run_id, split, attempt, target_table, rows_written, state'
/** Of runs that nobody has resumed for so long, and that another run has superseded. */
const KEPT_DAYS = 30

export class MysqlCheckpoints implements Checkpoints {
  readonly #open: () => Promise<Session>

  constructor(open: () => Promise<Session>) {
    this.#open = open
  }

  async list(): Promise<readonly RunCheckpoint[]> {
    const session = await this.#open()
    if (!(await isThere(session))) return []
    const rows = await ask(
      session,
      `SELECT run_id, target_table, attempt, superseded_by, state FROM ${TABLE} WHERE split = '' ORDER BY run_id DESC`,
    )
    return rows.map(([run, table, attempt, supersededBy, state]) => ({
      run: run!,
      table: table!,
      attempt: Number(attempt),
      supersededBy: supersededBy ?? null,
      state: state!,
    }))
  }

  async begin({ run, table, state }: Pick<RunCheckpoint, 'run' | 'table' | 'state'>): Promise<void> {
    const session = await this.#open()
    if (!(await isThere(session))) await ask(session, CREATE)
    const old = `superseded_by IS NOT NULL AND created_at < NOW() - INTERVAL ${KEPT_DAYS} DAY`
    await transact(session, async () => {
      const others = await ask(session, `SELECT run_id FROM ${TABLE} WHERE split = '' AND ${old} FOR UPDATE`)
      for (const [other] of others) await ask(session, endSql(other!))
      await ask(
        session,
        `UPDATE ${TABLE} SET superseded_by = ${text(run)} WHERE split = '' AND target_table = ${text(table)} AND superseded_by IS NULL`,
      )
      await ask(
        session,
        `INSERT INTO ${TABLE} (${COLUMNS}) VALUES (${text(run)}, '', 1, ${text(table)}, 0, ${text(state)})`,
      )
    })
  }

  async claim(
    { run, attempt }: Pick<RunCheckpoint, 'run' | 'attempt'>,
    merge: (state: string, splits: readonly SplitCheckpoint[]) => string,
  ): Promise<void> {
    const session = await this.#open()
    await transact(session, async () => {
      const [found] = await ask(
        session,
        `SELECT state FROM ${TABLE} WHERE ${runSql(run, attempt)} FOR UPDATE`,
      )
      if (!found) throw runTaken(run)
      const splits = `run_id = ${text(run)} AND split <> ''`
      // A plain SELECT may show the moment before the row of the run was locked.
      const rows = await ask(session, `SELECT split, state FROM ${TABLE} WHERE ${splits} FOR UPDATE`)
      const state = merge(
        found[0]!,
        rows.map(([split, own]) => ({ split: split!, state: own! })),
      )
      await ask(session, `DELETE FROM ${TABLE} WHERE ${splits}`)
      await ask(
        session,
        `UPDATE ${TABLE} SET attempt = ${attempt + 1}, state = ${text(state)} WHERE ${runSql(run, attempt)}`,
      )
    })
  }

  async update({ run, attempt, state }: Pick<RunCheckpoint, 'run' | 'attempt' | 'state'>): Promise<void> {
    const session = await this.#open()
    await transact(session, async () => {
      const [found] = await ask(session, `SELECT 1 FROM ${TABLE} WHERE ${runSql(run, attempt)} FOR UPDATE`)
      if (!found) throw runTaken(run)
      await ask(session, `UPDATE ${TABLE} SET state = ${text(state)} WHERE ${runSql(run, attempt)}`)
    })
  }

  async end(run: string): Promise<void> {
    await ask(await this.#open(), endSql(run))
  }

  async countRows(table: string): Promise<bigint> {
    const [row] = await ask(await this.#open(), `SELECT COUNT(*) FROM ${identifier(table)}`)
    return BigInt(row![0]!)
  }
}

/** Whether the split is stored already. A commit under way is waited for, since its row is locked. */
export async function isStored(session: Session, { run, split, onStored }: SplitMark): Promise<boolean> {
  const sql = `SELECT state FROM ${TABLE} WHERE run_id = ${text(run)} AND split = ${text(split)} FOR UPDATE`
  const [row] = await ask(session, sql)
  if (row) onStored(row[0]!)
  return row !== undefined
}

/** Inside the transaction of the split. The row of the run is locked until the commit, so that nobody can take the run over in between. */
export async function leaveMark(session: Session, mark: SplitMark, counts: TableCounts): Promise<void> {
  const state = mark.state(counts)
  const run = `FROM ${TABLE} WHERE ${runSql(mark.run, mark.attempt)} LOCK IN SHARE MODE`
  if (state === null) {
    const [row] = await ask(session, `SELECT 1 ${run}`)
    if (!row) throw runTaken(mark.run)
    return
  }
  const values = `run_id, ${text(mark.split)}, attempt, target_table, ${counts.rowsWritten}, ${text(state)}`
  const sql = `INSERT INTO ${TABLE} (${COLUMNS}) SELECT ${values} ${run}`
  const ok = await session.send(Buffer.from(sql)).catch((error: unknown) => {
    throw markError(error, session)
  })
  if (ok.affectedRows !== 1) throw runTaken(mark.run)
}

function endSql(run: string): string {
  return `DELETE FROM ${TABLE} WHERE run_id = ${text(run)}`
}

function runSql(run: string, attempt: number): string {
  return `run_id = ${text(run)} AND split = '' AND attempt = ${attempt}`
}

async function isThere(session: Session): Promise<boolean> {
  try {
    await ask(session, `SELECT 1 FROM ${TABLE} LIMIT 0`)
    return true
  } catch (thrown) {
    const { code } = RowshiftError.from(thrown)
    if (code === 'TABLE_NOT_FOUND' || code === 'ACCESS_DENIED') return false
    throw thrown
  }
}

async function transact(session: Session, work: () => Promise<void>): Promise<void> {
  await ask(session, 'START TRANSACTION')
  try {
    await work()
    await ask(session, 'COMMIT')
  } catch (thrown) {
    await session.query('ROLLBACK').catch(() => session.destroy())
    throw thrown
  }
}

function ask(session: Session, sql: string): Promise<TextRow[]> {
  return session.query(sql).catch((error: unknown) => {
    throw markError(error, session)
  })
}

/** No error of this table is the fault of a row of the split. */
function markError(thrown: unknown, session: Session): RowshiftError {
  const error = mapError(thrown, `keeping checkpoints in table ${NAME} of ${session.where}`, { table: NAME })
  return error.blamesRow ? new RowshiftError('SERVER_ERROR', error.message, error.details, error) : error
}
