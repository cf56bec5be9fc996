/** For how long a coordinator waits for what keeps its run from going on. */
import { RowshiftError } from '../../contract/errors.js'
import type { HostBeat } from './host-beat.js'
import { allRefuse, noWorker } from './host-failures.js'
import { passes } from './store-errors.js'
import type { HostStore } from './store.js'

/** For so long nobody takes part, or the store cannot be used, before the run fails. */
export const PATIENCE_MS = 10 * 60_000
/** Workers that all refuse the run will go on to do so. */
const REFUSED_MS = 3_000
/** Workers that could not reach a database yet may reach it soon. */
const UNREACHED_MS = 60_000

/** All moments are by `performance`. */
export class HostPatience {
  readonly #store: HostStore
  /** Since when nobody takes part; null: somebody does, or nobody can yet. */
  #aloneSince: number | null = null
  /** Since when all workers refuse; null: they do not. */
  #refusedSince: number | null = null
  /** Since when the store answers only with errors that may pass; null: it does not. */
  #ailingSince: number | null = null

  constructor(store: HostStore) {
    this.#store = store
  }

  /** From now on workers can take part. */
  begin(): void {
    this.#aloneSince = performance.now()
  }

  /** Somebody waits for workers: throws when that has an end. */
  check(): void {
    const { where, lostMs } = this.#store
    if (lostMs > PATIENCE_MS)
      throw new RowshiftError(
        'CONNECTION_LOST',
        `${where} could not be reached for ${PATIENCE_MS / 60_000} minutes. What workers had committed stays.`,
      )
    if (since(this.#aloneSince) > PATIENCE_MS)
      throw new RowshiftError(
        'HOSTS_MISSING',
        `For ${PATIENCE_MS / 60_000} minutes no worker took part in the run. ${noWorker(where)}.`,
      )
  }

  /**
   * The store has answered; with what workers say, of whose threads so many take part. `needed`: there are jobs for them. Throws HOSTS_REFUSED
   * when all refuse.
   */
  heard(hosts: readonly HostBeat[], threads: number, needed: boolean): void {
    const now = performance.now()
    this.#ailingSince = null
    const missing = needed && threads === 0
    this.#aloneSince = missing ? (this.#aloneSince ?? now) : null
    const refusing = missing ? hosts.filter(({ refused }) => refused !== null) : []
    this.#refusedSince = refusing.length === 0 ? null : (this.#refusedSince ?? now)
    const later = refusing.find(({ refused }) => RowshiftError.fromReport(refused!).retryable)
    if (since(this.#refusedSince) > (later ? UNREACHED_MS : REFUSED_MS))
      throw allRefuse(later ?? refusing[0]!)
  }

  /** Whether the run goes on in spite of an error of the store. */
  bears(error: RowshiftError): boolean {
    this.#ailingSince ??= performance.now()
    return passes(error) && since(this.#ailingSince) <= PATIENCE_MS
  }
}

/** In milliseconds. */
function since(moment: number | null): number {
  return moment === null ? 0 : performance.now() - moment
}
