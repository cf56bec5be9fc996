import { closeAll, openAll } from '../contract/opening.js'
import { findTables, isMany } from '../features/sources/plan.js'
import { chooseKey } from '../plan/split-key.js'
import { windowColumn, windowKind } from '../plan/window.js'
import type { Column, WindowKind } from '../contract/plugin.js'
import { RowshiftError } from '../contract/plugin.js'
import { endpointsOf, readersOf, sourceEndpoint } from './endpoints.js'
import type { CopyRequest } from './copy-request.js'

/** What the watermarks of a mode are values of. */
export interface WatermarkColumn {
  readonly column: Column
  readonly kind: WindowKind
  /** The names of the source's tables, each of which has a watermark; null: it is one table. */
  readonly tables: readonly string[] | null
}

/** Asks the source of a task. */
export async function findWatermarkColumn(
  { from, params }: Pick<CopyRequest, 'from' | 'params'>,
  mode: 'append' | 'increment',
  signal: AbortSignal,
): Promise<WatermarkColumn> {
  const readers = readersOf(from.loaded.plugin, endpointsOf(from, params.session, params.timeZone))
  if (readers.length === 0)
    throw new RowshiftError('PLUGIN_UNKNOWN', `Databases of type "${from.loaded.type}" cannot be read from.`)
  try {
    await openAll(readers, signal)
    const { table: source, sources } = await findTables(sourceEndpoint(from, isMany(from), readers))
    const request = { source, params, key: chooseKey(source, params.key).key }
    const tables = sources?.map(({ name }) => name) ?? null
    return { column: windowColumn(request, mode), kind: windowKind(request, mode), tables }
  } finally {
    await closeAll(readers)
  }
}
