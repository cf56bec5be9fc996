import type { ResolvedConnection } from '../../config/config.js'
import { checkCondition, zoneReasons } from '../../plan/condition.js'
import { BATCH_BYTES } from '../../plan/limits.js'
import { withCells } from '../../plan/cell-encodings.js'
import { checkNamedColumns } from '../../plan/plan.js'
import { splitRows } from '../../plan/split-rows.js'
import type { Places } from '../../plan/places.js'
import { RowshiftError } from '../../contract/errors.js'
import { fillTable } from '../../contract/message.js'
import { sameTable } from '../../plan/target.js'
import type { MappingResult } from '../../plan/mapping.js'
import { mapColumns } from '../../plan/mapping.js'
import { chooseKey } from '../../plan/split-key.js'
import { liveRows, planDeletes } from '../deletes/plan.js'
import { planStage } from '../../plan/staging.js'
import type { ColumnPair } from '../../plan/mapping.js'
import { originOf } from '../../engine/ends.js'
import { settleRules } from '../shard/rule-plan.js'
import { readsOf } from '../shard/plan.js'
import { columnsOf } from '../shard/rules.js'
import { singleName } from '../../plan/table-names.js'
import type { SourcePlace } from '../../plan/plan-request.js'
import { describeSources } from '../sources/plan.js'
import type {
  Reader,
  ReadSpec,
  RunPlan,
  Sharding,
  SourceTable,
  SplitKey,
  StagePlan,
  TableSchema,
} from '../../contract/plugin.js'
import type { Params } from '../../task/params.js'
import type { DigestPlan } from './digest-plan.js'
import { planDigest } from './digest-plan.js'
import { createdMaps, repeatable } from './made-columns.js'
import { chooseRanges, isCopied } from './ranges.js'
import { describeTarget } from './target-tables.js'

/** How two tables are compared. Plain JSON, without secrets. */
export interface VerifyPlan {
  readonly source: ReadSpec
  /** The target, read as a source of the same columns in the same order. */
  readonly target: ReadSpec
  /** What is compared: what a copy writes, and where to; after these, what the target computes itself. */
  readonly columns: readonly ColumnPair[]
  /** How many of `columns` a copy writes. */
  readonly written: number
  /** How rows of the source are made into that, read-only; `source` reads what it needs. null: they are compared as they are read. */
  readonly stage: StagePlan | null
  /** Tables of the target that a repair creates first; `target` does not have them yet. */
  readonly created: readonly SourceTable[]
  /** null: the target is one table. Else its rows must also be in the right one. */
  readonly sharding: Sharding | null
  /** Which columns say which row it is; null: the rows have no identity and are counted. */
  readonly identity: readonly number[] | null
  /** What both databases hash; null: rows are compared by their cells alone. */
  readonly digest: DigestPlan | null
  readonly workerNum: number
  readonly reasons: readonly string[]
  readonly warnings: readonly string[]
}

export interface VerifyEnds {
  readonly reader: Reader
  /** Of the target. */
  readonly targetReader: Reader
  readonly from: ResolvedConnection & { readonly table: string }
  readonly to: ResolvedConnection & { readonly table: string }
  readonly places: Places
}

