import { createHash } from 'node:crypto'
import type { Cells } from '../../wire/row-name.js'
import type { RowshiftError } from '../../contract/errors.js'
import type { Batch } from '../../contract/plugin.js'
import type { SideName, CanonicalizationPair } from './canonicalization.js'
import { canonical } from './canonicalization.js'
import type { RowName } from './row-key.js'
import { keyText, MOST_NAMED, rowNameOf } from './row-key.js'
import { cellsOfRow, rowsOf, withoutLastCell } from './rows.js'
import type { ReadRows, UnresolvedRow } from './unresolved-rows.js'
import { UnresolvedRows } from './unresolved-rows.js'

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
  /** Of the missing and different ones: those that a copy would not write, because a value cannot be made. */
  readonly unmade: number
  readonly missingRows: readonly RowName[]
  readonly extraRows: readonly RowName[]
  readonly differentRows: readonly DifferentRow[]
  readonly unmadeRows: readonly UnresolvedRow[]
}

/** Beyond it, source rows are kept as hashes, and the columns in which they differ stay unknown. */
const UNMATCHED_BYTES = 256 << 20

export interface ComparisonSetup {
  readonly names: readonly string[]
  /** Columns that hold bytes. */
  readonly binary: readonly boolean[]
  readonly canonicalizations: readonly CanonicalizationPair[]
  readonly identity: readonly number[] | null
  /** Rows as they are read where others are made of them; null: they are compared as they are read. */
  readonly reads: ReadRows | null
  /**
   * The last cell of each row is its digest (see `DigestSkill`): rows that differ in it only differ in one of these columns, whose
   * cells do not show it. null: rows have no such cell.
   */
  readonly digested: readonly string[] | null
  /** The columns by which a repair finds the row that it writes; null: nothing is repaired. */
  readonly written: readonly number[] | null
}

/** What a repair wants to do with the rows, as they stand in the wire format. */
export interface RowActions {
  /** A row of the source, missing or different in the target. */
  readonly write: (sourceRow: Buffer) => void
  /** A row of the target that the source does not have. */
  readonly remove: (targetRow: Buffer) => void
}

interface UnmatchedRow {
  /** null: too much was kept already. */
  row: Buffer | null
  readonly hash: string | null
  count: number
}

/**
 * Compares rows given first by the source, then by the target, in any order. Rows are matched by their key; those without one,
 * or with NULL in it, by all they hold, and equal ones are counted.
 */
export class RowComparison {
  readonly #setup: ComparisonSetup
  readonly #actions: RowActions | null
  readonly #unmatched = new Map<string, UnmatchedRow>()
  #unmatchedBytes = 0
  #extra = 0
  #different = 0
  readonly #extraRows: RowName[] = []
  readonly #differentRows: DifferentRow[] = []
  readonly #unresolved: UnresolvedRows
  sourceRows = 0
  targetRows = 0
  /** Rows of the source that a copy leaves out on purpose. */
  filtered = 0
  /** Rows of the target whose row of the source cannot be made yet, and may belong elsewhere when it can. */
  unsettled = 0

  constructor(setup: ComparisonSetup, actions: RowActions | null = null) {
    this.#setup = setup
    this.#actions = actions
    this.#unresolved = new UnresolvedRows(setup)
  }

  addSource(batch: Batch): void {
    for (const row of rowsOf(batch.bytes)) {
      this.sourceRows++
      const cells = cellsOfRow(row)
      const key = this.#key(cells, 'source')
      const known = this.#unmatched.get(key)
      if (known) known.count++
      else this.#unmatched.set(key, this.#remember(row, cells))
    }
  }

  addFiltered(rows: number): void {
    this.filtered += rows
  }

