import { RowshiftError } from '../contract/errors.js'
import type { Column, PlannedWrite, WriteSpec } from '../contract/plugin.js'
import type { RunPlan } from '../contract/run-plan.js'
import type { SourceSpec } from '../contract/source-spec.js'
import type { TargetSpec } from '../contract/target-spec.js'
import { checkDeletable, checkFlag } from '../features/deletes/plan.js'
import { planIndexes } from '../features/indexes/plan.js'
import { highestOfShards, planShards } from '../features/shard/plan.js'
import { settleRules } from '../features/shard/rule-plan.js'
import { planTables } from '../features/shard/write-plans.js'
import type { Reading } from '../features/sources/plan.js'
import { chooseReading } from '../features/sources/plan.js'
import { planResume } from '../features/resume/resumable.js'
import type { PlannedTransform } from '../features/transform/plan.js'
import { openTarget, planTransform } from '../features/transform/plan.js'
import type { Params } from '../task/params.js'
import { withCells } from './cell-encodings.js'
import { modelOf } from './described-tables.js'
import { chooseIdentity } from './identity.js'
import { clientPath, planInServer } from './server-copies.js'
import { marksOf } from './incremental-warnings.js'
import { plannedWrite } from './limits.js'
import type { Settled } from './losses.js'
import { settleLosses } from './losses.js'
import type { MappingResult } from './mapping.js'
import type { PlanRequest } from './plan-request.js'
import type { Matching, PlanChoices } from './plan-texts.js'
import { reasonsOf, warningsOf } from './plan-texts.js'
import type { SourceChoice } from './shared-steps.js'
import { checkDistinct, chooseColumns, columnsRead, describeSource } from './shared-steps.js'
import { chooseKey } from './split-key.js'
import { splitRows, type SplitShare } from './split-rows.js'
import type { PipelineChoice } from './pipeline-plan.js'
import { checkNewIds, planPipeline } from './pipeline-plan.js'
import { singleName } from './table-names.js'
import type { TargetChoice } from './target.js'
import { existingTables, planTarget } from './target.js'
import type { ThreadChoice } from './threads.js'
import { chooseThreads, forSplits } from './threads.js'
import type { SavedWatermarks } from './window.js'

/** Looks at both tables and decides everything about a copy. Changes nothing. */
export async function makePlan(request: PlanRequest): Promise<RunPlan> {
  try {
    return await planOnce(request)
  } catch (error) {
    const asked = clientPath(request.params)
    if (asked !== null || RowshiftError.from(error).code !== 'ROW_TOO_LARGE') throw error
    // A row was found. The writer may know a way for it, which costs the other rows more.
    return planOnce({ ...request, largeRows: true })
  }
}

async function planOnce(request: PlanRequest): Promise<RunPlan> {
  const { params } = request
  const source = await describeSource(request.source, params.where)
  const databases = Math.max(request.source.readers.length, request.target.writers.length)
  const threads = chooseThreads(params, { databases, source: source.table, elsewhere: request.elsewhere })
  const target = await chooseTarget(request, source)
  checkConsistency(request, source)
  const transform = await planTransform(params.transform, request.signal)
  const seen = transform === null ? target.table : openTarget(source.table, target.table, params.columns)
  const { mapping: named, deleting } = await chooseColumns(source, seen, params)
  const mapping = encodeCells(named, params, transform)
  const key = chooseKey(source.table, params.key, params.consistency)
  const tables = { source, target, mapping, deleting, key }
  const pipeline = await choosePipeline(request, tables, transform, threads)
  const judged = await judgeColumns(request, tables, pipeline)
  const sharding = target.sharding && settleRules(target.sharding, judged.columns)
  const split = splitRows(source.table, params, threads.first, sharding?.shards.length)
  const savedWatermarks = savedWatermarksOf(request, target)
  const reading = await chooseWindows(request, tables, split, savedWatermarks)
  const matching = matchRows(request, { ...tables, pipeline, judged })
  const choices = {
    ...tables,
    pipeline,
    judged,
    sharding,
    split,
    savedWatermarks,
    reading,
    matching,
    threads: threadsFor(reading, threads),
  }
  const planned = await planWrite(request, choices)
  const read = readSpec(params, choices, planned)
  const write = await planInServer(request, planned, read, pipeline.plan ?? deleting.deletions)
  const marks = marksOf(write, reading)
  const { writers } = request.target
  const resuming = await planResume({ params, read, write }, request.source.readers, writers)
  const indexes = await planIndexes(params, { read, write }, writers)
  return {
    mode: params.mode,
    read,
    write,
    pipeline: pipeline.plan,
    deletions: deleting.deletions,
    policy: {
      workerNum: write.threads,
      firstThreads: choices.threads.first,
      consistency: params.consistency,
      speed: params.speed,
      ...resuming.policy,
      indexesLast: indexes.last,
      watermarks: reading.watermarks,
      retry: params.retry,
    },
    reasons: [...reasonsOf(params, choices, write), ...indexes.reasons, ...resuming.reasons],
    warnings: [
      ...(await warningsOf(request, choices, { read, write, marks })),
      ...indexes.warnings,
      ...resuming.warnings,
    ],
    delays: reading.delays,
    marks,
  }
}

type Tables = Pick<PlanChoices, 'source' | 'target' | 'mapping' | 'deleting' | 'key'>

/** The target as it is, or as it will be made. */
function chooseTarget(request: PlanRequest, source: SourceChoice): Promise<TargetChoice> {
  const { params, target, foreignKeys } = request
  if (params.shard !== null) return planShards(request, source, params.shard)
  const { writers, known } = target
  const one = { writer: writers[0]!, table: singleName(target.table), params, foreignKeys, known }
  return planTarget(one, modelOf(source))
}

