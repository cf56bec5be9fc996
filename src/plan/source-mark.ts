/** What tells, in a later run, a source table whose rows are still there from one that was emptied or replaced meanwhile. */
import { RowshiftError } from '../contract/errors.js'
import type {
  IncrementalRequest,
  Column,
  Reader,
  ReadSpec,
  SourceMark,
  SplitKey,
  TableSchema,
} from '../contract/plugin.js'
import type { Mode } from '../contract/run-plan.js'

/** Columns that are looked at: reading more, or larger ones, would only take longer. */
const MOST_COLUMNS = 12
const MOST_BYTES = 65_535
/** Whatever a batch may hold, none is read here. */
const NO_BATCH = { bytes: 1, rows: 1 }

export interface MarkRequest {
  readonly reader: Reader
  readonly source: TableSchema
  /** By which the rows are chosen. */
  readonly key: SplitKey | null
}

/** `lost`: none of the rows is there any more; `unknown`: rows cannot be compared. */
export type Fate = 'same' | 'lost' | 'unknown'

/** null: the reader has no samples, or the table nothing to tell it by, as a view of a server. */
export async function markSource(request: MarkRequest): Promise<SourceMark | null> {
  const identity = await identityOf(request)
  if (identity === null) return null
  const columns = chosenColumns(request)
  const rows = await sample(request, columns)
  return rows && { rows, identity, columns: typesOf(columns) }
}

/**
 * What has become of the table since it was marked, and its mark from now on. Old rows may be gone, and so many new ones there that none of
 * those at the ends of the key is left: of the rows `below` the watermark, the highest ones are those of then.
 */
export async function compareSource(
  request: MarkRequest,
  before: SourceMark,
  below: IncrementalRequest,
): Promise<{ readonly fate: Fate; readonly mark: SourceMark | null }> {
  const now = await markSource(request)
  if (now === null || now.identity === before.identity) return { fate: 'same', mark: now }
  if (before.rows.length + now.rows.length === 0) return { fate: 'same', mark: now }
  const columns = columnsOf(request.source, before.columns)
  if (columns === null) return { fate: 'unknown', mark: now }
  for (const range of [undefined, below]) {
    const rows = await sample(request, columns, range)
    if (rows?.some((row) => before.rows.includes(row))) return { fate: 'same', mark: now }
  }
  return { fate: 'lost', mark: now }
}

/** Another table, or other rows, under the watermark: what is below it is never read. */
export function staleWatermark(
  what: string,
  { task, saved }: { readonly task: number; readonly saved: string },
  mode: Mode,
): RowshiftError {
  return new RowshiftError(
    'WATERMARK_STALE',
    `${what}. Mode "${mode}" would read from its watermark (${saved}) only, and rows before it may be missing for good. ${waysOn(task, mode, saved)}`,
    { taskId: task },
  )
}

export function waysOn(task: number, mode: Mode, saved: string): string {
  return (
    'Copy all rows once with --mode init, or with --mode sync. To go on from the watermark after that, or because no row is missing: ' +
    `rowshift watermark ${task} --mode ${mode} --set '${saved}'`
  )
}

async function sample(
  { reader, source, key }: MarkRequest,
  columns: readonly Column[],
  below?: IncrementalRequest,
): Promise<readonly string[] | null> {
  return (await reader.skills.marks?.sample({ ...wholeTable(source, key), columns }, below)) ?? null
}

async function identityOf({ reader, source, key }: MarkRequest): Promise<string | null> {
  const state = await reader.skills.state?.({ ...wholeTable(source, key), columns: [] })
  if (state?.identity == null) return null
  return state.schema === undefined ? state.identity : `${state.identity} ${state.schema}`
}

function wholeTable(table: TableSchema, key: SplitKey | null): Omit<ReadSpec, 'columns'> {
  return { table, key, splitRows: 1, batch: NO_BATCH, where: null, window: null }
}

/** The key alone would not tell a table from one that is filled again: ids begin at 1 there too. */
function chosenColumns({ source, key }: MarkRequest): readonly Column[] {
  const isKey = ({ name }: Column) => key?.columns.some((column) => column.name === name) ?? false
  const small = source.columns.filter(
    ({ kind, valueRange }) => kind !== 'json' && (valueRange.maxBytes ?? 0) <= MOST_BYTES,
  )
  const chosen = small.every(isKey) ? source.columns : small
  return chosen.slice(0, MOST_COLUMNS)
}

function typesOf(columns: readonly Column[]): Record<string, string> {
  return Object.fromEntries(columns.map(({ name, type }) => [name, type]))
}

/** null: some of them are gone, or have another type. */
function columnsOf(source: TableSchema, types: Readonly<Record<string, string>>): readonly Column[] | null {
  const columns = Object.entries(types).map(([name, type]) =>
    source.columns.find((column) => column.name === name && column.type === type),
  )
  return columns.every((column) => column !== undefined) ? columns : null
}
