import type { Batch, Plan } from '../plugin.js'
import { forEachRow } from './cells.js'

export type Cells = readonly (Buffer | null)[]

const EXCERPT = 60

/** The beginning of a value, for people. */
export function excerpt(cell: Buffer | null): string {
  if (cell === null) return 'NULL'
  const text = cell.toString('utf8', 0, EXCERPT)
  return JSON.stringify(cell.length > EXCERPT ? `${text}…` : text)
}

/** Which row it is: `id = "7"` for each column of the split key that is copied. */
export function rowName({ key, columns }: Plan, cells: Cells): string[] {
  const names = key?.columns.map(({ name }) => name) ?? []
  return names.flatMap((name) => {
    const at = columns.findIndex(({ source }) => source.name === name)
    return at < 0 ? [] : [`${name} = ${excerpt(cells[at] ?? null)}`]
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
