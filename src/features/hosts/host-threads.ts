import { counted } from '../../wire/counted.js'

/** How many threads the workers of a run have together. It follows the workers that there are, not what is measured. */
export class HostThreads {
  /** One job waits for the first worker. */
  #now = 1
  readonly #most = new Map<string, number>()

  get now(): number {
    return this.#now
  }

  /** For the report; null: no worker has taken part. */
  get reason(): string | null {
    if (this.#most.size === 0) return null
    const hosts = [...this.#most].map(([host, threads]) => `${host} with ${threads}`)
    const threads = [...this.#most.values()].reduce((sum, each) => sum + each, 0)
    return `${counted(threads, 'thread')} of ${counted(hosts.length, 'worker')} took part: ${hosts.join(', ')}`
  }

  took(host: string, threads: number): void {
    this.#most.set(host, Math.max(threads, this.#most.get(host) ?? 0))
  }

  look(): boolean {
    return false
  }

  refused(): boolean {
    return false
  }

  limit(threads: number): boolean {
    const changed = this.#now !== Math.max(1, threads)
    this.#now = Math.max(1, threads)
    return changed
  }
}
