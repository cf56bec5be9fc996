import { RowshiftError } from '../contract/errors.js'
import type {
  IncrementalRequest,
  Column,
  Reader,
  SourceMark,
  SplitKey,
  TableMarks,
  TableSchema,
  Window,
  WindowKind,
} from '../contract/plugin.js'
import type { Mode } from '../contract/run-plan.js'
import { isOwn } from '../contract/table-schema.js'
import type { DiffColumn, Params } from '../task/params.js'
import type { Backfill } from './bounds.js'
import { backfillBounds, boundOf } from './bounds.js'
import type { ColumnPair } from './mapping.js'
import { compareSource, markSource, staleWatermark } from './source-mark.js'
import { column } from './split-key.js'

/** How long a run waits for writers that hold lower keys or earlier times, before it leaves them to the next run. */
const LOCK_WAIT_MS = 5_000

/** How far earlier runs have got. */
export interface SavedWatermarks {
  readonly watermarks: Readonly<Partial<Record<Mode, string>>>
  /** Begin at the target's own highest value where nothing is remembered. */
  readonly fromTarget: boolean
  /** The stored task, and what its watermark of this mode is for messages: of several tables, all of them. Default: there is none. */
  readonly task?: { readonly task: number; readonly saved: string } | undefined
  /** What the tables were known by when the watermark of this mode was set; null: nothing was kept. */
  readonly marks?: TableMarks | null
}

export interface WindowRequest {
  readonly reader: Reader
  /** The highest value of a column of the target; null: its plugin cannot say. */
  readonly highest: ((column: Column) => Promise<string | null>) | null
  readonly source: TableSchema
  readonly target: TableSchema
  readonly pairs: readonly ColumnPair[]
  readonly params: Params
  readonly key: SplitKey | null
  /** null: nothing is remembered between runs, as in `rowshift copy`. */
  readonly savedWatermarks: SavedWatermarks | null
  /** null: the window begins where earlier runs ended. */
  readonly backfill: Backfill | null
  /** Of the source, when its watermark was set; null: none was kept. */
  readonly mark: SourceMark | null
}

type Described = Pick<WindowRequest, 'source' | 'params' | 'key'>

export interface WindowChoice {
  readonly window: Window | null
  readonly watermarks: Readonly<Partial<Record<Mode, string>>>
  /** Of the source as it is now. */
  readonly mark: SourceMark | null
  readonly warnings: readonly string[]
}

/** Fixes what this run reads, and what it leaves to be remembered. */
export async function chooseWindow(request: WindowRequest): Promise<WindowChoice> {
  const { backfill, params } = request
  const { mode } = params
  const nothing = { window: null, watermarks: {}, mark: null, warnings: [] }
  if (mode === 'sync') return nothing
  if (mode === 'init') {
    const watermarks = await seeds(request)
    const hasWatermark = Object.keys(watermarks).length > 0
    return { ...nothing, watermarks, mark: hasWatermark ? await markSource(request) : null }
  }
  if (backfill !== null) {
    const window = await asked(request, mode, backfill)
    return { ...nothing, window, warnings: window.warnings }
  }
  const watermark = await startingPoint(request, mode)
  const { mark, warnings } = await lookAtSource(request, mode, watermark)
  const window = await fixWindow(request, mode, watermark)
  const watermarks = window.watermark === null ? {} : { [mode]: window.watermark }
  return { window, watermarks, mark, warnings: [...warnings, ...window.warnings] }
}

