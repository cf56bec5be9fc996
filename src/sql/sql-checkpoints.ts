import type { Checkpoints, NewRun, RunCheckpoint, SplitCheckpoint } from '../contract/checkpoint.js'
import { runTaken } from '../contract/checkpoint.js'
import { RowshiftError } from '../contract/errors.js'
import { failpoint } from '../failpoint.js'
import type { SplitMark, WriteCounts } from '../contract/write.js'
import {
  alone,
  ask,
  change,
  checkpointError,
  COLUMNS,
  create,
  createSql,
  isThere,
  NAME,
  time,
  transact,
} from './checkpoint-table.js'
import type { SqlDialect } from './dialect.js'
import type { SqlSession } from './session.js'

/** Of runs that nobody has resumed for so long, and that another run has superseded. */
const KEPT_MS = 30 * 24 * 3600 * 1000

/** The checkpoints of a database that speaks SQL: a run has a row with an empty split. */
export class SqlCheckpoints implements Checkpoints {
  readonly #open: () => Promise<SqlSession>
  /** Whether nothing was in the way when that was asked: of many tables, the first one asks for all. */
  #allowed = false

  constructor(open: () => Promise<SqlSession>) {
    this.#open = open
  }

  async list(table?: string): Promise<readonly RunCheckpoint[]> {
    const session = await this.#open()
    if (!(await isThere(session))) return []
    const ofTable = table === undefined ? '' : ` AND target_table = ${session.dialect.knownName(table)}`
    const rows = await ask(
      session,
      `SELECT run_id, target_table, attempt, superseded_by, state,
        (SELECT SUM(rows_written) FROM ${NAME} own WHERE own.run_id = run.run_id)
       FROM ${NAME} run WHERE split = ''${ofTable} ORDER BY run_id DESC`,
    )
    return rows.map(([run, table, attempt, supersededBy, state, written]) => ({
      run: run!,
      table: table!,
      attempt: Number(attempt),
      rows: Number(written),
      supersededBy: supersededBy ?? null,
      state: state!,
    }))
  }

  async obstacle(): Promise<string | null> {
    const found = this.#allowed ? null : await this.#obstacle()
    this.#allowed = found === null
    return found
  }

  async #obstacle(): Promise<string | null> {
    const session = await this.#open()
    const { dialect } = session
    const there = await isThere(session)
    if (!there && !dialect.checksDdl) return null
    const nothing = `SELECT ${COLUMNS} FROM ${NAME} WHERE 1 = 0`
    const statements = there
      ? [
          `INSERT INTO ${NAME} (${COLUMNS}) ${nothing}`,
          `DELETE FROM ${NAME} WHERE 1 = 0`,
          `UPDATE ${NAME} SET superseded_by = NULL WHERE 1 = 0`,
        ]
      : [createSql(dialect)]
    try {
      for (const sql of statements) await session.check(sql)
      return null
    } catch (thrown) {
      const error = checkpointError(thrown, session)
      if (error.retryable) throw error
      return error.message
    }
  }

  async begin({ run, table, state, supersedes, remakes = false }: NewRun): Promise<void> {
    const session = await this.#open()
    const { dialect } = session
    if (!(await isThere(session))) await create(session)
    const [id, at, text] = [run, time(), state].map((value) => dialect.text(value))
    const own = dialect.knownName(table)
    // Ours first: of two runs that begin at the same time, each sees the other.
    await alone(session, `INSERT INTO ${NAME} (${COLUMNS}) VALUES (${id}, '', 1, ${own}, 0, ${at}, ${text})`)
    failpoint('run-inserted')
    // One row at a time, by its key: a search that locks would wait for splits of all other runs, and they for it.
    const open = remakes ? '1 = 1' : supersedes ? 'superseded_by IS NULL' : '1 = 0'
    const old = `superseded_by IS NOT NULL AND created_at < ${dialect.text(time(KEPT_MS))}`
    const others = await ask(
      session,
      `SELECT run_id, CASE WHEN ${old} THEN 'old' ELSE 'open' END FROM ${NAME}
       WHERE split = '' AND run_id <> ${id} AND (${old} OR target_table = ${own} AND ${open})`,
    )
    const supersede = (other: string) =>
      `UPDATE ${NAME} SET superseded_by = ${id}${remakes ? ', attempt = attempt + 1' : ''} WHERE run_id = ${dialect.text(other)} AND split = ''`
    for (const [other, kind] of others)
      await alone(session, kind === 'old' ? endSql(dialect, other!) : supersede(other!))
    failpoint('run-begun')
  }

  async claim(
    { run, attempt }: Pick<RunCheckpoint, 'run' | 'attempt'>,
    merge: (state: string, splits: readonly SplitCheckpoint[]) => string,
  ): Promise<void> {
    const session = await this.#open()
    const { dialect } = session
    await transact(session, async () => {
      const ofRun = runSql(dialect, run, attempt)
      const locked = dialect.locking(false)
      const [found] = await ask(session, `SELECT state FROM ${NAME} WHERE ${ofRun}${locked}`)
      if (!found) throw runTaken(run)
      const splits = splitsSql(dialect, run)
      // A plain SELECT may show the moment before the row of the run was locked.
      const rows = await ask(
        session,
        `SELECT split, state, rows_written FROM ${NAME} WHERE ${splits}${locked}`,
      )
      const state = merge(
        found[0]!,
        rows.map(([split, own]) => ({ split: split!, state: own! })),
      )
      const written = rows.reduce((sum, [, , more]) => sum + BigInt(more!), 0n)
      await change(session, `DELETE FROM ${NAME} WHERE ${splits}`)
      await change(
        session,
        `UPDATE ${NAME} SET attempt = ${attempt + 1}, rows_written = rows_written + ${written}, state = ${dialect.text(state)} WHERE ${ofRun}`,
      )
      failpoint('run-merged')
    })
    failpoint('run-claimed')
  }

  async fence({ run, attempt }: Pick<RunCheckpoint, 'run' | 'attempt'>): Promise<readonly SplitCheckpoint[]> {
    const session = await this.#open()
    const { dialect } = session
    const locked = dialect.locking(false)
    // Somebody who began to go on with the run may have died before the first database knew.
    const ofRun = `run_id = ${dialect.text(run)} AND split = '' AND attempt IN (${attempt}, ${attempt + 1})`
    return transact(session, async () => {
      const [found] = await ask(session, `SELECT 1 FROM ${NAME} WHERE ${ofRun}${locked}`)
      if (!found) throw runTaken(run)
      await change(session, `UPDATE ${NAME} SET attempt = ${attempt + 1} WHERE ${ofRun}`)
      const rows = await ask(
        session,
        `SELECT split, state FROM ${NAME} WHERE ${splitsSql(dialect, run)} AND attempt = ${attempt}${locked}`,
      )
      return rows.map(([split, state]) => ({ split: split!, state: state! }))
    })
  }

  async forget({ run, attempt }: Pick<RunCheckpoint, 'run' | 'attempt'>): Promise<void> {
    const session = await this.#open()
    const { dialect } = session
    const old = `${splitsSql(dialect, run)} AND attempt <= ${attempt}`
    await transact(session, async () => {
      const rows = await ask(
        session,
        `SELECT rows_written FROM ${NAME} WHERE ${old}${dialect.locking(false)}`,
      )
      const written = rows.reduce((sum, [more]) => sum + BigInt(more!), 0n)
      await change(session, `DELETE FROM ${NAME} WHERE ${old}`)
      const ofRun = `run_id = ${dialect.text(run)} AND split = ''`
      await change(session, `UPDATE ${NAME} SET rows_written = rows_written + ${written} WHERE ${ofRun}`)
    })
  }

  async update({ run, attempt, state }: Pick<RunCheckpoint, 'run' | 'attempt' | 'state'>): Promise<void> {
    const session = await this.#open()
    const { dialect } = session
    const ofRun = runSql(dialect, run, attempt)
    await transact(session, async () => {
      const [found] = await ask(session, `SELECT 1 FROM ${NAME} WHERE ${ofRun}${dialect.locking(false)}`)
      if (!found) throw runTaken(run)
      await change(session, `UPDATE ${NAME} SET state = ${dialect.text(state)} WHERE ${ofRun}`)
    })
  }

  async end(run: string): Promise<void> {
    const session = await this.#open()
    if (await isThere(session)) await alone(session, endSql(session.dialect, run))
  }

  async countRows(table: string): Promise<bigint> {
    const session = await this.#open()
    const [row] = await ask(session, `SELECT COUNT(*) FROM ${session.dialect.table(table)}`)
    return BigInt(row![0]!)
  }
}

