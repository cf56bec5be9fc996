import type { Batch } from './batch.js'
import { BACKSLASH, LF, NULL_LETTER, TAB, UNESCAPED } from './batch.js'

/**
 * Calls `onRow` for every row of a batch with its cells: the unescaped bytes, or null; and with where the row begins
 * and ends. The array is the same one each time; the bytes of cells without escapes are views into the batch.
 * With `wanted`, which has a 1 for each column to look at, the others are skipped and given as null.
 */
export function forEachRow(
  batch: Batch,
  onRow: (cells: readonly (Buffer | null)[], start: number, end: number) => void,
  wanted: Uint8Array | null = null,
): void {
  const { bytes } = batch
  const cells: (Buffer | null)[] = []
  let row = 0
  let start = 0
  let escapes = 0
  let column = 0
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!
    if (byte === BACKSLASH) {
      escapes++
      at++
    } else if (byte === TAB || byte === LF) {
      if (wanted !== null && wanted[column] !== 1) cells[column++] = null
      else cells[column++] = escapes === 0 ? bytes.subarray(start, at) : unescape(bytes, start, at, escapes)
      start = at + 1
      escapes = 0
      if (byte === LF) {
        onRow(cells, row, start)
        row = start
        column = 0
      }
    }
  }
}

/** Takes the last cells off the row that ends at `end`, in place; gives where it ends then. */
export function dropCells(bytes: Buffer, end: number, count: number): number {
  let last = end - 1
  for (let i = 0; i < count; i++) last = bytes.lastIndexOf(TAB, last - 1)
  bytes[last] = LF
  return last + 1
}

function unescape(bytes: Buffer, start: number, end: number, escapes: number): Buffer | null {
  if (end - start === 2 && bytes[start + 1] === NULL_LETTER) return null
  const cell = Buffer.allocUnsafe(end - start - escapes)
  unescapeInto(cell, bytes, start, end)
  return cell
}

/** Writes what the cell from `start` to `end` says; returns how many bytes that are, or -1 for NULL. */
export function unescapeInto(cell: Uint8Array, bytes: Buffer, start: number, end: number): number {
  if (end - start === 2 && bytes[start] === BACKSLASH && bytes[start + 1] === NULL_LETTER) return -1
  let to = 0
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!
    cell[to++] = byte === BACKSLASH ? UNESCAPED[bytes[++at]!]! : byte
  }
  return to
}