/** Throws WATERMARK_STALE when the source has other rows than those that earlier runs have read. */
async function lookAtSource(
  request: WindowRequest,
  mode: 'append' | 'increment',
  watermark: string | null,
): Promise<Pick<WindowChoice, 'mark' | 'warnings'>> {
  const { savedWatermarks, mark: before, reader, source } = request
  if (savedWatermarks?.task === undefined) return { mark: null, warnings: [] }
  if (before === null || watermark === null) return { mark: await markSource(request), warnings: [] }
  const below = boundRequest(request, mode, watermark)
  const { fate, mark } = await compareSource(request, before, below)
  if (fate === 'same') return { mark, warnings: [] }
  if (fate === 'unknown') {
    const text = `source ${source.table} was altered, or replaced, since the last runs, and so were its columns: whether it has the same rows cannot be seen; "rowshift verify" compares them`
    return { mark, warnings: [text] }
  }
  const what = `Source ${source.table} was emptied or replaced since the last runs: of the rows that they looked at none is left`
  if ((await reader.skills.marks?.holdsBelow(below)) !== false)
    throw staleWatermark(what, savedWatermarks.task, mode)
  return {
    mark,
    warnings: [
      `source ${source.table} was emptied or replaced since the last runs. No row of it is below the watermark, so none is missed; what it held before stays in the target, and mode "sync" deletes it`,
    ],
  }
}

/** Earlier runs and later ones have nothing to do with it. */
async function asked(
  request: WindowRequest,
  mode: 'append' | 'increment',
  backfill: Backfill,
): Promise<Window> {
  const bounds = backfillBounds(windowColumn(request, mode), windowKind(request, mode), backfill)
  const window = await fixWindow(request, mode, null, bounds)
  const { name } = window.column
  const range =
    mode === 'append'
      ? `${name} above ${bounds.from}${bounds.to === null ? '' : `, up to and with ${bounds.to}`}`
      : `${name} from ${bounds.from} on${bounds.to === null ? '' : `, up to ${bounds.to} (without it)`}`
  return { ...window, reasons: [`backfill: ${range}; the watermark stays where it is`] }
}

/** A full copy is a beginning for either incremental mode, if it has a column for it. */
async function seeds(request: WindowRequest): Promise<Partial<Record<Mode, string>>> {
  const { params, source, savedWatermarks, reader } = request
  const found: Partial<Record<Mode, string>> = {}
  if (savedWatermarks === null || !reader.skills.incrementalRange) return found
  const modes = {
    // Other keys seldom rise, and nobody has said that this one does.
    append: risingKey(request)?.kind === 'integer',
    increment:
      params.diffColumn !== null &&
      diffKind(column(source, params.diffColumn.source), params.diffColumn) !== null,
  }
  for (const mode of ['append', 'increment'] as const) {
    if (!modes[mode]) continue
    const { watermark } = await fixWindow(request, mode, null)
    if (watermark !== null) found[mode] = watermark
  }
  return found
}

async function startingPoint(request: WindowRequest, mode: 'append' | 'increment'): Promise<string | null> {
  const { savedWatermarks, target, highest } = request
  const known = savedWatermarks?.watermarks[mode]
  if (known !== undefined) return trusted(known, request, mode)
  if (savedWatermarks?.fromTarget) {
    const column = counterpart(request, mode)
    if (!highest) throw cannot(mode, target.table, 'cannot say which value of a column is the highest')
    return highest(column)
  }
  return null
}

/** It comes from the task store and becomes SQL text. */
function trusted(watermark: unknown, request: WindowRequest, mode: 'append' | 'increment'): string {
  const column = windowColumn(request, mode)
  const value = typeof watermark === 'string' ? boundOf(column, watermark, windowKind(request, mode)) : null
  if (value !== null) return value
  throw new RowshiftError(
    'PARAMS_INVALID',
    `The task store has ${JSON.stringify(watermark)} for how far mode "${mode}" has got, which is not a value of ${column.name} (${column.type}). ` +
      'Correct it in rowshift_watermark, or run the task once with --mode init.',
    { column: column.name },
  )
}

