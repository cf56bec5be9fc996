/** What the param `deletes` asks of a plan. */
import { RowshiftError } from '../../contract/errors.js'
import type { Derivation } from '../../contract/derivation.js'
import type { Column, ColumnMapping, TableSchema, Writer } from '../../contract/plugin.js'
import type { Sharding } from '../../contract/sharding.js'
import type { Deletions } from '../../contract/run-plan.js'
import { enclosed } from '../../sql/fragment.js'
import type { ColumnEntry, NamedEntry, RawEntry } from '../../task/columns.js'
import { columnEntries } from '../../task/columns.js'
import type { DeletesParams } from './params.js'
import type { Params } from '../../task/params.js'
import { columnNamed } from '../../plan/column-names.js'
import { derive } from '../../plan/derived.js'
import type { DescribedTables } from '../../plan/described-tables.js'

export interface DeletesChoice {
  /** `params.columns`, and what feeds the flag. */
  readonly columns: readonly ColumnEntry[] | null
  /** null: nothing was asked for. */
  readonly deletions: Deletions | null
  readonly reasons: readonly string[]
}

/** `number`: not 0 means set; `time`: not NULL, nor the zero date. */
type FlagKind = 'number' | 'time'

/** The first value that is not a zero date. */
const FIRST = { date: "'0001-01-01'", datetime: "'0001-01-01 00:00:00'", instant: "'1970-01-01 00:00:01'" }
const ZERO_TIMES = ['0000-00-00', ...[0, 1, 2, 3, 4, 5, 6].map(zeroTime)]

/** Throws PARAMS_INVALID with every fault. */
export async function planDeletes(
  source: DescribedTables,
  target: TableSchema,
  params: Params,
): Promise<DeletesChoice> {
  const { deletes, columns, where } = params
  if (deletes === null) return { columns, deletions: null, reasons: [] }
  const faults: string[] = []
  const flag = deletes.targetFlag === null ? null : targetFlag(deletes.targetFlag, target, columns, faults)
  const sourceFlag = await sourceFlagOf(source, deletes, faults)
  const entry = flag && flagEntry(deletes, sourceFlag?.kind ?? null, flag, faults)
  if (faults.length > 0) {
    const message = `The params do not fit the tables:\n  ${faults.join('\n  ')}`
    throw new RowshiftError('PARAMS_INVALID', message, { faults })
  }
  const rows = sourceFlag && {
    live: all(where, sourceFlag.unset),
    deleted: all(where, sourceFlag.set),
  }
  return {
    columns: entry === null ? withoutFlag(deletes, columns, target) : [...(columns ?? ['*']), entry],
    deletions: { flag: flag?.column ?? null, rows },
    reasons: [reasonOf(deletes, source.table)],
  }
}

/** The condition of the rows that are not flagged, on either end: those that are compared. */
export async function liveRows(
  { deletions }: DeletesChoice,
  target: DescribedTables,
  where: string | null,
): Promise<{ readonly source: string | null; readonly target: string | null }> {
  const source = deletions?.rows?.live ?? where
  if (!deletions?.flag) return { source, target: where }
  const { unset } = await conditionsOf(target, {
    at: 'params.deletes.target',
    name: deletions.flag.name,
    origin: { type: 'column', name: deletions.flag.name },
    steps: [],
  })
  return { source, target: all(where, unset) }
}

