import type { Endpoint } from '../contract/endpoint.js'
import type { ErrorDetails } from '../contract/errors.js'
import { failpoint } from '../failpoint.js'
import { RowshiftError } from '../contract/errors.js'
import type { InServerTarget } from '../contract/in-server.js'
import type { Writer } from '../contract/plugin.js'
import type { WriterSkills } from '../contract/skills.js'
import type { TableSchema } from '../contract/table-schema.js'
import type { PlannedWrite, WriteCounts, WriteOptions, WritePlan, WriteSpec } from '../contract/write.js'
import { nothingWritten } from '../contract/write.js'
import type { Batch } from '../wire/batch.js'
import { inDoubt } from './doubt.js'
import { isStored, leaveMark, SqlCheckpoints } from './sql-checkpoints.js'
import { SqlForeignKeys } from './sql-foreign-keys.js'
import { sqlObjects } from './sql-objects.js'
import { SqlIndexes } from './sql-indexes.js'
import { highestValue } from './highest-value.js'
import { copyUnseen, type InServerPlanner, orNull } from './unseen-rows.js'
import { exhausted, rejecting, tooLargeAlone } from './row-errors.js'
import { flagRows, removeAll, removeRows } from './row-changes.js'
import { sequencesSkill } from './sequence.js'
import type { SqlSession } from './session.js'
import { SessionSlot } from './session-slot.js'
import { settleRows } from './settlement.js'
import { creationError, dropTable, planCreateTable } from './created-table.js'
import type { RowStore, SplitPurpose, SqlSink } from './sql-sink.js'
import { Tally } from './tally.js'
import { inTransaction } from './transaction.js'
import { inOrder, untilFirst } from './streams.js'
import { checkTarget } from './target-checks.js'

/** The writer of a database that speaks SQL. */
export class SqlWriter<S extends SqlSession> implements Writer {
  readonly #endpoint: Endpoint
  readonly #sink: SqlSink<S>
  readonly #slot: SessionSlot<S>
  readonly skills: WriterSkills

  constructor(endpoint: Endpoint, sink: SqlSink<S>) {
    this.#endpoint = endpoint
    this.#sink = sink
    this.#slot = new SessionSlot((signal) => sink.open(endpoint, signal))
    this.skills = this.#skills(sink)
  }

