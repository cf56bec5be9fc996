import { RowshiftError } from '../../contract/errors.js'
import type { ForeignKeyTarget, Writer } from '../../contract/plugin.js'
import { pauseAfter, retried, type RetryPolicy } from '../../contract/waiting.js'
import type { PlannedKey } from './foreign-keys.js'

/** The foreign keys between tables that are made anew: each is dropped right before the first of its two tables is. */
export class KeysToDrop {
  readonly #keys: readonly PlannedKey[]
  readonly #retry: RetryPolicy
  readonly #dropping = new Map<PlannedKey, Promise<void>>()
  /** Those that are dropped, or may be. */
  readonly dropped = new Set<PlannedKey>()

  /** `gone`: the keys of the tables `anew`. */
  constructor(gone: readonly PlannedKey[], anew: ReadonlySet<string>, retry: RetryPolicy) {
    this.#retry = retry
    // A key of a table to itself goes with it.
    this.#keys = gone.filter(
      ({ name, table, parent, parentIn }) =>
        name !== null && parentIn === undefined && table !== parent && anew.has(parent),
    )
  }

  /** Why a key of this table, or one that refers to it, cannot be dropped; null: all are. It is tried again before the other table. */
  async before(table: string, { skills }: Writer, signal: AbortSignal): Promise<RowshiftError | null> {
    const { foreignKeys: target } = skills
    if (target === undefined || target.withTable) return null
    try {
      for (const key of this.#keys)
        if (key.table === table || key.parent === table) await this.#drop(key, target, signal)
      return null
    } catch (thrown) {
      return RowshiftError.from(thrown)
    }
  }

  async #drop(key: PlannedKey, target: ForeignKeyTarget, signal: AbortSignal): Promise<void> {
    this.dropped.add(key)
    const dropping = this.#dropping.get(key) ?? this.#patiently(() => target.drop(key, signal), signal)
    this.#dropping.set(key, dropping)
    try {
      await dropping
    } catch (thrown) {
      this.#dropping.delete(key)
      const error = RowshiftError.from(thrown)
      if (!error.retryable && error.code !== 'INTERRUPTED') this.dropped.delete(key)
      throw error
    }
  }

  /** Keys of one circle that are dropped side by side wait for each other's tables, until the server ends one of them. */
  #patiently(drop: () => Promise<void>, signal: AbortSignal): Promise<void> {
    const after = (error: RowshiftError, retries: number) =>
      error.code === 'LOCK_CONFLICT' ? pauseAfter(error, retries, this.#retry) : null
    return retried(drop, after, signal)
  }
}
