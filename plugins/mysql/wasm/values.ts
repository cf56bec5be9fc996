/** Batch bytes → what a statement takes: SQL literals, or parameters of its prepared form. Laid out as in `transcode.ts`. */

import { fits } from '../../../src/wire/wasm/cell-validation'

const BLOCK: i32 = 16
const TAB: u8 = 0x09
const LF: u8 = 0x0a
const CR: u8 = 0x0d
const QUOTE: u8 = 0x27
const BACKSLASH: u8 = 0x5c
/** `\N` as it stands in memory. */
const NULL_MARK: u16 = 0x4e5c

/** How a cell becomes a literal, beside the numbers of syntaxes; the same numbers stand in the `transcode.ts` that calls this. */
const QUOTED: u8 = 0x80
const BINARY: u8 = 0x81

/** For bytes without anything to escape. */
export function copy(from: usize, length: usize, to: usize): void {
  for (let at: usize = 0; at < length; at += BLOCK) v128.store(to + at, v128.load(from + at))
}

/**
 * Turns the rows between `from` and `end`, where the last of them ends, into `(…),(…),` at `to`; returns the end, or 0 for
 * rows that are not in the wire format, of which no SQL must be made. `quoting` is the address of one byte per column: the
 * number of a syntax for a bare cell, QUOTED, or BINARY for one that is marked as such. The escapes of the wire format are
 * escapes of MySQL string literals too, so cells are copied as they are and only quotes are doubled.
 */
export function writeValues(
  from: usize,
  end: usize,
  to: usize,
  quoting: usize,
  columns: usize,
  rows: usize,
): usize {
  let column: usize = 0
  while (from < end) {
    if (column === 0 && rows-- === 0) return 0
    store<u8>(to++, column === 0 ? 0x28 : 0x2c)
    if (load<u16>(from) === NULL_MARK) {
      // NULL
      store<u32>(to, 0x4c4c554e)
      to += 4
      from += 2
    } else {
      const how = load<u8>(quoting + column)
      if (how < QUOTED) {
        const length = bareLength(from)
        if (!fits(how, from, length)) return 0
        copy(from, length, to)
        to += length
        from += length
      } else {
        if (how === BINARY) {
          // _bin, ary'
          store<u32>(to, 0x6e69625f)
          store<u32>(to + 4, 0x27797261)
          to += 8
        } else store<u8>(to++, QUOTE)
        for (;;) {
          const block = v128.load(from)
          v128.store(to, block)
          // TAB and LF stand below 11.
          const odd = v128.or(i8x16.eq(block, i8x16.splat(QUOTE)), i8x16.eq(block, i8x16.splat(BACKSLASH)))
          const alarms = v128.or(i8x16.lt_u(block, i8x16.splat(0x0b)), odd)
          const good = ctz(i8x16.bitmask(alarms) | 0x10000)
          from += good
          to += good
          if (good === BLOCK) continue
          const byte = load<u8>(from)
          if (byte === TAB || byte === LF) break
          if (byte === BACKSLASH) {
            const letter = load<u8>(from, 1)
            if (!isLetter(letter)) return 0
            store<u16>(to, (<u16>BACKSLASH) | ((<u16>letter) << 8))
            to += 2
            from += 2
            continue
          }
          if (byte === QUOTE) store<u8>(to++, QUOTE)
          store<u8>(to++, byte)
          from++
        }
        store<u8>(to++, QUOTE)
      }
    }
    column++
    const separator = load<u8>(from++)
    if (column === columns) {
      if (separator !== LF) return 0
      store<u16>(to, 0x2c29)
      to += 2
      column = 0
    } else if (separator !== TAB) return 0
  }
  return column === 0 && rows === 0 ? to : 0
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

/** Of an escape of the wire format; any other would mean something of its own to the server, or to the quote behind it. */
function isLetter(letter: u8): bool {
  // \\ 0 n r t
  return letter === BACKSLASH || letter === 0x30 || letter === 0x6e || letter === 0x72 || letter === 0x74
}

/**
 * Turns the same rows into parameters at `to`, as COM_STMT_BULK_EXECUTE takes them: for each cell a byte that says whether it is
 * NULL, and what is not as a length-encoded string. Returns the end, or 0 for rows that `writeValues` would not take either.
 */
export function writeParameters(
  from: usize,
  end: usize,
  to: usize,
  quoting: usize,
  columns: usize,
  rows: usize,
): usize {
  let column: usize = 0
  while (from < end) {
    if (column === 0 && rows-- === 0) return 0
    if (load<u16>(from) === NULL_MARK) {
      store<u8>(to++, IS_NULL)
      from += 2
    } else {
      store<u8>(to, HAS_VALUE)
      // Nearly every length takes one byte.
      const value = to + 2
      const how = load<u8>(quoting + column)
      if (how < QUOTED) {
        const length = bareLength(from)
        if (!fits(how, from, length)) return 0
        copy(from, length, value)
        to = value + length
        from += length
      } else {
        to = value
        for (;;) {
          const block = v128.load(from)
          v128.store(to, block)
          // TAB and LF stand below 11.
          const odd = v128.or(i8x16.lt_u(block, i8x16.splat(0x0b)), i8x16.eq(block, i8x16.splat(BACKSLASH)))
          const good = ctz(i8x16.bitmask(odd) | 0x10000)
          from += good
          to += good
          if (good === BLOCK) continue
          const byte = load<u8>(from++)
          if (byte === BACKSLASH) {
            const letter = load<u8>(from++)
            if (!isLetter(letter)) return 0
            store<u8>(to++, unescaped(letter))
          } else if (byte === TAB || byte === LF) {
            from--
            break
          } else store<u8>(to++, byte)
        }
      }
      to = endValue(value, to)
    }
    column++
    const separator = load<u8>(from++)
    if (column === columns) {
      if (separator !== LF) return 0
      column = 0
    } else if (separator !== TAB) return 0
  }
  return column === 0 && rows === 0 ? to : 0
}

/** What stands before a parameter of COM_STMT_BULK_EXECUTE. */
const HAS_VALUE: u8 = 0
const IS_NULL: u8 = 1

/** Writes the length of a value into the byte before it, or moves the value to make room for more; returns where it ends then. */
function endValue(value: usize, end: usize): usize {
  const length = end - value
  if (length < 251) {
    store<u8>(value - 1, <u8>length)
    return end
  }
  const room: usize = length < 1 << 16 ? 2 : length < 1 << 24 ? 3 : 8
  memory.copy(value + room, value, length)
  store<u8>(value - 1, room === 2 ? 0xfc : room === 3 ? 0xfd : 0xfe)
  store<u16>(value, <u16>length)
  if (room > 2) store<u8>(value, <u8>(length >>> 16), 2)
  if (room > 3) {
    store<u8>(value, <u8>(length >>> 24), 3)
    store<u32>(value, 0, 4)
  }
  return end + room
}

function unescaped(letter: u8): u8 {
  // n t r
  if (letter === 0x6e) return LF
  if (letter === 0x74) return TAB
  if (letter === 0x72) return CR
  return letter === BACKSLASH ? BACKSLASH : 0
}
