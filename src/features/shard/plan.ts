import type { ShardPlace } from '../../plan/plan-request.js'
import { RowshiftError } from '../../contract/errors.js'
import type {
  Column,
  DdlSkill,
  Derivation,
  Reader,
  Shard,
  Sharding,
  TableDefinition,
  TableSchema,
} from '../../contract/plugin.js'
import { nameIn } from '../../contract/sharding.js'
import { difference } from './alike.js'
import { orderOf } from './bounds.js'
import type { Pattern } from './pattern.js'
import { nameOf, parsePattern } from './pattern.js'
import { rulesOf } from './rules.js'
import type { ShardParams } from './params.js'
import { derive } from '../../plan/derived.js'
import type { PlanRequest } from '../../plan/plan-request.js'
import { tablesOf } from '../../plan/table-names.js'
import type { TargetChoice } from '../../plan/target.js'
import { planTarget } from '../../plan/target.js'
import { counted } from '../../wire/counted.js'

interface Found {
  readonly endpoint: number
  readonly choice: TargetChoice
}

interface Model {
  readonly endpoint: number
  readonly target: TableSchema
}

/** All tables of a sharded target, as they are or will be made. Changes nothing. */
export async function planShards(
  request: PlanRequest,
  source: TableSchema,
  params: ShardParams,
  place: ShardPlace,
): Promise<TargetChoice> {
  const pattern = parsePattern(request.targetTable)
  const tables = await tablesOf(pattern, place.writers, params.numbering)
  const described = await describeAll(request, source, place, tables)
  const model = modelOf(request, described)
  const found = model === null ? described : await madeLike(model, described, request, place)
  const onDemand =
    pattern.kind === 'date' && request.params.schemaSaveMode !== 'error_when_not_exist'
      ? {
          like: model?.target ?? source,
          definition: await definitionOf(model, request),
          wide: model === null ? ((await request.reader.skills.ddl?.wide(request.sourceTable)) ?? []) : [],
        }
      : null
  const first = found[0]?.choice ?? (await likeNone(request, source, pattern, place, onDemand !== null))
  const shards = found.map(({ endpoint, choice: { table: target, create } }): Shard => {
    const name = nameIn(place.databases, endpoint, target.table)
    return { name, endpoint, table: target.table, identity: target.identity, create }
  })
  checkAlike(shards, found)
  const sharding: Sharding = {
    databases: place.databases,
    table: pattern.text,
    ...params,
    reads: await readsOf(request.reader, source, params.rule),
    shards,
    onDemand,
  }
  return {
    table: { ...first.table, table: pattern.text, ...sums(found.map(({ choice }) => choice.table)) },
    create: found.length === 0 ? first.create : null,
    sharding,
    reasons: [describe(sharding), ...madeReasons(found, request)],
    warnings: [...new Set(found.flatMap(({ choice }) => choice.warnings))],
  }
}

/** What the source computes for rules with `sql`. Throws PARAMS_INVALID. */
export function readsOf(
  reader: Reader,
  source: TableSchema,
  rule: Sharding['rule'],
): Promise<readonly Column[]> {
  const paths = 'database' in rule ? ['shard.database', 'shard.table'] : ['shard']
  const wanted = rulesOf(rule).flatMap((each, i): Derivation[] => {
    if (!('sql' in each)) return []
    const name = `${paths[i]!}.sql`
    return [{ at: `params.${name}`, name, origin: { type: 'sql', sql: each.sql }, steps: [] }]
  })
  return derive(reader, source, wanted)
}