/** Throws PARAMS_INVALID for a snapshot that the source does not have. */
function checkConsistency(
  { params, source: { readers } }: PlanRequest,
  { table: { table }, sources }: SourceChoice,
): void {
  if (params.consistency !== 'snapshot' || (sources === null && readers[0]!.skills.snapshot)) return
  const why =
    sources === null
      ? `the database of ${table} has none that several readers can share`
      : `${table} is several tables, which share none`
  throw new RowshiftError('PARAMS_INVALID', `params.consistency is "snapshot", but ${why}. Use "split".`)
}

/** How the cells of each column are written on the way. */
function encodeCells(
  mapping: MappingResult,
  { shard, allowLossy }: Params,
  transform: PlannedTransform | null,
): MappingResult {
  const use = { shard, transform: transform !== null, losses: allowLossy }
  return { ...mapping, pairs: withCells(mapping.pairs, use) }
}

/** What worker threads do to rows between reading and writing. */
function choosePipeline(
  { connections, target: { writers } }: PlanRequest,
  { target, mapping, key }: Tables,
  transform: PlannedTransform | null,
  threads: ThreadChoice,
): Promise<PipelineChoice> {
  return planPipeline({
    writer: writers[0]!,
    connections,
    target: target.table,
    tables: existingTables(target),
    pairs: mapping.pairs,
    values: mapping.values,
    key: key.key,
    shardReads: target.sharding?.reads ?? [],
    workerNum: threads.most,
    transform,
  })
}

/** Throws LOSSY for values that would not arrive as they are. */
function judgeColumns(
  { params, target: { writers } }: PlanRequest,
  { source, target, mapping }: Tables,
  { pairs }: PipelineChoice,
): Promise<Settled> {
  return settleLosses({
    source,
    writer: writers[0]!,
    target: target.table,
    mapping: { ...mapping, pairs },
    allowLossy: params.allowLossy,
    where: params.where,
  })
}

/** How far earlier runs have got. What they copied into a table that is no longer there is forgotten. */
function savedWatermarksOf(
  { savedWatermarks = null }: PlanRequest,
  { create, sharding }: TargetChoice,
): SavedWatermarks | null {
  const isNew =
    sharding === null || sharding.shards.length === 0
      ? create !== null
      : sharding.shards.every((shard) => shard.create !== null)
  return savedWatermarks && isNew
    ? { watermarks: {}, fromTarget: false, task: savedWatermarks.task }
    : savedWatermarks
}

/** Which rows are read, and along which key. Throws SAME_TABLE when one of the source's tables is one of the target's. */
async function chooseWindows(
  { params, target: { writers }, backfill = null }: PlanRequest,
  { source, target, mapping, key }: Tables,
  split: SplitShare,
  savedWatermarks: SavedWatermarks | null,
): Promise<Reading> {
  const { sharding, table } = target
  const { skills } = writers[0]!
  const highest = (column: Column) =>
    sharding ? highestOfShards(writers, sharding, column) : skills.highest!(table.table, column)
  const request = {
    highest: sharding || skills.highest ? highest : null,
    target: table,
    pairs: mapping.pairs,
    params,
    key: key.key,
    savedWatermarks,
    backfill,
  }
  const reading = await chooseReading(request, source, key, split.rows)
  if (source.sources !== null) checkDistinct(source, sharding?.shards ?? [table])
  return reading
}

/** By which key a row of the target is found again, and whether rows are deleted by it. */
function matchRows(
  { target: { writers }, params: { mode, writeMode } }: PlanRequest,
  { source, target, deleting, key, pipeline, judged }: Tables & Pick<PlanChoices, 'pipeline' | 'judged'>,
): Matching {
  const { columns } = judged
  const { deletions } = deleting
  const identity = chooseIdentity({ writeMode, target: target.table, columns, key: key.key })
  checkNewIds(identity, pipeline.plan)
  checkFlag(deletions?.flag ?? null, identity, target.table.table)
  const increments = mode === 'increment' && deletions?.rows != null && deletions.flag === null
  if (increments) {
    const several = source.sources !== null
    checkDeletable(source.table, columns, identity, {
      writer: writers[0]!,
      sharding: target.sharding,
      several,
    })
  }
  return { identity, deletes: increments || (mode === 'sync' && !deletions?.flag) }
}

/** What is written, and how. */
async function planWrite(
  { params, target: { writers }, largeRows }: PlanRequest,
  { source, target, judged, sharding, reading, matching, threads }: PlanChoices,
): Promise<TargetSpec> {
  const { writeMode, errorLimit, writeBatch, preSql, postSql } = params
  const spec: WriteSpec = {
    table: target.table,
    create: target.create,
    columns: judged.columns,
    from: source.table.table,
    key: reading.key,
    writeMode,
    ...matching,
    errorLimit,
    threads: threads.most,
    ...(largeRows && { largeRows }),
    writeBatch,
    preSql,
    postSql,
  }
  const planned = await planTables(writers, spec, sharding, clientPath(params))
  return { ...plannedWrite(spec, planned), sharding }
}

/** Without a key a table is one split. */
function threadsFor({ key, sources }: Reading, threads: ThreadChoice): ThreadChoice {
  const hasKey = sources === null ? key !== null : sources.some((table) => table.key !== null)
  if (hasKey) return threads
  return forSplits(sources?.length ?? 1, threads)
}

function readSpec(
  { where }: Params,
  { source, pipeline, judged, sharding, split, reading }: PlanChoices,
  { batch }: PlannedWrite,
): SourceSpec {
  const { sources, key, window } = reading
  return {
    table: source.table,
    sources,
    columns: columnsRead(pipeline.plan, judged.columns, sharding?.reads ?? []),
    key,
    splitRows: split.rows,
    batch,
    where,
    window,
  }
}
