import { RowshiftError } from '../errors.js'
import type { Reader, TableSchema } from '../plugin.js'

/** Before the user's condition stands in any statement. Throws PARAMS_INVALID. */
export async function checkCondition(
  reader: Reader,
  table: TableSchema,
  where: string | null,
): Promise<void> {
  if (where === null) return
  if (reader.checkWhere) return reader.checkWhere(table, where)
  throw new RowshiftError(
    'PARAMS_INVALID',
    `params.where is a condition in SQL, which cannot be put to ${table.table}; leave it out.`,
    { table: table.table },
  )
}
