import { isUtf8 } from 'node:buffer'
import type { ReadSpec } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import { misfit } from '../../src/wire/cell-forms.js'
import type { Cells } from '../../src/wire/row-name.js'
import { sourceRowName } from '../../src/wire/row-name.js'

/** Of a row with a value that no cell of its kind is written as (infinity, NaN in a numeric, years that others do not have), or a text that is not UTF-8. */
export function oddValueError(spec: ReadSpec, cells: Cells): RowshiftError {
  const { columns } = spec
  const { table } = spec.table
  const key = sourceRowName(spec, columns, cells)
  const row = key.length === 0 ? '' : ` in the row with ${key.join(', ')}`
  const found = misfit(columns, cells)
  if (found)
    return new RowshiftError(
      'DATA_REJECTED',
      `Table ${table} has a value${row} that has no equal outside of PostgreSQL: ${found.fault}. ` +
        'Leave such rows out with "where", or have the column computed with "columns".',
      { table, column: found.column, key },
    )
  const at = cells.findIndex((cell) => cell !== null && !isUtf8(cell))
  const { name, type } = columns[at] ?? columns[0]!
  return new RowshiftError(
    'DATA_REJECTED',
    `Table ${table} has a text${row} that is not UTF-8, in column ${name} (${type}). The encoding of the database is SQL_ASCII, so nobody knows what it says: ` +
      `have it read as bytes, by "columns" with the SQL textsend(${name}), or leave such rows out with "where".`,
    { table, column: name, key },
  )
}
