import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import type {
  Batch,
  DesignRequest,
  Endpoint,
  Message,
  PlannedWrite,
  Sequence,
  SplitMark,
  TableCounts,
  TableDesign,
  TableSchema,
  WritePlan,
  Writer,
  WriterSkills,
  WriteSpec,
} from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import type { SettlementSteps } from '../../src/sql/settlement.js'
import { SqlWriter } from '../../src/sql/sql-writer.js'
import type { Tally } from '../../src/sql/tally.js'
import type { Binding } from './binds.js'
import { bindingOf } from './binds.js'
import type { TextEncoding } from './cells.js'
import { encodingOf } from './cells.js'
import { isStored, leaveMark, SqliteCheckpoints } from './checkpoints.js'
import { describeConnection, fileOf, folderMissing, open } from './connection.js'
import { createTable, inMemory } from './create.js'
import { FAMILY } from './definition.js'
import { designTable } from './design.js'
import type { Database } from './driver.js'
import { requireDriver } from './driver.js'
import { sqliteError } from './errors.js'
import { rowsPerStatement } from './insert.js'
import { quoteName } from './names.js'
import { flagRows, removeRows } from './remove.js'
import { commitRefusal } from './refusals.js'
import { describeTable, findRowidColumn, writeFault, listTables } from './schema.js'
import { openSequence, takeBlock } from './sequence.js'
import { settlementSteps } from './settlement.js'
import { SplitWrite } from './split-write.js'
import { beginWrite, untilFree, untilWritable } from './waiting.js'
import { counted } from '../../src/wire/counted.js'

