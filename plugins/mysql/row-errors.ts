import { misfit } from '../../src/wire/cell-syntax.js'
import { cellsOf } from '../../src/wire/row-name.js'
import { rowError } from '../../src/sql/row-errors.js'
import type { Batch, PlannedWrite } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import { stageName } from './statements.js'

/** What to do about a row that is too large for a statement. */
export const LARGER_ROWS =
  'use "write_path": "load-data", which sends rows of any size to engines with transactions and needs local_infile=ON there'

/** Where servers name the column at fault; the value, which may look alike, stands before it. */
const COLUMN_NAMED = [
  /.*\bcolumn '(?:[^']*\.)?([^']+)'/is,
  /.*\bcolumn (?:`[^`]*`\.)*`([^`]+)`/is,
  /.*\bFOREIGN KEY \(`([^`]+)`/is,
  // MariaDB names the CHECK of a column after the column.
  /.*\bCONSTRAINT `(?:[^`]*\.)?([^`]+)` failed/is,
]

/** Says which row it was, and shows the value if the server names the column. */
export function rejectedRowError(spec: PlannedWrite, row: Batch, error: RowshiftError): RowshiftError {
  const { code, message, details, cause } = error
  // Whoever looked at the values has said so already.
  if (details['key'] !== undefined) return error
  const unnumbered = message
    .replace(/(.*) at row \d+/s, '$1')
    .replaceAll(stageName(spec.table.table), spec.table.table)
  return rowError(spec, row, new RowshiftError(code, unnumbered, details, cause), columnNamed(spec, message))
}

/** A row that must not become SQL text: a cell is not what its column says, or the row is not in the wire format. */
export function unwritable({ columns, table: { table } }: PlannedWrite, part: Batch): RowshiftError {
  const found = misfit(
    columns.map(({ source }) => ({
      ...source,
      valueRange: { ...source.valueRange, nonFinite: 'none' as const },
    })),
    cellsOf(part),
  )
  const message = `${found?.fault ?? 'The row is not in the form of batches'}, so table ${table} is not given it.`
  return new RowshiftError('DATA_REJECTED', message, { table })
}

/** The mapped column that the server names, if it names one. */
function columnNamed({ columns }: PlannedWrite, message: string): string[] {
  for (const pattern of COLUMN_NAMED) {
    const name = pattern.exec(message)?.[1]?.toLowerCase()
    const found = columns.find(({ target }) => target.name.toLowerCase() === name)
    if (found) return [found.target.name]
  }
  return []
}
