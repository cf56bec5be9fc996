/** Makes the tables of a database and copies no row. */
import { RowshiftError } from '../../contract/errors.js'
import { withEndpoints } from '../../engine/open-endpoints.js'
import type { OpenEndpoints } from '../../engine/open-endpoints.js'
import { DeferredIndexes } from '../indexes/deferred-indexes.js'
import { IndexPlaces } from '../indexes/places.js'
import { Target } from '../shard/target.js'
import type { DatabasePlan } from './plan.js'
import type { PlannedTable } from './table-plan.js'
import type { TableReport } from './report.js'
import { uncopiedTable } from './report.js'
import type { DatabaseRequest } from './request.js'
import type { SchemaHooks } from './schema.js'

/** In the order of their names. Tables that are there stay as they are, but for indexes that an earlier run has not added. */
export async function makeTables(
  { onTableError }: DatabaseRequest,
  plan: DatabasePlan,
  hooks: SchemaHooks & { readonly onTable: (table: TableReport) => void },
): Promise<ReadonlyMap<PlannedTable, TableReport>> {
  const ended = new Map<PlannedTable, TableReport>()
  const [first] = plan.tables
  const stops = () =>
    hooks.signal.aborted ||
    (onTableError === 'stop' && [...ended.values()].some(({ status }) => status === 'failed'))
  const end = (table: PlannedTable, report: TableReport) => {
    ended.set(table, report)
    hooks.onTable(report)
  }
  for (const table of plan.tables) if (table.error !== null) end(table, uncopiedTable(table, table.error))
  if (stops()) return ended
  await withEndpoints(first!.request, hooks.signal, async ({ writers }) => {
    for (const table of plan.tables) {
      if (stops()) return
      if (table.plan === null) continue
      hooks.onStep?.(`tables: ${ended.size} of ${plan.tables.length}`)
      const report = await makeTable(table, writers, hooks).catch((thrown: unknown) => {
        const error = RowshiftError.from(thrown)
        // Its turn comes again when the same command is run.
        return hooks.signal.aborted ? null : { ...uncopiedTable(table, error), phase: 'create' as const }
      })
      if (report !== null) end(table, report)
    }
  })
  return ended
}

async function makeTable(
  table: PlannedTable,
  writers: OpenEndpoints['writers'],
  { signal, onStep }: SchemaHooks,
): Promise<TableReport> {
  const started = performance.now()
  const { write, policy } = table.plan!
  const warnings: string[] = []
  const indexes = await DeferredIndexes.find(writers, write)
  if (write.create !== null) {
    await new Target(writers, { ...write, preSql: [] }).prepare(signal)
    await indexes.defer('none', signal)
  }
  const late = {
    places: new IndexPlaces(policy.workerNum),
    retry: policy.retry,
    signal,
    onStep: onStep ?? (() => {}),
  }
  const reasons = await indexes.add(late, warnings)
  const made = uncopiedTable(table, null)
  return {
    ...made,
    status: 'success',
    phase: write.create === null && reasons.length === 0 ? null : 'create',
    seconds: Math.round(performance.now() - started) / 1000,
    reasons: [...made.reasons, ...reasons],
    warnings: [...made.warnings, ...warnings],
  }
}