/** Looks at both tables and decides how to compare them. `repair`: how the target is then made equal; null: it is not. */
export async function makeVerifyPlan(
  ends: VerifyEnds,
  params: Params,
  repair: RunPlan | null,
): Promise<VerifyPlan> {
  const { reader, targetReader } = ends
  checkRepeatable(params)
  const origin = originOf(ends.from, reader)
  const many = origin && (await describeSources(ends.from.table, origin))
  const source = many?.source ?? (await reader.describe(singleName(ends.from.table)))
  const { schema: target, tables, created, reasons } = await describeTarget(ends, params, repair)
  checkDistinct([many?.tables ?? [source], tables ?? [target]])
  const onSource = await checkCondition(reader, source, params.where)
  // What is created is like the source, and takes its condition.
  const empty = tables?.length === 0
  const onTarget = empty ? [] : await checkCondition(targetReader, target, params.where)
  const deleting = await planDeletes(reader, source, target, params)
  const { where } = params
  const live = empty
    ? { source: deleting.deletions?.rows?.live ?? where, target: where }
    : await liveRows(deleting, targetReader, target, where)
  const mapping = await mapColumns(reader, source, target, deleting.columns)
  const { pairs: all } = mapping
  checkNamedColumns(params, source, target, all)
  const { pairs: remade, fresh } = repeatable(all)
  // What a repair makes in the threads is compared as it is written, so without these.
  const generated = all.some(({ make }) => make !== undefined) ? [] : mapping.generated
  const chosen = chooseKey(source, params.key)
  const place = originOf(ends.to, targetReader)
  const placed = place && (await placeOf(params, place, { reader, source, target, tables: tables!, fresh }))
  const shardReads = placed?.reads ?? []
  const staged = await planStage({
    writer: null,
    places: ends.places,
    target,
    tables: [],
    // Values of JSON are compared, not refused.
    pairs: withCells([...remade, ...generated], { shard: params.shard, transform: false, losses: 'all' }),
    values: mapping.values,
    key: chosen.key,
    shardReads,
    workerNum: params.workerNum,
    created: createdMaps(repair),
    transform: null,
  })
  const { pairs, stage } = staged
  const ranges = chooseRanges(
    chosen.key,
    pairs,
    target,
    ends.from.loaded.specifier === ends.to.loaded.specifier,
  )
  const split = splitRows(source, params)
  const keyed = (all: readonly SourceTable[], key: SplitKey | null) => all.map((table) => ({ ...table, key }))
  const common = {
    splitRows: split.rows,
    batch: { bytes: BATCH_BYTES, rows: Number.MAX_SAFE_INTEGER },
    window: null,
  }
  const sides = {
    source: {
      ...common,
      where: live.source,
      table: source,
      sources: many && keyed(many.tables, ranges.source),
      key: ranges.source,
      columns: stage?.reads ?? [...pairs.map((pair) => pair.source), ...shardReads],
    },
    target: {
      ...common,
      where: live.target,
      table: target,
      sources: tables && keyed(tables, ranges.target),
      key: ranges.target,
      columns: pairs.map((pair) => pair.target),
    },
  }
  const sharding = placed && settleRules(placed, pairs)
  const digest = await planDigest(
    { reader, plan: sides.source },
    { reader: targetReader, plan: sides.target },
    pairs,
  )
  return {
    ...sides,
    columns: pairs,
    written: remade.length,
    stage,
    created: keyed(created, ranges.target),
    sharding,
    identity: identityOf(chosen.key, pairs),
    digest: digest.digest,
    workerNum: ranges.source === null ? 1 : params.workerNum,
    reasons: [
      ...(many ? [many.reason] : []),
      ...reasons,
      chosen.reason,
      ...(ranges.source === null ? [] : [split.reason]),
      ...ranges.reasons,
      digest.reason,
      ...deleting.reasons,
      ...zoneReasons(params),
    ],
    warnings: [
      ...fillTable(onSource, source.table).map((warning) => `source: ${warning}`),
      ...fillTable(onTarget, target.table).map((warning) => `target: ${warning}`),
      ...(place !== null && sharding === null
        ? ['in which shard a row is, is not looked at: it follows from an id that each run gives anew']
        : []),
      ...notCompared(target, { ...mapping, generated }),
      ...fresh.map(
        ({ target: { name } }) =>
          `column ${name} is not compared: each run gives a row a new id, and no map says which`,
      ),
      ...staged.warnings,
      ...(params.consistency === 'snapshot'
        ? [
            'params.consistency is "snapshot", which holds for copies only: each range is looked at in its own moment',
          ]
        : []),
    ],
  }
}

/** Columns of either end that nobody chose to leave out. */
function notCompared(target: TableSchema, mapping: MappingResult): string[] {
  const { dropped, generated, pairs } = mapping
  const compared = [...pairs, ...generated].map((pair) => pair.target)
  return [
    ...dropped
      .filter((column) => !generated.some((pair) => pair.source === column))
      .map(({ name }) => `column ${name} is not compared: target ${target.table} has none of that name`),
    ...target.columns
      .filter((column) => column.generated && !compared.includes(column))
      .map(({ name }) => `generated column ${name} of target ${target.table} is not compared with anything`),
  ]
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

/** Throws SAME_TABLE. */
function checkDistinct([sources, targets]: readonly [
  readonly Pick<TableSchema, 'table' | 'identity'>[],
  readonly Pick<TableSchema, 'identity'>[],
]): void {
  const both = sources.find(({ identity }) => targets.some((target) => target.identity === identity))
  if (both) throw sameTable(both)
}

interface Placed {
  readonly reader: Reader
  readonly source: TableSchema
  readonly target: TableSchema
  readonly tables: readonly SourceTable[]
  readonly fresh: readonly ColumnPair[]
}

/** null: where a row belongs follows from what only the run makes, or it does not matter. */
async function placeOf(
  { shard }: Params,
  { databases }: SourcePlace,
  { reader, source, target, tables, fresh }: Placed,
): Promise<Sharding | null> {
  if (shard === null) return null
  const unknown = fresh.map(({ target }) => target.name.toLowerCase())
  if (columnsOf(shard.rule).some((name) => unknown.includes(name.toLowerCase()))) return null
  const known = tables.map((table) => ({ ...table, create: null }))
  const reads = await readsOf(reader, source, shard.rule)
  return { databases, table: target.table, ...shard, reads, shards: known, onDemand: null }
}

/** A row that has NULL in a key column has no identity; see row-comparison.ts. */
function identityOf(key: SplitKey | null, pairs: readonly ColumnPair[]): number[] | null {
  if (key === null) return null
  const at = key.columns.map(({ name }) => pairs.findIndex((pair) => isCopied(pair, name)))
  return at.includes(-1) ? null : at
}
