/** Batch bytes → what COPY reads, in AssemblyScript. The build makes `encoder.wasm` of this file; `encoder.ts` calls it. */

const BLOCK: u32 = 16
const TAB: u8 = 0x09
const LF: u8 = 0x0a
const BACKSLASH: u8 = 0x5c
const ZERO: u8 = 0x30
/** `\N` as it stands in memory. */
const NULL_MARK: u16 = 0x4e5c
/** In the place of what an escape says: the wire format does not have it. No text in UTF-8 has this byte. */
const NONE: u8 = 0xff

/**
 * Copies the rows between `from` and `end` to `to`, and the cells of columns with a 1 at `binary` as `\\x` and hexadecimal digits. Reads
 * up to 15 bytes beyond and writes up to 31. Other cells stay as they are: COPY reads the escapes of the wire format as what they are, but for
 * `\0`. Returns the end; 0 where text has a zero byte, or an escape of another kind, which COPY would read as another byte.
 */
export function writeRows(from: usize, end: usize, to: usize, binary: usize, columns: i32): usize {
  let column = 0
  while (from < end) {
    if (column === columns) return 0
    if (load<u16>(from) === NULL_MARK) {
      store<u16>(to, NULL_MARK)
      to += 2
      from += 2
    } else if (load<u8>(binary + column)) {
      // Two backslashes and an x.
      store<u32>(to, 0x785c5c)
      to += 3
      for (;;) {
        const block = v128.load(from)
        const high = v128.shr<u8>(block, 4)
        const low = v128.and(block, i8x16.splat(0x0f))
        v128.store(
          to,
          digits(v128.shuffle<u8>(high, low, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)),
        )
        const rest = v128.shuffle<u8>(high, low, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
        v128.store(to + BLOCK, digits(rest))
        const good = plainBytes(block, TAB)
        from += good
        to += 2 * good
        if (good === BLOCK) continue
        let byte = load<u8>(from)
        if (byte === TAB || byte === LF) break
        if (byte === BACKSLASH) {
          byte = raw(load<u8>(++from))
          if (byte === NONE) return 0
        }
        store<u16>(to, (<u16>digit(byte >> 4)) | ((<u16>digit(byte & 0x0f)) << 8))
        to += 2
        from++
      }
    } else {
      for (;;) {
        const block = v128.load(from)
        v128.store(to, block)
        const good = plainBytes(block, 0)
        from += good
        to += good
        if (good === BLOCK) continue
        const byte = load<u8>(from)
        if (byte === TAB || byte === LF) break
        const escaped = byte === BACKSLASH
        const said = escaped ? raw(load<u8>(from, 1)) : byte
        if (said === 0 || said === NONE) return 0
        store<u16>(to, load<u16>(from))
        const length: usize = escaped ? 2 : 1
        from += length
        to += length
      }
    }
    const separator = load<u8>(from++)
    store<u8>(to++, separator)
    column = separator === LF ? 0 : column + 1
  }
  return from === end ? to : 0
}

/** How many bytes of a block come before the first that begins an escape, or is one of `first` to LF. */
function plainBytes(block: v128, first: u8): u32 {
  const low = i8x16.le_u(i8x16.sub(block, i8x16.splat(first)), i8x16.splat(LF - first))
  return ctz(i8x16.bitmask(v128.or(low, i8x16.eq(block, i8x16.splat(BACKSLASH)))) | 0x10000)
}

/** What the letter of an escape stands for. */
function raw(letter: u8): u8 {
  if (letter === BACKSLASH) return letter
  if (letter === ZERO) return 0
  return letter === 0x74 ? TAB : letter === 0x6e ? LF : letter === 0x72 ? 0x0d : NONE
}

/** The hexadecimal digits of 16 numbers. */
function digits(values: v128): v128 {
  const letters = v128.and(i8x16.gt_u(values, i8x16.splat(9)), i8x16.splat(0x27))
  return v128.add<u8>(v128.add<u8>(values, i8x16.splat(ZERO)), letters)
}

function digit(value: u8): u8 {
  return value + (value > 9 ? 0x57 : ZERO)
}
