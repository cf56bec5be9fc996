import { statSync } from 'node:fs'
import { BatchBuilder } from '../../src/batch/builder.js'
import type {
  Batch,
  BoundRequest,
  Column,
  Derivation,
  Endpoint,
  Plan,
  ReadPlan,
  Reader,
  SnapshotLock,
  Split,
  SplitSize,
  TableDefinition,
  TableSchema,
  TableState,
  Window,
} from '../../src/plugin.js'
import { RowshiftError } from '../../src/plugin.js'
import { rangeConditions, whereClause } from '../../src/sql/range.js'
import { divideRange, splitByKey } from '../../src/sql/splits.js'
import type { Cell, TextEncoding } from './cells.js'
import { cellOf } from './cells.js'
import { describeConnection, fileOf, open } from './connection.js'
import type { Database, SqliteValue } from './driver.js'
import { interrupted, sqliteError } from './errors.js'
import { addFunctions } from './functions.js'
import { findSql } from './find.js'
import { displayKey, displayValue, keyColumns, keyProbe, literals } from './keys.js'
import { quoteName } from './names.js'
import { defineTable, wideColumns } from './definition.js'
import { derive } from './derive.js'
import { checkRefusals, findRefused } from './refused.js'
import { describeTable, listTables } from './schema.js'
import { checkWhere } from './user-sql.js'
import { beginWrite } from './waiting.js'
import { findWindow } from './window.js'

type Row = readonly SqliteValue[]

