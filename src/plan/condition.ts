import { RowshiftError } from '../contract/errors.js'
import type { Message, Reader, TableSchema } from '../contract/plugin.js'
import type { Params } from '../task/params.js'

/** In which zone the user's SQL sees times, where that was asked for. */
export function zoneReasons({ timeZone }: Params): string[] {
  if (timeZone === null) return []
  return [
    `your SQL sees moments and the clock in ${timeZone} (time_zone); values are read in UTC all the same`,
  ]
}

/** Before the user's condition stands in any statement. Throws PARAMS_INVALID; resolves to warnings. */
export async function checkCondition(
  reader: Reader,
  table: TableSchema,
  where: string | null,
): Promise<readonly Message[]> {
  if (where === null) return []
  if (reader.skills.checkWhere) return reader.skills.checkWhere(table, where)
  throw new RowshiftError(
    'PARAMS_INVALID',
    `params.where is a condition in SQL, which cannot be put to ${table.table}; leave it out.`,
    { table: table.table },
  )
}
