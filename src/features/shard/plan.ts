import { RowshiftError } from '../../contract/errors.js'
import type { Column, Derivation, TableSchema, Writer } from '../../contract/plugin.js'
import type { Shard, Sharding } from '../../contract/sharding.js'
import { nameIn } from '../../contract/sharding.js'
import { difference } from './alike.js'
import { orderOf } from './bounds.js'
import type { Pattern } from './pattern.js'
import { nameOf, parsePattern } from './pattern.js'
import { rulesOf } from './rules.js'
import type { ShardParams } from './params.js'
import { derive } from '../../plan/derived.js'
import type { DescribedTables, TableModel } from '../../plan/described-tables.js'
import { modelOf } from '../../plan/described-tables.js'
import type { PlanRequest } from '../../plan/plan-request.js'
import { tablesOf } from '../../plan/table-names.js'
import type { TargetChoice } from '../../plan/target.js'
import { planTarget } from '../../plan/target.js'
import { counted } from '../../wire/counted.js'

interface PlannedShard {
  readonly endpoint: number
  readonly choice: TargetChoice
}

/** All tables of a sharded target, as they are or will be made. Changes nothing. */
export async function planShards(
  request: PlanRequest,
  source: DescribedTables,
  params: ShardParams,
): Promise<TargetChoice> {
  const { table, databases, writers } = request.target
  const pattern = parsePattern(table)
  const tables = await tablesOf(pattern, writers, params.numbering)
  const likeSource = modelOf(source)
  const described = await describeAll(request, likeSource, tables)
  const likeShard = await shardModel(request, described)
  const planned = likeShard === null ? described : await createdLike(likeShard, described, request)
  const like = likeShard ?? likeSource
  const onDemand =
    pattern.kind === 'date' && request.params.schemaSaveMode !== 'error_when_not_exist'
      ? { like: like.table, sourceDdl: await like.sourceDdl(), wideColumns: await like.wideColumns() }
      : null
  const first = planned[0]?.choice ?? (await likeNone(request, likeSource, pattern, onDemand !== null))
  const shards = planned.map(({ endpoint, choice: { table: target, create } }): Shard => {
    const name = nameIn(databases, endpoint, target.table)
    return { name, endpoint, table: target.table, identity: target.identity, create }
  })
  checkAlike(shards, planned)
  const sharding: Sharding = {
    databases,
    table: pattern.text,
    ...params,
    reads: await readsOf(source, params.rule),
    shards,
    onDemand,
  }
  return {
    table: { ...first.table, table: pattern.text, ...sums(planned.map(({ choice }) => choice.table)) },
    create: planned.length === 0 ? first.create : null,
    sharding,
    reasons: [describe(sharding), ...creationReasons(planned, request)],
    warnings: [...new Set(planned.flatMap(({ choice }) => choice.warnings))],
  }
}

/** What the source computes for rules with `sql`. Throws PARAMS_INVALID. */
export function readsOf(source: DescribedTables, rule: Sharding['rule']): Promise<readonly Column[]> {
  const paths = 'database' in rule ? ['shard.database', 'shard.table'] : ['shard']
  const wanted = rulesOf(rule).flatMap((each, i): Derivation[] => {
    if (!('sql' in each)) return []
    const name = `${paths[i]!}.sql`
    return [{ at: `params.${name}`, name, origin: { type: 'sql', sql: each.sql }, steps: [] }]
  })
  return derive(source, wanted)
}

/** Throws one TABLE_NOT_FOUND for all tables that are missing and may not be made. */
async function describeAll(
  { target, params }: PlanRequest,
  model: TableModel,
  tables: readonly { endpoint: number; table: string }[],
): Promise<PlannedShard[]> {
  const planned: PlannedShard[] = []
  const missing: string[] = []
  let error: RowshiftError | null = null
  for (const { endpoint, table } of tables) {
    const one = { writer: target.writers[endpoint]!, table, params }
    try {
      planned.push({ endpoint, choice: await planTarget(one, model) })
    } catch (thrown) {
      if (!(thrown instanceof RowshiftError) || thrown.code !== 'TABLE_NOT_FOUND') throw thrown
      missing.push(nameIn(target.databases, endpoint, table))
      error ??= thrown
    }
  }
  if (error === null) return planned
  const more =
    missing.length === 1 ? '' : ` In all, ${missing.length} tables are missing: ${missing.join(', ')}.`
  throw new RowshiftError(error.code, error.message + more, { ...error.details, missing }, error)
}

