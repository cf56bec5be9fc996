/** What a verifying thread has open, and how rows are read from it. */
import type { PipelineSetup } from '../src/engine/messages.js'
import type { Opening } from '../src/contract/opening.js'
import { closeAll, openAll } from '../src/contract/opening.js'
import type { Reader } from '../src/contract/plugin.js'
import type { SourceSpec, SourceTable } from '../src/contract/source-spec.js'
import { Target } from '../src/features/shard/target.js'
import type { Router } from '../src/features/shard/router.js'
import type { PipelineRunPlan } from '../src/contract/pipeline.js'
import { comparisonSetup, routerOf } from '../src/features/verify/comparison-setup.js'
import type { VerifySetup } from '../src/features/verify/messages.js'
import type { ComparisonSetup } from '../src/features/verify/row-comparison.js'
import type { VerifyPlan } from '../src/features/verify/plan.js'
import type { ThreadConnections } from './connections.js'
import { makeReaders, makeWriters } from './load-plugin.js'
import type { Computation } from './source-rows.js'
import type { Side } from './side.js'
import { TargetRows } from './target-rows.js'
import { Pipeline } from './row-pipeline.js'

/** How rows are compared. */
export interface ComparedEndpoints {
  readonly source: Side
  readonly target: Side
  /** How rows of the source are made; null: they are compared as they are read. */
  readonly making: Computation | null
  readonly targetRows: TargetRows
  /** null: the target is one table. */
  readonly router: Router | null
  readonly comparison: ComparisonSetup
}

export interface VerifyEndpoints {
  /** All columns, and nothing is changed. */
  readonly compared: ComparedEndpoints
  /** For a repair, from its first range on. */
  repair(): Promise<RepairEndpoints>
  close(): Promise<void>
}

/** Once the tables of the target are created that were missing. */
export interface RepairEndpoints {
  /** What a copy writes; making a row may give it an id. */
  readonly repaired: ComparedEndpoints
  /** To compare again. The lookups of the first comparison do not know ids that a repair has given. */
  readonly after: ComparedEndpoints
  readonly writes: Target
}

/** Leaves nothing open when it throws. */
export async function openEndpoints(
  setup: VerifySetup,
  connections: ThreadConnections,
  signal: AbortSignal,
): Promise<VerifyEndpoints> {
  const opened: (Opening | Pipeline | undefined)[] = []
  try {
    return await open(setup, connections, signal, opened)
  } catch (error) {
    await closeAll(opened)
    throw error
  }
}

/** `opened`: what there is to close, as it comes. */
async function open(
  setup: VerifySetup,
  connections: ThreadConnections,
  signal: AbortSignal,
  opened: (Opening | Pipeline | undefined)[],
): Promise<VerifyEndpoints> {
  const { runId, source, target, plan, repair, pipeline, repairPipeline } = setup
  const readers = await makeReaders(source)
  const targetReaders = await makeReaders(target)
  const writers = repair === null ? [] : await makeWriters(target)
  opened.push(...readers, ...targetReaders, ...writers)
  const compared = {
    read: plan.source,
    write: { table: plan.target.table, columns: plan.columns },
    pipeline: plan.pipeline,
  }
  const making = await computationOf({ runId, plan: compared, pipeline }, signal)
  opened.push(making?.pipeline)
  const repairContext = await computationOf(
    repair && { runId, plan: repair, pipeline: repairPipeline },
    signal,
  )
  opened.push(repairContext?.pipeline)
  const endpointsOf = async (
    count: number,
    making: Computation | null,
    targetPlan: SourceSpec,
  ): Promise<ComparedEndpoints> => {
    const target = await sideOf(targetReaders, targetPlan, plan, count)
    const router = routerOf(plan, count)
    return {
      source: await sideOf(readers, plan.source, plan, count),
      target,
      making,
      targetRows: new TargetRows(target, router, targetPlan !== plan.target),
      router,
      comparison: comparisonSetup(plan, { pipeline: making?.plan ?? null, repair }, count),
    }
  }
  // A database that is a file may not exist before a table is created in it.
  const targetOpenings = [...targetReaders, ...writers]
  const nothingThere = plan.target.sources?.length === 0
  const first = nothingThere ? readers : [...readers, ...targetOpenings]
  await connections.open(() => openAll(first, signal), signal)
  const beginRepair = async (): Promise<RepairEndpoints> => {
    if (nothingThere) await openAll(targetOpenings, signal)
    const { sources } = plan.target
    const created = await withKeys(plan.created, targetReaders)
    const targetPlan = { ...plan.target, sources: sources && [...sources, ...created] }
    const repaired = await endpointsOf(plan.written, repairContext, targetPlan)
    const after =
      plan.pipeline === null ? await endpointsOf(plan.columns.length, making, targetPlan) : repaired
    return { repaired, after, writes: new Target(writers, repair!.write) }
  }
  let begun: Promise<RepairEndpoints> | null = null
  return {
    compared: await endpointsOf(plan.columns.length, making, plan.target),
    repair: () =>
      (begun ??= beginRepair().catch((error: unknown) => {
        begun = null
        throw error
      })),
    close: () => closeAll(opened),
  }
}

/** All of them are created alike. */
async function withKeys(
  created: readonly SourceTable[],
  readers: readonly Reader[],
): Promise<readonly SourceTable[]> {
  const [first] = created
  if (first === undefined) return []
  const { keys } = await readers[first.endpoint]!.describe(first.table)
  return created.map((table) => ({ ...table, keys }))
}

/** Of the first `count` columns that are compared; with what says the shard, or the row's digest, behind them. */
async function sideOf(
  readers: readonly Reader[],
  whole: SourceSpec,
  { columns, digest, pipeline }: VerifyPlan,
  count: number,
): Promise<Side> {
  const written = whole.columns.slice(0, count)
  const rest = whole.columns.slice(columns.length)
  const plan = pipeline === null ? { ...whole, columns: [...written, ...rest] } : whole
  if (digest === null) return { readers, plan, rows: plan }
  // Several tables have no digest.
  const column = await readers[0]!.skills.digest!.ofRows(plan, digest.formats)
  return { readers, plan, rows: { ...plan, columns: [...plan.columns, column] } }
}

/** null: rows are compared as they are read. */
async function computationOf(
  setup: { runId: string; plan: PipelineRunPlan; pipeline: PipelineSetup | null } | null,
  signal: AbortSignal,
): Promise<Computation | null> {
  const pipeline = setup && (await Pipeline.open(setup, signal))
  return pipeline && { plan: setup.plan.pipeline!, pipeline }
}
