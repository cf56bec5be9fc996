import { forEachRow } from '../../src/batch/cells.js'
import type { Batch, PlannedWrite } from '../../src/plugin.js'
import type { TextEncoding } from './cells.js'
import { bindingOf } from './binds.js'
import type { Database } from './driver.js'
import { quoteName } from './names.js'

/** Deletes the rows whose identity is that of a row of the batch, byte for byte whatever the column's collation. */
export function removeRows(
  database: Database,
  spec: PlannedWrite,
  rows: Batch,
  encoding: TextEncoding,
): number {
  const identity = spec.identity!.map((name) => spec.columns.findIndex(({ target }) => target.name === name))
  const bindings = identity.map((i) => bindingOf(spec.columns[i]!, encoding))
  const conditions = identity.map((i, at) => {
    const name = quoteName(spec.columns[i]!.target.name)
    return `${name} = ${bindings[at]!.sql} AND ${name} COLLATE BINARY = ${bindings[at]!.sql}`
  })
  const sql = `DELETE FROM ${quoteName(spec.table.table)} WHERE ${conditions.join(' AND ')}`
  const statement = database.prepare(sql)
  let deleted = 0
  forEachRow(rows, (cells) => {
    const values = identity.flatMap((i, at) => {
      const value = bindings[at]!.bind(cells[i]!)!
      return [value, value]
    })
    deleted += statement.run(...values).changes
  })
  return deleted
}
