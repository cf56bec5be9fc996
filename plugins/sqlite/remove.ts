import { forEachRow } from '../../src/batch/cells.js'
import type { Batch, Plan } from '../../src/plugin.js'
import type { TextEncoding } from './cells.js'
import { bindingOf } from './binds.js'
import type { Database } from './driver.js'
import { quoteName } from './names.js'

/** Deletes the rows whose identity is that of a row of the batch, byte for byte whatever the column's collation. */
export function removeRows(database: Database, plan: Plan, rows: Batch, encoding: TextEncoding): number {
  const identity = plan.identity!.map((name) => plan.columns.findIndex(({ target }) => target.name === name))
  const bindings = identity.map((i) => bindingOf(plan.columns[i]!, encoding))
  const conditions = identity.map((i, at) => {
    const name = quoteName(plan.columns[i]!.target.name)
    return `${name} = ${bindings[at]!.sql} AND ${name} COLLATE BINARY = ${bindings[at]!.sql}`
  })
  const sql = `DELETE FROM ${quoteName(plan.target.table)} WHERE ${conditions.join(' AND ')}`
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
