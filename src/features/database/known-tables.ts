/** What a database says of many tables at once. */
import type { Reader, TableSchema, Writer } from '../../contract/plugin.js'
import type { OpenEndpoints } from '../../engine/open-endpoints.js'
import type { KnownTables } from '../../plan/plan-request.js'
import type { SelectedTable } from './selection.js'

/** Of fewer, each is described by itself: one look at all is a look at the whole database. */
const MANY = 20

type Described = ReadonlyMap<string, TableSchema | null>

/** null: each is to be described by itself. */
export async function describeSelected(
  { readers, writers }: OpenEndpoints,
  selected: readonly SelectedTable[],
): Promise<KnownTables | null> {
  if (selected.length < MANY) return null
  const source = selected.map(({ from }) => from)
  const target = selected.map(({ to }) => to)
  return { source: await describeMany(readers[0]!, source), target: await describeMany(writers[0]!, target) }
}

/** What cannot be asked of all is asked of each, which says what is wrong with it. */
export async function describeMany(
  { skills }: Reader | Writer,
  tables: readonly string[],
): Promise<Described> {
  if (tables.length < MANY) return new Map()
  return (await skills.describeAll?.(tables).catch(() => null)) ?? new Map()
}
