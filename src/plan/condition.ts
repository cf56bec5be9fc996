import { RowshiftError } from '../contract/errors.js'
import type { Message, Reader } from '../contract/plugin.js'
import type { Params } from '../task/params.js'
import type { DescribedTables } from './described-tables.js'

/** In which zone the user's SQL sees times, where that was asked for. */
export function zoneReasons({ timeZone }: Params): string[] {
  if (timeZone === null) return []
  return [
    `your SQL sees moments and the clock in ${timeZone} (time_zone); values are read in UTC all the same`,
  ]
}

/**
 * Before the user's condition stands in any statement. All tables of a database take the same conditions. Throws PARAMS_INVALID;
 * resolves to warnings.
 */
export async function checkCondition(
  { each }: Pick<DescribedTables, 'each'>,
  where: string | null,
): Promise<readonly Message[]> {
  if (where === null) return []
  const asked = new Set<Reader>()
  const warnings: Message[] = []
  for (const { reader, table } of each) {
    if (asked.has(reader)) continue
    asked.add(reader)
    if (!reader.skills.checkWhere) throw noConditions(table.table)
    warnings.push(...(await reader.skills.checkWhere(table, where)))
  }
  return warnings
}

function noConditions(table: string): RowshiftError {
  return new RowshiftError(
    'PARAMS_INVALID',
    `params.where is a condition in SQL, which cannot be put to ${table}; leave it out.`,
    { table },
  )
}
