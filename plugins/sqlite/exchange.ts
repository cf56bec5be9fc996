import type { PlannedWrite } from '../../src/contract/plugin.js'
import { untouchedColumns } from '../../src/sql/settlement.js'
import type { Binding } from './binds.js'
import type { Database, SqliteValue, Statement } from './driver.js'
import { quoteName } from './names.js'

const PARKED = 'temp.rowshift_parked'

/** Takes rows away and inserts others with the same keys, with the old values of all columns that are not copied. */
export class RowExchange {
  readonly #identity: readonly number[]
  readonly #park: Statement
  readonly #remove: Statement
  readonly #insert: Statement
  readonly #insertNew: Statement

  constructor(database: Database, spec: PlannedWrite, bindings: readonly Binding[]) {
    const table = quoteName(spec.table.table)
    const mapped = spec.columns.map(({ target }) => target.name)
    const untouched = untouchedColumns(spec).map(({ name }) => name)
    const list = (names: readonly string[]) => names.map(quoteName).join(', ')
    const values = bindings.map(({ sql }) => sql)
    const parked = untouched.map((_, i) => `k${i}`)
    this.#identity = spec.identity!.map((name) => mapped.indexOf(name))
    const same = this.#identity.map((i) => `${quoteName(mapped[i]!)} = ${bindings[i]!.sql}`).join(' AND ')
    database.exec(
      `DROP TABLE IF EXISTS ${PARKED}; CREATE TEMP TABLE rowshift_parked (${['k', ...parked].join(', ')})`,
    )
    this.#park = database.prepare(
      `INSERT INTO ${PARKED} SELECT ${['1', ...untouched.map(quoteName)].join(', ')} FROM ${table} WHERE ${same}`,
    )
    this.#remove = database.prepare(`DELETE FROM ${table} WHERE ${same}`)
    this.#insert = database.prepare(
      `INSERT OR ABORT INTO ${table} (${list([...mapped, ...untouched])}) SELECT ${[...values, ...parked].join(', ')} FROM ${PARKED} WHERE rowid = ?`,
    )
    this.#insertNew = database.prepare(
      `INSERT OR ABORT INTO ${table} (${list(mapped)}) VALUES (${values.join(', ')})`,
    )
  }

  /** What `insert` finds the old row by; null: there is none. */
  takeAway(values: readonly SqliteValue[]): number | bigint | null {
    const key = this.#identity.map((i) => values[i]!)
    const { changes, lastInsertRowid } = this.#park.run(...key)
    if (changes === 0) return null
    this.#remove.run(...key)
    return lastInsertRowid
  }

  /** Gives the number of rows inserted: a trigger may drop one. */
  insert(values: readonly SqliteValue[], parked: number | bigint | null): number {
    const { changes } =
      parked === null ? this.#insertNew.run(...values) : this.#insert.run(...values, BigInt(parked))
    return Number(changes)
  }
}

/** What would notice that a row is deleted and inserted instead of being changed; null: nothing. */
export function exchangeObstacle(database: Database, { table: { table } }: PlannedWrite): string | null {
  const triggers = database.objects<{ name: string; sql: string }>(
    "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE",
    table,
  )
  const trigger = triggers.find(({ sql }) => /\bDELETE\s+ON\b/i.test(sql))
  if (trigger) return `trigger ${trigger.name} of ${table} runs when a row is deleted`
  if (database.value('PRAGMA foreign_keys') !== 1n) return null
  // NO ACTION is looked at when the transaction ends; all else acts when the row is deleted.
  const [reference] = database.objects<{ name: string; on_delete: string }>(
    `SELECT t.name, f.on_delete FROM sqlite_schema t, pragma_foreign_key_list(t.name) f
     WHERE t.type = 'table' AND f."table" = ? COLLATE NOCASE AND f.on_delete <> 'NO ACTION' LIMIT 1`,
    table,
  )
  return reference ? `table ${reference.name} refers to ${table} with ON DELETE ${reference.on_delete}` : null
}
