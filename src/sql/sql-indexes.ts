import { createHash, randomUUID } from 'node:crypto'
import type {
  Deferral,
  DeferredIndex,
  IndexesSkill,
  RefusedIndex,
  SecondaryIndex,
} from '../contract/deferred-indexes.js'
import type { Endpoint } from '../contract/endpoint.js'
import { RowshiftError } from '../contract/errors.js'
import { mayPass } from '../contract/waiting.js'
import { failpoint } from '../failpoint.js'
import { alone, ask, change, COLUMNS, create, isThere, NAME, time, transact } from './checkpoint-table.js'
import type { DroppableIndex, IndexStatements } from './index-statements.js'
import type { SqlSession } from './session.js'
import type { SqlSink } from './sql-sink.js'
import { holdsRows } from './target-checks.js'

/** What is remembered of an index, beside what is in columns of the table. */
type Memory = SecondaryIndex & Pick<DeferredIndex, 'mark'>

/** The indexes of a database that speaks SQL. They are remembered in the table of checkpoints, in rows of no run. */
export class SqlIndexes<S extends SqlSession> implements IndexesSkill {
  readonly #statements: IndexStatements<S>
  readonly #session: () => Promise<S>
  readonly #open: (signal: AbortSignal) => Promise<S>

  /** `session`: that of the writer. Of a sink that has `indexes`. */
  constructor(sink: SqlSink<S>, endpoint: Endpoint, session: () => Promise<S>) {
    this.#statements = sink.indexes!
    this.#session = session
    this.#open = (signal) => sink.open(endpoint, signal)
  }

  secondary(table: string): Promise<readonly DroppableIndex[]> {
    return this.#using('looking for indexes', table, (session) => this.#statements.secondary(session, table))
  }