/** Whether the split is stored already. A commit under way is waited for: it holds the row of the run. */
export async function isStored(session: SqlSession, { run, split, onStored }: SplitMark): Promise<boolean> {
  const { dialect } = session
  const ofRun = (of: string) =>
    `SELECT state FROM ${NAME} WHERE run_id = ${dialect.text(run)} AND split = ${dialect.text(of)}${dialect.locking(false)}`
  // The locks are not to be held while the split is written.
  const [row] = await transact(session, async () => {
    await ask(session, ofRun(''))
    return ask(session, ofRun(split))
  })
  if (row) onStored(row[0]!)
  return row !== undefined
}

/** Inside the transaction of the split. The row of the run is locked until the commit, so that nobody can take the run over in between. */
export async function leaveMark(session: SqlSession, mark: SplitMark, counts: WriteCounts): Promise<void> {
  const { dialect } = session
  const state = mark.state(counts)
  const run = `FROM ${NAME} WHERE ${runSql(dialect, mark.run, mark.attempt)}${dialect.locking(true)}`
  if (state === null) {
    const [row] = await ask(session, `SELECT 1 ${run}`)
    if (!row) throw runTaken(mark.run)
    return
  }
  const [split, at, own] = [mark.split, time(), state].map((value) => dialect.text(value))
  const values = `run_id, ${split}, attempt, target_table, ${counts.rowsWritten}, ${at}, ${own}`
  const stored = await session
    .run(`INSERT INTO ${NAME} (${COLUMNS}) SELECT ${values} ${run}`)
    .catch((thrown: unknown) => Promise.reject(markError(thrown, session, mark)))
  if (stored !== 1) throw runTaken(mark.run)
  failpoint('split-marked')
}

/** Somebody else who was given the split has stored it meanwhile, unless that is undone: the next attempt looks. */
function markError(thrown: unknown, session: SqlSession, { run, split }: SplitMark): RowshiftError {
  const error = session.dialect.error(thrown, `keeping checkpoints in table ${NAME} of ${session.where}`)
  if (error.code !== 'DUPLICATE_KEY') return checkpointError(thrown, session)
  const message = `Split ${split} of run ${run} is stored already, by another worker that was given it, too. What this one wrote was rolled back.`
  return new RowshiftError('LOCK_CONFLICT', message, { inDoubt: true }, thrown)
}

function endSql(dialect: SqlDialect, run: string): string {
  return `DELETE FROM ${NAME} WHERE run_id = ${dialect.text(run)}`
}

function runSql(dialect: SqlDialect, run: string, attempt: number): string {
  return `run_id = ${dialect.text(run)} AND split = '' AND attempt = ${attempt}`
}

function splitsSql(dialect: SqlDialect, run: string): string {
  return `run_id = ${dialect.text(run)} AND split <> ''`
}
