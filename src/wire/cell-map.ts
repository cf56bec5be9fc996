/**
 * A map from cell to cell, both as they stand in batches (escaped, NULL as `\N`), in memory that all threads share: open
 * addressing, so that a look-up is a hash and about one comparison, and nothing is copied or decoded.
 */

/** What travels to the threads. */
export interface SharedCells {
  /** Per slot the place of its entry in `heap`, plus 1; 0 is free. A power of two of them. */
  readonly slots: SharedArrayBuffer
  /** Per entry the lengths of key and value, 4 bytes each, and both. */
  readonly heap: SharedArrayBuffer
  readonly entries: number
}

const HEAD = 8
const FIRST_SLOTS = 1 << 10
const FIRST_BYTES = 1 << 16
const SLOT_BYTES = Uint32Array.BYTES_PER_ELEMENT

/** The map as threads use it. */
export class CellMap {
  readonly #slots: Uint32Array
  /** Where values stand. */
  readonly heap: Buffer
  /** Of the value that `find` has found. */
  start = 0
  end = 0

  constructor({ slots, heap }: SharedCells) {
    this.#slots = new Uint32Array(slots)
    this.heap = Buffer.from(heap)
  }

  /** Looks for the key in `bytes` from `start` to `end`; the value is then in `heap`, from `this.start` to `this.end`. */
  find(bytes: Buffer, start: number, end: number): boolean {
    const entry = this.#slots[slotOf(this.#slots, this.heap, bytes, start, end)]! - 1
    if (entry < 0) return false
    this.start = entry + HEAD + (end - start)
    this.end = this.start + this.heap.readUInt32LE(entry + 4)
    return true
  }
}

/** Collects cells until they are shared. */
export class CellMapBuilder {
  readonly #most: number
  #slots = new Uint32Array(FIRST_SLOTS)
  #heap = Buffer.allocUnsafe(FIRST_BYTES)
  #length = 0
  entries = 0

  /** `budget`: bytes that the map may have. */
  constructor(budget: number) {
    this.#most = budget
  }

  /** False for a key that is there with another value. */
  add(key: Buffer, value: Buffer): boolean {
    const slot = slotOf(this.#slots, this.#heap, key, 0, key.length)
    const there = this.#slots[slot]! - 1
    if (there >= 0) return this.#valueOf(there, key).equals(value)
    this.#slots[slot] = this.#append(key, value) + 1
    this.entries++
    // At most half full, so that a search ends soon.
    if (this.entries * 2 > this.#slots.length) this.#grow()
    return true
  }

  /** The value of a key that is there; a view. */
  get(key: Buffer): Buffer {
    return this.#valueOf(this.#slots[slotOf(this.#slots, this.#heap, key, 0, key.length)]! - 1, key)
  }

  get overBudget(): boolean {
    return this.#length + this.#slots.length * SLOT_BYTES > this.#most
  }

  share(): SharedCells {
    const slots = new SharedArrayBuffer(this.#slots.byteLength)
    new Uint32Array(slots).set(this.#slots)
    const heap = new SharedArrayBuffer(this.#length)
    Buffer.from(heap).set(this.#heap.subarray(0, this.#length))
    return { slots, heap, entries: this.entries }
  }

  #valueOf(entry: number, key: Buffer): Buffer {
    const from = entry + HEAD + key.length
    return this.#heap.subarray(from, from + this.#heap.readUInt32LE(entry + 4))
  }

  #append(key: Buffer, value: Buffer): number {
    const at = this.#length
    this.#length += HEAD + key.length + value.length
    if (this.#length > this.#heap.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#length, this.#heap.length * 2))
      this.#heap.copy(larger, 0, 0, at)
      this.#heap = larger
    }
    this.#heap.writeUInt32LE(key.length, at)
    this.#heap.writeUInt32LE(value.length, at + 4)
    this.#heap.set(key, at + HEAD)
    this.#heap.set(value, at + HEAD + key.length)
    return at
  }

  #grow(): void {
    const entries = this.#slots.filter((slot) => slot !== 0)
    this.#slots = new Uint32Array(this.#slots.length * 2)
    for (const entry of entries) {
      const start = entry - 1 + HEAD
      const end = start + this.#heap.readUInt32LE(entry - 1)
      this.#slots[slotOf(this.#slots, this.#heap, this.#heap, start, end)] = entry
    }
  }
}

/** The slot in which the key stands, or the free one in which it would. */
function slotOf(slots: Uint32Array, heap: Buffer, bytes: Buffer, start: number, end: number): number {
  const mask = slots.length - 1
  for (let slot = hash(bytes, start, end) & mask; ; slot = (slot + 1) & mask) {
    const entry = slots[slot]! - 1
    if (entry < 0 || isKey(heap, entry, bytes, start, end)) return slot
  }
}

function isKey(heap: Buffer, entry: number, bytes: Buffer, start: number, end: number): boolean {
  if (heap.readUInt32LE(entry) !== end - start) return false
  for (let at = start, there = entry + HEAD; at < end; at++, there++) {
    if (heap[there] !== bytes[at]) return false
  }
  return true
}

/** FNV-1a, and a last mix, since digits differ in few bits and the low ones choose the slot. */
function hash(bytes: Buffer, start: number, end: number): number {
  let hash = 0x811c9dc5
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193)
  return hash ^ (hash >>> 15)
}
