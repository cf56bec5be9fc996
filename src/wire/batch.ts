/**
 * The wire format between any Reader and any Writer.
 *
 * A Batch is bytes in the tab-separated text dialect that `LOAD DATA`, `COPY` and `TabSeparated` share:
 *
 * - cells are separated by TAB, rows are ended by LF, NULL is `\N`;
 * - inside a cell `\\`, `\t`, `\n`, `\r` and `\0` are written as backslash + letter, so that a raw TAB or LF is
 *   always a separator;
 * - text cells are UTF-8, `bytes` cells are the raw bytes, escaped the same way;
 * - integers and decimals are digits, floats have round-trip digits or are `NaN`, `Infinity` or `-Infinity`, dates are `YYYY-MM-DD[ HH:MM:SS[.ffffff]]`,
 *   instants are in UTC, booleans are `1`/`0`, JSON is its text.
 *
 * Column names and kinds stand once in the PlannedWrite, not here. A batch holds whole rows only.
 */
export interface Batch {
  readonly bytes: Buffer
  readonly rows: number
}

export const TAB = 0x09
export const LF = 0x0a
export const BACKSLASH = 0x5c
/** The letter after the backslash in `\N`. */
export const NULL_LETTER = 0x4e

/**
 * For each byte, the letter that follows the backslash when the byte must be escaped inside a cell, else 0.
 * A table look-up costs one load per byte; a chain of comparisons costs up to five.
 */
export const ESCAPE_LETTER = new Uint8Array(256)
ESCAPE_LETTER[0x00] = 0x30
ESCAPE_LETTER[TAB] = 0x74
ESCAPE_LETTER[LF] = 0x6e
ESCAPE_LETTER[0x0d] = 0x72
ESCAPE_LETTER[BACKSLASH] = BACKSLASH

/** The byte that backslash + letter stands for; letters without a meaning stand for themselves. */
export const UNESCAPED = Uint8Array.from({ length: 256 }, (_, letter) => letter)
for (let byte = 0; byte < 256; byte++) {
  const letter = ESCAPE_LETTER[byte]!
  if (letter !== 0) UNESCAPED[letter] = byte
}
