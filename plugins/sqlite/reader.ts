import { statSync } from 'node:fs'
import type { Endpoint, ReadSpec, Snapshot, TableState } from '../../src/contract/plugin.js'
import type { SqlSource } from '../../src/sql/sql-source.js'
import { describeConnection, open } from './connection.js'
import { listForeignKeys } from './foreign-keys.js'
import { FAMILY, readSourceDdl, wideColumns } from './source-ddl.js'
import { derive } from './derive.js'
import { sqliteError } from './errors.js'
import { listObjects, objectDdl } from './objects.js'
import { quoteName } from './names.js'
import { describeTable, listTables } from './schema.js'
import { SqliteSession } from './session.js'
import { tableTraits } from './table-traits.js'
import { beginWrite } from './waiting.js'
import { windowSource } from './window.js'

export const sqliteSource: SqlSource<SqliteSession> = {
  open: (endpoint, signal) => SqliteSession.open(endpoint, 'read', signal),
  describe: async ({ database }, table) => describeTable(database, database.file, table),
  tables: async ({ database }) => listTables(database),
  sourceDdl: async ({ database }, table) => readSourceDdl(database, table),
  wideColumns,
  traits: async (_session, elsewhere, own) => tableTraits(elsewhere, own),
  derive,
  explain: async (session, sql) =>
    (await session.query(`EXPLAIN QUERY PLAN ${sql}`)).map((row) => row.at(-1) ?? ''),
  state,
  sampleDigest,
  foreignKeys: { family: FAMILY, list: async ({ database }) => listForeignKeys(database) },
  objects: {
    family: FAMILY,
    list: async ({ database }) => listObjects(database),
    ddl: async ({ database }, object) => objectDdl(database, object),
  },
  windows: windowSource,
  beginSnapshot,
  /** The snapshot is taken by the first read, not by BEGIN. */
  joinSnapshot: async ({ database }) => database.exec('BEGIN; SELECT 1 FROM sqlite_schema LIMIT 1'),
}

/** The page that a table begins at is another one when another table has its name, as a rule. */
async function state({ database }: SqliteSession, table: string): Promise<TableState> {
  const { dev, ino } = statSync(database.file)
  const sql = "SELECT rootpage || ' ' || sql FROM sqlite_schema WHERE type = 'table' AND name = ?"
  const found = database.value(sql, table) as string | undefined
  const schema = String(database.value('PRAGMA schema_version'))
  return { identity: `${dev}:${ino} ${found ?? 'gone'}`, bytes: null, schema }
}

/** `quote` tells values of all classes apart. */
function sampleDigest({ columns }: ReadSpec): string {
  const values = columns.map(({ name }) => `quote(${quoteName(name)})`).join(` || ',' || `)
  return `substr(rowshift_sha256(CAST(${values} AS BLOB), 0, x''), 1, 16)`
}

/** Another connection takes the write lock, so nothing is committed until it lets go. */
async function beginSnapshot(
  endpoint: Endpoint,
  _tables: readonly string[],
  signal: AbortSignal,
): Promise<Snapshot> {
  const database = await open(endpoint, 'write', signal)
  try {
    await beginWrite(database, signal)
  } catch (thrown) {
    database.close()
    const where = describeConnection(endpoint.connection)
    throw sqliteError(thrown, `locking ${where} against writes for the snapshot`)
  }
  return { token: null, position: null, release: async () => database.close() }
}
