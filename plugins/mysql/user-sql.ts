/** SQL that users put into our statements: what is particular to these servers. */
import type { Endpoint, TableSchema } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import { wordsOf } from '../../src/sql/fragment.js'
import type { Session } from './connection.js'
import { zoneWarnings } from './zones.js'

/** Throws PARAMS_INVALID; resolves to warnings. */
export async function checkWhere(
  session: Session,
  endpoint: Endpoint,
  schema: TableSchema,
  where: string,
): Promise<string[]> {
  refuseAssignment(where, 'params.where')
  return zoneWarnings(session, endpoint, schema, [['where', where]])
}

/** It would count rows as threads and splits happen to come to them. */
export function refuseAssignment(sql: string, name: string): void {
  if (!wordsOf(sql).includes(':=')) return
  throw new RowshiftError(
    'PARAMS_INVALID',
    `${name} sets a variable (:=), but rows are read in several statements and by several connections; set variables in "session"`,
  )
}
