import type { ReadSpec } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import { misfit } from '../../src/wire/cell-syntax.js'
import type { Cells } from '../../src/wire/row-name.js'
import { sourceRowName } from '../../src/wire/row-name.js'

/** Of a row with a value that no cell of its kind is written as. */
export function oddValueError(spec: ReadSpec, cells: Cells): RowshiftError {
  const { columns } = spec
  const { table } = spec.table
  const { column, fault } = misfit(columns, cells)!
  const key = sourceRowName(spec, columns, cells)
  const row = key.length === 0 ? '' : ` in the row with ${key.join(', ')}`
  return new RowshiftError(
    'DATA_REJECTED',
    `Table ${table} has a value${row} that has no equal outside of PostgreSQL: ${fault}. ` +
      'Leave such rows out with "where", or have the column computed with "columns".',
    { table, column, key },
  )
}
