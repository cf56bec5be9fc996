// Sources that compute columns: all servers and SQLite, each with a source and a target table.
import { server, servers } from './context.js'
import { TestDatabase, scratchFile } from './copying.js'
import { Database } from './database.js'
import { copyInThisThread, type EngineResult } from './engine.js'

export interface DerivingDatabase {
  readonly label: string
  /** URL of a table. */
  url(table: string): string
  /** Runs statements; the rows of the last one, values as text. */
  query(sql: string): Promise<(string | null)[][]>
}

/** A database of each kind, in which `sql` has been run. */
export async function derivingDatabases(sql: string): Promise<DerivingDatabase[]> {
  const dbs: DerivingDatabase[] = []
  for (const server of servers()) {
    const db = await TestDatabase.create(server, `SET time_zone = '+00:00'; ${sql}`)
    dbs.push({
      label: server.kind,
      url: (table) => db.url(table),
      query: (text) => db.query(text),
    })
  }
  const postgres = await TestDatabase.create(server('postgres'), forPostgres(sql))
  dbs.push({
    label: 'postgres',
    url: (table) => postgres.url(table),
    query: (text) => postgres.query(forPostgres(text)),
  })
  return [...dbs, sqliteDatabase(sql)]
}

/** PostgreSQL has other names for some types. */
function forPostgres(sql: string): string {
  return sql
    .replaceAll(/\bDATETIME\b/g, 'TIMESTAMP')
    .replaceAll(/\bTINYINT\b/g, 'SMALLINT')
    .replaceAll(/ UNSIGNED\b/g, '')
    .replaceAll(/\bDOUBLE\b/g, 'DOUBLE PRECISION')
    .replaceAll(/\bBLOB\b/g, 'BYTEA')
}

function sqliteDatabase(sql: string): DerivingDatabase {
  const file = scratchFile('db')
  const run = (text: string) => {
    const database = new Database(file)
    try {
      const statements = text.split(';').filter((one) => one.trim() !== '')
      const last = statements.pop()!
      database.exec(statements.join(';'))
      const rows = database.rows(last, { exact: true }) as (bigint | number | string | null)[][]
      return rows.map((row) => row.map((cell) => (cell === null ? null : String(cell))))
    } finally {
      database.close()
    }
  }
  run(sql)
  return {
    label: 'sqlite',
    url: (table) => `sqlite:${file}?table=${table}`,
    query: async (text) => run(text),
  }
}

export function derive(db: DerivingDatabase, params: object): Promise<EngineResult> {
  return copyInThisThread(db.url('src'), db.url('dst'), params)
}
