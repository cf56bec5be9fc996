import type { PlanRequest } from './plan-request.js'
import { RowshiftError } from '../contract/errors.js'
import { fillTable } from '../contract/message.js'
import type {
  ReadSpec,
  RunPlan,
  Sharding,
  SourceTable,
  TableCreation,
  TableSchema,
  WriteSpec,
} from '../contract/plugin.js'
import type { Params } from '../task/params.js'
import { checkCondition, zoneReasons } from './condition.js'
import { checkDeletable, checkFlag, planDeletes } from '../features/deletes/plan.js'
import { idleParams } from './idle-params.js'
import { chooseIdentity, mergeWarnings } from './identity.js'
import { plannedWrite } from './limits.js'
import { settleLosses } from './losses.js'
import type { ColumnPair } from './mapping.js'
import { mapColumns } from './mapping.js'
import { withCells } from './cell-encodings.js'
import { settleRules, shardWarnings } from '../features/shard/rule-plan.js'
import { highestOfShards, planShards } from '../features/shard/plan.js'
import type { Reading } from '../features/sources/plan.js'
import { chooseReading, describeSources } from '../features/sources/plan.js'
import { incrementalWarnings, marksOf } from './incremental-warnings.js'
import { chooseKey, column } from './split-key.js'
import { splitRows } from './split-rows.js'
import { checkNewIds, planStage } from './staging.js'
import { planTarget, sameTable } from './target.js'
import { singleName } from './table-names.js'
import { generatedReasons, keylessWarnings, targetRowsWarnings, triggerWarnings } from './target-warnings.js'
import { openTarget, planTransform } from '../features/transform/plan.js'
import type { Past } from './window.js'

const MANY_WORKERS = 20

/** Names of one table without their escapes. */
function withNames(request: PlanRequest): PlanRequest {
  const { sourceTable, targetTable, origin, place } = request
  return {
    ...request,
    sourceTable: origin ? sourceTable : singleName(sourceTable),
    targetTable: place ? targetTable : singleName(targetTable),
  }
}

/** Looks at both tables and decides everything about a copy. Changes nothing. */
export async function makePlan(asked: PlanRequest): Promise<RunPlan> {
  const request = withNames(asked)
  const { reader, writer, params } = request
  const many = request.origin ? await describeSources(request.sourceTable, request.origin) : null
  const source = many?.source ?? (await reader.describe(request.sourceTable))
  const conditionWarnings = await checkCondition(reader, source, params.where)
  const place = request.place ?? null
  const { target, create, ...made } =
    place !== null && params.shard !== null
      ? await planShards(request, source, params.shard, place)
      : await planTarget(request, source)
  if (params.consistency === 'snapshot' && !reader.lock) throw noSnapshots(source, many !== null)
  const transform = await planTransform(params.transform, request.signal)
  const open = transform === null ? target : openTarget(source, target, params.columns)
  const deleting = await planDeletes(reader, source, open, params)
  const named = await mapColumns(reader, source, open, deleting.columns)
  checkNamedColumns(params, source, open, named.pairs)
  const use = { shard: params.shard, transform: transform !== null, losses: params.allowLossy }
  const mapping = { ...named, pairs: withCells(named.pairs, use) }
  const { allowLossy, where } = params
  const chosen = chooseKey(source, params.key)
  const staged = await planStage({
    writer,
    places: request.places,
    target,
    tables: tablesThere(target, create, made.sharding),
    pairs: mapping.pairs,
    values: mapping.values,
    key: chosen.key,
    shardReads: made.sharding?.reads ?? [],
    workerNum: params.workerNum,
    transform,
  })
  const settled = await settleLosses({
    reader,
    writer,
    source,
    target,
    mapping: { ...mapping, pairs: staged.pairs },
    allowLossy,
    where,
  })
  const sharding = made.sharding && settleRules(made.sharding, settled.columns)
  const split = splitRows(source, params, sharding?.shards.length)
  const past = isNew(create, sharding) ? forgotten(request.past) : (request.past ?? null)
  const reading = await chooseReading(
    {
      reader,
      writer: sharding ? { highest: (_, column) => highestOfShards(place!, sharding, column) } : writer,
      source,
      target,
      pairs: mapping.pairs,
      params,
      key: chosen.key,
      past,
      backfill: request.backfill ?? null,
    },
    many,
    chosen,
    split.rows,
  )
  const { window, watermarks, key, sources } = reading
  checkDistinct(sources, target, sharding)
  const { writeMode } = params
  const identity = chooseIdentity({ writeMode, target, columns: settled.columns, key: chosen.key })
  checkNewIds(identity, staged.stage)
  const { deletions } = deleting
  checkFlag(deletions?.flag ?? null, identity, target.table)
  const deletes = params.mode === 'increment' && deletions?.rows != null && deletions.flag === null
  if (deletes) checkDeletable(source, settled.columns, identity, { sharding, several: many !== null })
  const spec: WriteSpec = {
    table: target,
    sharding,
    create,
    columns: settled.columns,
    from: source.table,
    key,
    writeMode,
    identity,
    deletes: deletes || (params.mode === 'sync' && !deletions?.flag),
    errorLimit: params.errorLimit,
    threads: threads(reading, params),
    writeBatch: params.writeBatch,
    preSql: params.preSql,
    postSql: params.postSql,
  }
  const write = plannedWrite(spec, await writer.plan(spec, params.writePath))
  const marks = marksOf(write, reading)
  const read: ReadSpec = {
    table: source,
    sources,
    columns: staged.stage?.reads ?? [
      ...settled.columns.map((column) => column.source),
      ...(sharding?.reads ?? []),
    ],
    key,
    splitRows: split.rows,
    batch: write.batch,
    where,
    window,
  }
  const allColumns = params.columns === null || params.columns.includes('*')
  return {
    mode: params.mode,
    read,
    write,
    pipeline: staged.stage,
    deletions,
    policy: { workerNum: spec.threads, consistency: params.consistency, watermarks },
    reasons: [
      ...(many ? [many.reason] : []),
      ...made.reasons,
      ...staged.reasons,
      ...deleting.reasons,
      ...generatedReasons(mapping),
      ...reading.reasons,
      ...(key === null ? [] : [split.reason]),
      ...zoneReasons(params),
      ...fillTable(write.reasons, target.table),
    ],
    warnings: [
      ...fillTable(conditionWarnings, source.table),
      ...made.warnings,
      ...staged.warnings,
      ...reading.warnings,
      ...reading.delays,
      ...settled.warnings,
      // Of a repair, whoever asked for it says so.
      ...(params.mode === 'sync' ? [] : idleParams(params, request.past ?? null)),
      ...workerWarnings(params.workerNum),
      ...(sharding ? shardWarnings(sharding, identity, writeMode, staged.stage) : []),
      ...(create ? [] : keylessWarnings(target)),
      ...mergeWarnings(source, spec, many !== null),
      ...fillTable(write.warnings, target.table),
      ...targetRowsWarnings({ read, write }),
      ...incrementalWarnings(
        { mode: params.mode, source, write, stage: staged.stage, marks },
        chosen.key,
        past,
      ),
      ...triggerWarnings(target, write, params),
      ...fillTable((await reader.check?.(read, write, allColumns)) ?? [], source.table),
    ],
    delays: reading.delays,
    marks,
  }
}

