/**
 * The hot loops, in AssemblyScript: row packets → batch bytes here, and batch bytes → INSERT statement or its parameters in
 * `values.ts`. The build makes `transcode.wasm` of this file. No value is decoded in any loop; all refuse what is not written as its
 * kind must be.
 *
 * They copy 16 bytes at a time and ask with a few vector instructions which of them need attention. Blocks are written
 * whole even where only some of their bytes count: what is too much is written over by what follows. So every region
 * of memory has 16 bytes to spare at its end. `transcode.ts` lays the memory out and sees to the bounds.
 */

import { fits } from '../../../src/wire/wasm/cell-validation'
import { copy } from './values'

export { writeParameters, writeValues } from './values'

const BLOCK: i32 = 16
const TAB: u8 = 0x09
const LF: u8 = 0x0a
const BACKSLASH: u8 = 0x5c
/** `\N` as it stands in memory. */
const NULL_MARK: u16 = 0x4e5c
const NULL_CELL: u32 = 0xfb

/** For each byte the letter of its escape, or 0; the host puts the table of `src/wire/batch.ts` at address 0. */
const ESCAPE_LETTER: usize = 0

/** Why `readRows` stopped; the same numbers stand in `transcode.ts`. */
const MORE: i32 = 0
const FULL: i32 = 1
const END: i32 = 2
const BROKEN: i32 = 3
const REJECTED: i32 = 4

/**
 * Four words that `readRows` shares with the host (globals cost 1 µs each from there): the header of the next packet,
 * the end of the rows written, their number, and the number that the next packet must have.
 */
const READ_FROM: usize = 256
const WRITTEN_TO: usize = 260
const ROWS: usize = 264
const SEQUENCE: usize = 268

/**
 * Turns the text-protocol row packets (length-encoded cells, 0xFB for NULL) between `from` and `end` into rows of the
 * wire format at `to`, until a packet is not complete (MORE), until the rows reach `full` or `maxRows`, or the next
 * one may not fit below `limit` (FULL), at a packet that is not a row (END), where the packets make no sense (BROKEN), or
 * before a row of which a cell does not have its syntax (REJECTED). `syntaxes` is the address of one byte per column: 0 takes all.
 */
export function readRows(
  from: usize,
  end: usize,
  to: usize,
  full: usize,
  limit: usize,
  maxRows: i32,
  columns: i32,
  syntaxes: usize,
): i32 {
  let rows: i32 = 0
  let sequence = load<u32>(SEQUENCE)
  let state = MORE
  while (end - from >= 4) {
    const header = load<u32>(from)
    const length: usize = header & 0xffffff
    const next = from + 4 + length
    if (next > end) break
    const first = load<u8>(from + 4)
    if (first === 0xff || (first === 0xfe && length < 9)) {
      state = END
      break
    }
    if (to + length * 2 + columns * 3 > limit) {
      state = FULL
      break
    }
    const rowEnd = header >>> 24 === sequence ? readRow(from + 4, next, to, columns, syntaxes) : NO_ROW
    if (rowEnd <= UNFIT) {
      state = rowEnd === UNFIT ? REJECTED : BROKEN
      break
    }
    to = rowEnd
    from = next
    sequence = (sequence + 1) & 0xff
    rows++
    if (to >= full || rows >= maxRows) {
      state = FULL
      break
    }
  }
  store<u32>(READ_FROM, from)
  store<u32>(WRITTEN_TO, to)
  store<u32>(ROWS, rows)
  store<u32>(SEQUENCE, sequence)
  return state
}

/** In the place of where a row ends: its cells do not add up to the packet, or one does not have its syntax. */
const NO_ROW: usize = 0
const UNFIT: usize = 1

function readRow(from: usize, end: usize, to: usize, columns: i32, syntaxes: usize): usize {
  for (let column = 0; column < columns; column++) {
    let length: usize = load<u8>(from++)
    if (length === NULL_CELL) {
      store<u16>(to, NULL_MARK)
      to += 2
    } else {
      if (length > NULL_CELL) {
        if (length === 0xfc) {
          length = load<u16>(from)
          from += 2
        } else if (length === 0xfd) {
          length = load<u32>(from) & 0xffffff
          from += 3
        } else return NO_ROW
      }
      if (from + length > end) return NO_ROW
      const syntax = load<u8>(syntaxes + column)
      if (syntax === 0) to = copyEscaped(from, <i32>length, to)
      else {
        if (!fits(syntax, from, <u32>length)) return UNFIT
        copy(from, length, to)
        to += length
      }
      from += length
    }
    store<u8>(to++, TAB)
  }
  store<u8>(to - 1, LF)
  return from === end ? to : NO_ROW
}

function copyEscaped(from: usize, length: i32, to: usize): usize {
  while (length > 0) {
    const block = v128.load(from)
    v128.store(to, block)
    // NUL, TAB, LF and CR stand below 14; the other bytes there are false alarms.
    const alarms = v128.or(i8x16.lt_u(block, i8x16.splat(0x0e)), i8x16.eq(block, i8x16.splat(BACKSLASH)))
    const good = min(ctz(i8x16.bitmask(alarms) | 0x10000), length)
    from += good
    to += good
    length -= good
    if (good === BLOCK || length === 0) continue
    const byte = load<u8>(from++)
    const letter = load<u8>(ESCAPE_LETTER + byte)
    length--
    if (letter === 0) store<u8>(to++, byte)
    else {
      store<u16>(to, (<u16>BACKSLASH) | ((<u16>letter) << 8))
      to += 2
    }
  }
  return to
}
