import { forEachRow } from '../../src/wire/each-row.js'
import type { Batch, Column, PlannedWrite } from '../../src/contract/plugin.js'
import type { TextEncoding } from './cells.js'
import { bindingOf } from './binds.js'
import type { Database } from './driver.js'
import { sqliteError } from './errors.js'
import { quoteName } from './names.js'
import { untilWritable } from './waiting.js'

/** Rows by their identity, and how they came. */
interface Keys {
  readonly spec: PlannedWrite
  readonly rows: Batch
  readonly encoding: TextEncoding
  readonly signal: AbortSignal
}

/** Deletes the rows whose identity is that of a row of the batch, byte for byte whatever the column's collation. */
export function removeRows(database: Database, where: string, keys: Keys): Promise<number> {
  return inTransaction(database, `deleting rows of ${where}`, keys, `DELETE FROM ${tableOf(keys)}`)
}

/** Sets the flag of the same rows. */
export function flagRows(
  database: Database,
  where: string,
  { name, kind }: Column,
  keys: Keys,
): Promise<number> {
  const value = kind === 'integer' || kind === 'boolean' ? '1' : 'CURRENT_TIMESTAMP'
  const update = `UPDATE ${tableOf(keys)} SET ${quoteName(name)} = ${value}`
  return inTransaction(database, `flagging rows of ${where}`, keys, update)
}

async function inTransaction(database: Database, doing: string, keys: Keys, change: string): Promise<number> {
  try {
    await untilWritable(database, keys.signal)
    return database.transaction(() => changeRows(database, change, keys))
  } catch (thrown) {
    const { table } = keys.spec.table
    throw sqliteError(thrown, `${doing}, table "${table}"`, { table })
  }
}

function tableOf({ spec }: Keys): string {
  return quoteName(spec.table.table)
}

/** Resolves to how many rows the statement has changed. */
function changeRows(database: Database, change: string, { spec, rows, encoding }: Keys): number {
  const identity = spec.identity!.map((name) => spec.columns.findIndex(({ target }) => target.name === name))
  const bindings = identity.map((i) => bindingOf(spec.columns[i]!, encoding))
  const conditions = identity.map((i, at) => {
    const name = quoteName(spec.columns[i]!.target.name)
    return `${name} = ${bindings[at]!.sql} AND ${name} COLLATE BINARY = ${bindings[at]!.sql}`
  })
  const statement = database.prepare(`${change} WHERE ${conditions.join(' AND ')}`)
  let changed = 0
  forEachRow(rows, (cells) => {
    const values = identity.flatMap((i, at) => {
      const value = bindings[at]!.bind(cells[i]!)!
      return [value, value]
    })
    changed += Number(statement.run(...values).changes)
  })
  return changed
}
