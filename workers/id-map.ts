import { BatchBuilder } from '../src/wire/builder.js'
import { excerpt } from '../src/wire/row-name.js'
import { RowshiftError } from '../src/contract/errors.js'
import { failpoint } from '../src/failpoint.js'
import { closeAll } from '../src/contract/opening.js'
import { pause } from '../src/contract/waiting.js'
import type { Batch, Endpoint, Writer } from '../src/contract/plugin.js'
import type { IdMapPlan } from '../src/contract/computed-columns.js'
import type { IdSource } from './id-source.js'
import { openWriter } from './load-plugin.js'
import { ValueFinder } from './value-finder.js'
import type { CellText } from './value-finder.js'

/** A key may be lost to another thread, and a new id may be taken already; neither happens again and again. */
const MOST_ATTEMPTS = 6
const RETRY_MS = 50

/** The ids that keys have got, in a table of the target that all threads and runs share. */
export class IdMap {
  readonly #plan: IdMapPlan
  readonly #source: IdSource
  readonly #target: Endpoint
  readonly #signal: AbortSignal
  readonly #finder: ValueFinder
  #writer: Writer | null = null

  constructor(plan: IdMapPlan, source: IdSource, target: Endpoint, signal: AbortSignal) {
    this.#plan = plan
    this.#source = source
    this.#target = target
    this.#signal = signal
    this.#finder = new ValueFinder(target, [plan.read], signal)
  }

  /**
   * The id of each key. Those without one get a new one, which is committed before it is used; who was first is
   * found out by looking again.
   */
  async resolve(keys: ReadonlySet<CellText>): Promise<Map<CellText, Buffer>> {
    const ids = await this.#finder.find(keys)
    for (let attempt = 0; ids.size < keys.size; attempt++) {
      const missing = new Set([...keys].filter((key) => !ids.has(key)))
      if (attempt === MOST_ATTEMPTS) throw this.#lost(missing)
      if (attempt > 0) await pause(RETRY_MS * attempt * Math.random(), this.#signal)
      await this.#keep(missing)
      for (const [key, id] of await this.#finder.find(missing)) ids.set(key, id)
    }
    return ids
  }

  async close(): Promise<void> {
    await closeAll([this.#finder, this.#writer, this.#source])
  }

  async #keep(keys: ReadonlySet<CellText>): Promise<void> {
    await this.#source.reserve?.(keys.size)
    const batches = this.#pairs(keys)
    const writer = await this.#open()
    const options = {
      signal: this.#signal,
      onProgress: () => {},
      onDirty: keepTaken,
      beforeCommit: () => {},
    }
    try {
      await writer.write(this.#plan.write, batches, options)
      failpoint('id-map-kept')
    } catch (error) {
      // What another thread has written is found when we look again.
      if (!(error instanceof RowshiftError && error.code === 'LOCK_CONFLICT')) throw error
    }
  }

  /** Sorted, so that threads which meet the same keys lock them in the same order. */
  async *#pairs(keys: ReadonlySet<CellText>): AsyncGenerator<Batch> {
    const builder = new BatchBuilder(this.#plan.write.batch)
    for (const key of [...keys].sort()) {
      const bytes = Buffer.from(key, 'latin1')
      builder.appendCells(bytes, 0, bytes.length)
      this.#source.append(builder)
      builder.endRow()
      if (builder.full) yield builder.take()!
    }
    const last = builder.take()
    if (last) yield last
  }

  async #open(): Promise<Writer> {
    this.#writer ??= await openWriter(this.#target, this.#signal)
    return this.#writer
  }

  #lost(keys: ReadonlySet<CellText>): RowshiftError {
    const { table } = this.#plan.write.table
    const [key] = keys
    return new RowshiftError(
      'DATA_REJECTED',
      `The id map ${table} does not keep the key ${excerpt(Buffer.from(key!, 'latin1'))}: it takes it for another one, ` +
        'by its collation, or changes it. Give its key column a binary collation and a type that holds every key unchanged.',
      { table },
    )
  }
}

/** A key or an id that is there already: looked at again. Everything else is a fault. */
function keepTaken(_row: Batch, error: RowshiftError): void {
  if (error.code !== 'DUPLICATE_KEY') throw error
}