  deferred(table: string): Promise<readonly DeferredIndex[]> {
    return this.#remembered(table).catch((thrown: unknown) => {
      const error = RowshiftError.from(thrown)
      if (error.retryable || error.code === 'INTERNAL') throw error
      return []
    })
  }

  async defer(as: string, signal: AbortSignal): Promise<Deferral> {
    const table = await this.#knownName(as)
    const found = await this.secondary(table)
    const stay = (obstacle: string | null): Deferral => ({ indexes: [], obstacle })
    if (found.length === 0) return stay(null)
    const mark = randomUUID()
    const indexes = found.map(({ name, add }): DeferredIndex => ({ table, name, add, mark }))
    try {
      return await this.#using(
        'dropping indexes',
        table,
        async (session) => {
          const rows = await holdsRows(session, table)
          if (rows !== false) return stay(rows ? 'it holds rows' : 'whether it holds rows is not known')
          if (!(await isThere(session))) await create(session)
          await transact(session, async () => {
            // Where a statement that changes a table commits what is under way, this is stored before anything is dropped.
            await remember(session, indexes)
            await this.#drop(session, table, found)
          })
          // Others may have seen the indexes there meanwhile, and forgotten them.
          await transact(session, () => remember(session, indexes))
          failpoint('indexes-dropped')
          return { indexes, obstacle: null }
        },
        signal,
      )
    } catch (thrown) {
      const error = RowshiftError.from(thrown)
      if (mayPass(error) || error.retryable || signal.aborted) throw error
      // What is dropped must stay remembered, whatever failed after that.
      if ((await this.#lacking(table, indexes)).length > 0) throw error
      await this.forget(indexes)
      return stay(error.message)
    }
  }

  async missing(
    table: string,
    indexes: readonly DeferredIndex[],
  ): Promise<{ steps: readonly (readonly DeferredIndex[])[]; together: boolean }> {
    const { together } = this.#statements
    const missing = await this.#lacking(table, indexes)
    await this.forget(indexes.filter((index) => !missing.includes(index)))
    return { steps: this.#statements.steps(missing), together }
  }

  async add(
    step: readonly DeferredIndex[],
    share: number,
    signal: AbortSignal,
  ): Promise<readonly RefusedIndex[]> {
    const { table } = step[0]!
    const session = await this.#open(signal)
    try {
      await this.#statements.hurry?.(session, share)
      const missing = await this.#missing(session, table, step)
      failpoint('indexes-adding')
      const refused = await this.#add(session, table, missing)
      failpoint('indexes-added')
      // Other steps may be under way, so that the session of the writer is not for one of them.
      await forgetIn(session, step)
      return refused
    } catch (thrown) {
      throw failure(session, table, 'adding indexes', thrown)
    } finally {
      await session.close()
    }
  }

  async forget(indexes: readonly DeferredIndex[]): Promise<void> {
    if (indexes.length > 0) await forgetIn(await this.#session(), indexes)
  }

  async #remembered(table: string): Promise<DeferredIndex[]> {
    const session = await this.#session()
    if (!(await isThere(session))) return []
    const ofTable = `target_table = ${session.dialect.knownName(table)}`
    const rows = await ask(
      session,
      `SELECT target_table, state FROM ${NAME} WHERE run_id = '' AND ${ofTable} ORDER BY attempt, split`,
    )
    return rows.map(([table, state]) => ({ table: table!, ...(JSON.parse(state!) as Memory) }))
  }

  /** Resolves to those that the server refuses. */
  async #add(session: S, table: string, indexes: readonly DeferredIndex[]): Promise<RefusedIndex[]> {
    try {
      for (const sql of this.#statements.add(table, indexes)) await session.run(sql)
      return []
    } catch (thrown) {
      // Another process may have been faster.
      if (!session.spent && (await this.#missing(session, table, indexes)).length === 0) return []
      const error = failure(session, table, 'adding indexes', thrown)
      if (session.spent || !this.#statements.isRefusal(error)) throw error
      if (indexes.length === 1) return [{ index: indexes[0]!, error }]
    }
    // One of them keeps the others out.
    const refused: RefusedIndex[] = []
    for (const index of indexes) refused.push(...(await this.#add(session, table, [index])))
    return refused
  }

  #knownName(table: string): Promise<string> {
    return this.#using('looking for indexes', table, async (session) => {
      const [row] = await session.query(`SELECT ${session.dialect.knownName(table)}`)
      return row![0]!
    })
  }

  async #drop(session: S, table: string, indexes: readonly DroppableIndex[]): Promise<void> {
    const work = async () => {
      for (const sql of this.#statements.drop(table, indexes)) await session.run(sql)
    }
    await (this.#statements.briefly?.(session, work) ?? work()).catch((thrown: unknown) => {
      const error = failure(session, table, 'dropping indexes', thrown)
      // What is in use may be filled by now: that is no reason to wait for it, and none to fail.
      if (error.code !== 'LOCK_CONFLICT') throw error
      throw new RowshiftError('SERVER_ERROR', 'another session uses the table', error.details, error)
    })
  }

  #lacking(table: string, indexes: readonly DeferredIndex[]): Promise<DeferredIndex[]> {
    return this.#using('looking for indexes', table, (session) => this.#missing(session, table, indexes))
  }

  async #missing(session: S, table: string, indexes: readonly DeferredIndex[]): Promise<DeferredIndex[]> {
    const there = new Set(await this.#statements.names(session, table))
    return indexes.filter(({ name }) => !there.has(name))
  }

  async #using<T>(
    doing: string,
    table: string,
    work: (session: S) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const session = await this.#session()
    const release = signal && session.bind(signal)
    try {
      return await work(session)
    } catch (thrown) {
      throw failure(session, table, doing, thrown)
    } finally {
      release?.()
    }
  }
}

function failure(session: SqlSession, table: string, doing: string, thrown: unknown): RowshiftError {
  return session.dialect.error(thrown, `${doing} of table ${table} of ${session.where}`, { table })
}

async function remember(session: SqlSession, indexes: readonly DeferredIndex[]): Promise<void> {
  const { dialect } = session
  const names = indexes.map((index) => `'${nameOf(index)}'`).join(', ')
  await change(session, `DELETE FROM ${NAME} WHERE run_id = '' AND split IN (${names})`)
  // They are added in the order in which the table had them.
  const rows = indexes.map((index, place) => {
    const [table, at, state] = [index.table, time(), memoryOf(index)].map((value) => dialect.text(value))
    return `('', '${nameOf(index)}', ${place}, ${table}, 0, ${at}, ${state})`
  })
  await change(session, `INSERT INTO ${NAME} (${COLUMNS}) VALUES ${rows.join(', ')}`)
}

/** Only as this run knows them: another one may have dropped them again. */
async function forgetIn(session: SqlSession, indexes: readonly DeferredIndex[]): Promise<void> {
  if (!(await isThere(session))) return
  for (const index of indexes) {
    const state = session.dialect.text(memoryOf(index))
    await alone(
      session,
      `DELETE FROM ${NAME} WHERE run_id = '' AND split = '${nameOf(index)}' AND state = ${state}`,
    )
  }
}

/** Names may be longer than the column. */
function nameOf({ table, name }: DeferredIndex): string {
  return createHash('sha256')
    .update(JSON.stringify([table, name]))
    .digest('hex')
}

function memoryOf({ name, add, mark }: DeferredIndex): string {
  return JSON.stringify({ name, add, mark } satisfies Memory)
}
