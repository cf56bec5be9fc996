/** Makes what the copy of a database has beside tables and rows. */
import type { ErrorReport } from '../../contract/errors.js'
import { RowshiftError } from '../../contract/errors.js'
import type { OpenEndpoints } from '../../engine/open-endpoints.js'
import { withEndpoints } from '../../engine/open-endpoints.js'
import type { WrittenTables } from './make-foreign-keys.js'
import { dropForeignKeys, makeForeignKeys, unmadeKeys } from './make-foreign-keys.js'
import { makeObjects, unmadeObjects } from './objects.js'
import type { DatabasePlan } from './plan.js'
import type { SchemaPlan } from './schema-plan.js'
import type { SchemaReport, TableReport } from './report.js'
import { isChanged } from './report.js'
import type { DatabaseRequest } from './request.js'

export interface SchemaHooks {
  readonly signal: AbortSignal
  /** What is being done, in words. */
  readonly onStep?: (step: string) => void
}

/** Before the first table is made. */
export async function prepareSchema(
  request: DatabaseRequest,
  { tables, schema: { foreignKeys } }: DatabasePlan,
  signal: AbortSignal,
): Promise<void> {
  const refused = request.onTableError === 'stop' && tables.some(({ error }) => error !== null)
  if (foreignKeys.drop.length === 0 || refused) return
  await withDatabases(request, signal, ({ writers }) =>
    dropForeignKeys(foreignKeys, writers[0]!.skills.foreignKeys!, signal),
  )
}

/** When all tables have ended, however that was. Never throws: what is not made is in the report, and why. */
export async function finishSchema(
  request: DatabaseRequest,
  { schema }: DatabasePlan,
  tables: readonly TableReport[],
  hooks: SchemaHooks,
): Promise<SchemaReport> {
  const { foreignKeys, objects } = schema
  const { signal } = hooks
  const nothing = (outcome: { status: 'not_made' | 'failed'; reason?: string; error?: ErrorReport }) => ({
    foreignKeys: unmadeKeys(foreignKeys, outcome),
    objects: unmadeObjects(objects, outcome),
  })
  if (signal.aborted) return nothing({ status: 'not_made', reason: 'the run was interrupted' })
  if (tables.length > 0 && !tables.some(({ status }) => status === 'success'))
    return nothing({ status: 'not_made', reason: 'no table was copied' })
  if (foreignKeys.make.length + foreignKeys.existing.length + objects.make.length === 0)
    return nothing({ status: 'not_made' })
  const finish = (endpoints: OpenEndpoints) =>
    finishWith(request, schema, writtenTables(tables), endpoints, hooks)
  return withDatabases(request, signal, finish).catch((thrown: unknown) =>
    nothing({ status: 'failed', error: RowshiftError.from(thrown).report() }),
  )
}

async function finishWith(
  { params: { retry }, objects: definer = 'drop' }: DatabaseRequest,
  { foreignKeys, objects }: SchemaPlan,
  written: WrittenTables,
  { readers, writers }: OpenEndpoints,
  { signal, onStep = () => {} }: SchemaHooks,
): Promise<SchemaReport> {
  const [reader, writer] = [readers[0]!, writers[0]!]
  const { foreignKeys: target } = writer.skills
  const keys =
    target === undefined
      ? unmadeKeys(foreignKeys, { status: 'not_made' })
      : await makeForeignKeys(foreignKeys, { target, written, retry, signal, onStep })
  const obstacle = (table: string | null) =>
    table === null || written.isDone(table) ? null : `${table} was not copied`
  const made = await makeObjects(objects, { reader, writer, definer, obstacle, signal, onStep })
  return { foreignKeys: keys, objects: made }
}

function writtenTables(tables: readonly TableReport[]): WrittenTables {
  const known = new Map(tables.map((table) => [table.to, table]))
  return {
    isDone: (name) => (known.get(name)?.status ?? 'success') === 'success',
    isChanged: (name) => {
      const table = known.get(name)
      return table !== undefined && isChanged(table)
    },
  }
}

/** Their sessions check foreign keys. */
function withDatabases<T>(
  { from, to, params }: DatabaseRequest,
  signal: AbortSignal,
  use: (endpoints: OpenEndpoints) => Promise<T>,
): Promise<T> {
  const ends = { runId: '', taskId: null, from: { ...from, table: '' }, to: { ...to, table: '' }, params }
  return withEndpoints(ends, signal, use)
}
