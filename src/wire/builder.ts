import type { Batch } from './batch.js'
import { BACKSLASH, ESCAPE_LETTER, LF, NULL_LETTER, TAB } from './batch.js'

/** When a batch is full. */
export interface BatchLimits {
  /** Bytes after which a batch is closed; a single larger row makes a larger batch. */
  readonly bytes: number
  readonly rows: number
}

/** Shorter cells are copied byte by byte: a call into the runtime costs as much as 30 bytes. */
const SHORT = 32

/** Buffers of finished batches, used again for the next ones of this thread. */
const spare: Buffer[] = []
/** Memory of batches that are in use. Others may share theirs: small buffers of Node do, with whatever else is in the process. */
const lent = new WeakSet<ArrayBufferLike>()
let spareBytes = 0
/** Two splits of a thread and what its reader has ahead. */
const MAX_SPARE_BYTES = 24 << 20
const MAX_BUFFER_BYTES = 4 << 20
const NOTHING = Buffer.alloc(0)

/**
 * Gives a batch's memory back once its bytes are no longer needed; only what a builder of this module has allocated is used
 * again. Allocating each batch anew let the resident size follow the garbage collector's mood.
 */
export function recycle(batch: Batch): void {
  const memory = batch.bytes.buffer
  const bytes = memory.byteLength
  if (!lent.delete(memory)) return
  if (bytes > MAX_BUFFER_BYTES || spareBytes + bytes > MAX_SPARE_BYTES) return
  spareBytes += bytes
  spare.push(Buffer.from(memory))
}

/**
 * Builds batches cell by cell. The fields are public because a plugin's hot loop writes into `buffer` at `length`
 * itself; whoever does so calls `reserve` first.
 */
export class BatchBuilder {
  readonly #limits: BatchLimits
  /** Empty before the first byte, so that a builder that is left alone after its last batch takes no memory with it. */
  buffer: Buffer = NOTHING
  length = 0
  rows = 0

  constructor(limits: BatchLimits) {
    this.#limits = limits
  }

  /** Makes room for `bytes` more bytes. */
  reserve(bytes: number): void {
    const needed = this.length + bytes
    if (needed <= this.buffer.length) return
    const larger =
      this.buffer.length === 0
        ? this.#first(needed)
        : Buffer.allocUnsafeSlow(Math.max(needed, this.buffer.length * 2))
    this.buffer.copy(larger, 0, 0, this.length)
    this.buffer = larger
  }

  /** Appends NULL and its separator. */
  appendNull(): void {
    this.reserve(3)
    this.buffer[this.length++] = BACKSLASH
    this.buffer[this.length++] = NULL_LETTER
    this.buffer[this.length++] = TAB
  }

  /** Appends text that holds nothing to escape (digits, dates) and its separator. */
  appendPlain(text: string): void {
    this.reserve(text.length + 1)
    this.length += this.buffer.write(text, this.length, 'latin1')
    this.buffer[this.length++] = TAB
  }

  /** Appends raw bytes, escaped, and the separator. */
  appendBytes(bytes: Uint8Array): void {
    this.reserve(bytes.length * 2 + 1)
    const out = this.buffer
    let at = this.length
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i]!
      const letter = ESCAPE_LETTER[byte]!
      if (letter === 0) out[at++] = byte
      else {
        out[at++] = BACKSLASH
        out[at++] = letter
      }
    }
    out[at++] = TAB
    this.length = at
  }

  /** Appends cells that are in the wire format already, and the separator of the last one. */
  appendCells(bytes: Buffer, start: number, end: number): void {
    this.reserve(end - start + 1)
    const out = this.buffer
    let at = this.length
    if (end - start < SHORT) for (let from = start; from < end; from++) out[at++] = bytes[from]!
    else at += bytes.copy(out, at, start, end)
    out[at++] = TAB
    this.length = at
  }

  /** Appends whole rows that are in the wire format already. */
  appendRows(bytes: Uint8Array, rows: number): void {
    this.reserve(bytes.length)
    this.buffer.set(bytes, this.length)
    this.length += bytes.length
    this.rows += rows
  }

  /** Turns the last separator into a row end. */
  endRow(): void {
    this.buffer[this.length - 1] = LF
    this.rows++
  }

  get full(): boolean {
    return this.roomBytes <= 0 || this.roomRows <= 0
  }

  /** How many bytes are left until the batch is full. */
  get roomBytes(): number {
    return this.#limits.bytes - this.length
  }

  /** How many rows are left until the batch is full. */
  get roomRows(): number {
    return this.#limits.rows - this.rows
  }

  /** Hands out what was built and starts anew; null when there is nothing. */
  take(): Batch | null {
    if (this.rows === 0) return null
    lent.add(this.buffer.buffer)
    const batch = { bytes: this.buffer.subarray(0, this.length), rows: this.rows }
    this.buffer = NOTHING
    this.length = 0
    this.rows = 0
    return batch
  }

  #first(needed: number): Buffer {
    const used = spare.pop()
    if (used) spareBytes -= used.length
    if (used && used.length >= needed) return used
    // A tenth above the limit, so that the row that crosses it seldom makes the buffer grow.
    return Buffer.allocUnsafeSlow(Math.max(needed, Math.ceil(this.#limits.bytes * 1.1)))
  }
}
