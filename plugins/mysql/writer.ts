import type {
  Batch,
  Column,
  Endpoint,
  PlannedWrite,
  RowshiftError,
  WriteSpec,
  SplitMark,
  TableCounts,
  TableSchema,
  WritePlan,
  Writer,
  WriterSkills,
} from '../../src/contract/plugin.js'
import { isStored, leaveMark, MysqlCheckpoints } from './checkpoints.js'
import { SessionSlot } from '../../src/sql/session-slot.js'
import type { SettlementSteps } from '../../src/sql/settlement.js'
import { commitInDoubt, SqlWriter } from '../../src/sql/sql-writer.js'
import type { Tally } from '../../src/sql/tally.js'
import { runStatements, Session } from './connection.js'
import { createTable } from './create.js'
import { designTable } from './design.js'
import { mapError } from './errors.js'
import { leniently } from './lenient-ddl.js'
import { askRepertoire } from './repertoire.js'
import { flagSql, removeSql } from './remove.js'
import { describeTable, listTables } from './schema.js'
import { openSequence, takeBlock } from './sequence.js'
import { charsetOf, identifier, keyText } from './sql.js'
import { settlementSteps, settlementTables } from './settlement.js'
import { beginSplit, SplitWrite } from './split-write.js'
import { Statements } from './statements.js'
import { InsertMemory } from './transcode.js'
import { planWrite } from './write-plan.js'

/** A commit that is cut off may or may not have happened, so whoever interrupts it waits for its answer for a while. */
const COMMIT_GRACE_MS = 1_000

export class MysqlWriter extends SqlWriter<Session> implements Writer {
  readonly #session: SessionSlot<Session>
  /** By plan: a sharded target has one for each table. */
  readonly #statements = new WeakMap<PlannedWrite, Statements>()
  readonly #memory = new InsertMemory()
  readonly skills: WriterSkills = {
    tables: async () => listTables(await this.#open()),
    design: async (request) => designTable(await this.#open(), request),
    highest: (table, column) => this.#highest(table, column),
    repertoire: async (column) => askRepertoire(await this.#open(), charsetOf(column)!),
    settle: (spec, rows, options) => this.settle(spec, rows, options),
    deletes: {
      remove: (spec, rows, signal) =>
        this.#change(`deleting rows of table ${spec.table.table}`, removeSql(spec, rows), spec, signal),
      flag: (spec, rows, flag, signal) =>
        this.#change(`flagging rows of table ${spec.table.table}`, flagSql(spec, rows, flag), spec, signal),
    },
    sequences: {
      open: async (sequence) => openSequence(await this.#open(), sequence),
      take: async (sequence, count) => takeBlock(await this.#open(), sequence, count),
    },
    checkpoints: new MysqlCheckpoints(() => this.#open()),
  }

  constructor(endpoint: Endpoint) {
    super()
    this.#session = new SessionSlot((signal) => Session.open(endpoint, { signal }))
  }

  async connect(signal?: AbortSignal): Promise<void> {
    this.#session.signal = signal
    await this.#session.get()
  }

  async describe(table: string): Promise<TableSchema> {
    return describeTable(await this.#open(), table)
  }

  async #highest(table: string, column: Column): Promise<string | null> {
    const session = await this.#open()
    const name = identifier(column.name)
    const sql = `SELECT ${keyText(column).replace(name, () => `MAX(${name})`)} FROM ${identifier(table)}`
    const [row] = await session.query(sql).catch((error: unknown) => {
      throw mapError(error, `looking for the highest ${column.name} of table ${table}`, { table })
    })
    return row?.[0] ?? null
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

  async close(): Promise<void> {
    await this.#session.close()
  }

  protected session(): Promise<Session> {
    return this.#session.get()
  }

  protected bind(session: Session, signal: AbortSignal): () => void {
    return session.bind(signal)
  }

  protected async begin(session: Session, spec: PlannedWrite, settles: boolean): Promise<void> {
    const statements = this.#statementsOf(spec)
    for (const sql of statements.stage?.create ?? []) await leniently(session, sql)
    if (settles) for (const sql of settlementTables(spec, statements)) await leniently(session, sql)
    await beginSplit(session, statements.facts)
  }

  protected store(
    session: Session,
    spec: PlannedWrite,
    batches: AsyncIterable<Batch>,
    tally: Tally,
  ): Promise<void> {
    return new SplitWrite(session, this.#statementsOf(spec), tally, { stored: false }).split(batches)
  }

  protected settlement(session: Session, spec: PlannedWrite): SettlementSteps {
    return settlementSteps(session, this.#statementsOf(spec))
  }

  protected isStored(session: Session, mark: SplitMark): Promise<boolean> {
    return isStored(session, mark)
  }

  protected leaveMark(session: Session, mark: SplitMark, counts: TableCounts): Promise<void> {
    return leaveMark(session, mark, counts)
  }

  protected async commit(session: Session): Promise<void> {
    await session.query('COMMIT', undefined, COMMIT_GRACE_MS)
  }

  protected commitError(_session: Session, _spec: PlannedWrite, thrown: unknown): RowshiftError {
    const error = mapError(thrown, 'committing')
    return error.code === 'LOCK_CONFLICT' && error.details['errno'] !== QUERY_KILLED
      ? error
      : commitInDoubt(error)
  }

  /** A session that cannot even roll back is cut, which has the same effect. */
  protected async rollback(session: Session): Promise<void> {
    await session.query('ROLLBACK').catch(() => this.#session.drop())
  }

  protected error(thrown: unknown, doing: string, { table: { table } }: PlannedWrite): RowshiftError {
    return mapError(thrown, doing, { table })
  }

  protected override transactional(spec: PlannedWrite): boolean {
    return this.#statementsOf(spec).facts.transactional
  }

  /** Without a staging table there is one unique key only: what is taken is a key of another table, which a trigger writes to. */
  protected override defers(spec: PlannedWrite): boolean {
    return this.#statementsOf(spec).facts.staged
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

  #open(): Promise<Session> {
    return this.#session.get()
  }
}

/** The one conflict after which a commit may have happened all the same. */
const QUERY_KILLED = 1317

function withTable(spec: PlannedWrite, statements: readonly string[]): string[] {
  return statements.map((sql) => sql.replaceAll(/@table\b/g, () => identifier(spec.table.table)))
}
