import type {
  Batch,
  Column,
  DesignRequest,
  Endpoint,
  PlannedWrite,
  WriteSpec,
  Sequence,
  TableCounts,
  TableDesign,
  TableSchema,
  WriteCounts,
  WriteOptions,
  WritePlan,
  Writer,
} from '../../src/contract/plugin.js'
import { nothingWritten, RowshiftError } from '../../src/contract/plugin.js'
import { isStored, leaveMark, MysqlCheckpoints } from './checkpoints.js'
import type { Session } from './connection.js'
import { runStatements } from './connection.js'
import { createTable } from './create.js'
import { designTable } from './design.js'
import { mapError } from './errors.js'
import { askRepertoire } from './repertoire.js'
import { flagSql, removeSql } from './remove.js'
import { describeTable, listTables } from './schema.js'
import { openSequence, takeBlock } from './sequence.js'
import { SessionSlot } from './session-slot.js'
import { charsetOf, identifier, keyText } from './sql.js'
import { MysqlSettlement } from './settlement.js'
import { SplitWrite } from './split-write.js'
import { Statements } from './statements.js'
import { InsertMemory } from './transcode.js'
import { planWrite } from './write-plan.js'

export class MysqlWriter implements Writer {
  readonly #session: SessionSlot
  /** By plan: a sharded target has one for each table. */
  readonly #statements = new WeakMap<PlannedWrite, Statements>()
  readonly #memory = new InsertMemory()
  readonly checkpoints = new MysqlCheckpoints(() => this.#open())

  constructor(endpoint: Endpoint) {
    this.#session = new SessionSlot(endpoint)
  }

  async connect(signal?: AbortSignal): Promise<void> {
    this.#session.signal = signal
    await this.#session.get()
  }

  async describe(table: string): Promise<TableSchema> {
    return describeTable(await this.#open(), table)
  }

  async tables(): Promise<readonly string[]> {
    return listTables(await this.#open())
  }

  async design(request: DesignRequest): Promise<TableDesign> {
    return designTable(await this.#open(), request)
  }

  async highest(table: string, column: Column): Promise<string | null> {
    const session = await this.#open()
    const name = identifier(column.name)
    const sql = `SELECT ${keyText(column).replace(name, () => `MAX(${name})`)} FROM ${identifier(table)}`
    const [row] = await session.query(sql).catch((error: unknown) => {
      throw mapError(error, `looking for the highest ${column.name} of table ${table}`, { table })
    })
    return row?.[0] ?? null
  }

  async repertoire(column: Column): Promise<readonly (readonly [number, number])[]> {
    return askRepertoire(await this.#open(), charsetOf(column)!)
  }

  async plan(spec: WriteSpec, path: string | null): Promise<WritePlan> {
    return planWrite(await this.#open(), spec, path)
  }

  async prepare(spec: PlannedWrite, signal: AbortSignal): Promise<void> {
    await this.#create(spec, spec.create?.statements ?? [], signal)
    await this.#run(spec, spec.preSql, '"pre_sql"', signal)
  }

  async finish(spec: PlannedWrite, signal: AbortSignal): Promise<void> {
    await this.#create(spec, spec.create?.deferred ?? [], signal)
    await this.#run(spec, spec.postSql, '"post_sql"', signal)
  }

  async write(
    spec: PlannedWrite,
    batches: AsyncIterable<Batch>,
    options: WriteOptions,
  ): Promise<WriteCounts> {
    return this.#transact(spec, options, (session, statements) =>
      new SplitWrite(session, statements, options).run(batches),
    )
  }

  async settle(spec: PlannedWrite, rows: readonly Batch[], options: WriteOptions): Promise<WriteCounts> {
    return this.#transact(spec, options, (session, statements) =>
      new MysqlSettlement(session, statements, options).run(rows),
    )
  }

  remove(spec: PlannedWrite, rows: Batch, signal: AbortSignal): Promise<number> {
    return this.#change(`deleting rows of table ${spec.table.table}`, removeSql(spec, rows), spec, signal)
  }

  flag(spec: PlannedWrite, rows: Batch, flag: Column, signal: AbortSignal): Promise<number> {
    return this.#change(`flagging rows of table ${spec.table.table}`, flagSql(spec, rows, flag), spec, signal)
  }

  /** Resolves to how many rows the statement has changed. */
  async #change(doing: string, sql: string, spec: PlannedWrite, signal: AbortSignal): Promise<number> {
    const session = await this.#open()
    const release = session.bind(signal)
    try {
      const { affectedRows } = await session.send(Buffer.from(sql))
      return affectedRows
    } catch (error) {
      throw mapError(error, doing, { table: spec.table.table })
    } finally {
      release()
    }
  }

  async openSequence(sequence: Sequence): Promise<void> {
    await openSequence(await this.#open(), sequence)
  }

  async takeBlock(sequence: Sequence, count: number): Promise<string> {
    return takeBlock(await this.#open(), sequence, count)
  }

  async close(): Promise<void> {
    await this.#session.close()
  }

  /** Commits what `change` does in a transaction that it begins, or leaves nothing of it. */
  async #transact(
    spec: PlannedWrite,
    options: WriteOptions,
    change: (session: Session, statements: Statements) => Promise<TableCounts>,
  ): Promise<WriteCounts> {
    const session = await this.#open()
    const statements = this.#statementsOf(spec)
    const release = session.bind(options.signal)
    const { mark } = options
    try {
      if (mark?.again && (await isStored(session, mark))) return nothingWritten
      const counts = await change(session, statements)
      if (mark && counts !== nothingWritten) await leaveMark(session, mark, counts)
      if (options.signal.aborted) throw new RowshiftError('INTERRUPTED', 'Interrupted before the commit.')
      options.beforeCommit()
      if (counts !== nothingWritten) await commit(session)
      return counts
    } catch (error) {
      await this.#rollback(session)
      const mapped = mapError(error, `writing table ${spec.table.table}`, { table: spec.table.table })
      throw statements.facts.transactional ? mapped : inDoubt(mapped)
    } finally {
      release()
    }
  }

  #statementsOf(spec: PlannedWrite): Statements {
    const known = this.#statements.get(spec)
    if (known) return known
    const made = new Statements(spec, this.#memory)
    this.#statements.set(spec, made)
    return made
  }

  async #create(spec: PlannedWrite, statements: readonly string[], signal: AbortSignal): Promise<void> {
    const session = await this.#open()
    const release = session.bind(signal)
    try {
      await createTable(session, spec.table.table, statements)
    } finally {
      release()
    }
  }

  async #run(
    spec: PlannedWrite,
    statements: readonly string[],
    what: string,
    signal: AbortSignal,
  ): Promise<void> {
    const session = await this.#open()
    const release = session.bind(signal)
    try {
      await runStatements(session, withTable(spec, statements), what)
    } finally {
      release()
    }
  }

  /** A session that cannot even roll back is cut, which has the same effect. */
  async #rollback(session: Session): Promise<void> {
    await session.query('ROLLBACK').catch(() => this.#session.drop())
  }

  #open(): Promise<Session> {
    return this.#session.get()
  }
}

/** One that is cut off may or may not have happened, so whoever interrupts it waits for its answer for a while. */
const COMMIT_GRACE_MS = 1_000

async function commit(session: Session): Promise<void> {
  try {
    await session.query('COMMIT', undefined, COMMIT_GRACE_MS)
  } catch (thrown) {
    const error = mapError(thrown, 'committing')
    if (error.code === 'LOCK_CONFLICT' && error.details['errno'] !== QUERY_KILLED) throw error
    throw inDoubt(error, ' This split may or may not be stored; look at the target before running again.')
  }
}

/** The one conflict after which a commit may have happened all the same. */
const QUERY_KILLED = 1317

/** Some of the split may be stored, so it must not simply be run again. */
function inDoubt({ code, message, details, cause }: RowshiftError, say = ''): RowshiftError {
  return new RowshiftError(code, message + say, { ...details, inDoubt: true }, cause)
}

function withTable(spec: PlannedWrite, statements: readonly string[]): string[] {
  return statements.map((sql) => sql.replaceAll(/@table\b/g, () => identifier(spec.table.table)))
}
