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
 * and writes up to 15 bytes beyond. Other cells stay as they are: COPY reads the escapes of the wire format as what they are, but for
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
      for (let byte = load<u8>(from); byte !== TAB && byte !== LF; byte = load<u8>(++from)) {
        if (byte === BACKSLASH) {
          byte = raw(load<u8>(++from))
          if (byte === NONE) return 0
        }
        store<u16>(to, (<u16>digit(byte >> 4)) | ((<u16>digit(byte & 0x0f)) << 8))
        to += 2
      }
    } else {
      for (;;) {
        const block = v128.load(from)
        v128.store(to, block)
        // TAB and LF stand below 11.
        const alarms = v128.or(i8x16.lt_u(block, i8x16.splat(0x0b)), i8x16.eq(block, i8x16.splat(BACKSLASH)))
        const good: u32 = ctz(i8x16.bitmask(alarms) | 0x10000)
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

/** What the letter of an escape stands for. */
function raw(letter: u8): u8 {
  if (letter === BACKSLASH) return letter
  if (letter === ZERO) return 0
  return letter === 0x74 ? TAB : letter === 0x6e ? LF : letter === 0x72 ? 0x0d : NONE
}

function digit(value: u8): u8 {
  return value + (value > 9 ? 0x57 : ZERO)
}
