/** SQLite as Node.js brings it. */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { RowshiftError } from '../../src/contract/plugin.js'

export type Statement = StatementSync
/** What a query gives, and what a statement can be given. For text see `changedByDriver`. */
export type SqliteValue = null | bigint | number | string | Uint8Array
export type Row = readonly SqliteValue[]

type Driver = typeof import('node:sqlite')

let loaded: Driver | null = null

/**
 * SQL: whether a text would not come as it is. The driver makes U+FFFD of what is not UTF-8, so that nobody can tell what one
 * was; and that of Node.js 22 ends a text at its first NUL. `CAST(… AS BLOB)` gives every text whole.
 */
export function changedByDriver(sql: string): string {
  return `(instr(${sql}, char(65533)) OR instr(${sql}, char(0)))`
}

/** The same bytes, with a Buffer's methods. */
export function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}

/** Throws PLUGIN_UNKNOWN where Node.js has none, or one that cannot give rows as arrays. */
export function requireDriver(): Driver {
  loaded ??= quietly(() => process.getBuiltinModule('node:sqlite') as Driver | undefined) ?? null
  if (loaded && 'setReturnArrays' in loaded.StatementSync.prototype) return loaded
  throw new RowshiftError(
    'PLUGIN_UNKNOWN',
    `This is Node.js ${process.versions.node}, which has no driver for SQLite; run rowshift with Node.js 24 (22 has it from 22.16 on). ` +
      'Everything but SQLite works with this one too.',
    { node: process.versions.node },
  )
}

/** Node.js 22 warns that SQLite is an experiment; every other warning is let through. */
function quietly<T>(load: () => T): T {
  const warn = Reflect.get(process, 'emitWarning') as (...values: unknown[]) => void
  const unlessSqlite = (warning: unknown, ...more: unknown[]) => {
    if (!String(warning).startsWith('SQLite is an experimental feature')) warn.call(process, warning, ...more)
  }
  process.emitWarning = unlessSqlite
  try {
    return load()
  } finally {
    process.emitWarning = warn
  }
}

export class Database {
  readonly #native: DatabaseSync

  /** A path, or a `file:` URL with SQLite's parameters. `timeout`: milliseconds that a statement waits for a lock. */
  constructor(file: string | URL, { readOnly = false, timeout = 5_000 } = {}) {
    const { DatabaseSync: Native } = requireDriver()
    const options = {
      readOnly,
      timeout,
      enableForeignKeyConstraints: true,
      enableDoubleQuotedStringLiterals: false,
      allowExtension: false,
      // On in some versions of Node.js only; who says in "session" what it forbids has a reason to.
      defensive: false,
    }
    this.#native = new Native(file, options)
  }

  get file(): string {
    return this.#native.location() ?? ':memory:'
  }

  get inTransaction(): boolean {
    return this.#native.isTransaction
  }

  /** Runs statements. */
  exec(sql: string): void {
    // What follows it would be left out without a word.
    const end = sql.indexOf('\0')
    if (end >= 0)
      throw new RowshiftError(
        'PARAMS_INVALID',
        `This statement has a NUL character in it: ${sql.slice(0, end)}`,
      )
    this.#native.exec(sql)
  }

  /** One statement. Counts are bigint: in some versions of Node.js a rowid that is not a safe JavaScript number fails what was stored. */
  prepare(sql: string): Statement {
    const statement = this.#native.prepare(sql)
    statement.setReadBigInts(true)
    return statement
  }

  /** Rows as objects; for integers that are JavaScript numbers. */
  objects<T>(sql: string, ...values: readonly SqliteValue[]): T[] {
    return this.#native.prepare(sql).all(...values) as unknown as T[]
  }

  /** Rows of exact values, integers as bigint. Whoever leaves the loop early closes the query. */
  rows(sql: string, ...values: readonly SqliteValue[]): Iterable<Row> {
    return this.#exact(sql).iterate(...values) as Iterable<unknown> as Iterable<Row>
  }

  /** The first row. */
  row(sql: string, ...values: readonly SqliteValue[]): Row | undefined {
    return this.#exact(sql).get(...values) as unknown as Row | undefined
  }

  /** The first value of every row. */
  values(sql: string, ...values: readonly SqliteValue[]): SqliteValue[] {
    return Array.from(this.rows(sql, ...values), (row) => row[0]!)
  }

  /** The first value of the first row. */
  value(sql: string, ...values: readonly SqliteValue[]): SqliteValue | undefined {
    return this.row(sql, ...values)?.[0]
  }

  /** A function that SQL can call, and that gives the same for the same values. */
  function(name: string, work: (...values: SqliteValue[]) => SqliteValue): void {
    this.#native.function(name, { deterministic: true, useBigIntArguments: true }, work)
  }

  /** A function that is called for each row. What it throws ends the query, and is thrown by it. */
  perRow(name: string, work: () => SqliteValue): void {
    this.#native.function(name, { deterministic: false, useBigIntArguments: true }, work)
  }

  /** All of `work` or none of it. */
  transaction<T>(work: () => T): T {
    this.exec('BEGIN IMMEDIATE')
    try {
      const result = work()
      this.exec('COMMIT')
      return result
    } catch (thrown) {
      if (this.inTransaction) this.exec('ROLLBACK')
      throw thrown
    }
  }

  /** What is not committed is rolled back. */
  close(): void {
    if (this.#native.isOpen) this.#native.close()
  }

  #exact(sql: string): Statement {
    const statement = this.prepare(sql)
    statement.setReturnArrays(true)
    return statement
  }
}
