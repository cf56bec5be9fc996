import type { Mode, SplitKey, StagePlan, TableSchema, Writer, WriteSpec } from '../plugin.js'
import type { Past } from './window.js'

interface Incremental {
  readonly mode: Mode
  readonly source: TableSchema
  readonly spec: WriteSpec
  readonly stage: StagePlan | null
}

/** Which rows an incremental run leaves behind for good. `key` is the source's, by which `append` goes. */
export async function incrementalWarnings(
  plan: Incremental,
  key: SplitKey | null,
  past: Past | null,
  writer: Pick<Writer, 'highest'>,
): Promise<string[]> {
  const { mode, spec } = plan
  if (mode !== 'append' && mode !== 'increment') return []
  return [
    ...(mode === 'append' ? unrisingWarnings(plan, key) : []),
    ...skipWarnings(plan),
    ...(past?.watermarks[mode] !== undefined && (await isEmpty(spec, writer))
      ? [
          `target ${spec.table.table} is empty, but this run reads only what is new since earlier runs. If the target was emptied or made anew, ` +
            'rows are missing for good: copy all of them with --mode init',
        ]
      : []),
  ]
}

/** Numbers and times mostly rise, and nothing else does unless it is made so. */
function unrisingWarnings({ source }: Incremental, key: SplitKey | null): string[] {
  const [column] = key?.columns ?? []
  if (column === undefined || !['text', 'bytes', 'json', 'float'].includes(column.kind)) return []
  return [
    `mode "append" reads rows whose ${column.name} is above the highest one of earlier runs, and values of type ${column.type} need not rise: rows of ${source.table} that come below it ` +
      'are never read. Values that begin with their time (UUIDv7, ULID) rise; for others, use mode "increment" with a diff_column, or "sync"',
  ]
}

function skipWarnings({ stage }: Incremental): string[] {
  const skipping = (stage?.cells ?? []).flatMap((cell) =>
    cell.type === 'lookup' && cell.lookup.missing.rule === 'skip' ? [cell.name] : [],
  )
  if (skipping.length === 0) return []
  return [
    `rows whose ${skipping.join(', ')} a lookup does not find are left out ("missing": "skip"), and no later run reads them again unless they change: use "error" with an error_limit to keep them, or copy them with --mode sync`,
  ]
}

async function isEmpty(
  { table, create, sharding, identity, preSql }: WriteSpec,
  writer: Pick<Writer, 'highest'>,
): Promise<boolean> {
  const column = table.columns.find(({ name }) => name === identity?.[0])
  if (create !== null || sharding !== null || preSql.length > 0 || column === undefined || !writer.highest)
    return false
  return (await writer.highest(table.table, column)) === null
}
