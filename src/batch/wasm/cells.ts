/** Where the cells of a batch are, in AssemblyScript. The build makes `cells.wasm` of this file; `raw-rows.ts` calls it. */

const BLOCK: usize = 16
const TAB: u8 = 0x09
const LF: u8 = 0x0a
const BACKSLASH: u8 = 0x5c
/** As in `raw-rows.ts`. */
const ESCAPED: u32 = 2
const HIGH: u32 = 4

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
