import type {
  Batch,
  Digest,
  DigestForms,
  Endpoint,
  ReadSpec,
  Reader,
  ReaderSkills,
  Split,
  SplitOutline,
  SplitSize,
  TableSchema,
} from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import { whereClause } from '../../src/sql/range.js'
import { keyProbe } from '../../src/sql/key-probe.js'
import { lookupSql } from '../../src/sql/lookup.js'
import { selectSql, splitQuery, splitRows } from '../../src/sql/select.js'
import { divideRange, explainSteps, splitByKey } from '../../src/sql/splits.js'
import type { Session } from './connection.js'
import { mysqlDialect } from './dialect.js'
import { defineTable, wideColumns } from './definition.js'
import { derive } from './derive.js'
import { digestForms, digestOf, digestSelect, rowDigest } from './digest.js'
import { mapError } from './errors.js'
import { findLoss } from './loss-search.js'
import { checkSource } from './preflight.js'
import { explainQuery } from './explain.js'
import { checkRefusals, readError } from './refused.js'
import { sampleRows } from './sample.js'
import { describeTable, listTables } from './schema.js'
import { SessionSlot } from './session-slot.js'
import { lockWrites } from './snapshot.js'
import { tableState } from './table-state.js'
import { checkWhere } from './user-sql.js'
import { findWindow, holdsBelow } from './window.js'
import { computed, inUtc, openInZone, zoneWarnings } from './zones.js'

export class MysqlReader implements Reader {
  readonly #endpoint: Endpoint
  readonly #session: SessionSlot
  #inSnapshot = false
  readonly skills: ReaderSkills = {
    tables: async () => listTables(await this.#open()),
    checkWhere: async (table, where) => checkWhere(await this.#open(), this.#endpoint, table, where),
    ddl: {
      definition: async (table) => defineTable(await this.#open(), table),
      wide: async (table) => wideColumns(await this.#open(), table),
    },
    derive: async (table, wanted) => derive(await this.#open(), table, wanted),
    findLoss: async (table, column, where) => findLoss(await this.#open(), table, column, where),
    check: async (spec, write, allColumns) => {
      const session = await this.#open()
      const late = await checkRefusals(session, spec)
      const found = await checkSource(session, spec, write, allColumns)
      return [...late, ...found, ...(await zoneWarnings(session, this.#endpoint, spec.table, computed(spec)))]
    },
    find: (spec, keys, signal) => this.#find(spec, keys, signal),
    outline: (spec) => this.#outline(spec),
    state: async ({ table }) => tableState(await this.#open(), table.table),
    bound: (request) => findWindow(this.#endpoint, request, this.#session.signal),
    marks: {
      sample: async (spec, below) => sampleRows(await this.#open(), spec, below),
      holdsBelow: (request) => holdsBelow(this.#endpoint, request, this.#session.signal),
    },
    digest: {
      forms: async (spec) => digestForms(await this.#open(), spec),
      ofSplit: (spec, forms, split, signal) => this.#digest(spec, forms, split, signal),
      ofRows: async (spec, forms) => rowDigest(await this.#open(), spec, forms),
    },
    snapshot: {
      lock: (table, signal) => lockWrites(this.#endpoint, table, signal),
      begin: () => this.#beginSnapshot(),
    },
  }

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint
    this.#session = new SessionSlot(endpoint, openInZone)
  }

  async connect(signal?: AbortSignal): Promise<void> {
    this.#session.signal = signal
    await this.#open()
  }

  async describe(table: string): Promise<TableSchema> {
    return inUtc(this.#endpoint, await describeTable(await this.#open(), table))
  }

  async #outline(spec: ReadSpec): Promise<SplitOutline> {
    const session = await this.#open()
    const strategy = await explainSteps(spec, keyProbe(session, spec))
    const first = await splitByKey(spec, keyProbe(session, spec), () => spec.splitRows).next()
    if (first.done) return { strategy, query: null, explain: [] }
    const query = selectSql(splitQuery(session.dialect, spec, first.value))
    return { strategy, query, explain: await explainQuery(session, query) }
  }

  split(spec: ReadSpec, size: SplitSize, signal: AbortSignal): AsyncIterable<Split> {
    return this.#splits(signal, (session) => splitByKey(spec, keyProbe(session, spec), size))
  }

  divide(spec: ReadSpec, range: Split, size: SplitSize, signal: AbortSignal): AsyncIterable<Split> {
    return this.#splits(signal, (session) => divideRange(spec, range, keyProbe(session, spec), size))
  }

  async *#splits(
    signal: AbortSignal,
    splits: (session: Session) => AsyncIterable<Split>,
  ): AsyncGenerator<Split> {
    const session = await this.#open()
    const release = session.bind(signal)
    try {
      yield* splits(session)
    } finally {
      release()
    }
  }

  read(spec: ReadSpec, split: Split, signal: AbortSignal): AsyncIterable<Batch> {
    return this.#select(spec, selectSql(splitQuery(mysqlDialect, spec, split)), split, signal)
  }

  async *#find(spec: ReadSpec, keys: Batch, signal: AbortSignal): AsyncIterable<Batch> {
    for (const sql of lookupSql(mysqlDialect, spec, keys)) yield* this.#select(spec, sql, null, signal)
  }

  async *#select(
    spec: ReadSpec,
    sql: string,
    split: Split | null,
    signal: AbortSignal,
  ): AsyncGenerator<Batch> {
    const session = await this.#open()
    const release = session.bind(signal)
    try {
      yield* session.stream(spec, sql)
      // All rows may have been here before the interruption reached the server.
      if (signal.aborted) throw new RowshiftError('INTERRUPTED', 'Interrupted while reading.')
    } catch (error) {
      if (signal.aborted) throw new RowshiftError('INTERRUPTED', 'Interrupted while reading.')
      throw await readError(session, error, spec, split, 'reading')
    } finally {
      release()
      if (session.spent) this.#session.drop()
    }
  }

  async #digest(
    spec: ReadSpec,
    forms: DigestForms,
    split: Split,
    signal: AbortSignal,
  ): Promise<Digest | null> {
    const session = await this.#open()
    const release = session.bind(signal)
    try {
      const select = await digestSelect(session, spec, forms)
      const { from, where } = splitRows(mysqlDialect, spec, split)
      const [row] = await session.query(`${select} FROM ${from}${whereClause(where)}`)
      return digestOf(row![0]!, row![1] ?? null)
    } catch (error) {
      throw await readError(session, error, spec, split, 'computing the digest of')
    } finally {
      release()
    }
  }

  async #beginSnapshot(): Promise<void> {
    const session = await this.#open()
    try {
      await session.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ')
      await session.query('START TRANSACTION WITH CONSISTENT SNAPSHOT')
    } catch (error) {
      throw mapError(error, `beginning a snapshot of ${session.where}`)
    }
    this.#inSnapshot = true
    session.inSnapshot = true
  }

  async close(): Promise<void> {
    await this.#session.close()
  }

  async #open(): Promise<Session> {
    if (this.#inSnapshot && this.#session.empty) {
      throw new RowshiftError(
        'CONNECTION_LOST',
        'The connection that held the snapshot is gone, and the snapshot with it. Run again, into an empty target or with write mode "upsert".',
      )
    }
    return this.#session.get()
  }
}
