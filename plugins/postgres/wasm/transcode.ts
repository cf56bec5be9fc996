/**
 * The loop that turns what COPY sends into batch bytes, in AssemblyScript. The build makes `transcode.wasm` of this file.
 *
 * The text that COPY writes is the wire format, with two differences: the bytes 8, 11 and 12 stand there as `\b`, `\v` and `\f`, and
 * a byte string as `\\x` and hexadecimal digits. Nothing becomes longer here than it was.
 *
 * Blocks of 16 bytes are read and written whole, so that every region of memory has 16 bytes to spare at its end.
 */

import { fits } from '../../../src/wire/wasm/cell-validation'

const BLOCK: i32 = 16
const TAB: u8 = 0x09
const LF: u8 = 0x0a
const BACKSLASH: u8 = 0x5c
/** `\N` and `\\` as they stand in memory. */
const NULL_MARK: u16 = 0x4e5c
const TWO_BACKSLASHES: u16 = 0x5c5c
const X: u8 = 0x78
/** The type of a message that holds a row, and how many bytes stand before the row. */
const ROW: u8 = 0x64
const HEADER: usize = 5

/** In the place of a syntax: any bytes, and a byte string. The second number stands in `transcode.ts` too. */
const ANY: u8 = 0
const BYTES: u8 = 0x80
/** The number of a syntax. */
const FLOAT: u8 = 3

/** For each byte the letter of its escape, or 0; the host puts the table of `src/wire/batch.ts` at address 0. */
const ESCAPE_LETTER: usize = 0

/** Why `readRows` stopped; the same numbers stand in `transcode.ts`. */
const MORE: i32 = 0
const FULL: i32 = 1
const END: i32 = 2
const BROKEN: i32 = 3
const REJECTED: i32 = 4

/** Words that `readRows` shares with the host: the next message, the end of the rows written, their number. */
const READ_FROM: usize = 256
const WRITTEN_TO: usize = 260
const ROWS: usize = 264

/**
 * Turns the messages between `from` and `end`, of one row each, into rows of the wire format at `to`, until a message is not complete
 * (MORE), until the rows reach `full` or `maxRows` (FULL), at a message of another type (END), at a row that makes no sense (BROKEN), or
 * before one of which a cell does not have its syntax (REJECTED). `syntaxes` is the address of one byte per column.
 */
export function readRows(
  from: usize,
  end: usize,
  to: usize,
  full: usize,
  maxRows: i32,
  columns: i32,
  syntaxes: usize,
): i32 {
  let rows: i32 = 0
  let state = MORE
  while (from < end) {
    if (load<u8>(from) !== ROW) {
      state = END
      break
    }
    if (end - from < HEADER) break
    const next = from + 1 + <usize>bswap<u32>(load<u32>(from, 1))
    if (next > end) break
    const rowEnd = readRow(from + HEADER, next, to, columns, syntaxes)
    if (rowEnd <= UNFIT) {
      state = rowEnd === UNFIT ? REJECTED : BROKEN
      break
    }
    to = rowEnd
    from = next
    rows++
    if (to >= full || rows >= maxRows) {
      state = FULL
      break
    }
  }
  store<u32>(READ_FROM, from)
  store<u32>(WRITTEN_TO, to)
  store<u32>(ROWS, rows)
  return state
}

/** In the place of where a row ends: it makes no sense, or a cell is not of its syntax. */
const NO_ROW: usize = 0
const UNFIT: usize = 1

/** Where the cell that was read last ends in the input; 0: it makes no sense. */
let cellEnd: usize = 0

function readRow(from: usize, end: usize, to: usize, columns: i32, syntaxes: usize): usize {
  for (let column = 0; column < columns; column++) {
    const syntax = load<u8>(syntaxes + column)
    if (load<u16>(from) === NULL_MARK && isSeparator(load<u8>(from, 2))) {
      store<u16>(to, NULL_MARK)
      to += 2
      from += 2
    } else if (syntax === ANY || syntax === BYTES) {
      to = syntax === ANY ? copyText(from, end, to) : copyBytes(from, end, to)
      if (cellEnd === 0) return NO_ROW
      from = cellEnd
    } else {
      const length = bareLength(from)
      if (from + length >= end) return NO_ROW
      if (!fits(syntax, from, length) && !(syntax === FLOAT && isNonFinite(from, length))) return UNFIT
      for (let at: usize = 0; at < length; at += BLOCK) v128.store(to + at, v128.load(from + at))
      to += length
      from += length
    }
    if (from >= end || load<u8>(from++) !== (column === columns - 1 ? LF : TAB)) return NO_ROW
    store<u8>(to++, TAB)
  }
  store<u8>(to - 1, LF)
  return from === end ? to : NO_ROW
}

