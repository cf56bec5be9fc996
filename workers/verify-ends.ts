/** What a verifying thread has open, and how rows are read from it. */
import { rangesOf, readerOf, writerOf } from '../src/engine/ends.js'
import type { StageSetup } from '../src/engine/messages.js'
import { closeAll, openAll } from '../src/opening.js'
import type { Reader, ReadSpec, Writer } from '../src/plugin.js'
import type { Router } from '../src/shard/router.js'
import type { RangeSource } from '../src/sources/range-reader.js'
import type { StagedPlan } from '../src/stage.js'
import { comparisonSetup, routerOf } from '../src/verify/comparison-setup.js'
import type { VerifySetup } from '../src/verify/messages.js'
import type { ComparisonSetup } from '../src/verify/row-comparison.js'
import type { VerifyPlan } from '../src/verify/verify-plan.js'
import { loadPlugin } from './load-plugin.js'
import type { Making } from './source-rows.js'
import { Stage } from './stage.js'

export interface Side {
  readonly reader: Reader
  /** The same, or all tables of it together. */
  readonly ranges: RangeSource
  /** How ranges are found and hashed. */
  readonly plan: ReadSpec
  /** How rows are read. */
  readonly rows: ReadSpec
}

/** How rows are compared. */
export interface Ends {
  readonly source: Side
  readonly target: Side
  /** How rows of the source are made; null: they are compared as they are read. */
  readonly making: Making | null
  /** null: the target is one table. */
  readonly router: Router | null
  readonly comparison: ComparisonSetup
}

export interface OpenEnds {
  /** All columns, and nothing is changed. */
  readonly compared: Ends
  /** What a copy writes; making a row may give it an id. */
  readonly repaired: Ends
  /** null: nothing is repaired. */
  readonly writer: Writer | null
  close(): Promise<void>
}

export async function openEnds(setup: VerifySetup, signal: AbortSignal): Promise<OpenEnds> {
  const { runId, source, target, plan, repair, stage, repairStage } = setup
  const reader = readerOf(await loadPlugin(source), source, plan.source.sources != null)!
  const plugin = await loadPlugin(target)
  const targetReader = readerOf(plugin, target, plan.target.sources != null)!
  const writer = repair === null ? null : writerOf(plugin, target, repair.write.sharding !== null)!
  const compared = {
    read: plan.source,
    write: { table: plan.target.table, columns: plan.columns },
    pipeline: plan.stage,
  }
  const making = await makingOf({ runId, plan: compared, stage }, signal)
  const repairMaking = await makingOf(repair && { runId, plan: repair, stage: repairStage }, signal)
  await openAll([reader, targetReader, ...(writer ? [writer] : [])], signal)
  const endsOf = async (count: number, making: Making | null): Promise<Ends> => ({
    source: await sideOf(reader, plan.source, plan, count),
    target: await sideOf(targetReader, plan.target, plan, count),
    making,
    router: routerOf(plan, count),
    comparison: comparisonSetup(plan, making?.plan ?? null, count),
  })
  return {
    compared: await endsOf(plan.columns.length, making),
    repaired: await endsOf(plan.written, repairMaking),
    writer,
    close: () => closeAll([reader, targetReader, writer, making?.stage, repairMaking?.stage]),
  }
}

/** Of the first `count` columns that are compared; with what says the shard, or the row's digest, behind them. */
async function sideOf(
  reader: Reader,
  whole: ReadSpec,
  { columns, digest, stage }: VerifyPlan,
  count: number,
): Promise<Side> {
  const ranges = rangesOf(reader)
  const written = whole.columns.slice(0, count)
  const rest = whole.columns.slice(columns.length)
  const plan = stage === null ? { ...whole, columns: [...written, ...rest] } : whole
  if (digest === null) return { reader, ranges, plan, rows: plan }
  const column = await reader.rowDigest!(plan, digest.forms)
  return { reader, ranges, plan, rows: { ...plan, columns: [...plan.columns, column] } }
}

/** null: rows are compared as they are read. */
async function makingOf(
  setup: { runId: string; plan: StagedPlan; stage: StageSetup | null } | null,
  signal: AbortSignal,
): Promise<Making | null> {
  const stage = setup && (await Stage.open(setup, signal))
  return stage && { plan: setup.plan.pipeline!, stage }
}
