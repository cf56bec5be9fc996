/** Makes what the copy of a database has beside tables and rows. */
import type { ErrorReport } from '../../contract/errors.js'
import { RowshiftError } from '../../contract/errors.js'
import type { OpenEndpoints } from '../../engine/open-endpoints.js'
import { withEndpoints } from '../../engine/open-endpoints.js'
import { DEFAULT_WORKERS } from '../../task/params.js'
import type { PlannedKey } from './foreign-keys.js'
import type { WrittenTables } from './make-foreign-keys.js'
import { concernsKeys, droppedKeys, makeForeignKeys, keysNotMade } from './make-foreign-keys.js'
import { makeObjects, objectsNotMade } from './objects.js'
import type { DatabasePlan } from './plan.js'
import type { SchemaPlan } from './schema-plan.js'
import type { SchemaReport, TableReport } from './report.js'
import { isChanged } from './report.js'
import type { DatabaseRequest } from './request.js'

export interface SchemaHooks {
  readonly signal: AbortSignal
  /** What is being done, in words. */
  readonly onStep: (step: string) => void
}

/**
 * When all tables have ended, however that was. `dropped`: foreign keys that were, for tables to be made anew. Never throws: what is not made is
 * in the report, and why.
 */
export async function finishSchema(
  request: DatabaseRequest,
  plan: DatabasePlan,
  tables: readonly TableReport[],
  dropped: ReadonlySet<PlannedKey>,
  hooks: SchemaHooks,
): Promise<SchemaReport> {
  const { foreignKeys, objects } = await finish(request, plan, tables, hooks)
  return { foreignKeys: [...foreignKeys, ...droppedKeys(plan.schema.foreignKeys, dropped)], objects }
}

async function finish(
  request: DatabaseRequest,
  plan: DatabasePlan,
  tables: readonly TableReport[],
  hooks: SchemaHooks,
): Promise<SchemaReport> {
  const { foreignKeys, objects } = plan.schema
  const { signal } = hooks
  const written = writtenTables(request, plan, tables)
  const nothing = (outcome: { status: 'not_made' | 'failed'; reason?: string; error?: ErrorReport }) => ({
    foreignKeys: keysNotMade(foreignKeys, outcome, written),
    objects: objectsNotMade(objects, outcome),
  })
  if (signal.aborted) return nothing({ status: 'not_made', reason: 'the run was interrupted' })
  const noTable = tables.length > 0 && !tables.some(({ status }) => status === 'success')
  const concerned = concernsKeys(foreignKeys, written)
  if (noTable && !concerned) return nothing({ status: 'not_made', reason: 'no table was copied' })
  if (foreignKeys.make.length + objects.make.length === 0 && !concerned)
    return nothing({ status: 'not_made' })
  const left = noTable ? { ...objects, make: [] } : objects
  const work = (endpoints: OpenEndpoints) =>
    finishWith(request, { foreignKeys, objects: left }, written, endpoints, hooks)
  const done = await withDatabases(request, signal, work).catch((thrown: unknown) =>
    nothing({ status: 'failed', error: RowshiftError.from(thrown).report() }),
  )
  return noTable
    ? { ...done, objects: objectsNotMade(objects, { status: 'not_made', reason: 'no table was copied' }) }
    : done
}

async function finishWith(
  { params: { retry, workerNum }, objects: definer = 'drop' }: DatabaseRequest,
  { foreignKeys, objects }: SchemaPlan,
  written: WrittenTables,
  { readers, writers }: OpenEndpoints,
  { signal, onStep }: SchemaHooks,
): Promise<SchemaReport> {
  const [reader, writer] = [readers[0]!, writers[0]!]
  const { foreignKeys: target } = writer.skills
  const keys =
    target === undefined
      ? keysNotMade(foreignKeys, { status: 'not_made' }, written)
      : await makeForeignKeys(foreignKeys, {
          target,
          written,
          workerNum: workerNum ?? DEFAULT_WORKERS,
          retry,
          signal,
          onStep,
        })
  const obstacle = (table: string | null) =>
    table === null || written.isDone(table) ? null : `${table} was not copied`
  const made = await makeObjects(objects, { reader, writer, definer, obstacle, signal, onStep })
  return { foreignKeys: keys, objects: made }
}

/**
 * A run that goes on with an earlier one does not know which tables that has changed. One that copies no rows looks at all tables, whoever has
 * written to them.
 */
function writtenTables(
  { only }: DatabaseRequest,
  { doneBefore, tables: planned }: DatabasePlan,
  tables: readonly TableReport[],
): WrittenTables {
  const known = new Map(tables.map((table) => [table.to, table]))
  const goesOn = tables.some(({ run }) => run?.resumed != null)
  const looked = new Set(only === 'schema' ? planned.map(({ to }) => to) : doneBefore)
  return {
    isDone: (name) => (known.get(name)?.status ?? 'success') === 'success',
    isChanged: (name) => {
      const table = known.get(name)
      return goesOn || looked.has(name) || (table !== undefined && isChanged(table))
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
