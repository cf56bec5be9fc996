import type { ReadSpec } from '../contract/read.js'
import type { Column, ColumnMapping } from '../contract/table-schema.js'
import { isOwn } from '../contract/table-schema.js'
import type { PipelineRunPlan } from '../contract/pipeline.js'
import type { WriteSpec } from '../contract/write.js'
import type { Batch } from './batch.js'
import { forEachRow } from './each-row.js'

export type Cells = readonly (Buffer | null)[]

const EXCERPT = 60

/** The beginning of a value, for people. */
export function excerpt(cell: Buffer | null, column?: Pick<Column, 'cells'>): string {
  if (cell === null) return 'NULL'
  if (column?.cells === 'encoded') return `0x${cell.toString('hex', 0, EXCERPT)}`
  const text = cell.toString('utf8', 0, EXCERPT)
  return JSON.stringify(cell.length > EXCERPT ? `${text}…` : text)
}

type NamingSpec = Pick<WriteSpec, 'key' | 'table'> & {
  readonly columns: readonly Pick<ColumnMapping, 'source' | 'target' | 'computedBy'>[]
}

/**
 * Which row it is: `id = "7"` for each column that is copied of the split key, else of the target's first key. Also where
 * a column of the split key is not copied, but derived or made anew.
 */
export function rowName({ key, columns, table }: NamingSpec, cells: Cells): string[] {
  const name = (end: 'source' | 'target', names: readonly string[]) =>
    names.flatMap((name) => {
      const at = columns.findIndex((column) => isOwn(column[end], name))
      return at < 0 ? [] : [`${name} = ${excerpt(cells[at] ?? null, columns[at]!.source)}`]
    })
  const split = key?.columns.map((column) => column.name) ?? []
  const copied = (name: string) =>
    columns.some(({ source, computedBy }) => computedBy === undefined && isOwn(source, name))
  if (key === null || !split.every(copied)) return name('target', table.keys[0]?.columns ?? [])
  return name('source', split)
}

/** The same of a row as it was read: its split key, else the source's first key. */
export function readRowName({ read }: PipelineRunPlan, cells: Cells): string[] {
  return sourceRowName(read, read.columns, cells)
}

/** The same of a row whose cells are those of `columns`. */
export function sourceRowName(
  { key, table }: Pick<ReadSpec, 'key' | 'table'>,
  columns: readonly Column[],
  cells: Cells,
): string[] {
  const names = key?.columns.map((column) => column.name) ?? table.keys[0]?.columns ?? []
  return names.flatMap((name) => {
    const at = columns.findIndex((column) => isOwn(column, name))
    return at < 0 ? [] : [`${name} = ${excerpt(cells[at] ?? null, columns[at])}`]
  })
}

/** The cells of a batch of one. */
export function cellsOf(row: Batch): Cells {
  let found: Cells = []
  forEachRow(row, (cells) => {
    found = [...cells]
  })
  return found
}
