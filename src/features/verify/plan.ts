import type { ResolvedConnection } from '../../config/config.js'
import type { RetryPolicy } from '../../contract/waiting.js'
import { RowshiftError } from '../../contract/errors.js'
import { fillTable } from '../../contract/message.js'
import type { Reader, SplitKey } from '../../contract/plugin.js'
import type { PipelinePlan } from '../../contract/pipeline.js'
import type { RunPlan, SpeedLimits } from '../../contract/run-plan.js'
import type { Sharding } from '../../contract/sharding.js'
import type { SourceSpec, SourceTable } from '../../contract/source-spec.js'
import { sourceEndpoint } from '../../engine/endpoints.js'
import { withCells } from '../../plan/cell-encodings.js'
import { checkCondition } from '../../plan/condition.js'
import { BATCH_BYTES } from '../../plan/limits.js'
import type { ColumnPair } from '../../plan/mapping.js'
import type { NamedConnections } from '../../plan/named-connections.js'
import { checkDistinct, chooseColumns, columnsRead, describeSource } from '../../plan/shared-steps.js'
import { chooseKey } from '../../plan/split-key.js'
import { splitRows } from '../../plan/split-rows.js'
import type { PipelineChoice } from '../../plan/pipeline-plan.js'
import { planPipeline } from '../../plan/pipeline-plan.js'
import type { Params } from '../../task/params.js'
import { DEFAULT_WORKERS } from '../../task/params.js'
import { liveRows } from '../deletes/plan.js'
import { readsOf } from '../shard/plan.js'
import { settleRules } from '../shard/rule-plan.js'
import { columnsOf } from '../shard/rules.js'
import { isMany } from '../sources/plan.js'
import type { DigestPlan } from './digest-plan.js'
import { planDigest } from './digest-plan.js'
import { createdMaps, repeatable } from './repeatable-columns.js'
import type { Conditions, ShardPlacement, VerifyChoices } from './plan-texts.js'
import { computedByBoth, reasonsOf, warningsOf } from './plan-texts.js'
import { chooseRanges, isCopied } from './ranges.js'
import { describeTarget } from './target-tables.js'

/** How two tables are compared. Plain JSON, without secrets. */
export interface VerifyPlan {
  readonly source: SourceSpec
  /** The target, read as a source of the same columns in the same order. */
  readonly target: SourceSpec
  /** What is compared: what a copy writes, and where to; after these, what the target computes itself. */
  readonly columns: readonly ColumnPair[]
  /** How many of `columns` a copy writes. */
  readonly written: number
  /** How rows of the source are made into that, read-only; `source` reads what it needs. null: they are compared as they are read. */
  readonly pipeline: PipelinePlan | null
  /** Tables of the target that a repair creates first; `target` does not have them yet. */
  readonly created: readonly SourceTable[]
  /** null: the target is one table. Else its rows must also be in the right one. */
  readonly sharding: Sharding | null
  /** Which columns say which row it is; null: the rows have no identity and are counted. */
  readonly identity: readonly number[] | null
  /** What both databases hash; null: rows are compared by their cells alone. */
  readonly digest: DigestPlan | null
  readonly workerNum: number
  /** null: as fast as it goes. */
  readonly speed: SpeedLimits | null
  readonly retry: RetryPolicy
  readonly reasons: readonly string[]
  readonly warnings: readonly string[]
}

export interface VerifyEndpoints {
  /** Of each database of the source. */
  readonly readers: readonly Reader[]
  readonly targetReaders: readonly Reader[]
  readonly from: ResolvedConnection & { readonly table: string }
  readonly to: ResolvedConnection & { readonly table: string }
  readonly connections: NamedConnections
}

/** Looks at both tables and decides how to compare them. `repair`: how the target is then made equal; null: it is not. */
export async function makeVerifyPlan(
  endpoints: VerifyEndpoints,
  params: Params,
  repair: RunPlan | null,
): Promise<VerifyPlan> {
  const { readers, targetReaders, from } = endpoints
  const [reader, targetReader] = [readers[0]!, targetReaders[0]!]
  checkRepeatable(params)
  const source = await describeSource(sourceEndpoint(from, isMany(from), readers), params.where)
  const target = await describeTarget(endpoints, params, repair)
  checkDistinct(source, target.sources ?? [target.table])
  const { mapping, deleting } = await chooseColumns(source, target.table, params)
  const tables = { source, target, mapping, deleting }
  const conditions = await chooseConditions(tables, params)
  const computed = repeatable(mapping.pairs)
  const key = chooseKey(source.table, params.key)
  const placement = await planPlacement(endpoints, params, { ...tables, computed })
  const pipeline = await choosePipeline(endpoints, params, { ...tables, computed, key, placement, repair })
  const ranges = chooseRanges(key.key, pipeline.pairs, target.table, samePlugin(endpoints))
  const split = splitRows(source.table, params, params.workerNum ?? DEFAULT_WORKERS)
  const choices = { ...tables, conditions, computed, key, placement, pipeline, ranges, split }
  const specs = readSpecs(choices)
  const digest = await planDigest(
    { reader, plan: specs.source },
    { reader: targetReader, plan: specs.target },
    pipeline.pairs,
  )
  return {
    ...specs,
    columns: pipeline.pairs,
    written: computed.pairs.length,
    pipeline: pipeline.plan,
    created: keyed(target.created, ranges.target),
    sharding: placement.sharding && settleRules(placement.sharding, pipeline.pairs),
    identity: identityOf(key.key, pipeline.pairs),
    digest: digest.digest,
    workerNum: ranges.source === null ? 1 : (params.workerNum ?? DEFAULT_WORKERS),
    speed: params.speed,
    retry: params.retry,
    reasons: reasonsOf(params, choices, digest.reason),
    warnings: warningsOf(params, choices),
  }
}

