import { BatchBuilder, recycle } from '../wire/builder.js'
import type { NamedCellColumn } from '../wire/cell-syntax.js'
import type { Cells } from '../wire/row-name.js'
import type { ReadSpec } from '../contract/read.js'
import type { Batch } from '../wire/batch.js'
import { misfitError } from './misfit-error.js'

/** Where the rows of a result go. */
export interface RowTarget {
  readonly builder: BatchBuilder
  /** One for each cell of a row. */
  readonly columns: readonly NamedCellColumn[]
  /** Called when the builder is full; takes its batch. */
  readonly onFull: () => void
  /** Says what is wrong with a row of which a cell does not have its syntax. */
  readonly rowError: (cells: Cells) => Error
}

/** A connection that fills a target with the rows of a query. */
interface RowSource {
  readRows(sql: string, target: RowTarget): Promise<void>
  pause(): void
  resume(): void
  /** A snapshot would go with the session when it is given up. */
  readonly inSnapshot: boolean
  /** It stands in the middle of a result, and is of no more use. */
  giveUp(): void
}

/** Batches read but not yet taken, after which the server has to wait. */
const MAX_WAITING = 4

/** The rows of one query: filled by the socket, emptied by the consumer, with a bound in between. */
export class RowStream {
  readonly #source: RowSource
  readonly #sql: string
  readonly #spec: ReadSpec
  readonly #builder: BatchBuilder
  readonly #rowError: (spec: ReadSpec, cells: Cells) => Error
  readonly #waiting: Batch[] = []
  #wake: () => void = () => {}
  #result: Promise<void> | null = null
  #discarding = false

  constructor(source: RowSource, spec: ReadSpec, sql: string, rowError = misfitError) {
    this.#source = source
    this.#sql = sql
    this.#spec = spec
    this.#rowError = rowError
    this.#builder = new BatchBuilder(spec.batch)
  }

  /** The consumer may stop early. */
  async *batches(): AsyncGenerator<Batch> {
    let ended = false
    try {
      yield* this.#filled()
      ended = true
    } finally {
      // Reading the rest costs time.
      if (!ended && this.#source.inSnapshot) await this.#discard()
      else if (!ended) this.#source.giveUp()
    }
  }

  async *#filled(): AsyncGenerator<Batch> {
    let running = true
    const result = this.#source
      .readRows(this.#sql, {
        builder: this.#builder,
        columns: this.#spec.columns,
        onFull: () => this.#push(),
        rowError: (cells) => this.#rowError(this.#spec, cells),
      })
      .finally(() => {
        running = false
        this.#wake()
      })
    // Awaited below; until then a rejection must not count as unhandled.
    result.catch(() => {})
    this.#result = result
    while (running || this.#waiting.length > 0) {
      const batch = this.#waiting.shift()
      if (batch) {
        yield batch
        if (this.#waiting.length === 0) this.#source.resume()
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
    await result
    const last = this.#builder.take()
    if (last) yield last
  }

  /** Takes what is left of the result to nowhere, so that the session can be used again. */
  async #discard(): Promise<void> {
    this.#discarding = true
    this.#waiting.length = 0
    this.#source.resume()
    await this.#result?.catch(() => {})
  }

  #push(): void {
    if (this.#discarding) {
      recycle(this.#builder.take()!)
      return
    }
    this.#waiting.push(this.#builder.take()!)
    if (this.#waiting.length >= MAX_WAITING) this.#source.pause()
    this.#wake()
  }
}