/** `diff_column` and `pk.dest` name columns that a later run relies on, so a full copy checks them too. */
export function checkNamedColumns(
  params: Params,
  source: TableSchema,
  target: TableSchema,
  mapping: readonly ColumnPair[],
): void {
  if (params.diffColumn) {
    column(source, params.diffColumn.source)
    column(target, params.diffColumn.target)
  }
  params.targetKey?.forEach((name, i) => {
    const counterpart = column(target, name)
    const from = column(source, params.key![i]!)
    if (mapping.some(({ source, target }) => source === from && target === counterpart)) return
    throw new RowshiftError(
      'COLUMN_NOT_FOUND',
      `params.pk says that ${source.table}.${from.name} goes to ${target.table}.${name}, but the columns are not mapped so.`,
      { column: name },
    )
  })
}

function workerWarnings(workerNum: number): string[] {
  if (workerNum <= MANY_WORKERS) return []
  return [
    `worker_num ${workerNum} opens ${workerNum} connections on each side; above ${MANY_WORKERS} it seldom gets faster`,
  ]
}

/** Without a key a table is one split. */
function threads({ key, sources }: Reading, { workerNum }: Params): number {
  if (sources === null) return key === null ? 1 : workerNum
  return sources.some((table) => table.key !== null) ? workerNum : Math.min(workerNum, sources.length)
}

/** Where one end is one table, it has been compared before. */
function checkDistinct(
  sources: readonly SourceTable[] | null,
  target: TableSchema,
  sharding: Sharding | null,
): void {
  const targets = (sharding?.shards ?? [target]).map(({ identity }) => identity)
  const both = (sources ?? []).find(({ identity }) => targets.includes(identity))
  if (both) throw sameTable({ table: both.name })
}

/** In the first database. */
function tablesThere(target: TableSchema, create: TableCreation | null, sharding: Sharding | null): string[] {
  if (sharding === null) return create === null ? [target.table] : []
  const there = sharding.shards.filter((shard) => shard.create === null && shard.endpoint === 0)
  return there.map(({ table }) => table)
}

/** All rows are still to come. */
function isNew(create: TableCreation | null, sharding: Sharding | null): boolean {
  if (sharding === null || sharding.shards.length === 0) return create !== null
  return sharding.shards.every((shard) => shard.create !== null)
}

/** What earlier runs have copied went into a table that is no longer there. */
function forgotten(past: Past | null | undefined): Past | null {
  return past ? { watermarks: {}, fromTarget: false, task: past.task } : null
}

function noSnapshots({ table }: TableSchema, many: boolean): RowshiftError {
  const why = many
    ? `${table} is several tables, which share none`
    : `the database of ${table} has none that several readers can share`
  return new RowshiftError('PARAMS_INVALID', `params.consistency is "snapshot", but ${why}. Use "split".`)
}
