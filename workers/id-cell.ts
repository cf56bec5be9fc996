import type { BatchBuilder } from '../src/wire/builder.js'
import type { RawRows } from '../src/wire/raw-rows.js'
import { cellsOf } from '../src/wire/row-name.js'
import { idWithoutKey } from '../src/features/lookup/errors.js'
import type { PipelineRunPlan } from '../src/contract/pipeline.js'
import type { IdMap } from './id-map.js'
import type { IdSource } from './id-source.js'
import { RecentCells } from './recent-cells.js'
import type { ColumnProducer, RowOutcome } from './column-producer.js'
import type { CellText } from './value-finder.js'

/** Of one thread. */
const RECENT_BYTES = 16 << 20

/** A new id for each row. */
export class NewIdCell implements ColumnProducer {
  readonly #source: IdSource

  constructor(source: IdSource) {
    this.#source = source
  }

  async prepare(rows: RawRows): Promise<void> {
    await this.#source.reserve?.(rows.rows)
  }

  append(_rows: RawRows, _row: number, to: BatchBuilder): RowOutcome {
    this.#source.append(to)
    return 'keep'
  }

  async close(): Promise<void> {
    await this.#source.close?.()
  }
}

/** The id that the row's key has, or gets. */
export class MappedIdCell implements ColumnProducer {
  readonly #at: number
  readonly #name: string
  readonly #plan: PipelineRunPlan
  readonly #map: IdMap
  readonly #recent = new RecentCells(RECENT_BYTES)
  /** Of the keys of the batch. */
  #ids = new Map<CellText, Buffer>()

  /** `at` is the key's index, `name` the cell's. */
  constructor({ at, name }: { at: number; name: string }, plan: PipelineRunPlan, map: IdMap) {
    this.#at = at
    this.#name = name
    this.#plan = plan
    this.#map = map
  }

  async prepare(rows: RawRows): Promise<void> {
    const ids = new Map<CellText, Buffer>()
    const unknown = new Set<CellText>()
    for (let row = 0; row < rows.rows; row++) {
      if (rows.isNull(row, this.#at)) continue
      const key = rows.text(row, this.#at)
      if (ids.has(key) || unknown.has(key)) continue
      const id = this.#recent.get(key)
      if (id) ids.set(key, id)
      else unknown.add(key)
    }
    for (const [key, id] of await this.#map.resolve(unknown)) {
      ids.set(key, id)
      this.#recent.add(key, id)
    }
    this.#ids = ids
  }

  append(rows: RawRows, row: number, to: BatchBuilder): RowOutcome {
    if (rows.isNull(row, this.#at)) {
      const cells = cellsOf(rows.row(row))
      return idWithoutKey({ plan: this.#plan, column: this.#name, cells, at: [this.#at] })
    }
    const id = this.#ids.get(rows.text(row, this.#at))!
    to.appendCells(id, 0, id.length)
    return 'keep'
  }

  close(): Promise<void> {
    return this.#map.close()
  }
}
