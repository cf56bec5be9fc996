import type { Cells } from '../../wire/row-name.js'

/** What a report says of a row: its key columns, or the beginning of all where it has no key. */
export type RowName = Readonly<Record<string, string | null>>

/** Most rows of each kind that are named. */
export const MOST_NAMED = 1_000
const NAME_CHARACTERS = 80

/** The same for the same values only. */
export function keyText(values: readonly Buffer[]): string {
  return values.map((value) => `${value.length}:${value.toString('latin1')}`).join('')
}

/** By the cells at `indexes`. `binary`: columns that hold bytes. */
export function rowNameOf(
  cells: Cells,
  indexes: readonly number[],
  names: readonly string[],
  binary: readonly boolean[],
): RowName {
  return Object.fromEntries(
    indexes.map((i) => {
      const cell = cells[i]!
      return [
        names[i]!,
        cell === null ? null : shorten(binary[i] ? `0x${cell.toString('hex')}` : cell.toString()),
      ]
    }),
  )
}

function shorten(text: string): string {
  return text.length <= NAME_CHARACTERS ? text : `${text.slice(0, NAME_CHARACTERS)}…`
}