/** Throws one TABLE_NOT_FOUND for all tables that are missing and may not be made. */
async function describeAll(
  request: PlanRequest,
  source: TableSchema,
  place: ShardPlace,
  tables: readonly { endpoint: number; table: string }[],
): Promise<Found[]> {
  const found: Found[] = []
  const missing: string[] = []
  let error: RowshiftError | null = null
  for (const { endpoint, table } of tables) {
    const one = { ...request, writer: place.writers[endpoint]!, targetTable: table }
    try {
      found.push({ endpoint, choice: await planTarget(one, source) })
    } catch (thrown) {
      if (!(thrown instanceof RowshiftError) || thrown.code !== 'TABLE_NOT_FOUND') throw thrown
      missing.push(nameIn(place.databases, endpoint, table))
      error ??= thrown
    }
  }
  if (error === null) return found
  const more =
    missing.length === 1 ? '' : ` In all, ${missing.length} tables are missing: ${missing.join(', ')}.`
  throw new RowshiftError(error.code, error.message + more, { ...error.details, missing }, error)
}

/** The shard that others are made like, since `columns` may have made it unlike the source. null: there is none yet. */
function modelOf({ params }: PlanRequest, found: readonly Found[]): Model | null {
  if (params.schemaSaveMode === 'recreate') return null
  const there = found.filter(({ choice }) => choice.create === null)
  const first = there.find(({ endpoint }) => endpoint === 0) ?? there[0]
  return first ? { endpoint: first.endpoint, target: first.choice.table } : null
}

/** The target's reader is of its first database; of a table elsewhere, what its schema says must do. */
async function definitionOf(model: Model | null, { reader, sourceTable, places }: PlanRequest) {
  if (model === null) return (await reader.skills.ddl?.definition(sourceTable)) ?? null
  if (model.endpoint !== 0) return null
  const target = await places.place('target').open()
  return (await target.skills.ddl?.definition(model.target.table)) ?? null
}

async function madeLike(
  model: Model,
  found: readonly Found[],
  request: PlanRequest,
  { writers }: ShardPlace,
): Promise<readonly Found[]> {
  if (found.every(({ choice }) => choice.create === null)) return found
  const definition = await definitionOf(model, request)
  return Promise.all(
    found.map(async (one) => {
      const { endpoint, choice } = one
      if (choice.create === null) return one
      const writer = writers[endpoint]!
      const targetTable = choice.table.table
      const like = { skills: definition === null ? {} : { ddl: ddlOf(definition) } }
      return {
        endpoint,
        choice: await planTarget({ ...request, reader: like, writer, targetTable }, model.target),
      }
    }),
  )
}

/** Of a table whose values nobody has looked at. */
function ddlOf(definition: TableDefinition): DdlSkill {
  return { definition: async () => definition, wide: async () => [] }
}

/** By date, before there is any table: what the first one will be like. */
async function likeNone(
  request: PlanRequest,
  source: TableSchema,
  pattern: Pattern,
  { writers }: ShardPlace,
  mayCreate: boolean,
): Promise<TargetChoice> {
  if (mayCreate) {
    const table = nameOf(pattern, pattern.labels[0]!)
    return planTarget({ ...request, writer: writers[0]!, targetTable: table }, source)
  }
  throw new RowshiftError(
    'TABLE_NOT_FOUND',
    `There is no table like ${pattern.text}, and the run may not make any. Have them made with "schema_save_mode": "create_when_not_exist" (rowshift copy: --create).`,
    { table: pattern.text },
  )
}

/** One plan writes all of them. */
function checkAlike(shards: readonly Shard[], found: readonly Found[]): void {
  const [first] = found
  const faults = found.flatMap(({ choice: { table: target } }, i) => {
    const made = shards[i]!.create !== null || shards[0]!.create !== null
    const fault = difference(first!.choice.table, target, made)
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

function madeReasons(found: readonly Found[], { params }: PlanRequest): string[] {
  const made = found.filter(({ choice }) => choice.create !== null)
  if (made.length === 0) return []
  return [
    `${made.length} of them are created: schema_save_mode ${params.schemaSaveMode}`,
    ...new Set(made.flatMap(({ choice }) => choice.reasons.slice(1))),
  ]
}

/** The highest value of a column in all shards that are there, as cell text. */
export async function highestOfShards(
  { writers }: ShardPlace,
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