export class SqliteWriter extends SqlWriter<Database> implements Writer {
  readonly #endpoint: Endpoint
  readonly #where: string
  #database: Database | null = null
  #signal: AbortSignal | undefined
  #splitSignal: AbortSignal | undefined
  #encoding: TextEncoding = 'UTF-8'
  readonly skills: WriterSkills = {
    tables: async () => (this.#database === null ? [] : listTables(this.#database)),
    design: (request) => this.#design(request),
    settle: (spec, rows, options) => this.settle(spec, rows, options),
    deletes: {
      remove: (spec, rows, signal) =>
        removeRows(this.#open, this.#where, { spec, rows, encoding: this.#encoding, signal }),
      flag: (spec, rows, flag, signal) =>
        flagRows(this.#open, this.#where, flag, { spec, rows, encoding: this.#encoding, signal }),
    },
    sequences: {
      open: (sequence) => this.#reserve(sequence, (database) => openSequence(database, sequence)),
      take: (sequence, count) => this.#reserve(sequence, (database) => takeBlock(database, sequence, count)),
    },
    checkpoints: new SqliteCheckpoints(() => [this.#database, this.#where, this.#signal]),
  }

  constructor(endpoint: Endpoint) {
    super()
    this.#endpoint = endpoint
    this.#where = describeConnection(endpoint.connection)
  }

  async connect(signal?: AbortSignal): Promise<void> {
    this.#signal = signal
    requireDriver()
    const file = fileOf(this.#endpoint.connection)
    if (existsSync(file)) await this.#connect('write')
    else if (!existsSync(dirname(file))) throw folderMissing(file)
  }

  async describe(table: string): Promise<TableSchema> {
    const file = fileOf(this.#endpoint.connection)
    if (this.#database === null) await this.#connect('write')
    try {
      const schema = describeTable(this.#open, file, table)
      const fault = writeFault(this.#open, file, table)
      if (fault === null) return schema
      throw new RowshiftError('TABLE_NOT_FOUND', `"${table}" in ${file} is ${fault}`, { table })
    } catch (thrown) {
      throw sqliteError(thrown, `describing table "${table}" of ${this.#where}`, { table })
    }
  }

  async #design(request: DesignRequest): Promise<TableDesign> {
    const file = fileOf(this.#endpoint.connection)
    const { definition } = request
    const wide = definition?.family === FAMILY ? [] : await request.wide()
    return inMemory((scratch) => designTable(request, wide, { file, database: this.#database, scratch }))
  }

  async plan(spec: WriteSpec): Promise<WritePlan> {
    const { table } = spec.table
    const rows = rowsPerStatement(spec.columns.length, spec.writeBatch)
    return {
      path: 'insert',
      reasons: [
        `insert: SQLite has no bulk load; prepared INSERT statements of ${counted(rows, 'row')}, one transaction per split`,
        ...identityReasons(spec),
      ],
      warnings: spec.create ? [] : this.#foreignKeyWarnings(table),
      triggers: spec.create ? [] : this.#triggers(table),
      ...(!spec.create && this.#holdsRows(table) ? { emptiedBy: 'DELETE FROM @table' } : {}),
      facts: { rowid: await this.#rowidColumn(spec) },
    }
  }

  #holdsRows(table: string): boolean {
    return this.#open.value(`SELECT 1 FROM ${quoteName(table)} LIMIT 1`) !== undefined
  }

  async prepare(spec: PlannedWrite, signal: AbortSignal): Promise<void> {
    if (this.#database === null) await this.#connect('create')
    try {
      // Readers and the one writer do not wait for each other in a WAL database. It stays one afterwards.
      await untilFree(this.#open, signal, () => this.#open.exec('PRAGMA journal_mode = WAL'))
    } catch (thrown) {
      throw sqliteError(thrown, `switching ${this.#where} to WAL mode`)
    }
    await this.#create(spec, spec.create?.statements ?? [], signal)
    await this.#run(spec.preSql, spec, 'pre_sql', signal)
  }

  async finish(spec: PlannedWrite, signal: AbortSignal): Promise<void> {
    await this.#create(spec, spec.create?.deferred ?? [], signal)
    await this.#run(spec.postSql, spec, 'post_sql', signal)
  }

  async close(): Promise<void> {
    this.#database?.close()
    this.#database = null
  }

  /** With a snapshot, threads connect before the run makes the file. */
  protected async session(): Promise<Database> {
    if (this.#database === null) await this.#connect('write')
    return this.#open
  }

  protected bind(_database: Database, signal: AbortSignal): () => void {
    this.#splitSignal = signal
    return () => (this.#splitSignal = undefined)
  }

  protected async begin(database: Database, spec: PlannedWrite, settles: boolean): Promise<void> {
    await beginWrite(database, this.#splitSignal)
    // A row may refer to one that comes later in the split. Where refused rows are tolerated, each must be told apart.
    if (settles || spec.errorLimit.record === 0) database.exec('PRAGMA defer_foreign_keys = ON')
  }

  protected async store(
    database: Database,
    spec: PlannedWrite,
    batches: AsyncIterable<Batch>,
    tally: Tally,
  ): Promise<void> {
    const split = new SplitWrite(database, spec, this.#bindings(spec), tally)
    for await (const batch of batches) split.write(batch)
  }

  protected settlement(database: Database, spec: PlannedWrite): SettlementSteps {
    return settlementSteps(database, spec, this.#bindings(spec))
  }

  protected async isStored(database: Database, mark: SplitMark): Promise<boolean> {
    await beginWrite(database, this.#splitSignal)
    try {
      return isStored(database, mark)
    } finally {
      database.exec('ROLLBACK')
    }
  }

  protected async leaveMark(database: Database, mark: SplitMark, counts: TableCounts): Promise<void> {
    leaveMark(database, mark, counts)
  }

  protected async commit(database: Database): Promise<void> {
    database.exec('COMMIT')
  }

  protected commitError(database: Database, spec: PlannedWrite, thrown: unknown): RowshiftError {
    return commitRefusal(database, spec, thrown)
  }

  protected async rollback(database: Database): Promise<void> {
    if (database.inTransaction) database.exec('ROLLBACK')
  }

  protected error(thrown: unknown, doing: string, { table: { table } }: PlannedWrite): RowshiftError {
    return sqliteError(thrown, doing, { table })
  }

  #bindings(spec: PlannedWrite): readonly Binding[] {
    return spec.columns.map((mapping) => bindingOf(mapping, this.#encoding))
  }

  /** Another writer of this thread may hold the lock, so the thread must not be blocked by waiting for it. */
  async #reserve<T>({ name }: Sequence, reserve: (database: Database) => T): Promise<T> {
    const database = this.#open
    try {
      await beginWrite(database, this.#signal)
      const result = reserve(database)
      database.exec('COMMIT')
      return result
    } catch (thrown) {
      if (database.inTransaction) database.exec('ROLLBACK')
      throw sqliteError(thrown, `reserving ids of sequence ${name} in ${this.#where}`)
    }
  }

  async #create(spec: PlannedWrite, statements: readonly string[], signal: AbortSignal): Promise<void> {
    if (statements.length === 0) return
    await untilWritable(this.#open, signal).catch((thrown: unknown) => {
      throw sqliteError(thrown, `creating table "${spec.table.table}"`)
    })
    createTable(this.#open, spec, statements)
  }

  async #run(
    statements: readonly string[],
    spec: PlannedWrite,
    name: string,
    signal: AbortSignal,
  ): Promise<void> {
    for (const statement of statements) {
      try {
        await untilWritable(this.#open, signal)
        this.#open.exec(statement.replaceAll('@table', () => quoteName(spec.table.table)))
      } catch (thrown) {
        throw sqliteError(thrown, `running ${name} "${statement}" on ${this.#where}`, {
          table: spec.table.table,
        })
      }
    }
  }

  async #connect(access: 'write' | 'create'): Promise<void> {
    this.#database = await open(this.#endpoint, access, this.#signal)
    this.#encoding = encodingOf(this.#database)
  }

  #rowidColumn({ create, table }: WriteSpec): string | null | Promise<string | null> {
    const find = (database: Database) =>
      findRowidColumn(database, fileOf(this.#endpoint.connection), table.table)
    if (create === null) return find(this.#open)
    return inMemory((scratch) => {
      scratch.exec(create.statements.filter((sql) => !sql.startsWith('DROP')).join(';\n'))
      return find(scratch)
    })
  }

  #triggers(table: string): string[] {
    const sql = "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE"
    return this.#open.values(sql, table) as string[]
  }

  #foreignKeyWarnings(table: string): Message[] {
    const sql = 'SELECT DISTINCT "table" FROM pragma_foreign_key_list(?)'
    const parents = this.#open.values(sql, table).join(', ')
    if (parents === '') return []
    return [
      {
        text: '"{table}" refers to {parents}: a row whose parent is not there yet fails the run',
        slots: { parents },
      },
    ]
  }

  get #open(): Database {
    if (this.#database !== null) return this.#database
    throw new RowshiftError('INTERNAL', `The writer of ${this.#where} is not connected`)
  }
}

function identityReasons({ writeMode, identity }: WriteSpec): string[] {
  return identity === null
    ? []
    : [`write mode ${writeMode}: rows are matched by the key (${identity.join(', ')})`]
}
