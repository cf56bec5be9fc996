import type { Batch, Endpoint, ReadSpec } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import { BatchBuilder } from '../../src/wire/builder.js'
import type { SqlDialect } from '../../src/sql/dialect.js'
import { whereClause } from '../../src/sql/range.js'
import type { SqlRow, SqlSelect, SqlSession } from '../../src/sql/session.js'
import type { Cell } from './cell.js'
import type { TextEncoding } from './cells.js'
import { cellOf, encodingOf } from './cells.js'
import type { Access } from './connection.js'
import { describeConnection, open } from './connection.js'
import { sqliteDialect } from './dialect.js'
import type { Database, Row, SqliteValue } from './driver.js'
import { asBuffer } from './driver.js'
import { interrupted } from './errors.js'
import { addFunctions } from './functions.js'
import { floatText } from './numbers.js'
import { misfitError } from './misfit.js'
import { beginWrite, untilFree, untilWritable } from './waiting.js'

const SEARCH_SECONDS = 2

/** It waits for locks only: what runs does so in this thread until it is over. */
export class SqliteSession implements SqlSession {
  readonly database: Database
  readonly encoding: TextEncoding
  readonly dialect: SqlDialect
  readonly where: string
  readonly #signals = new Set<AbortSignal>()
  /** When the search under way ends. */
  #searchEnd = Infinity

  constructor(database: Database, where: string, signal?: AbortSignal) {
    this.database = database
    this.where = where
    this.encoding = encodingOf(database)
    this.dialect = sqliteDialect(this.encoding)
    if (signal) this.#signals.add(signal)
    addFunctions(database, this.encoding)
    database.perRow('rowshift_in_time', () => {
      if (performance.now() > this.#searchEnd) throw new SearchStopped()
      return 1n
    })
  }

  static async open(
    endpoint: Pick<Endpoint, 'connection' | 'session'>,
    access: Access,
    signal?: AbortSignal,
  ): Promise<SqliteSession> {
    const where = describeConnection(endpoint.connection)
    return new SqliteSession(await open(endpoint, access, signal), where, signal)
  }

  async query(sql: string): Promise<SqlRow[]> {
    const run = () => Array.from(this.database.rows(sql), (row) => row.map(textOf))
    return this.database.inTransaction ? run() : untilFree(this.database, this.#signal, run)
  }

  /** Looks for what the driver takes without a word: more after the statement or after a NUL, and parameters, which would be NULL. */
  async check(sql: string): Promise<void> {
    const { sourceSQL, expandedSQL } = this.database.prepare(sql)
    if (sql.slice(sourceSQL.length).trim() !== '') throw invalid('there is more than one statement')
    if (expandedSQL !== sourceSQL) throw invalid('there is a parameter, and nothing to put into its place')
  }

  /** Waits for the lock first, since a statement that waits keeps this thread from anything else. */
  async run(sql: string): Promise<number> {
    if (!this.database.inTransaction) await untilWritable(this.database, this.#signal)
    this.database.exec(sql)
    return Number(this.database.value('SELECT changes()'))
  }

  /** Nothing ends a query from outside, so a function that is called for each row does. */
  async search(
    { select, from, where, tail = '' }: SqlSelect,
    seconds = SEARCH_SECONDS,
  ): Promise<SqlRow[] | null> {
    this.#searchEnd = performance.now() + seconds * 1000
    try {
      const conditions = whereClause(['rowshift_in_time()', ...where])
      return await this.query(`SELECT ${select.join(', ')} FROM ${from}${conditions}${tail}`)
    } catch (thrown) {
      if (thrown instanceof SearchStopped) return null
      throw thrown
    } finally {
      this.#searchEnd = Infinity
    }
  }

  async *stream(spec: ReadSpec, sql: string): AsyncGenerator<Batch> {
    const builder = new BatchBuilder(spec.batch)
    const cells = spec.columns.map((column) => cellOf(column, this.encoding))
    // Leaving the loop in whatever way closes the statement.
    for (const row of this.database.rows(sql)) {
      appendRow(builder, spec, cells, row)
      if (!builder.full) continue
      this.#checkSignals()
      yield builder.take()!
    }
    const last = builder.take()
    if (last !== null) yield last
  }

  get spent(): boolean {
    return false
  }

  async begin(): Promise<void> {
    await beginWrite(this.database, this.#signal)
  }

  async commit(): Promise<void> {
    this.database.exec('COMMIT')
  }

  async rollback(): Promise<void> {
    if (this.database.inTransaction) this.database.exec('ROLLBACK')
  }

  bind(signal: AbortSignal): () => void {
    if (this.#signals.has(signal)) return () => {}
    this.#signals.add(signal)
    return () => this.#signals.delete(signal)
  }

  destroy(): void {
    this.database.close()
  }

  async close(): Promise<void> {
    this.database.close()
  }

  get #signal(): AbortSignal {
    return AbortSignal.any([...this.#signals])
  }

  #checkSignals(): void {
    for (const { aborted } of this.#signals) if (aborted) throw interrupted(`reading from ${this.where}`)
  }
}

function invalid(message: string): RowshiftError {
  return new RowshiftError('PARAMS_INVALID', message)
}

class SearchStopped extends Error {}

function textOf(value: SqliteValue): string | null {
  if (value instanceof Uint8Array) return asBuffer(value).toString('hex')
  if (typeof value === 'number') return floatText(value)
  return value === null ? null : String(value)
}

function appendRow(builder: BatchBuilder, spec: ReadSpec, cells: readonly Cell[], row: Row): void {
  for (let i = 0; i < cells.length; i++) {
    const value = row[i]!
    if (value === null) builder.appendNull()
    else if (!cells[i]!.append(builder, value)) throw misfitError(spec, row, i)
  }
  builder.endRow()
}
