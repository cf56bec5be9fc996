// Cases on a server: all tables are in one database of it.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client, Row } from '../support/client.js'
import { connect } from '../support/client.js'
import { addressOf, query } from '../support/context.js'
import type { TestServer } from '../support/servers.js'
import type { Backend, BackendSql, End, Home, StorePlace, Way } from './backend.js'

/** What a server calls the things that cases ask about. */
interface Words {
  readonly sql: BackendSql
  /** Begins every session of the suite: a session of a run may be suspended in the middle of a transaction. */
  readonly first: string
  drop(database: string): string
  create(database: string): string
  readonly tables: string
  readonly indexes: string
  /** The id of each session in the database but one's own, and what it does. */
  readonly sessions: string
  kill(id: string, what: 'CONNECTION' | 'QUERY'): string
  readonly waiting: string
}

const MYSQL: Words = {
  sql: {
    session: ['SET innodb_lock_wait_timeout = 1, lock_wait_timeout = 5'],
    lockMs: 1_000,
    exact: (column) => `HEX(${column})`,
    // The transaction that has changed fewer rows is given up.
    outlives: ['UPDATE want SET place = 9'],
    takeRows: 'SELECT * FROM dst FOR UPDATE',
  },
  first: 'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
  drop: (database) => `DROP DATABASE IF EXISTS ${database}`,
  create: (database) => `CREATE DATABASE ${database} CHARACTER SET utf8mb4`,
  tables: 'SHOW TABLES',
  indexes:
    "SELECT DISTINCT index_name FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name LIKE 'dst%' AND non_unique = 1",
  sessions:
    'SELECT id, command, time, state, info FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()',
  kill: (id, what) => `KILL ${what} ${id}`,
  waiting: "SELECT 1 FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'",
}

const POSTGRES: Words = {
  sql: {
    session: ["SET lock_timeout = '5s'"],
    lockMs: 5_000,
    exact: (column) => column,
    // The transaction that looks first is given up.
    outlives: ["SET deadlock_timeout = '1min'"],
    // It does not see rows that are not committed.
    takeRows: 'LOCK TABLE dst IN SHARE MODE',
  },
  first: 'SET default_transaction_isolation = "read committed"',
  drop: (database) => `DROP DATABASE IF EXISTS ${database} WITH (FORCE)`,
  create: (database) => `CREATE DATABASE ${database}`,
  tables: 'SELECT tablename FROM pg_tables WHERE schemaname = current_schema()',
  indexes:
    "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema() AND tablename LIKE 'dst%' AND indexdef NOT LIKE 'CREATE UNIQUE%'",
  sessions: `SELECT pid, state, wait_event_type, query FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`,
  kill: (id, what) => `SELECT pg_${what === 'QUERY' ? 'cancel' : 'terminate'}_backend(${id})`,
  waiting: `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
}

export function onServer(server: TestServer, otherStore: Backend['otherStore']): Backend {
  const { kind, version } = server
  const words = kind === 'postgres' ? POSTGRES : MYSQL
  return {
    kind,
    type: typeOf(server),
    version,
    server,
    sql: words.sql,
    home: async (name) => {
      await query(server, words.drop(name))
      await query(server, words.create(name))
      return new ServerHome(server, words, name)
    },
    otherStore,
    stop: () => server.stop(),
  }
}

function typeOf({ kind }: TestServer): 'mysql' | 'postgres' {
  return kind === 'postgres' ? 'postgres' : 'mysql'
}

class ServerHome implements Home {
  readonly #server: TestServer
  readonly #words: Words
  readonly #database: string

  constructor(server: TestServer, words: Words, database: string) {
    this.#server = server
    this.#words = words
    this.#database = database
  }

  get store(): StorePlace {
    return {
      type: typeOf(this.#server),
      run: (sql) => this.run(sql),
      connection: (way) => this.connection('store', way),
    }
  }

  fill(source: string, target: string): Promise<void> {
    return this.run(`${source};\n${target}`)
  }

  async run(sql: string): Promise<void> {
    await this.query(sql)
  }

  query(sql: string): Promise<Row[]> {
    return query(this.#server, `${this.#words.first};\n${sql}`, this.#database)
  }

  session(): Promise<Client> {
    return connect(this.#server.kind, { ...addressOf(this.#server), database: this.#database })
  }

  connection(_end: End, { port, stall }: Way): object {
    const address = addressOf(this.#server)
    return { ...address, port: port ?? address.port, db: this.#database, stall_timeout: stall }
  }

  url(_end: End, table: string, { port, stall }: Way): string {
    const url = new URL(this.#server.url)
    if (port !== undefined) url.port = String(port)
    return `${url.href.replace(/\/$/, '')}/${this.#database}?table=${table}&stall-timeout=${stall}`
  }

  async tables(): Promise<string[]> {
    return (await this.query(this.#words.tables)).map(([name]) => name!)
  }

  async indexes(): Promise<string[]> {
    return (await this.query(this.#words.indexes)).map(([name]) => name!)
  }

  async sessions(): Promise<string[]> {
    // One session asks again and again: the goodbye of each of many would be seen by the next.
    const session = await this.session()
    const others = () => session.query(this.#words.sessions)
    try {
      for (let tries = 0; tries < 200 && (await others()).length > 0; tries++) await sleep(50)
      return (await others()).map((other) => `a session is left: ${JSON.stringify(other)}`)
    } finally {
      await session.end()
    }
  }

  async kill(what: 'CONNECTION' | 'QUERY'): Promise<number> {
    const session = await this.session()
    try {
      const others = await session.query(this.#words.sessions)
      for (const [id] of others) await session.query(this.#words.kill(id!, what)).catch(() => {})
      return others.length
    } finally {
      await session.end()
    }
  }

  async isWaiting(): Promise<boolean> {
    return (await this.query(this.#words.waiting)).length > 0
  }
}
