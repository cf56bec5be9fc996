import type { ReadSpec } from '../../src/contract/plugin.js'
import type { TextRow } from './driver.js'
import { mostBytes } from './value-range.js'

/** A function's result was larger than `max_allowed_packet`, so it is NULL: a warning only, where rows are read. */
const OVERFLOW = 1301

/** Throws when a value of the result that was just read is NULL because it is too large, or may be. */
export async function checkReadWarnings(
  query: (sql: string) => Promise<TextRow[]>,
  spec: ReadSpec,
  count: number,
): Promise<void> {
  const said = await query('SHOW WARNINGS')
  const overflow = said.find(([, errno]) => Number(errno) === OVERFLOW)
  if (overflow) throw overflowError(overflow[2]!)
  if (said.length >= count) return
  const [limit] = (await query('SELECT @@max_allowed_packet'))[0]!
  const long = spec.columns.find((column) => column.sql !== undefined && mostBytes(column) >= Number(limit))
  if (!long) return
  throw overflowError(
    `there were ${count} warnings, of which the server kept ${said.length} (max_error_count), and one of the others may say that a value of ${long.name} was larger than max_allowed_packet`,
  )
}

function overflowError(message: string): Error {
  return Object.assign(new Error(message), { errno: OVERFLOW })
}
