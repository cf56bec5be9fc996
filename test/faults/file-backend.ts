// Cases in files of SQLite: one for each end.
import type { Client, Row } from '../support/client.js'
import { scratchFile } from '../support/copying.js'
import { Database } from '../support/database.js'
import type { Backend, End, Home, StorePlace } from './backend.js'

export function inFiles(otherStore: Backend['otherStore']): Backend {
  return {
    kind: 'sqlite',
    type: 'sqlite',
    version: String(using(':memory:', (database) => database.value('SELECT sqlite_version()'))),
    server: null,
    sql: { session: [], lockMs: 0, exact: (column) => column, outlives: [], takeRows: '' },
    home: async () => new FileHome(),
    otherStore,
    stop: async () => {},
  }
}

/** A task store in a file. */
export function storeIn(path: string): StorePlace {
  return {
    type: 'sqlite',
    run: async (sql) => using(path, (database) => database.exec(sql)),
    connection: () => ({ path }),
  }
}

class FileHome implements Home {
  readonly #paths: Readonly<Record<End, string>> = {
    source: scratchFile('db'),
    target: scratchFile('db'),
    store: scratchFile('db'),
  }

  readonly store = storeIn(this.#paths.store)

  async fill(source: string, target: string): Promise<void> {
    using(this.#paths.source, (database) => database.exec(source))
    await this.run(target)
  }

  async run(sql: string): Promise<void> {
    using(this.#paths.target, (database) => this.#withSource(database).exec(sql))
  }

  async query(sql: string): Promise<Row[]> {
    return using(this.#paths.target, (database) => textsOf(this.#withSource(database).rows(sql)))
  }

  async session(): Promise<Client> {
    const database = new Database(this.#paths.target)
    return {
      query: async (sql) => textsOf(database.rows(sql)),
      end: async () => database.close(),
    }
  }

  connection(end: End): object {
    return { path: this.#paths[end] }
  }

  url(end: End, table: string): string {
    return `sqlite:${this.#paths[end]}?table=${table}`
  }

  async tables(): Promise<string[]> {
    const names = "SELECT name FROM sqlite_schema WHERE type = 'table'"
    return [this.#paths.source, this.#paths.target].flatMap((path) =>
      using(path, (database) => database.column(names) as string[]),
    )
  }

  async indexes(): Promise<string[]> {
    const names = "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL"
    return using(this.#paths.target, (database) => database.column(names) as string[])
  }

  /** Nobody has a file locked. */
  async sessions(): Promise<string[]> {
    try {
      for (const path of Object.values(this.#paths))
        using(path, (database) => database.exec('BEGIN IMMEDIATE; ROLLBACK'))
      return []
    } catch (thrown) {
      return [`a file is locked: ${(thrown as Error).message}`]
    }
  }

  async kill(): Promise<number> {
    return 0
  }

  async isWaiting(): Promise<boolean> {
    return false
  }

  /** Names that the target does not have are looked up in the source. */
  #withSource(database: Database): Database {
    database.run('ATTACH ? AS source', this.#paths.source)
    return database
  }
}

function using<T>(path: string, work: (database: Database) => T): T {
  const database = new Database(path)
  try {
    return work(database)
  } finally {
    database.close()
  }
}

function textsOf(rows: readonly (readonly unknown[])[]): Row[] {
  return rows.map((row) => row.map((value) => (value === null ? null : String(value as string | number))))
}
