import type { ReadSpec } from '../contract/read.js'
import { RowshiftError } from '../contract/errors.js'
import { misfit } from '../wire/cell-syntax.js'
import type { Cells } from '../wire/row-name.js'
import { sourceRowName } from '../wire/row-name.js'

/** A cell that no server would send. It must not reach another one, which might run it. */
export function misfitError(spec: ReadSpec, cells: Cells): RowshiftError {
  const { columns } = spec
  const { column, fault } = misfit(columns, cells)!
  const { table } = spec.table
  const key = sourceRowName(spec, columns, cells)
  const row = key.length === 0 ? '' : `, in the row with ${key.join(', ')}`
  return new RowshiftError(
    'DATA_REJECTED',
    `Table ${table} came with a value that is not of its type: ${fault}${row}. ` +
      'Servers do not write it like that: find out who answers at this address.',
    { table, column, key },
  )
}