  /** A row of the source, as it was read, that a copy refuses. Nothing is done to its counterpart in the target. */
  addUnresolved(row: Batch, error: RowshiftError): void {
    this.sourceRows++
    const known = this.#unresolved.add(cellsOfRow(row.bytes), error)
    // Its counterpart would be taken for an extra row.
    if (!known && this.#actions !== null) throw error
  }

  addTarget(batch: Batch): void {
    for (const row of rowsOf(batch.bytes)) {
      this.targetRows++
      const cells = cellsOfRow(row)
      const unresolved = this.#unresolved.find(cells)
      if (unresolved !== null) {
        this.unsettled++
        this.#addDifferent(cells, unresolved)
        continue
      }
      const key = this.#key(cells, 'target')
      const known = this.#unmatched.get(key)
      if (!known) {
        this.#extra++
        if (this.#extraRows.length < MOST_NAMED) this.#extraRows.push(this.#name(cells))
        this.#actions?.remove(this.#plain(row))
        continue
      }
      if (--known.count === 0) this.#unmatched.delete(key)
      this.#compare(known, row, cells)
    }
  }

  end(): Differences {
    let missing = this.#unresolved.missing
    const missingRows: RowName[] = this.#unresolved.missingRows.slice(0, MOST_NAMED)
    for (const { row, count } of this.#unmatched.values()) {
      missing += count
      if (row === null) continue
      const name = missingRows.length < MOST_NAMED ? this.#name(cellsOfRow(row)) : null
      for (let i = 0; i < count; i++) {
        if (name !== null && missingRows.length < MOST_NAMED) missingRows.push(name)
        this.#actions?.write(this.#plain(row))
      }
    }
    return {
      missing,
      extra: this.#extra,
      different: this.#different,
      unmade: this.#unresolved.count,
      missingRows,
      extraRows: this.#extraRows,
      differentRows: this.#differentRows,
      unmadeRows: this.#unresolved.rows,
    }
  }

  /** Whether all rows of the source are at hand. */
  get complete(): boolean {
    return this.#unmatchedBytes <= UNMATCHED_BYTES
  }

  /** Where the row that is written would not be found to be this one, it takes its place. */
  #compare({ row: source, hash }: UnmatchedRow, target: Buffer, cells: Cells): void {
    if (source !== null && source.equals(target)) return
    if (source === null && hash === this.#hash(cells, 'target')) return
    const before = source === null ? null : cellsOfRow(source)
    const columns = before === null ? [] : this.#differing(before, cells)
    if (before !== null && columns.length === 0) return
    this.#addDifferent(cells, columns)
    if (source === null || this.#actions === null) return
    const found = this.#setup.written?.every((i) => this.#same(i, before![i]!, cells[i]!)) ?? true
    if (!found) this.#actions.remove(this.#plain(target))
    this.#actions.write(this.#plain(source))
  }

  #addDifferent(cells: Cells, columns: readonly string[]): void {
    this.#different++
    if (this.#differentRows.length < MOST_NAMED) this.#differentRows.push({ key: this.#name(cells), columns })
  }

  #differing(source: Cells, target: Cells): readonly string[] {
    const { names, digested } = this.#setup
    const columns = names.filter((_, i) => !this.#same(i, source[i]!, target[i]!))
    if (columns.length > 0 || digested === null) return columns
    // NULL: a row too large for its database to hash.
    const [a, b] = [source.at(-1)!, target.at(-1)!]
    return a === null || b === null || a.equals(b) ? [] : digested
  }

  #same(column: number, source: Buffer | null, target: Buffer | null): boolean {
    if (source === null || target === null) return source === target
    const canonicalizations = this.#setup.canonicalizations[column]!
    return (
      source.equals(target) ||
      canonical(canonicalizations.source, source).equals(canonical(canonicalizations.target, target))
    )
  }

  /** As it stands in its table. */
  #plain(row: Buffer): Buffer {
    return this.#setup.digested === null ? row : withoutLastCell(row)
  }

  #remember(row: Buffer, cells: Cells): UnmatchedRow {
    this.#unmatchedBytes += row.length
    if (this.complete) return { row: Buffer.from(row), hash: null, count: 1 }
    return { row: null, hash: this.#hash(cells, 'source'), count: 1 }
  }

  #key(cells: Cells, end: SideName): string {
    const { identity, canonicalizations } = this.#setup
    if (identity === null || identity.some((i) => cells[i] === null)) return `*${this.#hash(cells, end)}`
    return keyText(identity.map((i) => canonical(canonicalizations[i]![end], cells[i]!)))
  }

  /** Of all cells, so that no two rows that differ give the same bytes to the hash. */
  #hash(cells: Cells, end: SideName): string {
    const hash = createHash('sha256')
    for (const [i, cell] of cells.entries()) {
      const value = cell === null ? null : canonical(this.#setup.canonicalizations[i]?.[end] ?? 'bytes', cell)
      hash.update(value === null ? 'N' : `${value.length}:`)
      if (value !== null) hash.update(value)
    }
    return hash.digest('base64')
  }

  #name(cells: Cells): RowName {
    const { identity, names, binary } = this.#setup
    return rowNameOf(cells, identity ?? [...names.keys()], names, binary)
  }
}