function fixWindow(
  request: WindowRequest,
  mode: 'append' | 'increment',
  watermark: string | null,
  range?: IncrementalRequest['range'],
): Promise<Window> {
  const { reader, source } = request
  if (!reader.skills.incrementalRange)
    throw cannot(mode, source.table, 'is in a database whose plugin does not support incremental runs')
  return reader.skills.incrementalRange({
    ...boundRequest(request, mode, watermark),
    ...(range && { range }),
  })
}

function boundRequest(
  request: WindowRequest,
  mode: 'append' | 'increment',
  watermark: string | null,
): IncrementalRequest {
  const { source, params } = request
  const { lag, overlap } = params
  return {
    table: source,
    column: windowColumn(request, mode),
    kind: windowKind(request, mode),
    watermark,
    lag,
    overlap,
    lockWaitMs: LOCK_WAIT_MS,
    rereads: params.writeMode !== 'insert',
  }
}

/** The column that the watermarks of a mode are values of. */
export function windowColumn(request: Described, mode: 'append' | 'increment'): Column {
  const { source, params } = request
  if (mode === 'append') {
    const rising = risingKey(request)
    if (rising) return rising
    throw cannot(mode, source.table, 'has no key of one column that rises; name it with "pk"')
  }
  const changed = column(source, params.diffColumn!.source)
  if (diffKind(changed, params.diffColumn!) !== null) return changed
  const named = `params.diff_column names ${source.table}.${changed.name} (${changed.type})`
  if (changed.kind === 'integer')
    throw new RowshiftError(
      'PARAMS_INVALID',
      `${named}, and nothing says what its numbers are: {"src": "${changed.name}", "type": "epoch_ms"} for milliseconds since 1970 (or epoch_s, epoch_us), "version" for numbers that are higher with every change.`,
      { table: source.table, column: changed.name, mode },
    )
  throw new RowshiftError(
    'COLUMN_NOT_FOUND',
    params.diffColumn!.type === null
      ? `${named}, which does not say when a row changed: a date, a date with a time or an integer is needed.`
      : `${named} as "${params.diffColumn!.type}", which only integers can be. Leave "type" out for a date or time.`,
    { table: source.table, column: changed.name, mode },
  )
}

export function windowKind({ source, params }: Described, mode: 'append' | 'increment'): WindowKind {
  return mode === 'append' ? 'key' : diffKind(column(source, params.diffColumn!.source), params.diffColumn!)!
}

/** null: it does not say when a row changed. */
function diffKind({ kind }: Column, { type }: DiffColumn): WindowKind | null {
  if (type !== null) return kind === 'integer' ? type : null
  if (kind === 'date') return 'date'
  return kind === 'datetime' || kind === 'instant' ? 'time' : null
}

function risingKey({ key }: Pick<WindowRequest, 'key'>): Column | null {
  const [only, ...more] = key?.columns ?? []
  return only && more.length === 0 && !key!.nullable ? only : null
}

/** The target column that has the values of the window's column unchanged: another one's highest value says nothing. */
function counterpart(request: WindowRequest, mode: 'append' | 'increment'): Column {
  const { target, params, pairs, source } = request
  const named = mode === 'append' ? params.targetKey?.[0] : params.diffColumn!.target
  const { name } = windowColumn(request, mode)
  const fed = pairs.filter((pair) => pair.make === undefined && isOwn(pair.source, name))
  const wanted = named === undefined ? null : column(target, named)
  const found = fed.find((pair) => wanted === null || pair.target === wanted)
  if (found) return found.target
  throw new RowshiftError(
    'PARAMS_INVALID',
    `How far ${source.table} was copied cannot be seen in the target: ${name} does not go unchanged into ${wanted?.name ?? 'any column'} of ${target.table}. ` +
      'Leave --from-target out; run the task once with --mode init.',
    { table: source.table, column: name },
  )
}

function cannot(mode: Mode, table: string, why: string): RowshiftError {
  return new RowshiftError('PARAMS_INVALID', `params.mode is "${mode}", but ${table} ${why}.`, {
    table,
    mode,
  })
}
