/**
 * Where the cells of a batch are, and what they say, in AssemblyScript. The build makes `cells.wasm` of this file;
 * `raw-rows.ts` calls it.
 */

const BLOCK: usize = 16
const TAB: u8 = 0x09
const LF: u8 = 0x0a
const BACKSLASH: u8 = 0x5c
const NULL_LETTER: u8 = 0x4e
/** As in `raw-rows.ts`. */
const ESCAPED: u32 = 2
const HIGH: u32 = 4
const NULL: i32 = -1
const NO_TEXT: i32 = -2
/** Where `raw-rows.ts` puts `UNESCAPED`. */
const LETTERS: usize = 0

/**
 * Looks at the bytes between `from` and `end`, 16 at a time and up to 15 beyond. For each cell, writes where its separator
 * stands, counted from `from`, into the words at `ends`, and what is in it into the bytes at `marks`. Returns how many
 * cells there are, or -1 for more than `most`.
 */
export function findCells(from: usize, end: usize, ends: usize, marks: usize, most: i32): i32 {
  const stop = marks + most
  let mark = marks
  let seen: u32 = 0
  for (let at = from; at < end; at += BLOCK) {
    const block = v128.load(at)
    // A bit for each byte that counts.
    const rest: u32 = end - at
    const within: u32 = rest < BLOCK ? (1 << rest) - 1 : 0xffff
    const ending = v128.or(i8x16.eq(block, i8x16.splat(TAB)), i8x16.eq(block, i8x16.splat(LF)))
    const escapes: u32 = i8x16.bitmask(i8x16.eq(block, i8x16.splat(BACKSLASH))) & within
    const highs: u32 = i8x16.bitmask(block) & within
    let separators: u32 = i8x16.bitmask(ending) & within
    let left = within
    while (separators !== 0) {
      if (mark === stop) return -1
      const bit: u32 = ctz(separators)
      const cell: u32 = left & ((1 << bit) - 1)
      store<u8>(mark++, seen | marked(escapes & cell, highs & cell))
      store<u32>(ends, at - from + bit)
      ends += 4
      seen = 0
      left &= ~((2 << bit) - 1)
      separators &= separators - 1
    }
    seen |= marked(escapes & left, highs & left)
  }
  return mark - marks
}

function marked(escapes: u32, highs: u32): u32 {
  return (escapes !== 0 ? ESCAPED : 0) | (highs !== 0 ? HIGH : 0)
}

/**
 * Writes what cells say as UTF-16 to `units`, one after another, and up to 32 bytes too much. The first of them begins a row
 * of `width`, has its mark at `marks`, and at `ends` the end of the cell before it, counted from `from`. Left out are cells
 * without a mark, and columns with a 0 at `texts`. Where each begins and ends, in units, goes into two words at `offsets`; the
 * first may be NULL or NO_TEXT instead. Returns where the last one ends.
 */
export function decodeText(
  from: usize,
  ends: usize,
  marks: usize,
  cells: i32,
  width: i32,
  texts: usize,
  offsets: usize,
  units: usize,
): usize {
  let to = units
  let column: i32 = 0
  for (let cell = 0; cell < cells; cell++) {
    if (load<u8>(marks + cell) !== 0 && load<u8>(texts + column) !== 0) {
      const start = from + load<i32>(ends + 4 * cell) + 1
      const end = from + load<i32>(ends + 4 * cell, 4)
      const offset = offsets + 8 * cell
      if (isNull(start, end)) store<i32>(offset, NULL)
      else {
        const last = spell(start, end, to)
        store<i32>(offset, last === 0 ? NO_TEXT : (to - units) >> 1)
        store<i32>(offset, (last - units) >> 1, 4)
        if (last !== 0) to = last
      }
    }
    if (++column === width) column = 0
  }
  return to
}

function isNull(start: usize, end: usize): bool {
  return end - start === 2 && load<u8>(start) === BACKSLASH && load<u8>(start, 1) === NULL_LETTER
}

/** One cell; returns where it ends, or 0 when it is not well-formed UTF-8. */
function spell(start: usize, end: usize, units: usize): usize {
  let at = start
  let to = units
  while (at < end) {
    const block = v128.load(at)
    const odd: u32 = i8x16.bitmask(v128.or(block, i8x16.eq(block, i8x16.splat(BACKSLASH))))
    const plain: usize = min(ctz(odd | 0x10000), end - at)
    v128.store(to, i16x8.extend_low_i8x16_u(block))
    v128.store(to, i16x8.extend_high_i8x16_u(block), BLOCK)
    to += 2 * plain
    at += plain
    while (at < end) {
      const byte: i32 = load<u8>(at)
      if (byte === BACKSLASH) {
        const unit = load<u8>(LETTERS + load<u8>(at, 1))
        if (unit >= 0x80) return 0
        store<u16>(to, unit)
        at += 2
        to += 2
      } else if (byte < 0x80) break
      else if (byte < 0xe0) {
        const code = ((byte & 0x1f) << 6) | follower(at + 1)
        if (code < 0x80 || byte < 0xc0) return 0
        store<u16>(to, code)
        at += 2
        to += 2
      } else if (byte < 0xf0) {
        const code = ((byte & 0x0f) << 12) | (follower(at + 1) << 6) | follower(at + 2)
        if (code < 0x800 || (code & 0xf800) === 0xd800) return 0
        store<u16>(to, code)
        at += 3
        to += 2
      } else {
        const high = (follower(at + 1) << 12) | (follower(at + 2) << 6) | follower(at + 3)
        const code = ((byte & 0x0f) << 18) | high
        if (code < 0x10000 || code > 0x10ffff) return 0
        store<u16>(to, 0xd7c0 + (code >> 10))
        store<u16>(to, 0xdc00 + (code & 0x3ff), 2)
        at += 4
        to += 4
      }
    }
  }
  return to
}

/**
 * The six bits of a byte that follows another one; of any other byte, -1, whose bits stay set when it is shifted. A separator
 * ends every cell.
 */
function follower(at: usize): i32 {
  const byte: i32 = load<u8>(at)
  return (byte & 0xc0) === 0x80 ? byte & 0x3f : -1
}
