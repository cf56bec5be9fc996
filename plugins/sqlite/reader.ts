import { statSync } from 'node:fs'
import type {
  Batch,
  Endpoint,
  ReadSpec,
  Reader,
  ReaderSkills,
  SnapshotLock,
  Split,
  SplitSize,
  TableSchema,
  TableState,
} from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import { keyProbe } from '../../src/sql/key-probe.js'
import { lookupSql } from '../../src/sql/lookup.js'
import { selectSql, splitQuery } from '../../src/sql/select.js'
import { divideRange, splitByKey } from '../../src/sql/splits.js'
import { checkCondition } from '../../src/sql/user-sql.js'
import { describeConnection, fileOf, open } from './connection.js'
import { interrupted, sqliteError } from './errors.js'
import { defineTable, wideColumns } from './definition.js'
import { derive } from './derive.js'
import { checkRefusals, findRefused } from './refused.js'
import { SqliteSession } from './session.js'
import { sampleRows } from './sample.js'
import { describeTable, listTables } from './schema.js'
import { beginWrite } from './waiting.js'
import { belowWatermark, holdsBelow } from './watermark.js'
import { findWindow } from './window.js'

export class SqliteReader implements Reader {
  readonly #endpoint: Endpoint
  readonly #where: string
  #session: SqliteSession | null = null
  readonly skills: ReaderSkills = {
    tables: async () => listTables(this.#open.database),
    checkWhere: async (table, where) => {
      await checkCondition(this.#open, table.table, where)
      return []
    },
    ddl: {
      definition: async (table) =>
        this.#asking(table, 'reading the DDL of table', ({ database }) => defineTable(database, table)),
      wide: async (table) =>
        this.#asking(table, 'looking at the values of table', ({ database }) => wideColumns(database, table)),
    },
    derive: async (table, wanted) => derive(this.#open, table, wanted),
    check: async (spec) =>
      this.#asking(spec.table.table, 'looking at the values of table', (session) =>
        checkRefusals(session, spec),
      ),
    find: (spec, keys, signal) => this.#find(spec, keys, signal),
    state: (spec) => this.#state(spec),
    bound: async (request) =>
      this.#asking(request.table.table, 'looking for what is new in', ({ database, encoding }) =>
        findWindow(database, request, encoding),
      ),
    marks: {
      sample: async (spec, below) =>
        this.#asking(spec.table.table, 'looking at some rows of table', (session) =>
          sampleRows(session, spec, below ? [belowWatermark(below, session.encoding)] : []),
        ),
      holdsBelow: async (request) => holdsBelow(this.#open.database, request, this.#open.encoding),
    },
    snapshot: {
      lock: (_table, signal) => this.#lock(signal),
      begin: () => this.#beginSnapshot(),
    },
  }

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint
    this.#where = describeConnection(endpoint.connection)
  }

  async connect(signal?: AbortSignal): Promise<void> {
    this.#session = await SqliteSession.open(this.#endpoint, 'read', signal)
  }

  async describe(table: string): Promise<TableSchema> {
    try {
      return describeTable(this.#open.database, fileOf(this.#endpoint.connection), table)
    } catch (thrown) {
      throw sqliteError(thrown, `describing table "${table}" of ${this.#where}`, { table })
    }
  }

  #asking<T>(table: string, doing: string, ask: (session: SqliteSession) => T): T {
    try {
      return ask(this.#open)
    } catch (thrown) {
      throw sqliteError(thrown, `${doing} "${table}" of ${this.#where}`, { table })
    }
  }

  /** The page that a table begins at is another one when another table has its name, as a rule. */
  async #state(spec: ReadSpec): Promise<TableState> {
    const { dev, ino } = statSync(fileOf(this.#endpoint.connection))
    const sql = "SELECT rootpage || ' ' || sql FROM sqlite_schema WHERE type = 'table' AND name = ?"
    const table = this.#open.database.value(sql, spec.table.table) as string | undefined
    const schema = String(this.#open.database.value('PRAGMA schema_version'))
    return { identity: `${dev}:${ino} ${table ?? 'gone'}`, bytes: null, schema }
  }

  split(spec: ReadSpec, size: SplitSize, signal: AbortSignal): AsyncIterable<Split> {
    return this.#splits(spec, signal, () => splitByKey(spec, keyProbe(this.#open, spec), size))
  }

  divide(spec: ReadSpec, range: Split, size: SplitSize, signal: AbortSignal): AsyncIterable<Split> {
    return this.#splits(spec, signal, () => divideRange(spec, range, keyProbe(this.#open, spec), size))
  }

  async *#splits(
    spec: ReadSpec,
    signal: AbortSignal,
    splits: () => AsyncIterable<Split>,
  ): AsyncGenerator<Split> {
    const doing = `dividing table "${spec.table.table}" of ${this.#where}`
    try {
      for await (const split of splits()) {
        if (signal.aborted) throw interrupted(doing)
        yield split
      }
    } catch (thrown) {
      throw sqliteError(thrown, doing, { table: spec.table.table })
    }
  }

  read(spec: ReadSpec, split: Split, signal: AbortSignal): AsyncGenerator<Batch> {
    const doing = `reading split ${split.index} of table "${spec.table.table}" of ${this.#where}`
    const query = splitQuery(this.#open.dialect, spec, split)
    return this.#batches(spec, selectSql(query), { doing, split }, signal)
  }

  async *#find(spec: ReadSpec, keys: Batch, signal: AbortSignal): AsyncGenerator<Batch> {
    const doing = `looking for keys in table "${spec.table.table}" of ${this.#where}`
    for (const sql of lookupSql(this.#open.dialect, spec, keys)) {
      yield* this.#batches(spec, sql, { doing, split: null }, signal)
    }
  }

  async *#batches(
    spec: ReadSpec,
    sql: string,
    { doing, split }: { doing: string; split: Split | null },
    signal: AbortSignal,
  ): AsyncGenerator<Batch> {
    const release = this.#open.bind(signal)
    try {
      yield* this.#open.stream(spec, sql)
    } catch (thrown) {
      const details = { table: spec.table.table, ...(split && { split: split.index }) }
      const refused = split && findRefused(this.#open, spec, split, thrown)
      throw refused ?? sqliteError(thrown, doing, details)
    } finally {
      release()
    }
    if (signal.aborted) throw interrupted(doing)
  }

  /** Another connection takes the write lock, so nothing is committed until it lets go. */
  async #lock(signal: AbortSignal): Promise<SnapshotLock> {
    const database = await open(this.#endpoint, 'write', signal)
    try {
      await beginWrite(database, signal)
    } catch (thrown) {
      database.close()
      throw sqliteError(thrown, `locking ${this.#where} against writes for the snapshot`)
    }
    return { position: null, release: async () => database.close() }
  }

  /** The snapshot is taken by the first read, not by BEGIN. */
  async #beginSnapshot(): Promise<void> {
    this.#open.database.exec('BEGIN; SELECT 1 FROM sqlite_schema LIMIT 1')
  }

  async close(): Promise<void> {
    this.#session?.database.close()
    this.#session = null
  }

  get #open(): SqliteSession {
    if (this.#session !== null) return this.#session
    throw new RowshiftError('INTERNAL', `The reader of ${this.#where} is not connected`)
  }
}
