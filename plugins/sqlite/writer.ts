import { setTimeout as delay } from 'node:timers/promises'
import { forEachRow } from '../../src/batch/cells.js'
import type {
  Batch,
  Endpoint,
  Plan,
  PlanDraft,
  TableSchema,
  WriteCounts,
  WriteOptions,
  WritePlan,
  Writer,
} from '../../src/plugin.js'
import { nothingWritten, RowshiftError } from '../../src/plugin.js'
import type { Binding } from './binds.js'
import { bindingOf } from './binds.js'
import type { TextEncoding } from './cells.js'
import { BUSY_TIMEOUT_MS, describeConnection, fileOf, open } from './connection.js'
import type { Database } from './driver.js'
import { interrupted, sqliteCode, sqliteError } from './errors.js'
import { RowInserter, rowsPerStatement } from './insert.js'
import { quoteName } from './names.js'
import { commitRefusal, nullRowidRefusal, rowRefusal, valueRefusal } from './refusals.js'
import { describeTable, findRowidColumn, isView } from './schema.js'

const LOCK_POLL_MS = 10

export class SqliteWriter implements Writer {
  readonly #endpoint: Endpoint
  readonly #where: string
  #database: Database | null = null
  #encoding: TextEncoding = 'UTF-8'

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint
    this.#where = describeConnection(endpoint.connection)
  }

  async connect(): Promise<void> {
    this.#database = await open(this.#endpoint, 'write')
    this.#encoding = this.#database.pragma('encoding', { simple: true }) as TextEncoding
  }

  async describe(table: string): Promise<TableSchema> {
    const file = fileOf(this.#endpoint.connection)
    try {
      const schema = describeTable(this.#open, file, table)
      if (!isView(this.#open, file, table)) return schema
    } catch (thrown) {
      throw sqliteError(thrown, `describing table "${table}" of ${this.#where}`, { table })
    }
    throw new RowshiftError(
      'TABLE_NOT_FOUND',
      `"${table}" in ${file} is a view; rows can be written to a table only`,
      { table },
    )
  }

  async plan(draft: PlanDraft, writePath: string): Promise<WritePlan> {
    if (writePath !== 'auto' && writePath !== 'insert') {
      const message = `write_path "${writePath}" is not available for SQLite; leave it out or write "insert"`
      throw new RowshiftError('PARAMS_INVALID', message, { path: 'write_path' })
    }
    const { table } = draft.target
    const rows = rowsPerStatement(draft.columns.length, draft.writeBatch)
    return {
      path: 'insert',
      reasons: [
        `insert: SQLite has no bulk load; prepared INSERT statements of ${rows} rows, one transaction per split`,
      ],
      warnings: this.#foreignKeyWarnings(table),
      triggers: this.#triggers(table),
      facts: { rowid: findRowidColumn(this.#open, fileOf(this.#endpoint.connection), table) },
    }
  }

  async prepare(plan: Plan): Promise<void> {
    try {
      // Readers and the one writer do not wait for each other in a WAL database. It stays one afterwards.
      this.#open.pragma('journal_mode = WAL')
    } catch (thrown) {
      throw sqliteError(thrown, `switching ${this.#where} to WAL mode`)
    }
    this.#run(plan.preSql, plan, 'pre_sql')
  }

  async write(plan: Plan, batches: AsyncIterable<Batch>, options: WriteOptions): Promise<WriteCounts> {
    const { signal } = options
    const doing = `writing to table "${plan.target.table}" of ${this.#where}`
    const bindings = plan.columns.map((mapping) => bindingOf(mapping, this.#encoding))
    const database = this.#open
    let inserter: RowInserter | null = null
    let received = 0
    try {
      for await (const batch of batches) {
        if (signal.aborted) throw interrupted(doing)
        inserter ??= await this.#begin(plan, bindings, signal, doing)
        insertBatch(inserter, plan, bindings, batch)
        received += batch.rows
        options.onProgress(received)
      }
      if (signal.aborted) throw interrupted(doing)
      if (inserter === null) return nothingWritten
      if (inserter.stored !== received) throw countMismatch(plan, received, inserter.stored)
      commit(database, plan)
      return { ...nothingWritten, rowsWritten: received }
    } catch (thrown) {
      if (database.inTransaction) database.exec('ROLLBACK')
      throw sqliteError(thrown, doing, { table: plan.target.table })
    }
  }

  async finish(plan: Plan): Promise<void> {
    this.#run(plan.postSql, plan, 'post_sql')
  }

  async close(): Promise<void> {
    this.#database?.close()
    this.#database = null
  }

  /** Waits for the write lock without blocking the thread, so that an abort is noticed. */
  async #begin(
    plan: Plan,
    bindings: readonly Binding[],
    signal: AbortSignal,
    doing: string,
  ): Promise<RowInserter> {
    const database = this.#open
    const end = Date.now() + BUSY_TIMEOUT_MS
    database.pragma('busy_timeout = 0')
    try {
      while (!tryBegin(database, end)) {
        await delay(LOCK_POLL_MS)
        if (signal.aborted) throw interrupted(doing)
      }
    } finally {
      database.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`)
    }
    // A row may refer to one that comes later in the split.
    database.pragma('defer_foreign_keys = ON')
    return new RowInserter(database, plan, bindings, (values, thrown) =>
      rowRefusal(database, plan, bindings, values, thrown),
    )
  }

  #run(statements: readonly string[], plan: Plan, name: string): void {
    for (const statement of statements) {
      try {
        this.#open.exec(statement.replaceAll('@table', () => quoteName(plan.target.table)))
      } catch (thrown) {
        throw sqliteError(thrown, `running ${name} "${statement}" on ${this.#where}`, {
          table: plan.target.table,
        })
      }
    }
  }

  #triggers(table: string): string[] {
    const sql = "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE"
    return this.#open.prepare(sql).pluck().all(table) as string[]
  }

  #foreignKeyWarnings(table: string): string[] {
    const sql = 'SELECT DISTINCT "table" FROM pragma_foreign_key_list(?)'
    const parents = this.#open.prepare(sql).pluck().all(table) as string[]
    if (parents.length === 0) return []
    return [`"${table}" refers to ${parents.join(', ')}: a row whose parent is not there yet fails the run`]
  }

  get #open(): Database {
    if (this.#database !== null) return this.#database
    throw new RowshiftError('INTERNAL', `The writer of ${this.#where} is not connected`)
  }
}

function tryBegin(database: Database, end: number): boolean {
  try {
    database.exec('BEGIN IMMEDIATE')
    return true
  } catch (thrown) {
    if (!sqliteCode(thrown)?.startsWith('SQLITE_BUSY') || Date.now() >= end) throw thrown
    return false
  }
}

function insertBatch(inserter: RowInserter, plan: Plan, bindings: readonly Binding[], batch: Batch): void {
  const rowid = plan.columns.findIndex(({ target }) => target.name === plan.write.facts['rowid'])
  let rows = 0
  forEachRow(batch, (cells) => {
    if (cells.length !== bindings.length) {
      const message = `A row of ${cells.length} cells arrived for ${bindings.length} columns of "${plan.target.table}"`
      throw new RowshiftError('INTERNAL', message)
    }
    for (let i = 0; i < bindings.length; i++) {
      const cell = cells[i]!
      const value = cell === null ? null : bindings[i]!.bind(cell)
      if (value === undefined) throw valueRefusal(plan, i, cells)
      if (value === null && i === rowid) throw nullRowidRefusal(plan, plan.columns[i]!.target.name, cells)
      inserter.push(value)
    }
    inserter.endRow()
    rows++
  })
  inserter.flush()
  if (rows !== batch.rows) throw countMismatch(plan, batch.rows, rows)
}

function commit(database: Database, plan: Plan): void {
  try {
    database.exec('COMMIT')
  } catch (thrown) {
    throw commitRefusal(database, plan, thrown)
  }
}

function countMismatch(plan: Plan, received: number, stored: number): RowshiftError {
  const { table } = plan.target
  const message =
    `Table "${table}" took ${stored} of ${received} rows, so the split was rolled back; ` +
    'look for a trigger on the table that drops rows'
  return new RowshiftError('COUNT_MISMATCH', message, { table, received, stored })
}