/** Throws PARAMS_INVALID when the rows that the source flags cannot be deleted in the target by their key. */
export function checkDeletable(
  source: TableSchema,
  columns: readonly ColumnMapping[],
  identity: readonly string[] | null,
  {
    writer,
    sharding,
    several,
  }: { readonly writer: Writer; readonly sharding: Sharding | null; readonly several: boolean },
): void {
  const fault = (why: string) =>
    new RowshiftError(
      'PARAMS_INVALID',
      `params.deletes: ${why}. Use "target": {"flag": …}, or mode "sync", which deletes what the source does not have.`,
    )
  if (sharding !== null)
    throw fault('mode "increment" deletes rows of one table only, and the target is several')
  if (several)
    throw fault('a row of one source table may have the key of a row of another, and the source is several')
  if (writer.skills.deletes === undefined) throw fault("the target's plugin deletes no rows")
  const feeds = columns.filter(({ target }) => identity?.includes(target.name))
  const computed = feeds.find(
    ({ computedBy, source, check }) =>
      computedBy !== undefined ||
      source.sql !== undefined ||
      !['exact', 'widening'].includes(check.conversion),
  )
  if (computed)
    throw fault(
      `rows of the target are matched by ${computed.target.name}, which is not copied as it is in the source`,
    )
  const names = feeds.map((feed) => feed.source.name)
  if (source.keys.some((key) => !key.nullable && key.columns.every((name) => names.includes(name)))) return
  throw fault(
    `rows of the target are matched by ${(identity ?? []).join(', ')}, which is not a unique key of ${source.table}: a row that lives may have the same`,
  )
}

/** Throws PARAMS_INVALID when the flag is part of what tells rows of the target from each other: flagging would make another row. */
export function checkFlag(flag: Column | null, identity: readonly string[] | null, table: string): void {
  if (flag === null || !identity?.includes(flag.name)) return
  throw new RowshiftError(
    'PARAMS_INVALID',
    `params.deletes.target: ${flag.name} cannot be the flag, since rows of ${table} are matched by ${identity.join(', ')}: a row that is flagged would be another row.`,
  )
}

interface Flag {
  readonly column: Column
  readonly kind: FlagKind
}

function targetFlag(
  name: string,
  target: TableSchema,
  entries: Params['columns'],
  faults: string[],
): Flag | null {
  const fault = (text: string) => {
    faults.push(`params.deletes.target: ${text}`)
    return null
  }
  const column = find(target, name)
  if (!column) return fault(`target ${target.table} has no column ${unknown(name, target)}`)
  const shown = `${target.table}.${column.name} (${column.type})`
  if (column.generated) return fault(`${shown} is generated and cannot be written`)
  const feeder = entries?.find(
    (entry): entry is NamedEntry => entry !== '*' && sameName(entry.to ?? '', column.name),
  )
  if (feeder) return fault(`${column.name} is fed by ${feeder.at} already`)
  if (column.kind === 'integer' || column.kind === 'boolean') return { column, kind: 'number' }
  if (column.kind !== 'datetime' && column.kind !== 'instant')
    return fault(
      `${shown} cannot be a flag: it must be an integer (1 when a row is deleted, else 0) or a date with a time (else NULL)`,
    )
  return column.nullable
    ? { column, kind: 'time' }
    : fault(`${shown} must take NULL, which says that a row lives`)
}

interface SourceFlag {
  readonly kind: FlagKind
  readonly set: string
  readonly unset: string
}

async function sourceFlagOf(
  source: DescribedTables,
  { sourceFlag }: DeletesParams,
  faults: string[],
): Promise<SourceFlag | null> {
  if (sourceFlag === null) return null
  const at = 'params.deletes.source_flag'
  try {
    if ('sql' in sourceFlag)
      return await conditionsOf(source, {
        at,
        name: at,
        origin: { type: 'sql', sql: sourceFlag.sql },
        steps: [],
      })
    const column = find(source.table, sourceFlag.column)
    if (column)
      return await conditionsOf(source, {
        at,
        name: at,
        origin: { type: 'column', name: column.name },
        steps: [],
      })
    faults.push(
      `${at}: source ${source.table.table} has no column ${unknown(sourceFlag.column, source.table)}`,
    )
  } catch (thrown) {
    const found =
      thrown instanceof RowshiftError && thrown.code === 'PARAMS_INVALID' && thrown.details['faults']
    if (!Array.isArray(found)) throw thrown
    faults.push(...(found as string[]))
  }
  return null
}

