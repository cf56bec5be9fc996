import type { Cells } from '../../src/wire/row-name.js'

const HEADER = 4
/** A packet of this length is continued by the next one. */
const MAX_PAYLOAD = 0xffffff
const NULL_CELL = 0xfb
/** How many bytes of length follow a first byte of 0xFC, 0xFD and 0xFE. */
const LENGTH_BYTES = [2, 3, 8] as const

/** Whether the packet that begins here is longer than `limit`, header and all. */
export function isLarge(packet: Buffer, limit: number): boolean {
  return packet.length >= HEADER && HEADER + packet.readUIntLE(0, 3) > limit
}

/** A row that is too large for the kernel's memory: collected piece by piece, then cut into its cells. */
export class LargeRow {
  readonly #parts: Buffer[] = []
  readonly #header = Buffer.alloc(HEADER)
  #headerBytes = 0
  /** Bytes of the packet under way that have not come yet. */
  #missing = 0
  /** The number that the packet after this row must have. */
  nextSequence: number
  complete = false

  constructor(sequence: number) {
    this.nextSequence = sequence
  }

  /** Takes what belongs to the row, and returns how many bytes that were. */
  take(bytes: Buffer): number {
    let at = 0
    while (at < bytes.length && !this.complete) {
      if (this.#headerBytes < HEADER) {
        this.#header[this.#headerBytes++] = bytes[at++]!
        if (this.#headerBytes === HEADER) this.#beginPacket()
      } else {
        const part = Buffer.from(bytes.subarray(at, at + this.#missing))
        this.#parts.push(part)
        this.#missing -= part.length
        at += part.length
      }
      if (this.#headerBytes === HEADER && this.#missing === 0) this.#endPacket()
    }
    return at
  }

  /** Throws when they do not add up to the row. */
  cells(columns: number): Cells {
    const payload = Buffer.concat(this.#parts)
    const { cells, end } = cellsOf(payload, columns)
    if (end === payload.length) return cells
    throw new Error('The server sent a row whose cells do not add up to its length.')
  }

  #beginPacket(): void {
    if (this.#header[3] !== this.nextSequence) throw new Error('The server sent packets out of order.')
    this.nextSequence = (this.nextSequence + 1) & 0xff
    this.#missing = this.#header.readUIntLE(0, 3)
  }

  #endPacket(): void {
    if (this.#header.readUIntLE(0, 3) === MAX_PAYLOAD) this.#headerBytes = 0
    else this.complete = true
  }
}

/** The cells of the row that `payload` begins with, and where it ends. */
export function cellsOf(payload: Buffer, columns: number): { cells: Cells; end: number } {
  const cells: (Buffer | null)[] = []
  let at = 0
  for (let column = 0; column < columns; column++) {
    const first = payload.readUInt8(at++)
    if (first === NULL_CELL) {
      cells.push(null)
      continue
    }
    let length = first
    if (first > NULL_CELL) {
      const width = LENGTH_BYTES[first - 0xfc]!
      // The eight-byte form is never needed in full: rows end at 1 GiB.
      length = payload.readUIntLE(at, Math.min(width, 6))
      at += width
    }
    cells.push(payload.subarray(at, at + length))
    at += length
  }
  return { cells, end: at }
}
