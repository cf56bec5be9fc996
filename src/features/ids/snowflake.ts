const WORKER_BITS = 10n
const SEQUENCE_BITS = 12n
const LAST_SEQUENCE = (1 << Number(SEQUENCE_BITS)) - 1

/** Numbers of workers: 0 to 1023. */
export const WORKERS = 1 << Number(WORKER_BITS)

/** 2020-01-01: with 41 bits of milliseconds it lasts until 2089. */
export const DEFAULT_EPOCH = Date.UTC(2020, 0, 1)
/** Milliseconds that 41 bits count. */
export const LIFETIME = 2 ** 41

/**
 * Ids of 63 bits: 41 of milliseconds since the epoch, 10 of the worker, 12 of a sequence. Each is larger than the one
 * before, also when the clock is set back or more than 4,096 are asked for in a millisecond: then the next
 * milliseconds are used before their time.
 */
export class Snowflakes {
  readonly #epoch: number
  readonly #worker: bigint
  readonly #now: () => number
  #time = 0
  #sequence = LAST_SEQUENCE

  constructor(epoch: number, worker: number, now: () => number = Date.now) {
    this.#epoch = epoch
    this.#worker = BigInt(worker) << SEQUENCE_BITS
    this.#now = now
  }

  next(): string {
    const time = this.#now() - this.#epoch
    if (time > this.#time) this.#begin(time)
    else if (this.#sequence === LAST_SEQUENCE) this.#begin(this.#time + 1)
    else this.#sequence++
    const id = (BigInt(this.#time) << (WORKER_BITS + SEQUENCE_BITS)) | this.#worker | BigInt(this.#sequence)
    return id.toString()
  }

  #begin(time: number): void {
    this.#time = time
    this.#sequence = 0
  }
}
