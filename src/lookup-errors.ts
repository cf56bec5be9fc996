import { excerpt } from './batch/row-name.js'
import { RowshiftError } from './errors.js'

/** Cells as they stand in batches. */
export function ambiguousKey(table: string, key: Buffer, one: Buffer, other: Buffer): RowshiftError {
  return new RowshiftError(
    'LOOKUP_AMBIGUOUS',
    `The lookup table ${table} has two values for the key ${excerpt(key)}: ${excerpt(one)} and ${excerpt(other)}. ` +
      'Give it a unique key, or look in a table or view that has one value for each key.',
    { table, key: excerpt(key) },
  )
}

/** `row` names the row whose key is not there. */
export function missingKey(
  tables: readonly string[],
  column: string,
  key: Buffer,
  row: readonly string[],
): RowshiftError {
  const where = row.length === 0 ? '' : `, for ${column} of the row with ${row.join(', ')}`
  return new RowshiftError(
    'LOOKUP_MISSING',
    `The lookup table ${tables.join(', ')} has no key ${excerpt(key)}${where}. ` +
      'Add it there, or say what such rows get with "missing": "null", "skip" or {"value": …}.',
    { table: tables.join(', '), column, key: row },
  )
}
