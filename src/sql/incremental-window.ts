import type { IncrementalRequest, Window } from '../contract/read.js'
import { keyEnds, versionEnds } from './key-ends.js'
import type { SqlSession } from './session.js'
import { timeEnds } from './time-ends.js'
import { COUNT_TO, countUpTo } from './window-rows.js'
import type { WindowEnds, WindowSource } from './window-source.js'
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
  const ends = await findEnds(session, request, source, index !== null)
  const conditions = windowConditions(request, ends, {
    name: dialect.expression(column),
    literal: (value) => dialect.literal(column, value),
    ...source.conditions?.(request, ends),
  })
  const isEmpty = kind === 'key' && ends.to === null && range === undefined
  return {
    column,
    ...ends,
    ...conditions,
    rows: isEmpty ? 0 : await countUpTo(session, table, conditions.sql),
    countedTo: COUNT_TO,
    index,
    reasons: [...ends.reasons, ...reasons],
    warnings: [...warnings, ...ends.warnings],
  }
}

async function findEnds<S extends SqlSession>(
  session: S,
  request: IncrementalRequest,
  source: WindowSource<S>,
  indexed: boolean,
): Promise<WindowEnds> {
  const { kind, range } = request
  if (range) return { ...range, watermark: null, reasons: [], warnings: [], delays: [] }
  if (kind === 'key') return keyEnds(session, request, source)
  return kind === 'version'
    ? versionEnds(session, request, source)
    : timeEnds(session, request, source, indexed)
}

/** The warning where there is no such index. */
export function missingIndex({ table, column }: IncrementalRequest): string {
  return `${table.table} has no index that begins with ${column.name}, so every run reads the whole table: ADD INDEX (${column.name})`
}
