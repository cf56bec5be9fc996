import { RowshiftError } from '../contract/errors.js'
import type {
  Column,
  ForeignKey,
  PlannedWrite,
  TableCreation,
  CreateTablePlan,
  TableSchema,
  Writer,
} from '../contract/plugin.js'
import type { Sharding } from '../contract/sharding.js'
import type { TableModel } from './described-tables.js'
import type { Params } from '../task/params.js'
import { counted } from '../wire/counted.js'

export interface TargetChoice {
  readonly table: TableSchema
  readonly create: TableCreation | null
  /** null: it is one table. */
  readonly sharding: Sharding | null
  readonly reasons: readonly string[]
  readonly warnings: readonly string[]
}

/** A table that is wanted. */
export interface TargetRequest {
  readonly writer: Writer
  readonly table: string
  readonly params: Params
  /** As in `CreateTableRequest`. */
  readonly foreignKeys?: readonly ForeignKey[] | undefined
  /** What is known of tables by name; null: there is none. Default: they are described. */
  readonly known?: ReadonlyMap<string, TableSchema | null> | undefined
}

/** The target table as it is, or as it will be made: like `model`, which it must not be. Changes nothing. */
export async function planTarget(request: TargetRequest, model: TableModel): Promise<TargetChoice> {
  const { schemaSaveMode } = request.params
  const existing = await findTarget(request)
  if (existing?.identity === model.table.identity) throw sameTable(model.table.table)
  if (existing !== null && schemaSaveMode !== 'recreate') {
    return { table: existing, create: null, sharding: null, reasons: [], warnings: [] }
  }
  if (schemaSaveMode === 'recreate' && request.params.mode !== 'init') throw wouldLoseRows(request)
  const { target, statements, reasons, warnings } = await planCreateTable(request, model, existing)
  const verb = existing === null ? 'created' : 'dropped and created anew'
  return {
    table: target,
    create: existing === null ? { statements } : { statements, drops: true },
    sharding: null,
    reasons: [`target ${target.table} is ${verb}: schema_save_mode ${schemaSaveMode}`, ...reasons],
    warnings: existing === null ? warnings : [dropped(existing), ...warnings],
  }
}

/** Those of the target, in its first database. */
export function existingTables({ table, create, sharding }: TargetChoice): string[] {
  if (sharding === null) return create === null ? [table.table] : []
  const there = sharding.shards.filter((shard) => shard.create === null && shard.endpoint === 0)
  return there.map(({ table }) => table)
}

/** The table that was made must be the one that the plan counts on, after `pre_sql` too. Throws CREATE_FAILED. */
export function checkCreated({ table }: PlannedWrite, real: TableSchema): void {
  // A server may add a column of its own that it fills in: a key that nobody sees.
  const known = real.columns.filter(
    ({ name, hasDefault }) => !hasDefault || table.columns.some((column) => column.name === name),
  )
  const differences = known.length === table.columns.length ? [] : [counts(table, real)]
  for (const [i, column] of table.columns.entries()) {
    const found = known[i]
    if (found && !agree(column, found)) differences.push(`${show(found)} instead of ${show(column)}`)
  }
  if (differences.length === 0) return
  throw new RowshiftError(
    'CREATE_FAILED',
    `Table ${table.table} was created, but its columns are not those that were planned: ${differences.join('; ')}. ` +
      'No row was written. Drop the table, create it yourself, and run again.',
    { table: table.table },
  )
}

async function findTarget({ writer, table, params, known }: TargetRequest): Promise<TableSchema | null> {
  const found = known?.get(table)
  if (found || (found === null && params.schemaSaveMode !== 'error_when_not_exist')) return found
  try {
    return await writer.describe(table)
  } catch (thrown) {
    if (!(thrown instanceof RowshiftError) || thrown.code !== 'TABLE_NOT_FOUND') throw thrown
    if (params.schemaSaveMode !== 'error_when_not_exist') return null
    const hint =
      'Correct the name, or have the table made with "schema_save_mode": "create_when_not_exist" (rowshift copy: --create).'
    const { code, message, details } = thrown
    throw new RowshiftError(code, `${message.replace(/\.?$/, '.')} ${hint}`, details, thrown)
  }
}

async function planCreateTable(
  { writer, table, foreignKeys }: TargetRequest,
  model: TableModel,
  existing: TableSchema | null,
): Promise<CreateTablePlan> {
  if (writer.skills.planCreateTable === undefined) {
    throw new RowshiftError(
      'PARAMS_INVALID',
      `The target's plugin cannot create tables. Create ${table} yourself, and leave schema_save_mode out.`,
      { table },
    )
  }
  const sourceDdl = await model.sourceDdl()
  const wideColumns = () => model.wideColumns()
  const source = model.table
  const keys = foreignKeys && { foreignKeys }
  return writer.skills.planCreateTable({ source, sourceDdl, wideColumns, table, existing, ...keys })
}

/** An incremental run copies some rows only. */
function wouldLoseRows({ table, params }: TargetRequest): RowshiftError {
  return new RowshiftError(
    'PARAMS_INVALID',
    `params.schema_save_mode "recreate" would drop ${table} with all rows, and mode "${params.mode}" copies only new ones. Use mode "init", or "create_when_not_exist".`,
    { table },
  )
}

function agree(planned: Column, found: Column): boolean {
  const same = planned.type === found.type || planned.kind === found.kind
  const filled = planned.nullable || planned.hasDefault === found.hasDefault
  return (
    same &&
    filled &&
    planned.name === found.name &&
    planned.nullable === found.nullable &&
    planned.generated === found.generated
  )
}

function show({ name, type, nullable, hasDefault, generated }: Column): string {
  const more = generated ? ' GENERATED' : hasDefault && !nullable ? ' with a default' : ''
  return `${name} ${type}${nullable ? '' : ' NOT NULL'}${more}`
}

function counts(planned: TableSchema, real: TableSchema): string {
  return `${counted(real.columns.length, 'column')} instead of ${planned.columns.length}`
}

function dropped({ table, estimatedRows }: TableSchema): string {
  const rows = estimatedRows === null ? 'all its rows' : `its about ${counted(estimatedRows, 'row')}`
  return `table ${table} exists: it is dropped first, with ${rows}`
}

export function sameTable(table: string): RowshiftError {
  return new RowshiftError(
    'SAME_TABLE',
    `Source and target are the same table (${table}). Nothing was changed; name another target.`,
    { table },
  )
}
