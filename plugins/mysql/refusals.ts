import { misfit } from '../../src/wire/cell-forms.js'
import { cellsOf, excerpt, rowName } from '../../src/wire/row-name.js'
import type { Batch, PlannedWrite } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import { stageName } from './statements.js'

/** Where servers name the column at fault; the value, which may look alike, stands before it. */
const COLUMN_NAMED = [
  /.*\bcolumn '(?:[^']*\.)?([^']+)'/is,
  /.*\bcolumn (?:`[^`]*`\.)*`([^`]+)`/is,
  /.*\bFOREIGN KEY \(`([^`]+)`/is,
  // MariaDB names the CHECK of a column after the column.
  /.*\bCONSTRAINT `(?:[^`]*\.)?([^`]+)` failed/is,
]

/** Says which row it was, and shows the value if the server names the column. */
export function rowRefusal(spec: PlannedWrite, row: Batch, error: RowshiftError): RowshiftError {
  // Whoever looked at the values has said so already.
  if (error.details['key'] !== undefined) return error
  const cells = cellsOf(row)
  const key = rowName(spec, cells)
  const at = columnNamed(spec, error.message)
  const column = at < 0 ? null : spec.columns[at]!.target.name
  const value =
    column === null ? '' : ` Its ${column} is ${excerpt(cells[at] ?? null, spec.columns[at]!.source)}.`
  const which =
    key.length > 0
      ? key.join(', ')
      : cells
          .slice(0, 5)
          .map((cell, i) => excerpt(cell, spec.columns[i]!.source))
          .join(', ')
  const said = error.message
    .replace(/(.*) at row \d+/s, '$1')
    .replaceAll(stageName(spec.table.table), spec.table.table)
  const details = { ...error.details, key, ...(column === null ? {} : { column }) }
  return new RowshiftError(
    error.code,
    `${said} The row with ${which} was not written.${value}`,
    details,
    error.cause,
  )
}

/** A row that must not become SQL text: a cell is not what its column says, or the row is not in the wire format. */
export function unwritable({ columns, table: { table } }: PlannedWrite, part: Batch): RowshiftError {
  const found = misfit(
    columns.map(({ source }) => source),
    cellsOf(part),
  )
  const message = `${found?.fault ?? 'The row is not in the form of batches'}, so table ${table} is not given it.`
  return new RowshiftError('DATA_REJECTED', message, { table })
}

/** The index of the mapped column; -1 if the server names none. */
function columnNamed({ columns }: PlannedWrite, message: string): number {
  for (const pattern of COLUMN_NAMED) {
    const name = pattern.exec(message)?.[1]?.toLowerCase()
    const at = columns.findIndex(({ target }) => target.name.toLowerCase() === name)
    if (at >= 0) return at
  }
  return -1
}
