/** The two hot loops: row packet → batch bytes, and batch bytes → INSERT statement. No value is decoded in either. */
import { BACKSLASH, ESCAPE_LETTER, LF, NULL_LETTER, TAB } from '../../src/batch/batch.js'
import type { Batch } from '../../src/batch/batch.js'
import type { BatchBuilder } from '../../src/batch/builder.js'
import type { RowPacket } from './wire.js'

const NULL_CELL = 0xfb
const QUOTE = 0x27
const COMMA = 0x2c

/** Appends a text-protocol row: length-encoded cells, 0xFB for NULL. */
export function appendRow(builder: BatchBuilder, packet: RowPacket, columns: number): void {
  const source = packet.buffer
  let from = packet.offset
  builder.reserve((packet.end - from) * 2 + columns * 3)
  const out = builder.buffer
  let to = builder.length
  for (let column = 0; column < columns; column++) {
    let length = source[from++]!
    if (length === NULL_CELL) {
      out[to++] = BACKSLASH
      out[to++] = NULL_LETTER
    } else {
      if (length > NULL_CELL) {
        const width = length === 0xfc ? 2 : length === 0xfd ? 3 : 6
        length = source.readUIntLE(from, width)
        // The eight-byte form is never needed in full: rows end at 1 GiB.
        from += width === 6 ? 8 : width
      }
      const end = from + length
      for (; from < end; from++) {
        const byte = source[from]!
        const letter = ESCAPE_LETTER[byte]!
        if (letter === 0) out[to++] = byte
        else {
          out[to++] = BACKSLASH
          out[to++] = letter
        }
      }
    }
    out[to++] = TAB
  }
  out[to - 1] = LF
  builder.length = to
  builder.rows++
}

/** How a cell becomes an SQL literal. */
export type Quoting = 'number' | 'text' | 'bytes'

const BINARY_PREFIX = Buffer.from('_binary')

/**
 * Turns batches into `INSERT … VALUES (…),(…)`. The escapes of the wire format are escapes of MySQL string literals
 * too, so cells are copied as they are and only quotes are doubled.
 */
export class InsertBuilder {
  readonly #prefix: Buffer
  readonly #quoted: readonly boolean[]
  readonly #binary: readonly boolean[]
  #memory = Buffer.alloc(0)

  constructor(prefix: string, quoting: readonly Quoting[]) {
    this.#prefix = Buffer.from(prefix)
    this.#quoted = quoting.map((how) => how !== 'number')
    this.#binary = quoting.map((how) => how === 'bytes')
  }

  /** The statement for a whole batch; valid until the next call. */
  build(batch: Batch): Buffer {
    const source = batch.bytes
    const columns = this.#quoted.length
    const quoted = this.#quoted
    const out = this.#reserve(this.#prefix.length + source.length * 2 + batch.rows * (columns * 9 + 4))
    let to = this.#prefix.copy(out)
    let column = 0
    let at = 0
    const end = source.length
    while (at < end) {
      out[to++] = column === 0 ? 0x28 : COMMA
      if (source[at] === BACKSLASH && source[at + 1] === NULL_LETTER) {
        to = writeNull(out, to)
        at += 2
      } else if (!quoted[column]) {
        for (let byte = source[at]!; byte > LF; byte = source[++at]!) out[to++] = byte
      } else {
        if (this.#binary[column]) to += BINARY_PREFIX.copy(out, to)
        out[to++] = QUOTE
        for (let byte = source[at]!; byte !== TAB && byte !== LF; byte = source[++at]!) {
          if (byte === QUOTE) out[to++] = QUOTE
          out[to++] = byte
        }
        out[to++] = QUOTE
      }
      column++
      if (source[at++] === LF) {
        out[to++] = 0x29
        out[to++] = COMMA
        column = 0
      }
    }
    return out.subarray(0, to - 1)
  }

  #reserve(bytes: number): Buffer {
    if (this.#memory.length < bytes) this.#memory = Buffer.allocUnsafeSlow(bytes)
    return this.#memory
  }
}

function writeNull(out: Buffer, to: number): number {
  out[to] = 0x4e
  out[to + 1] = 0x55
  out[to + 2] = 0x4c
  out[to + 3] = 0x4c
  return to + 4
}
