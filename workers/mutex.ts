/** How long at least one split was in hand. */
export class BusyTimer {
  #active = 0
  #since = 0
  #milliseconds = 0

  enter(): void {
    if (this.#active++ === 0) this.#since = performance.now()
  }

  leave(): void {
    if (--this.#active === 0) this.#milliseconds += performance.now() - this.#since
  }

  get seconds(): number {
    return this.#milliseconds / 1000
  }
}

/** Lets one job run at a time, in the order in which they came. */
export class Mutex {
  #last: Promise<unknown> = Promise.resolve()

  run<T>(job: () => Promise<T>): Promise<T> {
    const result = this.#last.then(job)
    this.#last = result.catch(() => {})
    return result
  }
}
