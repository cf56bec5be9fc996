/** Makes the tables of a database and copies no row. */
import type { OpenEndpoints } from '../../engine/open-endpoints.js'
import { openEndpoints } from '../../engine/open-endpoints.js'
import { DeferredIndexes } from '../indexes/deferred-indexes.js'
import { IndexPlaces } from '../indexes/places.js'
import { Target } from '../shard/target.js'
import { Lanes } from './lanes.js'
import type { MakingTables } from './make-tables.js'
import { eachOverLanes, tableNotMade } from './make-tables.js'
import type { PlannedTable } from './table-plan.js'
import type { TableReport } from './report.js'
import { uncopiedTable } from './report.js'

type MakingAll = Omit<MakingTables, 'lanes'>

/** Those that are there stay as they are, but for indexes that an earlier run has not added. */
export async function makeTables(tables: readonly PlannedTable[], making: MakingAll): Promise<void> {
  const [first] = tables
  if (first === undefined) return
  const { signal } = making
  const lanes = new Lanes(() => openEndpoints(first.request, signal))
  const places = new IndexPlaces(first.plan!.policy.workerNum)
  try {
    await eachOverLanes(tables, { ...making, lanes }, async (table, { writers }, done) => {
      making.onStep(`tables: ${done} of ${tables.length} · making ${table.to}`)
      const report = await makeTable(table, writers, places, making).catch((thrown: unknown) =>
        // Its turn comes again when the same command is run.
        signal.aborted ? null : tableNotMade(table, thrown),
      )
      if (report !== null) making.end(table, report)
    })
  } finally {
    await lanes.close()
  }
}

async function makeTable(
  table: PlannedTable,
  writers: OpenEndpoints['writers'],
  places: IndexPlaces,
  { signal }: MakingAll,
): Promise<TableReport> {
  const started = performance.now()
  const { write, policy } = table.plan!
  const warnings: string[] = []
  const indexes = await DeferredIndexes.find(writers, write)
  if (write.create !== null) {
    await new Target(writers, { ...write, preSql: [] }).prepare(signal)
    await indexes.defer('none', signal)
  }
  const reasons = await indexes.add({ places, retry: policy.retry, signal, onStep: () => {} }, warnings)
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