/** `NaN`, `Infinity` or `-Infinity`. */
function isNonFinite(from: usize, length: u32): bool {
  if (length === 3) return (load<u32>(from) & 0xffffff) === 0x4e614e
  if (length === 9 && load<u8>(from++) !== 0x2d) return false
  // Infi, nity
  return (length === 8 || length === 9) && load<u32>(from) === 0x69666e49 && load<u32>(from, 4) === 0x7974696e
}

function isSeparator(byte: u8): bool {
  return byte === TAB || byte === LF
}

/** How many bytes are before the next separator, below which no byte of a number stands. */
function bareLength(from: usize): u32 {
  let at = from
  let ends = endings(at)
  while (ends === 0) {
    at += BLOCK
    ends = endings(at)
  }
  return <u32>(at - from) + ctz(ends)
}

function endings(at: usize): u32 {
  return i8x16.bitmask(i8x16.lt_u(v128.load(at), i8x16.splat(0x0b)))
}

function copyText(from: usize, end: usize, to: usize): usize {
  while (from < end) {
    const block = v128.load(from)
    v128.store(to, block)
    // TAB and LF stand below 11.
    const alarms = v128.or(i8x16.lt_u(block, i8x16.splat(0x0b)), i8x16.eq(block, i8x16.splat(BACKSLASH)))
    const good = ctz(i8x16.bitmask(alarms) | 0x10000)
    from += good
    to += good
    if (good === BLOCK) continue
    const byte = load<u8>(from)
    if (isSeparator(byte)) {
      cellEnd = from
      return to
    }
    if (byte !== BACKSLASH) {
      store<u8>(to++, byte)
      from++
      continue
    }
    const letter = load<u8>(from, 1)
    const raw = unescaped(letter)
    if (raw !== 0) store<u8>(to++, raw)
    else {
      if (!isLetter(letter)) break
      store<u16>(to, (<u16>BACKSLASH) | ((<u16>letter) << 8))
      to += 2
    }
    from += 2
  }
  cellEnd = 0
  return to
}

/** Of the letters that the wire format does not have: b, f, v. */
function unescaped(letter: u8): u8 {
  return letter === 0x62 ? 0x08 : letter === 0x66 ? 0x0c : letter === 0x76 ? 0x0b : 0
}

/** Of the escapes that both have: \\ n r t. */
function isLetter(letter: u8): bool {
  return letter === BACKSLASH || letter === 0x6e || letter === 0x72 || letter === 0x74
}

function copyBytes(from: usize, end: usize, to: usize): usize {
  cellEnd = 0
  if (load<u16>(from) !== TWO_BACKSLASHES || load<u8>(from, 2) !== X) return to
  from += 3
  while (from < end) {
    const block = v128.load(from)
    const letters = i8x16.le_u(i8x16.sub(block, i8x16.splat(0x61)), i8x16.splat(5))
    const odd = ~i8x16.bitmask(
      v128.or(i8x16.le_u(i8x16.sub(block, i8x16.splat(0x30)), i8x16.splat(9)), letters),
    )
    const digits = ctz(odd | 0x10000)
    // 10 for "a", whose last four bits are 1.
    const nibbles = v128.and(v128.add<u8>(block, v128.and(letters, i8x16.splat(9))), i8x16.splat(0x0f))
    // The first digit of each two is the lower byte of a lane.
    const pairs = v128.or(v128.shl<u16>(nibbles, 4), v128.shr<u16>(nibbles, 8))
    const masked = v128.and(pairs, i16x8.splat(0xff))
    to = escapeBytes(i8x16.narrow_i16x8_u(masked, masked), digits >> 1, to)
    from += digits & ~1
    if (digits === BLOCK) continue
    if ((digits & 1) === 0 && isSeparator(load<u8>(from))) cellEnd = from
    break
  }
  return to
}

/** The first `count` of 8 bytes. */
function escapeBytes(bytes: v128, count: i32, to: usize): usize {
  v128.store(to, bytes)
  // NUL, TAB, LF, CR and the backslash; of bytes at random, each other one that was taken for them would cost.
  const ends = i8x16.le_u(i8x16.sub(bytes, i8x16.splat(TAB)), i8x16.splat(1))
  const odd = v128.or(i8x16.eq(bytes, i8x16.splat(0)), i8x16.eq(bytes, i8x16.splat(0x0d)))
  const alarms = v128.or(v128.or(ends, odd), i8x16.eq(bytes, i8x16.splat(BACKSLASH)))
  if ((i8x16.bitmask(alarms) & ((1 << count) - 1)) === 0) return to + count
  let rest = i64x2.extract_lane(bytes, 0) as u64
  for (; count > 0; count--) {
    const byte = <u8>rest
    rest >>= 8
    const letter = load<u8>(ESCAPE_LETTER + byte)
    if (letter === 0) store<u8>(to++, byte)
    else {
      store<u16>(to, (<u16>BACKSLASH) | ((<u16>letter) << 8))
      to += 2
    }
  }
  return to
}
