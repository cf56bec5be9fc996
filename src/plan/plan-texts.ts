/** What the plan of a copy tells the user: why each choice was made, and what to look out for. */
import { fillTable } from '../contract/message.js'
import type { TableMarks } from '../contract/plugin.js'
import type { Sharding } from '../contract/sharding.js'
import type { SourceSpec } from '../contract/source-spec.js'
import type { TargetSpec } from '../contract/target-spec.js'
import type { DeletesChoice } from '../features/deletes/plan.js'
import { shardWarnings } from '../features/shard/rule-plan.js'
import type { Reading } from '../features/sources/plan.js'
import { checkSource } from '../features/sources/table-reads.js'
import type { Params } from '../task/params.js'
import { zoneReasons } from './condition.js'
import { idleParams } from './idle-params.js'
import { mergeWarnings } from './identity.js'
import { incrementalWarnings } from './incremental-warnings.js'
import type { Settled } from './losses.js'
import type { MappingResult } from './mapping.js'
import type { PlanRequest } from './plan-request.js'
import type { SourceChoice } from './shared-steps.js'
import type { KeyChoice } from './split-key.js'
import type { SplitShare } from './split-rows.js'
import { speedWarnings } from './split-rows.js'
import type { PipelineChoice } from './pipeline-plan.js'
import { generatedReasons, keylessWarnings, targetRowsWarnings, triggerWarnings } from './target-warnings.js'
import type { TargetChoice } from './target.js'
import type { ThreadChoice } from './threads.js'
import type { SavedWatermarks } from './window.js'

const MANY_WORKERS = 20

/** What the steps of planning have decided, in their order. */
export interface PlanChoices {
  readonly source: SourceChoice
  readonly target: TargetChoice
  readonly mapping: MappingResult
  readonly deleting: DeletesChoice
  readonly key: KeyChoice
  readonly pipeline: PipelineChoice
  readonly judged: Settled
  readonly sharding: Sharding | null
  readonly split: SplitShare
  /** How far earlier runs have got, as far as this one may rely on it. */
  readonly savedWatermarks: SavedWatermarks | null
  readonly reading: Reading
  readonly matching: Matching
  readonly threads: ThreadChoice
}

/** Of `WriteSpec`. */
export interface Matching {
  readonly identity: readonly string[] | null
  readonly deletes: boolean
}

export function reasonsOf(params: Params, choices: PlanChoices, write: TargetSpec): string[] {
  const { source, target, mapping, deleting, pipeline, split, reading, threads } = choices
  const whyThreads = write.unmarked === undefined ? threads.reason : threads.reasonHere
  return [
    ...source.reasons,
    ...target.reasons,
    ...pipeline.reasons,
    ...deleting.reasons,
    ...generatedReasons(mapping),
    ...reading.reasons,
    ...(reading.key === null ? [] : [split.reason]),
    ...(whyThreads === null ? [] : [whyThreads]),
    ...zoneReasons(params),
    ...fillTable(write.reasons, target.table.table),
  ]
}

/** Throws where one of them is not a warning, but a reason not to copy. */
export async function warningsOf(
  { source: { readers }, params, savedWatermarks = null }: PlanRequest,
  { source, target, key, pipeline, judged, sharding, savedWatermarks: known, reading, matching }: PlanChoices,
  { read, write, marks }: { read: SourceSpec; write: TargetSpec; marks: TableMarks },
): Promise<string[]> {
  const { mode, writeMode } = params
  const { plan } = pipeline
  const incremental = { mode, source: source.table, write, pipeline: plan, marks }
  const allColumns = params.columns === null || params.columns.includes('*')
  return [
    ...source.warnings,
    ...target.warnings,
    ...pipeline.warnings,
    ...reading.warnings,
    ...reading.delays,
    ...judged.warnings,
    // Of a repair, whoever asked for it says so.
    ...(mode === 'sync' ? [] : idleParams(params, savedWatermarks)),
    ...workerWarnings(params.workerNum),
    ...speedWarnings(params, reading.sources !== null || reading.key !== null),
    ...(sharding ? shardWarnings(sharding, matching.identity, writeMode, plan) : []),
    ...(target.create ? [] : keylessWarnings(target.table)),
    ...mergeWarnings(source.table, write, source.sources !== null),
    ...fillTable(write.warnings, target.table.table),
    ...targetRowsWarnings({ read, write }),
    ...incrementalWarnings(incremental, key.key, known),
    ...triggerWarnings(target.table, write, params),
    ...fillTable(await checkSource(readers, read, write, allColumns), source.table.table),
  ]
}

function workerWarnings(workerNum: number | null): string[] {
  if (workerNum === null || workerNum <= MANY_WORKERS) return []
  return [
    `worker_num ${workerNum} opens ${workerNum} connections on each side; above ${MANY_WORKERS} it seldom gets faster`,
  ]
}