/** How the database itself tells rows whose flag is set from the others. Throws PARAMS_INVALID. */
async function conditionsOf(tables: DescribedTables, wanted: Derivation): Promise<SourceFlag> {
  const [column] = await derive(tables, [wanted])
  const sql = enclosed(column!.sql!)
  switch (column!.kind) {
    case 'integer':
    case 'decimal':
    case 'float':
    case 'boolean':
      return { kind: 'number', set: `${sql} <> 0`, unset: `(${sql} IS NULL OR ${sql} = 0)` }
    case 'date':
    case 'datetime':
    case 'instant': {
      const first = FIRST[column!.kind]
      return { kind: 'time', set: `${sql} >= ${first}`, unset: `(${sql} IS NULL OR ${sql} < ${first})` }
    }
    default: {
      const fault = `${wanted.at}: a flag is a number (set when it is not 0) or a time (set when it is not NULL), and this is of type ${column!.type}: write a condition, like {"sql": "status = 'gone'"}`
      throw new RowshiftError('PARAMS_INVALID', fault, { faults: [fault] })
    }
  }
}

/** What feeds the flag of the target; null: nothing can, which is a fault. */
function flagEntry(
  { sourceFlag }: DeletesParams,
  kind: FlagKind | null,
  { column, kind: to }: Flag,
  faults: string[],
): NamedEntry | null {
  if (sourceFlag === null) return entryOf({ value: to === 'time' ? null : 0, to: column.name })
  // The fault is named already.
  if (kind === null) return null
  const from = 'sql' in sourceFlag ? sourceFlag : { from: sourceFlag.column }
  if (to === 'time') {
    if (kind === 'time') return entryOf({ ...from, to: column.name })
    faults.push(
      `params.deletes: ${column.name} (${column.type}) would need the time at which a row was deleted, which "source_flag" does not say: name an integer column in "target", or a time in "source_flag"`,
    )
    return null
  }
  const zeros = kind === 'number' ? ['0'] : ZERO_TIMES
  const map = Object.fromEntries(zeros.map((zero) => [zero, 0]))
  return entryOf({ ...from, map, unmapped: { value: 1 }, default: 0, to: column.name })
}

function entryOf(raw: RawEntry): NamedEntry {
  const [entry] = columnEntries([raw])
  return { ...(entry as NamedEntry), at: 'params.deletes' }
}

/** Where deleted rows do not arrive, nobody needs the flag in the target. */
function withoutFlag(
  { sourceFlag }: DeletesParams,
  columns: Params['columns'],
  target: TableSchema,
): Params['columns'] {
  if (sourceFlag === null || 'sql' in sourceFlag || (columns !== null && !columns.includes('*')))
    return columns
  const { column } = sourceFlag
  const named = columns?.some(
    (entry) => entry !== '*' && entry.origin?.type === 'column' && sameName(entry.origin.name, column),
  )
  if (named || find(target, column)) return columns
  return [...(columns ?? ['*']), entryOf({ from: column, to: null })]
}

function reasonOf({ sourceFlag, targetFlag: to }: DeletesParams, { table }: TableSchema): string {
  const fate = to === null ? 'are deleted in the target' : `are flagged in the target (${to})`
  if (sourceFlag === null) return `rows that ${table} no longer has ${fate} by a sync or repair`
  const flag = 'sql' in sourceFlag ? `(${sourceFlag.sql})` : sourceFlag.column
  return `rows of ${table} whose ${flag} is set ${fate}; rows that are missing there too, by a sync or repair`
}

function all(where: string | null, condition: string): string {
  return where === null ? condition : `${enclosed(where)} AND ${condition}`
}

function zeroTime(digits: number): string {
  return `0000-00-00 00:00:00${digits === 0 ? '' : `.${'0'.repeat(digits)}`}`
}

function find({ columns }: TableSchema, name: string): Column | undefined {
  return columnNamed(columns, name)
}

function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}

function unknown(name: string, { columns }: TableSchema): string {
  return `${JSON.stringify(name)}; it has ${columns.map((column) => column.name).join(', ')}`
}
