/**
 * Whether bytes are what a cell of some kind must be: the patterns of `src/wire/cell-syntax.ts`, whose numbers stand here
 * too. Up to 15 bytes beyond the cell are read, and do not count.
 */

const INTEGER: u8 = 1
const DECIMAL: u8 = 2
const FLOAT: u8 = 3
const DATE: u8 = 4
const TIME: u8 = 5

const BLOCK: u32 = 16
const MOST_BYTES: u32 = 400
const MINUS: u8 = 0x2d
const PLUS: u8 = 0x2b
const POINT: u8 = 0x2e
const COLON: u8 = 0x3a

export function fits(syntax: u8, from: usize, length: u32): bool {
  if (syntax <= FLOAT && length > MOST_BYTES) return false
  if (syntax === INTEGER) return isInteger(from, length)
  if (syntax === DECIMAL) return isDecimal(from, length)
  if (syntax === FLOAT) return isFloat(from, length)
  if (syntax === DATE) return length === 10 && isDate(from)
  if (syntax === TIME) return isTime(from, length)
  return isDatetime(from, length)
}

/** A bit for each of the 16 bytes that is not a digit. */
function others(block: v128): u32 {
  return i8x16.bitmask(i8x16.gt_u(i8x16.sub(block, i8x16.splat(0x30)), i8x16.splat(9)))
}

/** How many digits stand at the beginning. */
function digits(from: usize, length: u32): u32 {
  let count: u32 = 0
  while (count < length) {
    const odd = others(v128.load(from + count))
    if (odd !== 0) return min(count + ctz(odd), length)
    count += BLOCK
  }
  return length
}

function isInteger(from: usize, length: u32): bool {
  // Nearly every number is shorter than a block.
  if (length < BLOCK && length !== 0 && (others(v128.load(from)) & ((1 << length) - 1)) === 0) return true
  if (length > 1 && load<u8>(from) === MINUS) {
    from++
    length--
  }
  return length !== 0 && digits(from, length) === length
}

/** How many bytes at the beginning are a number without sign and exponent; 0: none. */
function plain(from: usize, length: u32): u32 {
  const whole = digits(from, length)
  if (whole === length || load<u8>(from + whole) !== POINT) return whole
  const fraction = digits(from + whole + 1, length - whole - 1)
  return whole + fraction === 0 ? 0 : whole + 1 + fraction
}

function isDecimal(from: usize, length: u32): bool {
  if (length !== 0 && load<u8>(from) === MINUS) {
    from++
    length--
  }
  return length !== 0 && plain(from, length) === length
}

function isFloat(from: usize, length: u32): bool {
  if (length !== 0 && load<u8>(from) === MINUS) {
    from++
    length--
  }
  const mantissa = plain(from, length)
  if (mantissa === 0) return false
  if (mantissa === length) return true
  from += mantissa
  length -= mantissa
  // "e" or "E".
  if ((load<u8>(from) | 0x20) !== 0x65 || length < 2) return false
  const sign = load<u8>(from, 1)
  const skip: u32 = sign === MINUS || sign === PLUS ? 2 : 1
  return length > skip && digits(from + skip, length - skip) === length - skip
}

/** `YYYY-MM-DD`. */
function isDate(from: usize): bool {
  return (
    (others(v128.load(from)) & 0x3ff) === 0x090 && load<u8>(from, 4) === MINUS && load<u8>(from, 7) === MINUS
  )
}

/** `YYYY-MM-DD HH:MM:SS[.ffffff]`. */
function isDatetime(from: usize, length: u32): bool {
  if (length < 19 || length > 26 || length === 20) return false
  const separators = v128.and(v128.load(from), i8x16(0, 0, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0))
  const wanted = i8x16(0, 0, 0, 0, 0x2d, 0, 0, 0x2d, 0, 0, 0x20, 0, 0, 0x3a, 0, 0)
  return (
    others(v128.load(from)) === 0x2490 &&
    i8x16.all_true(i8x16.eq(separators, wanted)) &&
    load<u8>(from, 16) === COLON &&
    isSeconds(from + 17, length - 17)
  )
}

/** `SS[.ffffff]`. */
function isSeconds(from: usize, length: u32): bool {
  const odd = others(v128.load(from)) & ((1 << length) - 1)
  return length === 2 ? odd === 0 : odd === 4 && load<u8>(from, 2) === POINT
}

/** `[-]HH:MM:SS[.ffffff]`, with up to three digits of hours. */
function isTime(from: usize, length: u32): bool {
  if (length !== 0 && load<u8>(from) === MINUS) {
    from++
    length--
  }
  const hours = digits(from, min(length, 4))
  if (hours < 2 || hours > 3) return false
  from += hours
  length -= hours
  if (length < 6 || length > 13 || length === 7) return false
  return (
    (others(v128.load(from)) & 0x3f) === 0x09 &&
    load<u8>(from) === COLON &&
    load<u8>(from, 3) === COLON &&
    isSeconds(from + 4, length - 4)
  )
}
