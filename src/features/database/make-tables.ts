/** Makes the tables that the target lacks before the first row is copied, so that one that cannot be made is known by then. */
import { RowshiftError } from '../../contract/errors.js'
import type { OpenEndpoints } from '../../engine/open-endpoints.js'
import { DeferredIndexes } from '../indexes/deferred-indexes.js'
import { Target } from '../shard/target.js'
import { describeMany } from './known-tables.js'
import type { Lanes } from './lanes.js'
import type { TableReport } from './report.js'
import { uncopiedTable } from './report.js'
import type { PlannedTable } from './table-plan.js'

/** Connections that make tables side by side, and for how many tables one is enough. */
const MOST_MAKERS = 4
const TABLES_PER_MAKER = 10

export interface MakingTables {
  readonly lanes: Lanes
  readonly signal: AbortSignal
  /** What is being done, in words. */
  readonly onStep: (step: string) => void
  /** No table is begun any more. */
  readonly stopped: () => boolean
  /** Called with what becomes of a table. */
  readonly end: (table: PlannedTable, report: TableReport) => void
}

/** What there is to say of a table that was made; none of it has rows yet. */
export type MadeTables = Map<PlannedTable, readonly string[]>

/**
 * One that is dropped first keeps its rows until its turn comes. A run that brings what is new reads all of a table that is not there, and
 * only the rest where it is, which one without rows would pass for if the run failed before its turn.
 */
export function isMadeFirst({ plan, request: { params } }: PlannedTable): boolean {
  const create = plan?.write.create ?? null
  return create !== null && create.drops !== true && params.mode === 'init'
}

/** Without foreign keys, and without the indexes that come after the rows. `made` gets those that are there by then. */
export async function makeFirst(
  tables: readonly PlannedTable[],
  making: MakingTables,
  made: MadeTables,
): Promise<void> {
  const { signal, end, onStep } = making
  const attempt = async (table: PlannedTable, work: () => Promise<void>) => {
    await work().catch((thrown: unknown) => {
      // Its turn comes again when the same command is run.
      if (!signal.aborted) end(table, tableNotMade(table, thrown))
    })
  }
  await eachOverLanes(tables, making, (table, { writers }, done) =>
    attempt(table, async () => {
      onStep(`tables: ${done} of ${tables.length} · making ${table.to}`)
      await new Target(writers, { ...table.plan!.write, preSql: [] }).prepare(signal, false)
      made.set(table, [])
    }),
  )
  const known = await describeMade([...made.keys()], making)
  await eachOverLanes([...made.keys()], making, (table, { writers }) =>
    attempt(table, async () => {
      const { write, policy } = table.plan!
      made.delete(table)
      await new Target(writers, write).check(known)
      made.set(table, [])
      const indexes = await DeferredIndexes.find(writers, write)
      made.set(table, await indexes.defer(policy.indexesLast, signal))
    }),
  )
}

async function describeMade(tables: readonly PlannedTable[], { lanes }: MakingTables) {
  const lane = await lanes.take()
  if (lane === null) return new Map<string, null>()
  try {
    return await describeMany(
      lane.writers[0]!,
      tables.map(({ to }) => to),
    )
  } finally {
    lanes.give(lane)
  }
}

export function tableNotMade(table: PlannedTable, thrown: unknown): TableReport {
  return { ...uncopiedTable(table, RowshiftError.from(thrown)), phase: 'create' }
}

/** Does `work` for one table after another over each of some connections; it must not throw. */
export async function eachOverLanes(
  tables: readonly PlannedTable[],
  { lanes, stopped }: MakingTables,
  work: (table: PlannedTable, lane: OpenEndpoints, done: number) => Promise<void>,
): Promise<void> {
  const waiting = tables.values()
  let done = 0
  const goThrough = async (lane: OpenEndpoints) => {
    try {
      for (const table of waiting) {
        if (stopped()) return
        await work(table, lane, done)
        done++
      }
    } finally {
      lanes.give(lane)
    }
  }
  const makers = Math.min(MOST_MAKERS, Math.ceil(tables.length / TABLES_PER_MAKER))
  const opened: Promise<void>[] = []
  while (opened.length < makers && (opened.length === 0 || lanes.hasRoom)) {
    const lane = await lanes.take()
    if (lane === null) break
    opened.push(goThrough(lane))
  }
  await Promise.all(opened)
}