/** The shard that others are made like, since `columns` may have made it unlike the source. null: there is none yet. */
async function shardModel(
  { params, connections }: PlanRequest,
  planned: readonly PlannedShard[],
): Promise<TableModel | null> {
  if (params.schemaSaveMode === 'recreate') return null
  const there = planned.filter(({ choice }) => choice.create === null)
  const first = there.find(({ endpoint }) => endpoint === 0) ?? there[0]
  if (first === undefined) return null
  const { table } = first.choice
  const sourceDdl = async () => {
    // The target's reader is of its first database; of a table elsewhere, what its schema says must do.
    if (first.endpoint !== 0) return null
    const target = await connections.connection('target').open()
    return (await target.skills.ddl?.sourceDdl(table.table)) ?? null
  }
  return { table, sourceDdl, wideColumns: async () => [] }
}

async function createdLike(
  model: TableModel,
  planned: readonly PlannedShard[],
  { target, params }: PlanRequest,
): Promise<readonly PlannedShard[]> {
  if (planned.every(({ choice }) => choice.create === null)) return planned
  const sourceDdl = await model.sourceDdl()
  const like = { ...model, sourceDdl: async () => sourceDdl }
  return Promise.all(
    planned.map(async (one) => {
      const { endpoint, choice } = one
      if (choice.create === null) return one
      const writer = target.writers[endpoint]!
      const { table } = choice.table
      return { endpoint, choice: await planTarget({ writer, table, params }, like) }
    }),
  )
}

/** By date, before there is any table: what the first one will be like. */
async function likeNone(
  { target: { writers }, params }: PlanRequest,
  model: TableModel,
  pattern: Pattern,
  mayCreate: boolean,
): Promise<TargetChoice> {
  if (mayCreate) {
    const table = nameOf(pattern, pattern.labels[0]!)
    return planTarget({ writer: writers[0]!, table, params }, model)
  }
  throw new RowshiftError(
    'TABLE_NOT_FOUND',
    `There is no table like ${pattern.text}, and the run may not make any. Have them made with "schema_save_mode": "create_when_not_exist" (rowshift copy: --create).`,
    { table: pattern.text },
  )
}

/** One plan writes all of them. */
function checkAlike(shards: readonly Shard[], planned: readonly PlannedShard[]): void {
  const [first] = planned
  const faults = planned.flatMap(({ choice: { table: target } }, i) => {
    const created = shards[i]!.create !== null || shards[0]!.create !== null
    const fault = difference(first!.choice.table, target, created)
    return fault === null ? [] : [`${shards[i]!.name}: ${fault}`]
  })
  if (faults.length === 0) return
  throw new RowshiftError(
    'PARAMS_INVALID',
    `The shards are not alike. Compared with ${shards[0]!.name}:\n  ${faults.join('\n  ')}\nMake them alike; nothing was written.`,
    { faults },
  )
}

function sums(tables: readonly TableSchema[]): Pick<TableSchema, 'estimatedRows'> {
  const rows = tables.map(({ estimatedRows }) => estimatedRows)
  return {
    estimatedRows: rows.some((count) => count !== null)
      ? rows.reduce<number>((sum, count) => sum + (count ?? 0), 0)
      : null,
  }
}

function describe({ shards, databases, table, onDemand, reads }: Sharding): string {
  const where = databases.length === 1 ? '' : ` in ${databases.length} databases (${databases.join(', ')})`
  const more = onDemand === null ? '' : '; others are made when the first row of their date comes'
  const computed = reads.map(({ name, sql }) => `; ${name} (pushed down: ${sql!}) says where a row goes`)
  return `target ${table} is ${counted(shards.length, 'table')}${where}${more}${computed.join('')}`
}

function creationReasons(planned: readonly PlannedShard[], { params }: PlanRequest): string[] {
  const created = planned.filter(({ choice }) => choice.create !== null)
  if (created.length === 0) return []
  return [
    `${created.length} of them are created: schema_save_mode ${params.schemaSaveMode}`,
    ...new Set(created.flatMap(({ choice }) => choice.reasons.slice(1))),
  ]
}

/** The highest value of a column in all shards that are there, as cell text. */
export async function highestOfShards(
  writers: readonly Writer[],
  { shards }: Sharding,
  column: Column,
): Promise<string | null> {
  const order = orderOf(column.kind)
  let highest: string | null = null
  for (const { endpoint, table, create } of shards) {
    const writer = writers[endpoint]!
    if (create !== null) continue
    if (!writer.skills.highest || order === null) throw unknownHighest(table, column)
    const value = await writer.skills.highest(table, column)
    const [a, b] = [highest, value].map((text) => (text === null ? null : order.parse(Buffer.from(text))))
    if (value !== null && (highest === null || order.below(a, b))) highest = value
  }
  return highest
}

function unknownHighest(table: string, { name, type }: Column): RowshiftError {
  return new RowshiftError(
    'PARAMS_INVALID',
    `Which value of ${name} (${type}) is the highest in all shards like ${table} cannot be asked for; leave --from-target out.`,
    { table, column: name },
  )
}
