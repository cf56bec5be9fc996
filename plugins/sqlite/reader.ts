import { statSync } from 'node:fs'
import { BatchBuilder } from '../../src/wire/builder.js'
import type {
  Batch,
  BoundRequest,
  Column,
  Derivation,
  Endpoint,
  ReadSpec,
  Reader,
  SnapshotLock,
  Split,
  SplitSize,
  TableDefinition,
  TableSchema,
  TableState,
  Window,
} from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import { rangeConditions, whereClause } from '../../src/sql/range.js'
import { divideRange, splitByKey } from '../../src/sql/splits.js'
import type { Cell } from './cell.js'
import type { TextEncoding } from './cells.js'
import { cellOf, encodingOf } from './cells.js'
import { describeConnection, fileOf, open } from './connection.js'
import type { Database, Row, SqliteValue } from './driver.js'
import { interrupted, sqliteError } from './errors.js'
import { addFunctions } from './functions.js'
import { findSql } from './find.js'
import { displayKey, displayValue, keyColumns, keyProbe, literals } from './keys.js'
import { quoteName } from './names.js'
import { defineTable, wideColumns } from './definition.js'
import { derive } from './derive.js'
import { checkRefusals, findRefused } from './refused.js'
import { sampleRows } from './sample.js'
import { describeTable, listTables } from './schema.js'
import { checkWhere } from './user-sql.js'
import { beginWrite } from './waiting.js'
import { belowWatermark, holdsBelow } from './watermark.js'
import { findWindow } from './window.js'

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
    this.#encoding = encodingOf(this.#database)
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

  async check(spec: ReadSpec): Promise<readonly string[]> {
    try {
      return checkRefusals(this.#open, spec)
    } catch (thrown) {
      throw sqliteError(thrown, `looking at the values of table "${spec.table.table}" of ${this.#where}`)
    }
  }

  /** The page that a table begins at is another one when another table has its name, as a rule. */
  async state(spec: ReadSpec): Promise<TableState> {
    const { dev, ino } = statSync(fileOf(this.#endpoint.connection))
    const sql = "SELECT rootpage || ' ' || sql FROM sqlite_schema WHERE type = 'table' AND name = ?"
    const table = this.#open.value(sql, spec.table.table) as string | undefined
    const schema = String(this.#open.value('PRAGMA schema_version'))
    return { identity: `${dev}:${ino} ${table ?? 'gone'}`, bytes: null, schema }
  }

  async sample(spec: ReadSpec, below?: BoundRequest): Promise<readonly string[]> {
    try {
      return sampleRows(this.#open, spec, below ? [belowWatermark(below, this.#encoding)] : [])
    } catch (thrown) {
      throw sqliteError(thrown, `looking at some rows of table "${spec.table.table}" of ${this.#where}`)
    }
  }

  async holdsBelow(request: BoundRequest): Promise<boolean> {
    return holdsBelow(this.#open, request, this.#encoding)
  }

  split(spec: ReadSpec, size: SplitSize, signal: AbortSignal): AsyncIterable<Split> {
    return this.#splits(spec, signal, () =>
      splitByKey(spec, keyProbe(this.#open, spec, this.#encoding), size),
    )
  }

  divide(spec: ReadSpec, range: Split, size: SplitSize, signal: AbortSignal): AsyncIterable<Split> {
    return this.#splits(spec, signal, () =>
      divideRange(spec, range, keyProbe(this.#open, spec, this.#encoding), size),
    )
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
    return this.#batches(spec, () => this.#fromSplit(spec, split), { doing, split: split.index }, signal)
  }

  async *find(spec: ReadSpec, keys: Batch, signal: AbortSignal): AsyncGenerator<Batch> {
    const doing = `looking for keys in table "${spec.table.table}" of ${this.#where}`
    for (const from of findSql(spec, keys, this.#encoding)) {
      yield* this.#batches(spec, () => from, { doing }, signal)
    }
  }

  /** `from` makes the part of the query that follows its columns. */
  async *#batches(
    spec: ReadSpec,
    from: () => string,
    { doing, ...more }: { doing: string; split?: number },
    signal: AbortSignal,
  ): AsyncGenerator<Batch> {
    const builder = new BatchBuilder(spec.batch)
    try {
      const cells = spec.columns.map((column) => cellOf(column, this.#encoding))
      // Leaving the loop in whatever way closes the statement.
      for (const row of this.#select(cells, from())) {
        appendRow(builder, spec, cells, row)
        if (!builder.full) continue
        if (signal.aborted) throw interrupted(doing)
        yield builder.take()!
      }
    } catch (thrown) {
      const details = { table: spec.table.table, ...more }
      throw findRefused(this.#open, spec, from(), thrown) ?? sqliteError(thrown, doing, details)
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
    return { position: null, release: async () => database.close() }
  }

  /** The snapshot is taken by the first read, not by BEGIN. */
  async beginSnapshot(): Promise<void> {
    this.#open.exec('BEGIN; SELECT 1 FROM sqlite_schema LIMIT 1')
  }

  async close(): Promise<void> {
    this.#database?.close()
    this.#database = null
  }

  #fromSplit(spec: ReadSpec, split: Split): string {
    const range = {
      lower: literals(spec, split.lower, this.#encoding),
      upper: literals(spec, split.upper, this.#encoding),
      nullKey: split.nullKey ?? false,
    }
    const where = whereClause(rangeConditions(keyColumns(spec), range, spec.where, spec.window?.sql))
    return ` FROM ${quoteName(spec.table.table)}${where}`
  }

  #select(cells: readonly Cell[], from: string): Iterable<Row> {
    const sql = `SELECT ${cells.map((cell) => cell.sql).join(', ')}${from}`
    return this.#open.rows(sql)
  }

  get #open(): Database {
    if (this.#database !== null) return this.#database
    throw new RowshiftError('INTERNAL', `The reader of ${this.#where} is not connected`)
  }
}

function appendRow(builder: BatchBuilder, spec: ReadSpec, cells: readonly Cell[], row: Row): void {
  for (let i = 0; i < cells.length; i++) {
    const value = row[i]!
    if (value === null) builder.appendNull()
    else if (!cells[i]!.append(builder, value)) throw refusal(spec, row, i)
  }
  builder.endRow()
}

/** SQLite lets any column hold any value; what the column's kind cannot carry ends the run. */
function refusal(spec: ReadSpec, row: Row, index: number): RowshiftError {
  const column = spec.columns[index]!
  const { table, keys } = spec.table
  const key = displayKey(
    spec.columns,
    row,
    spec.key?.columns.map(({ name }) => name) ?? keys[0]?.columns ?? [],
  )
  return new RowshiftError(
    'DATA_REJECTED',
    `Column ${column.name}${column.type === '' ? '' : ` (${column.type})`} of table "${table}" holds ${found(row[index]!)}` +
      `${key === '' ? '' : ` in the row with ${key}`}, which cannot be copied unchanged as ${column.kind}; correct that value first`,
    { table, column: column.name, key },
  )
}

function found(value: SqliteValue): string {
  if (value instanceof Uint8Array) return 'a BLOB or text that is not valid'
  if (typeof value === 'number') return `the REAL ${displayValue(value)}`
  if (typeof value === 'bigint') return `the INTEGER ${value}`
  return `the text "${displayValue(value)}"`
}
