import { recycle } from '../src/wire/builder.js'
import { RawRows } from '../src/wire/raw-rows.js'
import { ambiguousKey } from '../src/features/lookup/errors.js'
import type { Batch, Endpoint, Reader, ReadSpec } from '../src/contract/plugin.js'
import { loadPlugin } from './load-plugin.js'

/** A cell, or several with separators between them, as they stand in batches, as the key of a Map: a character for each byte. */
export type CellText = string

/** Asks a database for the values of keys. Opens its connection when it is first needed. */
export class ValueFinder {
  readonly #endpoint: Endpoint
  readonly #tables: readonly ReadSpec[]
  readonly #signal: AbortSignal
  /** Cells of a row: the key's, and the value. */
  readonly #width: number
  readonly #pairs: RawRows
  #reader: Reader | null = null

  constructor(endpoint: Endpoint, tables: readonly ReadSpec[], signal: AbortSignal) {
    this.#endpoint = endpoint
    this.#tables = tables
    this.#signal = signal
    this.#width = tables[0]!.columns.length
    this.#pairs = new RawRows(this.#width)
  }

  /** The values of those keys that are there. Throws LOOKUP_AMBIGUOUS for a key with two of them. */
  async find(keys: ReadonlySet<CellText>): Promise<Map<CellText, Buffer>> {
    const found = new Map<CellText, Buffer>()
    if (keys.size === 0) return found
    const reader = await this.#open()
    const wanted = keysBatch(keys)
    for (const table of this.#tables) {
      for await (const batch of reader.skills.find!(table, wanted, this.#signal)) {
        this.#add(batch, table, keys, found)
        recycle(batch)
      }
    }
    return found
  }

  async close(): Promise<void> {
    await this.#reader?.close()
  }

  #add(batch: Batch, { table }: ReadSpec, keys: ReadonlySet<CellText>, found: Map<CellText, Buffer>): void {
    const pairs = this.#pairs
    const last = this.#width - 1
    pairs.take(batch)
    for (let row = 0; row < batch.rows; row++) {
      const key = batch.bytes.toString('latin1', pairs.start(row, 0), pairs.end(row, last - 1))
      // The database may take another spelling for the same key.
      if (!keys.has(key)) continue
      const value = batch.bytes.subarray(pairs.start(row, last), pairs.end(row, last))
      const there = found.get(key)
      if (there === undefined) found.set(key, Buffer.from(value))
      else if (!there.equals(value)) {
        throw ambiguousKey(table.table, Buffer.from(key, 'latin1'), there, value)
      }
    }
  }

  async #open(): Promise<Reader> {
    if (this.#reader === null) {
      const reader = (await loadPlugin(this.#endpoint)).createReader!(this.#endpoint)
      await reader.connect(this.#signal)
      this.#reader = reader
    }
    return this.#reader
  }
}

function keysBatch(keys: ReadonlySet<CellText>): Batch {
  const lines = [...keys].map((key) => `${key}\n`)
  return { bytes: Buffer.from(lines.join(''), 'latin1'), rows: lines.length }
}
