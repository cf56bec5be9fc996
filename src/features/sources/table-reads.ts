/** Reads of a source: one table after another, each by the reader of its database. */
import { RowshiftError } from '../../contract/errors.js'
import type {
  Message,
  PlannedWrite,
  Reader,
  ReadSpec,
  SplitOutline,
  TableState,
} from '../../contract/plugin.js'
import type { SourceSpec, SourceTable } from '../../contract/source-spec.js'

/** How long many tables are asked about, one after another. */
const LOOK_MS = 2000

/** A table of a source: who reads it, and how. */
export interface TableRead {
  readonly reader: Reader
  readonly spec: ReadSpec
}

/** Each table, in the order of `SourceSpec.sources`; `readers`: one for each database. */
export function tableReads(
  readers: readonly Reader[],
  { sources, ...spec }: SourceSpec,
): readonly TableRead[] {
  if (sources === null) return [{ reader: readers[0]!, spec }]
  return sources.map((table) => ({ reader: readers[table.endpoint]!, spec: specOf(spec, table) }))
}

/** The table of this index; null: the source is one table. */
export function tableRead(
  readers: readonly Reader[],
  { sources, ...spec }: SourceSpec,
  index: number | null,
): TableRead {
  if (sources === null) return { reader: readers[0]!, spec }
  const table = sources[index ?? -1]
  if (table) return { reader: readers[table.endpoint]!, spec: specOf(spec, table) }
  throw new RowshiftError('INTERNAL', `A split of ${spec.table.table} does not say which table it is of.`)
}

/** How one of several tables is read. */
function specOf(
  spec: ReadSpec,
  { table, identity, estimatedRows, keys, key: planned, window }: SourceTable,
): ReadSpec {
  const columns = planned?.columns.map(({ name }) => name) ?? []
  const own = keys.find((key) => String(key.columns) === String(columns))
  const key = planned && own ? { ...planned, name: own.name } : planned
  return { ...spec, table: { ...spec.table, table, identity, estimatedRows }, key, window }
}

/** A last look at each table; see `ReaderSkills.check`. */
export async function checkSource(
  readers: readonly Reader[],
  source: SourceSpec,
  write: PlannedWrite,
  allColumns: boolean,
): Promise<readonly Message[]> {
  const warnings: Message[] = []
  for (const { reader, spec } of tableReads(readers, source)) {
    warnings.push(...((await reader.skills.check?.(spec, write, allColumns)) ?? []))
  }
  return warnings
}

/** Unknown where a plugin cannot tell, or there are so many tables that looking at each takes long. */
export async function sourceState(
  readers: readonly Reader[],
  source: SourceSpec,
): Promise<TableState | null> {
  const reads = tableReads(readers, source)
  if (source.sources === null) return (await readers[0]!.skills.state?.(reads[0]!.spec)) ?? null
  const end = performance.now() + LOOK_MS
  const identities: (string | null)[] = []
  let bytes: number | null = 0
  for (const { reader, spec } of reads) {
    if (performance.now() > end) return { identity: null, bytes: null }
    const state = await reader.skills.state?.(spec)
    identities.push(state?.identity ?? null)
    bytes = bytes === null || state?.bytes == null ? null : bytes + state.bytes
  }
  return { identity: identities.includes(null) ? null : JSON.stringify(identities), bytes }
}

/** Of the first table. */
export async function outlineSource(
  readers: readonly Reader[],
  source: SourceSpec,
): Promise<SplitOutline | null> {
  const { reader, spec } = tableReads(readers, source)[0]!
  const outline = (await reader.skills.outline?.(spec)) ?? null
  if (outline !== null || source.sources === null) return outline
  return { strategy: 'one table after another', query: null, explain: [] }
}
