import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Endpoint, WritePlan, WriteSpec } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import { sqliteForeignKeys } from './foreign-keys.js'
import { sqliteIndexes } from './indexes.js'
import type { RowStore, SqlSink } from '../../src/sql/sql-sink.js'
import { counted } from '../../src/wire/counted.js'
import { bindingOf } from './binds.js'
import { checkFile, describeConnection, fileOf, folderMissing, open } from './connection.js'
import { inMemory } from './create.js'
import { FAMILY } from './source-ddl.js'
import { planCreateTable } from './create-table-plan.js'
import { Database, requireDriver } from './driver.js'
import { sqliteError } from './errors.js'
import { sqliteObjects } from './objects.js'
import { rowsPerStatement } from './insert.js'
import { commitError } from './row-errors.js'
import { describeTable, findRowidColumn, listTables, writeFault } from './schema.js'
import { SqliteSession } from './session.js'
import { settlementSteps } from './settlement.js'
import { SplitWrite } from './split-write.js'
import { untilFree } from './waiting.js'

export function sqliteSink(endpoint: Endpoint): SqlSink<SqliteSession> {
  const file = fileOf(endpoint.connection)
  return {
    open: openForWriting,

    async describe({ database }, table) {
      checkFile(file, 'write')
      const schema = describeTable(database, file, table)
      const fault = writeFault(database, file, table)
      if (fault === null) return schema
      throw new RowshiftError('TABLE_NOT_FOUND', `"${table}" in ${file} is ${fault}`, { table })
    },

    tables: async ({ database }) => listTables(database),

    family: FAMILY,

    planCreateTable: async ({ database }, request, wide) =>
      inMemory((scratch) => planCreateTable(request, wide, { file, database, scratch })),

    plan: async ({ database }, spec) => planWrite(database, file, spec),

    async prepare(at, signal) {
      const database = await open(at, 'create', signal)
      try {
        // Readers and the one writer do not wait for each other in a WAL database. It stays one afterwards.
        await untilFree(database, signal, () => database.exec('PRAGMA journal_mode = WAL'))
      } catch (thrown) {
        throw sqliteError(thrown, `switching ${describeConnection(at.connection)} to WAL mode`)
      } finally {
        database.close()
      }
    },

    async aroundDdl({ database }, work) {
      // Else DROP TABLE would delete the rows of other tables that refer to it.
      const foreignKeys = database.value('PRAGMA foreign_keys') === 1n
      database.exec('PRAGMA foreign_keys = OFF')
      try {
        await work()
      } finally {
        database.exec(`PRAGMA foreign_keys = ${foreignKeys ? 'ON' : 'OFF'}`)
      }
    },

    foreignKeys: sqliteForeignKeys,
    objects: sqliteObjects,
    indexes: sqliteIndexes,

    rows(session, spec): RowStore {
      const { database, encoding } = session
      const bindings = spec.columns.map((mapping) => bindingOf(mapping, encoding))
      return {
        transactional: true,
        defers: true,
        async begin(purpose) {
          await session.begin()
          // A row may refer to one that comes later in the split. Where rejected rows are tolerated, each must be told apart.
          if (purpose === 'settlement' || spec.errorLimit.record === 0)
            database.exec('PRAGMA defer_foreign_keys = ON')
        },
        async write(batches, tally) {
          const split = new SplitWrite(database, spec, bindings, tally)
          for await (const batch of batches) split.write(batch)
        },
        settlement: () => settlementSteps(database, spec, bindings),
        commitError: (thrown) => commitError(database, spec, thrown),
      }
    },
  }
}

async function openForWriting(endpoint: Endpoint, signal: AbortSignal | undefined): Promise<SqliteSession> {
  requireDriver()
  const file = fileOf(endpoint.connection)
  if (existsSync(file)) return SqliteSession.open(endpoint, 'write', signal)
  if (!existsSync(dirname(file))) throw folderMissing(file)
  return new MissingFile(file, describeConnection(endpoint.connection), signal)
}

/** An empty database, until the file is there. With a snapshot, threads connect before the run makes it. */
class MissingFile extends SqliteSession {
  readonly #file: string

  constructor(file: string, where: string, signal: AbortSignal | undefined) {
    super(new Database(':memory:'), where, signal)
    this.#file = file
  }

  override get spent(): boolean {
    return existsSync(this.#file)
  }
}

function planWrite(database: Database, file: string, spec: WriteSpec): WritePlan {
  const { columns, writeMode, identity } = spec
  const rows = rowsPerStatement(columns.length, spec.writeBatch)
  return {
    path: 'insert',
    reasons: [
      `insert: SQLite has no bulk load; prepared INSERT statements of ${counted(rows, 'row')}, one transaction per split`,
      ...(identity ? [`write mode ${writeMode}: rows are matched by the key (${identity.join(', ')})`] : []),
    ],
    warnings: [],
    facts: { rowid: rowidColumn(database, file, spec) },
  }
}

function rowidColumn(database: Database, file: string, { create, table }: WriteSpec): string | null {
  if (create === null) return findRowidColumn(database, file, table.table)
  return inMemory((scratch) => {
    scratch.exec(create.statements.filter((sql) => !sql.startsWith('DROP')).join(';\n'))
    return findRowidColumn(scratch, file, table.table)
  })
}
