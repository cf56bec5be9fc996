import type { IncrementalRequest, Window } from '../contract/read.js'
import { keyBounds, versionBounds } from './key-bounds.js'
import type { SqlSession } from './session.js'
import { timeBounds } from './time-bounds.js'
import { COUNT_TO, countUpTo } from './window-rows.js'
import type { WindowBounds, WindowSource } from './window-source.js'
import { windowConditions } from './window-sql.js'

/** The window of an incremental run; docs/incremental.md has what it promises. */
export async function findWindow<S extends SqlSession>(
  session: S,
  request: IncrementalRequest,
  source: WindowSource<S>,
): Promise<Window> {
  const { column, kind, range, table } = request
  const { dialect } = session
  const { index, reasons, warnings } = await source.look(session, request)
  const bounds = await findBounds(session, request, source, index !== null)
  const conditions = windowConditions(request, bounds, {
    name: dialect.expression(column),
    literal: (value) => dialect.literal(column, value),
    ...source.conditions?.(request, bounds),
  })
  const isEmpty = kind === 'key' && bounds.to === null && range === undefined
  return {
    column,
    ...bounds,
    ...conditions,
    rows: isEmpty ? 0 : await countUpTo(session, table, conditions.sql),
    countedTo: COUNT_TO,
    index,
    reasons: [...bounds.reasons, ...reasons],
    warnings: [...warnings, ...bounds.warnings],
  }
}

async function findBounds<S extends SqlSession>(
  session: S,
  request: IncrementalRequest,
  source: WindowSource<S>,
  indexed: boolean,
): Promise<WindowBounds> {
  const { kind, range } = request
  if (range) return { ...range, watermark: null, reasons: [], warnings: [], delays: [] }
  if (kind === 'key') return keyBounds(session, request, source)
  return kind === 'version'
    ? versionBounds(session, request, source)
    : timeBounds(session, request, source, indexed)
}

/** The warning where there is no such index. */
export function missingIndex({ table, column }: IncrementalRequest): string {
  return `${table.table} has no index that begins with ${column.name}, so every run reads the whole table: create an index on (${column.name})`
}