  #skills(sink: SqlSink<S>): WriterSkills {
    const session = () => this.#session()
    return {
      tables: () => this.#using('listing the tables', (session) => sink.tables(session)),
      ...(sink.describeAll && {
        describeAll: (tables) =>
          this.#using('describing tables', (session) => sink.describeAll!(session, tables)),
      }),
      highest: (table, column) =>
        this.#using(
          `looking for the highest ${column.name} of table ${table}`,
          (session) => highestValue(session, table, column),
          { table },
        ),
      ...(sink.charsetCoverage && {
        charsetCoverage: (column) =>
          this.#using('asking for character sets', (session) => sink.charsetCoverage!(session, column)),
      }),
      ...(sink.load && {
        load: (asked) =>
          this.#using('asking how much the server has to do', (session) => sink.load!(session, asked)),
      }),
      planCreateTable: (request) =>
        this.#using(`planning table ${request.table}`, (session) => planCreateTable(session, sink, request), {
          table: request.table,
        }),
      dropTable: (table) =>
        this.#using(`dropping table ${table}`, (session) => dropTable(session, table), { table }),
      settle: (spec, batches, options) => this.#settle(spec, batches, options),
      ...(sink.forget && {
        forget: async (spec) => {
          await this.#using('dropping temporary tables', (session) => sink.forget!(session, spec))
        },
      }),
      deletes: {
        remove: (spec, rows, signal) =>
          this.#changing('deleting', spec, signal, (session) => removeRows(session, spec, rows)),
        flag: (spec, rows, flag, signal) =>
          this.#changing('flagging', spec, signal, (session) => flagRows(session, spec, rows, flag)),
      },
      sequences: sequencesSkill(({ name }, work) => this.#using(`reserving ids of sequence ${name}`, work)),
      ...(sink.inServer && { inServer: this.#inServer(sink.inServer) }),
      checkpoints: new SqlCheckpoints(session),
      ...(sink.foreignKeys && { foreignKeys: new SqlForeignKeys(sink, this.#endpoint, session) }),
      ...(sink.objects && { objects: sqlObjects(sink, this.#endpoint, session) }),
      ...(sink.indexes && { indexes: new SqlIndexes(sink, this.#endpoint, session) }),
    }
  }

  async connect(signal?: AbortSignal): Promise<void> {
    this.#slot.signal = signal
    await this.#session()
  }

  describe(table: string): Promise<TableSchema> {
    return this.#using(`describing table ${table}`, (session) => this.#sink.describe(session, table), {
      table,
    })
  }

  plan(spec: WriteSpec, path: string | null): Promise<WritePlan> {
    const { table } = spec.table
    const plan = async (session: S): Promise<WritePlan> => {
      const found = spec.create ? { warnings: [] } : await checkTarget(session, spec)
      const { warnings, ...chosen } = await this.#sink.plan(session, spec, path)
      return { ...found, ...chosen, warnings: [...warnings, ...found.warnings] }
    }
    return this.#using(`looking at how table ${table} can be written`, plan, { table })
  }

  async prepare(spec: PlannedWrite, signal: AbortSignal): Promise<void> {
    await this.#sink.prepare?.(this.#endpoint, signal)
    await this.#create(spec, spec.create?.statements ?? [], signal)
    await this.#run(spec, '"pre_sql"', spec.preSql, signal)
  }

  async finish(spec: PlannedWrite, signal: AbortSignal): Promise<void> {
    const { table } = spec.table
    const finish = async (session: S) => this.#sink.finish?.(session, spec)
    await this.#using(`finishing table ${table}`, finish, { table }, signal)
    await this.#run(spec, '"post_sql"', spec.postSql, signal)
  }

  async write(
    spec: PlannedWrite,
    batches: AsyncIterable<Batch>,
    options: WriteOptions,
  ): Promise<WriteCounts> {
    // Nothing is locked while the reader is at work.
    const begun = await untilFirst(batches)
    return this.#transact(spec, options, begun, (_, rows, received, tally) => rows.write(received, tally))
  }

  async #settle(spec: PlannedWrite, batches: readonly Batch[], options: WriteOptions): Promise<WriteCounts> {
    const settle = async (session: S, rows: RowStore, received: AsyncIterable<Batch>, tally: Tally) => {
      const all: Batch[] = []
      for await (const batch of received) all.push(batch)
      await settleRows(session, spec, all, rows.settlement(), tally)
    }
    return this.#transact(spec, options, inOrder(batches), settle, 'settlement')
  }

  #inServer({ family, plan }: InServerPlanner<S>): InServerTarget {
    return {
      family,
      plan: (write, read, sign) =>
        this.#using('looking at both ends', (session) => plan(session, write, read, sign)),
      copy: (write, read, split, options) => {
        const copy = (session: S, rows: RowStore, _: unknown, tally: Tally) =>
          copyUnseen(session, write, () => rows.copy!(read, split), tally)
        return orNull(this.#transact(write, options, inOrder([]), copy, 'copy'))
      },
    }
  }

  /**
   * The transaction of a split: whatever `change` stores is committed here, and nowhere else, or nothing of it stays.
   * `batches` null: there are no rows, so there is no transaction either, unless the split removes some or leaves a mark.
   */
  async #transact(
    spec: PlannedWrite,
    options: WriteOptions,
    batches: AsyncIterable<Batch> | null,
    change: (session: S, rows: RowStore, batches: AsyncIterable<Batch>, tally: Tally) => Promise<void>,
    purpose: SplitPurpose = 'write',
  ): Promise<WriteCounts> {
    const { mark, removal, onDeferred: _, ...others } = options
    const gone = removal?.rows() ?? []
    const session = await this.#session()
    const rows = this.#sink.rows(session, spec)
    const tally = new Tally(rows.defers ? options : others)
    tally.throwIfAborted()
    if (batches === null && gone.length === 0 && !mark) {
      options.beforeCommit()
      return nothingWritten
    }
    const release = session.bind(options.signal)
    try {
      if (mark?.again && (await isStored(session, mark))) return nothingWritten
      if (batches === null) await session.begin()
      else {
        await rows.begin(purpose)
        await change(session, rows, tally.receive(batches), tally)
        tally.check(spec)
      }
      if (removal) await removeAll(session, removal)
      if (mark) await leaveMark(session, mark, tally.counts)
      tally.throwIfAborted()
      options.beforeCommit()
      const committed = session.commit()
      failpoint('split-committing')
      await committed.catch((thrown: unknown) => Promise.reject(rows.commitError(thrown)))
      failpoint('split-committed')
      return tally.counts
    } catch (thrown) {
      await this.#rollback(session)
      const { table } = spec.table
      const error = session.dialect.error(thrown, `writing table ${table}`, { table })
      this.#forsake(error)
      if (!rows.transactional) throw inDoubt(error)
      // Rows that it removes may be what was too much.
      const onlyRow = gone.length > 0 ? null : tally.onlyRow
      if (error.code !== 'SPLIT_TOO_LARGE' || onlyRow === null) throw error
      if (rows.blamesOnlyRow?.(error) !== true) throw exhausted(error)
      return await this.#transact(
        spec,
        options,
        inOrder([onlyRow]),
        rejecting(tooLargeAlone(spec, onlyRow, error)),
      )
    } finally {
      release()
    }
  }

  /** A server that takes no writes any more may be met again by this session only: others are led to its successor. */
  #forsake({ code }: RowshiftError): void {
    if (code === 'READ_ONLY') this.#slot.drop()
  }

  async close(): Promise<void> {
    await this.#slot.close()
  }

  async #create(spec: PlannedWrite, statements: readonly string[], signal: AbortSignal): Promise<void> {
    if (statements.length === 0) return
    const { table } = spec.table
    let running = ''
    const runEach = async (session: S) => {
      for (running of statements) await (this.#sink.runDdl?.(session, running) ?? session.run(running))
    }
    // A single one leaves nothing behind when it fails.
    const runAll = (session: S) =>
      statements.length === 1 ? runEach(session) : inTransaction(session, () => runEach(session))
    const create = (session: S) => this.#sink.aroundDdl?.(session, () => runAll(session)) ?? runAll(session)
    await this.#using(`creating table ${table}`, create, { table }, signal).catch((thrown: unknown) => {
      throw creationError(thrown, running)
    })
  }

  async #run(
    spec: PlannedWrite,
    what: string,
    statements: readonly string[],
    signal: AbortSignal,
  ): Promise<void> {
    const { table } = spec.table
    for (const [index, statement] of statements.entries()) {
      const run = (session: S) =>
        session.run(statement.replaceAll(/@table\b/g, () => session.dialect.table(table)))
      await this.#using(`${what}[${index}]`, run, { table }, signal)
    }
  }

  #changing(
    doing: string,
    { table: { table } }: PlannedWrite,
    signal: AbortSignal,
    work: (session: S) => Promise<number>,
  ): Promise<number> {
    const change = (session: S) => inTransaction(session, () => work(session))
    return this.#using(`${doing} rows of table ${table}`, change, { table }, signal)
  }

  async #using<T>(
    doing: string,
    work: (session: S) => Promise<T>,
    details: ErrorDetails = {},
    signal?: AbortSignal,
  ): Promise<T> {
    const session = await this.#session()
    const release = signal && session.bind(signal)
    try {
      return await work(session)
    } catch (thrown) {
      const error = session.dialect.error(thrown, `${doing} of ${session.where}`, details)
      this.#forsake(error)
      throw error
    } finally {
      release?.()
    }
  }

  async #session(): Promise<S> {
    if ((await this.#slot.get()).spent) this.#slot.drop()
    return this.#slot.get()
  }

  /** A session that cannot even roll back is cut, which has the same effect. */
  async #rollback(session: S): Promise<void> {
    await session.rollback().catch(() => this.#slot.drop())
  }
}
