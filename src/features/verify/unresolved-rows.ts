import type { Cells } from '../../wire/row-name.js'
import type { ErrorCode, RowshiftError } from '../../contract/errors.js'
import type { CanonicalizationPair } from './canonicalization.js'
import { canonical } from './canonicalization.js'
import type { RowName } from './row-key.js'
import { keyText, MOST_NAMED, rowNameOf } from './row-key.js'

/** A row of the source that a copy refuses to write, and why. */
export interface UnresolvedRow {
  readonly key: RowName
  readonly code: ErrorCode
  readonly message: string
}

/** Rows as they are read, where others are made of them. */
export interface ReadRows {
  readonly names: readonly string[]
  readonly binary: readonly boolean[]
  /**
   * The columns that say which row it is, whatever its shard: their indexes in a row as it is compared, and as it was read. null: there
   * are none.
   */
  readonly identity: readonly { readonly compared: number; readonly read: number }[] | null
}

interface UnresolvedEntry {
  /** The column that cannot be made; none where the row as a whole cannot. */
  readonly columns: readonly string[]
  /** null: too many are named already. */
  readonly name: RowName | null
  hasCounterpart: boolean
}

/** The rows of the source that cannot be made into what is written, and their counterparts in the target. */
export class UnresolvedRows {
  readonly #reads: ReadRows | null
  readonly #canonicalizations: readonly CanonicalizationPair[]
  readonly #entries = new Map<string, UnresolvedEntry>()
  readonly rows: UnresolvedRow[] = []
  count = 0

  constructor({
    reads,
    canonicalizations,
  }: {
    reads: ReadRows | null
    canonicalizations: readonly CanonicalizationPair[]
  }) {
    this.#reads = reads
    this.#canonicalizations = canonicalizations
  }

  /** By its cells as they were read. False when it has no key by which to find its counterpart. */
  add(cells: Cells, { code, message, details }: RowshiftError): boolean {
    const { names, binary, identity } = this.#reads!
    const key = this.#key(cells, 'read')
    const indexes = identity?.map(({ read }) => read) ?? [...names.keys()]
    const name = this.rows.length < MOST_NAMED ? rowNameOf(cells, indexes, names, binary) : null
    if (name !== null) this.rows.push({ key: name, code, message })
    const columns = typeof details['column'] === 'string' ? [details['column']] : []
    this.#entries.set(key ?? `*${this.count}`, { columns, name, hasCounterpart: false })
    this.count++
    return key !== null
  }

  /** What cannot be made of the row whose counterpart in the target this is; null: it is that of another row. */
  find(cells: Cells): readonly string[] | null {
    if (this.count === 0) return null
    const key = this.#key(cells, 'compared')
    const entry = key === null ? undefined : this.#entries.get(key)
    if (entry === undefined) return null
    entry.hasCounterpart = true
    return entry.columns
  }

  /** Those without a counterpart. */
  get missing(): number {
    return this.#missing.length
  }

  get missingRows(): RowName[] {
    return this.#missing.map(({ name }) => name).filter((name) => name !== null)
  }

  get #missing(): UnresolvedEntry[] {
    return [...this.#entries.values()].filter(({ hasCounterpart }) => !hasCounterpart)
  }

  #key(cells: Cells, as: 'read' | 'compared'): string | null {
    const identity = this.#reads?.identity ?? null
    if (identity === null || identity.some((indexes) => cells[indexes[as]] === null)) return null
    const side = as === 'read' ? 'source' : 'target'
    return keyText(
      identity.map((indexes) =>
        canonical(this.#canonicalizations[indexes.compared]![side], cells[indexes[as]]!),
      ),
    )
  }
}
