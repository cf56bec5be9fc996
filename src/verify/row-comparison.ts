import { createHash } from 'node:crypto'
import type { Batch } from '../plugin.js'
import type { Form } from './forms.js'
import { canonical } from './forms.js'
import { cellsOfRow, rowsOf } from './rows.js'

/** What a report says of a row: its key columns, or the beginning of all where it has no key. */
export type RowName = Readonly<Record<string, string | null>>

export interface DifferentRow {
  readonly key: RowName
  /** Source columns whose values differ. */
  readonly columns: readonly string[]
}

/** Rows that differ, by kind: how many, and which (the first ones only). */
export interface Differences {
  readonly missing: number
  readonly extra: number
  readonly different: number
  readonly missingRows: readonly RowName[]
  readonly extraRows: readonly RowName[]
  readonly differentRows: readonly DifferentRow[]
}

/** Most rows of each kind that are named. */
export const MOST_NAMED = 1_000
/** Beyond it, source rows are kept as hashes, and the columns in which they differ stay unknown. */
const KEPT_BYTES = 256 << 20
const NAME_CHARACTERS = 80

export interface ComparisonSetup {
  readonly names: readonly string[]
  /** Columns that hold bytes. */
  readonly binary: readonly boolean[]
  readonly forms: readonly Form[]
  readonly identity: readonly number[] | null
}

/** What a repair wants to do with the rows, as they stand in the wire format. */
export interface RowActions {
  /** A row of the source, missing or different in the target. */
  readonly write: (sourceRow: Buffer) => void
  /** A row of the target that the source does not have. */
  readonly remove: (targetRow: Buffer) => void
}

interface Kept {
  /** null: too much was kept already. */
  row: Buffer | null
  readonly hash: string | null
  count: number
}

/**
 * Compares rows given first by the source, then by the target, in any order. Rows are known by their key; those without one,
 * or with NULL in it, by all they hold, and equal ones are counted.
 */
export class RowComparison {
  readonly #setup: ComparisonSetup
  readonly #actions: RowActions | null
  readonly #kept = new Map<string, Kept>()
  #keptBytes = 0
  #extra = 0
  #different = 0
  readonly #extraRows: RowName[] = []
  readonly #differentRows: DifferentRow[] = []
  sourceRows = 0
  targetRows = 0

  constructor(setup: ComparisonSetup, actions: RowActions | null = null) {
    this.#setup = setup
    this.#actions = actions
  }

  addSource(batch: Batch): void {
    for (const row of rowsOf(batch.bytes)) {
      this.sourceRows++
      const cells = cellsOfRow(row)
      const key = this.#key(cells)
      const known = this.#kept.get(key)
      if (known) known.count++
      else this.#kept.set(key, this.#keep(row, cells))
    }
  }

  addTarget(batch: Batch): void {
    for (const row of rowsOf(batch.bytes)) {
      this.targetRows++
      const cells = cellsOfRow(row)
      const key = this.#key(cells)
      const known = this.#kept.get(key)
      if (!known) {
        this.#extra++
        if (this.#extraRows.length < MOST_NAMED) this.#extraRows.push(this.#name(cells))
        this.#actions?.remove(row)
        continue
      }
      if (--known.count === 0) this.#kept.delete(key)
      this.#compare(known, row, cells)
    }
  }

  end(): Differences {
    let missing = 0
    const missingRows: RowName[] = []
    for (const { row, count } of this.#kept.values()) {
      missing += count
      if (row === null) continue
      const name = missingRows.length < MOST_NAMED ? this.#name(cellsOfRow(row)) : null
      for (let i = 0; i < count; i++) {
        if (name !== null && missingRows.length < MOST_NAMED) missingRows.push(name)
        this.#actions?.write(row)
      }
    }
    return {
      missing,
      extra: this.#extra,
      different: this.#different,
      missingRows,
      extraRows: this.#extraRows,
      differentRows: this.#differentRows,
    }
  }

  /** Whether all rows of the source are at hand. */
  get complete(): boolean {
    return this.#keptBytes <= KEPT_BYTES
  }

  #compare({ row: source, hash }: Kept, target: Buffer, cells: readonly (Buffer | null)[]): void {
    if (source !== null && source.equals(target)) return
    if (source === null && hash === this.#hash(cells)) return
    const before = source === null ? null : cellsOfRow(source)
    const columns =
      before === null ? [] : this.#setup.names.filter((_, i) => !this.#same(i, before[i]!, cells[i]!))
    if (before !== null && columns.length === 0) return
    this.#different++
    if (this.#differentRows.length < MOST_NAMED) this.#differentRows.push({ key: this.#name(cells), columns })
    if (source !== null) this.#actions?.write(source)
  }

  #same(column: number, a: Buffer | null, b: Buffer | null): boolean {
    if (a === null || b === null) return a === b
    const form = this.#setup.forms[column]!
    return a.equals(b) || canonical(form, a).equals(canonical(form, b))
  }

  #keep(row: Buffer, cells: readonly (Buffer | null)[]): Kept {
    this.#keptBytes += row.length
    if (this.complete) return { row: Buffer.from(row), hash: null, count: 1 }
    return { row: null, hash: this.#hash(cells), count: 1 }
  }

  #key(cells: readonly (Buffer | null)[]): string {
    const { identity, forms } = this.#setup
    if (identity === null || identity.some((i) => cells[i] === null)) return `*${this.#hash(cells)}`
    return identity.map((i) => lengthFirst(canonical(forms[i]!, cells[i]!))).join('')
  }

  /** Of all cells, so that no two rows that differ give the same bytes to the hash. */
  #hash(cells: readonly (Buffer | null)[]): string {
    const hash = createHash('sha256')
    for (const [i, cell] of cells.entries()) {
      const value = cell === null ? null : canonical(this.#setup.forms[i]!, cell)
      hash.update(value === null ? 'N' : `${value.length}:`)
      if (value !== null) hash.update(value)
    }
    return hash.digest('base64')
  }

  #name(cells: readonly (Buffer | null)[]): RowName {
    const { identity, names, binary } = this.#setup
    const shown = identity ?? names.keys()
    return Object.fromEntries(
      [...shown].map((i) => {
        const cell = cells[i]!
        return [
          names[i]!,
          cell === null ? null : shorten(binary[i] ? `0x${cell.toString('hex')}` : cell.toString()),
        ]
      }),
    )
  }
}

function lengthFirst(value: Buffer): string {
  return `${value.length}:${value.toString('latin1')}`
}

function shorten(text: string): string {
  return text.length <= NAME_CHARACTERS ? text : `${text.slice(0, NAME_CHARACTERS)}…`
}