type Tables = Pick<VerifyChoices, 'source' | 'target' | 'mapping' | 'deleting'>

async function chooseConditions({ target, deleting }: Tables, { where }: Params): Promise<Conditions> {
  // What is created is like the source, and takes its condition.
  if (target.each.length === 0)
    return { source: deleting.deletions?.rows?.live ?? where, target: where, warnings: [] }
  const warnings = fillTable(await checkCondition(target, where), target.table.table)
  return { ...(await liveRows(deleting, target, where)), warnings }
}

async function planPlacement(
  { targetReaders, to }: VerifyEndpoints,
  { shard }: Params,
  { source, target: { table, sources }, computed: { fresh } }: Tables & Pick<VerifyChoices, 'computed'>,
): Promise<ShardPlacement> {
  if (shard === null) return { sharding: null, warnings: [] }
  const unknown = fresh.map(({ target }) => target.name.toLowerCase())
  if (columnsOf(shard.rule).some((name) => unknown.includes(name.toLowerCase()))) {
    const text = 'shard placement is not verified: it follows from an id that is new on every run'
    return { sharding: null, warnings: [text] }
  }
  const { databases } = sourceEndpoint(to, true, targetReaders)
  const shards = sources!.map(({ name, endpoint, table, identity }) => ({
    name,
    endpoint,
    table,
    identity,
    create: null,
  }))
  const reads = await readsOf(source, shard.rule)
  return {
    sharding: { databases, table: table.table, ...shard, reads, shards, onDemand: null },
    warnings: [],
  }
}

/** How rows of the source are made into what a copy writes. */
function choosePipeline(
  { connections }: VerifyEndpoints,
  { shard, workerNum }: Params,
  choices: Tables &
    Pick<VerifyChoices, 'computed' | 'key' | 'placement'> & { readonly repair: RunPlan | null },
): Promise<PipelineChoice> {
  const { target, mapping, computed, key, placement, repair } = choices
  // Values of JSON are compared, not refused.
  const use = { shard, transform: false, losses: 'all' } as const
  return planPipeline({
    writer: null,
    connections,
    target: target.table,
    tables: [],
    pairs: withCells([...computed.pairs, ...computedByBoth(mapping)], use),
    values: mapping.values,
    key: key.key,
    shardReads: placement.sharding?.reads ?? [],
    workerNum: workerNum ?? DEFAULT_WORKERS,
    created: createdMaps(repair),
    transform: null,
  })
}

/** Then it says of both ends how values are sorted. */
function samePlugin({ from, to }: VerifyEndpoints): boolean {
  return from.loaded.specifier === to.loaded.specifier
}

/** How either end is read: the same columns in the same order. */
function readSpecs(choices: VerifyChoices): Record<'source' | 'target', SourceSpec> {
  const { source, target, conditions, placement, ranges, split, pipeline } = choices
  const { plan, pairs } = pipeline
  const common = {
    splitRows: split.rows,
    batch: { bytes: BATCH_BYTES, rows: Number.MAX_SAFE_INTEGER },
    window: null,
  }
  return {
    source: {
      ...common,
      where: conditions.source,
      table: source.table,
      sources: source.sources && keyed(source.sources, ranges.source),
      key: ranges.source,
      columns: columnsRead(plan, pairs, placement.sharding?.reads ?? []),
    },
    target: {
      ...common,
      where: conditions.target,
      table: target.table,
      sources: target.sources && keyed(target.sources, ranges.target),
      key: ranges.target,
      columns: pairs.map((pair) => pair.target),
    },
  }
}

function keyed(tables: readonly SourceTable[], key: SplitKey | null): SourceTable[] {
  return tables.map((table) => ({ ...table, key }))
}

/** Throws PARAMS_INVALID where what a copy writes cannot be made a second time. */
export function checkRepeatable({ transform }: Params): void {
  if (transform === null) return
  throw new RowshiftError(
    'PARAMS_INVALID',
    'params.transform: what a transform makes of a row cannot be repeated for a comparison, so its target cannot be verified. ' +
      'Compare the two tables by SQL, or leave "transform" out to compare the columns that it does not change ("columns" names them).',
  )
}

/** A row that has NULL in a key column has no identity; see row-comparison.ts. */
function identityOf(key: SplitKey | null, pairs: readonly ColumnPair[]): number[] | null {
  if (key === null) return null
  const at = key.columns.map(({ name }) => pairs.findIndex((pair) => isCopied(pair, name)))
  return at.includes(-1) ? null : at
}
