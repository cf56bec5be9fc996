import type { BatchBuilder } from '../src/wire/builder.js'
import type { CellMap } from '../src/wire/cell-map.js'
import type { RawRows } from '../src/wire/raw-rows.js'
import { cellsOf } from '../src/wire/row-name.js'
import type { UnresolvedRow } from '../src/features/lookup/errors.js'
import { idWithoutKey, missingId, missingKey } from '../src/features/lookup/errors.js'
import type { LookupCell } from '../src/contract/computed-columns.js'
import type { PipelineRunPlan } from '../src/contract/pipeline.js'
import { RecentCells } from './recent-cells.js'
import { RowKeys } from './row-keys.js'
import type { ColumnProducer, RowOutcome, PipelineSink } from './column-producer.js'
import type { CellText, ValueFinder } from './value-finder.js'

/** Of one thread. */
const RECENT_BYTES = 16 << 20
/** Its key is not in memory. */
const ASKED = -1

export class LookedUpCell implements ColumnProducer {
  readonly #cell: LookupCell
  readonly #plan: PipelineRunPlan
  /** null: keys are asked for. */
  readonly #all: CellMap | null
  /** null: what is not in memory is nowhere. */
  readonly #finder: ValueFinder | null
  readonly #keys: RowKeys
  readonly #recent = new RecentCells(RECENT_BYTES)
  /** Of each row of the batch, where its value stands in `#all`, or ASKED. */
  #starts = new Int32Array(1024)
  #ends = new Int32Array(1024)
  /** The keys of the batch that are not in `#all`. */
  readonly #asked = new Map<CellText, Buffer | null>()

  constructor(cell: LookupCell, plan: PipelineRunPlan, all: CellMap | null, finder: ValueFinder | null) {
    this.#cell = cell
    this.#plan = plan
    this.#all = all
    this.#finder = finder
    this.#keys = new RowKeys(cell.at)
  }

  async prepare(rows: RawRows, sink: PipelineSink): Promise<void> {
    if (this.#starts.length < rows.rows) {
      this.#starts = new Int32Array(rows.rows)
      this.#ends = new Int32Array(rows.rows)
    }
    this.#asked.clear()
    const asking = this.#locate(rows)
    // What is not in memory may have come into the table since then.
    const unknown = new Set(asking.filter((key) => this.#recall(key)))
    const found = await this.#finder?.find(unknown)
    for (const key of unknown) {
      const value = found?.get(key) ?? null
      this.#asked.set(key, value)
      this.#recent.add(key, value)
    }
    const missing = asking.filter((key) => this.#asked.get(key) === null).length
    if (missing > 0) sink.missing(missing)
  }

  append(rows: RawRows, row: number, to: BatchBuilder): RowOutcome {
    const { lookup } = this.#cell
    if (this.#starts[row] !== ASKED) {
      to.appendCells(this.#all!.heap, this.#starts[row]!, this.#ends[row]!)
      return 'keep'
    }
    if (!this.#keys.take(rows, row)) {
      if (lookup.missing.rule === 'no id') return idWithoutKey(this.#unresolved(rows, row))
      to.appendNull()
      return 'keep'
    }
    const value = this.#asked.get(this.#keys.text())!
    if (value === null) return this.#miss(rows, row, to)
    to.appendCells(value, 0, value.length)
    return 'keep'
  }

  async close(): Promise<void> {
    await this.#finder?.close()
  }

  /** Finds the keys that are in memory; returns the key of every other row. */
  #locate(rows: RawRows): CellText[] {
    const asking: CellText[] = []
    const all = this.#all
    const key = this.#keys
    for (let row = 0; row < rows.rows; row++) {
      this.#starts[row] = ASKED
      if (!key.take(rows, row)) continue
      if (all?.find(key.bytes, key.start, key.end)) {
        this.#starts[row] = all.start
        this.#ends[row] = all.end
      } else asking.push(key.text())
    }
    return asking
  }

  /** Whether the key must be asked for. */
  #recall(key: CellText): boolean {
    const value = this.#recent.get(key)
    if (value === undefined) return true
    this.#asked.set(key, value)
    return false
  }

  #miss(rows: RawRows, row: number, to: BatchBuilder): RowOutcome {
    const { missing, tables } = this.#cell.lookup
    switch (missing.rule) {
      case 'skip':
        return 'filter'
      case 'value':
        if (missing.value === null) to.appendNull()
        else to.appendBytes(Buffer.from(missing.value))
        return 'keep'
      case 'error': {
        const names = tables.map(({ table }) => table.table)
        return missingKey(names, this.#unresolved(rows, row))
      }
      case 'no id':
        return missingId(tables[0]!.table.table, this.#unresolved(rows, row))
      default:
        return missing satisfies never
    }
  }

  #unresolved(rows: RawRows, row: number): UnresolvedRow {
    const { name, at } = this.#cell
    return { plan: this.#plan, column: name, cells: cellsOf(rows.row(row)), at }
  }
}