export class SqliteReader implements Reader {
  readonly #endpoint: Endpoint
  readonly #where: string
  #database: Database | null = null
  #encoding: TextEncoding = 'UTF-8'

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint
    this.#where = describeConnection(endpoint.connection)
  }

  async connect(signal?: AbortSignal): Promise<void> {
    this.#database = await open(this.#endpoint, 'read', signal)
    this.#encoding = this.#database.pragma('encoding', { simple: true }) as TextEncoding
    addFunctions(this.#database, this.#encoding)
  }

  async describe(table: string): Promise<TableSchema> {
    try {
      return describeTable(this.#open, fileOf(this.#endpoint.connection), table)
    } catch (thrown) {
      throw sqliteError(thrown, `describing table "${table}" of ${this.#where}`, { table })
    }
  }

  async tables(): Promise<readonly string[]> {
    return listTables(this.#open)
  }

  async definition(table: string): Promise<TableDefinition> {
    try {
      return defineTable(this.#open, table)
    } catch (thrown) {
      throw sqliteError(thrown, `reading how table "${table}" of ${this.#where} was created`, { table })
    }
  }

  async wide(table: string): Promise<readonly string[]> {
    try {
      return wideColumns(this.#open, table)
    } catch (thrown) {
      throw sqliteError(thrown, `looking at the values of table "${table}" of ${this.#where}`, { table })
    }
  }

  async checkWhere(table: TableSchema, where: string): Promise<readonly string[]> {
    checkWhere(this.#open, table.table, where)
    return []
  }

  async derive(table: TableSchema, wanted: readonly Derivation[]): Promise<readonly Column[]> {
    return derive(this.#open, table, wanted)
  }

  async check(plan: Plan): Promise<readonly string[]> {
    try {
      return checkRefusals(this.#open, plan)
    } catch (thrown) {
      throw sqliteError(thrown, `looking at the values of table "${plan.source.table}" of ${this.#where}`)
    }
  }

  /** The page that a table begins at is another one when another table has its name, as a rule. */
  async state({ source }: ReadPlan): Promise<TableState> {
    const { dev, ino } = statSync(fileOf(this.#endpoint.connection))
    const sql = "SELECT rootpage || ' ' || sql FROM sqlite_schema WHERE type = 'table' AND name = ?"
    const table = this.#open.prepare(sql).pluck().get(source.table) as string | undefined
    return { identity: `${dev}:${ino} ${table ?? 'gone'}`, bytes: null }
  }

  split(plan: ReadPlan, size: SplitSize, signal: AbortSignal): AsyncIterable<Split> {
    return this.#splits(plan, signal, () =>
      splitByKey(plan, keyProbe(this.#open, plan, this.#encoding), size),
    )
  }

  divide(plan: ReadPlan, range: Split, size: SplitSize, signal: AbortSignal): AsyncIterable<Split> {
    return this.#splits(plan, signal, () =>
      divideRange(plan, range, keyProbe(this.#open, plan, this.#encoding), size),
    )
  }

  async *#splits(
    plan: ReadPlan,
    signal: AbortSignal,
    splits: () => AsyncIterable<Split>,
  ): AsyncGenerator<Split> {
    const doing = `dividing table "${plan.source.table}" of ${this.#where}`
    try {
      for await (const split of splits()) {
        if (signal.aborted) throw interrupted(doing)
        yield split
      }
    } catch (thrown) {
      throw sqliteError(thrown, doing, { table: plan.source.table })
    }
  }

  read(plan: ReadPlan, split: Split, signal: AbortSignal): AsyncGenerator<Batch> {
    const doing = `reading split ${split.index} of table "${plan.source.table}" of ${this.#where}`
    return this.#batches(plan, () => this.#fromSplit(plan, split), { doing, split: split.index }, signal)
  }

  async *find(plan: ReadPlan, keys: Batch, signal: AbortSignal): AsyncGenerator<Batch> {
    const doing = `looking for keys in table "${plan.source.table}" of ${this.#where}`
    for (const from of findSql(plan, keys, this.#encoding)) {
      yield* this.#batches(plan, () => from, { doing }, signal)
    }
  }

  /** `from` makes the part of the query that follows its columns. */
  async *#batches(
    plan: ReadPlan,
    from: () => string,
    { doing, ...more }: { doing: string; split?: number },
    signal: AbortSignal,
  ): AsyncGenerator<Batch> {
    const builder = new BatchBuilder(plan.batch)
    try {
      const cells = plan.columns.map(({ source }) => cellOf(source, this.#encoding))
      // Leaving the loop in whatever way closes the statement.
      for (const row of this.#select(cells, from())) {
        appendRow(builder, plan, cells, row)
        if (!builder.full) continue
        if (signal.aborted) throw interrupted(doing)
        yield builder.take()!
      }
    } catch (thrown) {
      const details = { table: plan.source.table, ...more }
      throw findRefused(this.#open, plan, from(), thrown) ?? sqliteError(thrown, doing, details)
    }
    if (signal.aborted) throw interrupted(doing)
    const last = builder.take()
    if (last !== null) yield last
  }

  async bound(request: BoundRequest): Promise<Window> {
    try {
      return findWindow(this.#open, request, this.#encoding)
    } catch (thrown) {
      throw sqliteError(thrown, `looking for what is new in "${request.table.table}" of ${this.#where}`)
    }
  }

  /** Another connection takes the write lock, so nothing is committed until it lets go. */
  async lock(_table: string, signal: AbortSignal): Promise<SnapshotLock> {
    const database = await open(this.#endpoint, 'write', signal)
    try {
      await beginWrite(database, signal)
    } catch (thrown) {
      database.close()
      throw sqliteError(thrown, `locking ${this.#where} against writes for the snapshot`)
    }
    return { position: null, release: async () => void database.close() }
  }

  /** The snapshot is taken by the first read, not by BEGIN. */
  async beginSnapshot(): Promise<void> {
    this.#open.exec('BEGIN; SELECT 1 FROM sqlite_schema LIMIT 1')
  }

  async close(): Promise<void> {
    this.#database?.close()
    this.#database = null
  }

  #fromSplit(plan: ReadPlan, split: Split): string {
    const range = {
      lower: literals(plan, split.lower, this.#encoding),
      upper: literals(plan, split.upper, this.#encoding),
      nullKey: split.nullKey ?? false,
    }
    const where = whereClause(rangeConditions(keyColumns(plan), range, plan.where, plan.window?.sql))
    return ` FROM ${quoteName(plan.source.table)}${where}`
  }

  #select(cells: readonly Cell[], from: string): Iterable<Row> {
    const sql = `SELECT ${cells.map((cell) => cell.sql).join(', ')}${from}`
    return this.#open.prepare(sql).raw().safeIntegers(true).iterate() as Iterable<Row>
  }

  get #open(): Database {
    if (this.#database !== null) return this.#database
    throw new RowshiftError('INTERNAL', `The reader of ${this.#where} is not connected`)
  }
}

function appendRow(builder: BatchBuilder, plan: ReadPlan, cells: readonly Cell[], row: Row): void {
  for (let i = 0; i < cells.length; i++) {
    const value = row[i]!
    if (value === null) builder.appendNull()
    else if (!cells[i]!.append(builder, value)) throw refusal(plan, row, i)
  }
  builder.endRow()
}

/** SQLite lets any column hold any value; what the column's kind cannot carry ends the run. */
function refusal(plan: ReadPlan, row: Row, index: number): RowshiftError {
  const { source } = plan.columns[index]!
  const { table, keys } = plan.source
  const key = displayKey(
    plan.columns.map((mapping) => mapping.source),
    row,
    plan.key?.columns.map(({ name }) => name) ?? keys[0]?.columns ?? [],
  )
  return new RowshiftError(
    'DATA_REJECTED',
    `Column ${source.name}${source.type === '' ? '' : ` (${source.type})`} of table "${table}" holds ${found(row[index]!)}` +
      `${key === '' ? '' : ` in the row with ${key}`}, which cannot be copied unchanged as ${source.kind}; correct that value first`,
    { table, column: source.name, key },
  )
}

function found(value: SqliteValue): string {
  if (Buffer.isBuffer(value)) return 'a BLOB or text that is not valid'
  if (typeof value === 'number') return `the REAL ${displayValue(value)}`
  if (typeof value === 'bigint') return `the INTEGER ${value}`
  return `the text "${displayValue(value)}"`
}
