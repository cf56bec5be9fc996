import type { PlannedWrite, WriteCounts } from '../../src/contract/plugin.js'
import { affinityOf, convertsNumbers } from './affinity.js'
import type { Binding } from './binds.js'
import type { Database, SqliteValue, Statement } from './driver.js'
import { isDuplicate } from './errors.js'
import { quoteName } from './names.js'

/**
 * Rows per statement: 64 rows of five columns are stored twice as fast as 64 times one row, since most of the time
 * goes into entering the driver; more rows gain nothing.
 */
const MAX_ROWS = 64
/** SQLite's default limit is 32766. */
const MAX_PARAMETERS = 16_000

export function rowsPerStatement(columns: number, writeBatch: number | null): number {
  return Math.max(1, Math.min(MAX_ROWS, writeBatch ?? MAX_ROWS, Math.floor(MAX_PARAMETERS / columns)))
}

/** Statements for one number of rows. */
interface Statements {
  readonly rows: number
  /** `ignore` and `upsert`: leaves rows alone whose key is there. */
  readonly insert: Statement
  /** `upsert`: changes those that differ. */
  readonly update: Statement | null
}

/** Stores rows as the write mode says. Whatever throws has stored nothing. */
export class RowInserter {
  /** Rows that `storeGroup` takes. */
  readonly groupRows: number
  readonly #database: Database
  readonly #group: Statements
  readonly #single: Statements
  /** `replace`: for a row whose key is there. */
  readonly #replace: Statement | null
  readonly #skips: boolean

  constructor(database: Database, spec: PlannedWrite, bindings: readonly Binding[]) {
    const { writeMode } = spec
    const ignores = writeMode === 'ignore' || writeMode === 'upsert'
    const rows = (this.groupRows = rowsPerStatement(bindings.length, spec.writeBatch))
    const prepare = (count: number): Statements => {
      const insert = insertSql(spec, bindings, count)
      return {
        rows: count,
        insert: database.prepare(
          ignores ? `${insert} ON CONFLICT ${conflictTarget(spec)} DO NOTHING` : insert,
        ),
        update: writeMode === 'upsert' ? database.prepare(`${insert} ${doUpdate(spec)}`) : null,
      }
    }
    this.#database = database
    this.#skips = writeMode === 'ignore'
    this.#single = prepare(1)
    this.#group = rows === 1 ? this.#single : prepare(rows)
    this.#replace = writeMode === 'replace' ? database.prepare(insertSql(spec, bindings, 1, 'REPLACE')) : null
  }

  storeGroup(values: readonly SqliteValue[]): Partial<WriteCounts> {
    if (this.#group.update === null) return this.#store(this.#group, values)
    this.#database.exec('SAVEPOINT rowshift')
    try {
      return this.#store(this.#group, values)
    } catch (thrown) {
      if (this.#database.inTransaction) this.#database.exec('ROLLBACK TO rowshift')
      throw thrown
    } finally {
      if (this.#database.inTransaction) this.#database.exec('RELEASE rowshift')
    }
  }

  storeRow(values: readonly SqliteValue[]): Partial<WriteCounts> {
    try {
      return this.#store(this.#single, values)
    } catch (thrown) {
      // Only then may REPLACE have its way: it would also put a column's default in the place of NULL.
      if (this.#replace === null || !isDuplicate(thrown) || !this.#database.inTransaction) throw thrown
      const changes = Number(this.#replace.run(...values).changes)
      return { rowsWritten: changes, rowsChanged: changes }
    }
  }

  #store({ rows, insert, update }: Statements, values: readonly SqliteValue[]): Partial<WriteCounts> {
    const inserted = Number(insert.run(...values).changes)
    if (update === null) {
      return this.#skips ? { rowsWritten: inserted, rowsSkipped: rows - inserted } : { rowsWritten: inserted }
    }
    const rowsChanged = inserted === rows ? 0 : Number(update.run(...values).changes)
    const rowsWritten = inserted + rowsChanged
    return { rowsWritten, rowsChanged, rowsUnchanged: rows - rowsWritten }
  }
}

/** `OR ABORT` overrides an ON CONFLICT clause of the table, which might replace or drop rows silently. */
function insertSql(spec: PlannedWrite, bindings: readonly Binding[], rows: number, or = 'ABORT'): string {
  const names = spec.columns.map(({ target }) => quoteName(target.name)).join(', ')
  const row = `(${bindings.map(({ sql }) => sql).join(', ')})`
  return `INSERT OR ${or} INTO ${quoteName(spec.table.table)} (${names}) VALUES ${Array(rows).fill(row).join(', ')}`
}

/** A collision on any other key stays an error. */
function conflictTarget({ identity }: PlannedWrite): string {
  return `(${identity!.map(quoteName).join(', ')})`
}

function doUpdate(spec: PlannedWrite): string {
  const names = spec.columns.map(({ target }) => quoteName(target.name))
  const set = names.map((name) => `${name} = excluded.${name}`).join(', ')
  return `ON CONFLICT ${conflictTarget(spec)} DO UPDATE SET ${set} WHERE NOT (${spec.columns.map(isSame).join(' AND ')})`
}

/** The same value to the last bit: 1 and 1.0 may be equal, and so may "a" and "A" by a column's collation. */
function isSame({ target }: PlannedWrite['columns'][number]): string {
  const name = quoteName(target.name)
  const equal = `typeof(${name}) = typeof(excluded.${name}) AND ${name} IS excluded.${name} COLLATE BINARY`
  // No comparison tells -0.0 from 0.0, and such a column keeps both.
  return convertsNumbers(affinityOf(target.type))
    ? equal
    : `${equal} AND NOT (typeof(${name}) = 'real' AND ${name} = 0)`
}
