import { randomFillSync } from 'node:crypto'

const LAST_COUNT = 0xfff
/** Random bytes are made for so many ids at once. */
const IDS = 256
const RANDOM_BYTES = 10

/**
 * UUIDs of version 7 (RFC 9562): 48 bits of milliseconds, 12 of a counter, 62 random ones. Each is larger than the one
 * before, as bytes and as text. The counter begins at a random number below its half in every millisecond; when it is used up, or
 * the clock was set back, the next milliseconds are used before their time.
 */
export class UuidsV7 {
  readonly #now: () => number
  readonly #random = Buffer.allocUnsafe(IDS * RANDOM_BYTES)
  #used = IDS
  #time = 0
  #count = 0

  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  /** 16 bytes. */
  next(): Buffer {
    if (this.#used === IDS) {
      randomFillSync(this.#random)
      this.#used = 0
    }
    const random = this.#random.subarray(this.#used * RANDOM_BYTES, ++this.#used * RANDOM_BYTES)
    const time = this.#now()
    if (time > this.#time) this.#begin(time, random)
    else if (this.#count === LAST_COUNT) this.#begin(this.#time + 1, random)
    else this.#count++
    const id = Buffer.allocUnsafe(16)
    id.writeUIntBE(this.#time, 0, 6)
    id.writeUInt16BE(0x7000 | this.#count, 6)
    random.copy(id, 8, 2)
    id[8] = 0x80 | (id[8]! & 0x3f)
    return id
  }

  #begin(time: number, random: Buffer): void {
    this.#time = time
    this.#count = random.readUInt16BE(0) & (LAST_COUNT >> 1)
  }
}

/** `017f22e2-79b0-7cc3-98c4-dc0c0c07398f` */
export function uuidText(id: Buffer): string {
  const hex = id.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
