import { threadId } from 'node:worker_threads'
import { inspect } from 'node:util'
import type { Batch } from '../src/wire/batch.js'
import { BatchBuilder } from '../src/wire/builder.js'
import { cutRows } from '../src/wire/cut-rows.js'
import type { RawRows } from '../src/wire/raw-rows.js'
import { cellsOf, readRowName } from '../src/wire/row-name.js'
import type { ExecutionMarker } from '../src/features/transform/execution-marker.js'
import { RowshiftError } from '../src/contract/errors.js'
import type { PipelineRunPlan } from '../src/contract/pipeline.js'
import type { LogLevel, Row, TransformContext } from '../src/contract/transform.js'
import { CellRuns } from './cell-runs.js'
import type { Was } from './row-decoder.js'
import { RowDecoder } from './row-decoder.js'
import type { NamedCell } from './named-cell.js'
import type { Fault } from './row-encoder.js'
import { RowEncoder } from './row-encoder.js'
import type { PipelineSink } from './column-producer.js'
import type { LoadedModule } from './transform-module.js'
import { loadModule, reasonOf } from './transform-module.js'
import { counted } from '../src/wire/counted.js'

const SHOWN = 80

export interface TransformSetup {
  readonly plan: PipelineRunPlan
  readonly runId: string
  /** The cells that the function sees, and how many each row of a batch has. */
  readonly cells: readonly NamedCell[]
  readonly width: number
  readonly slot: ExecutionMarker
  readonly log: (level: LogLevel, message: string) => void
}

/** What the function is given. */
export interface TransformInput {
  readonly cells: RawRows
  /** The rows as they were read, for messages and to be kept. */
  readonly read: RawRows
  /** Where the rows of `cells` stand there; null: at the same index. */
  readonly readIndexes: Int32Array | null
  readonly sink: PipelineSink
}

/** Calls a user's function with the rows of batches. */
export class Transform {
  readonly #plan: PipelineRunPlan
  readonly #module: LoadedModule
  readonly #context: TransformContext
  readonly #slot: ExecutionMarker
  readonly #decoder: RowDecoder
  readonly #encoder: RowEncoder
  readonly #builder: BatchBuilder
  readonly #runs: CellRuns

  private constructor({ plan, runId, cells, width, slot, log }: TransformSetup, module: LoadedModule) {
    this.#plan = plan
    this.#module = module
    this.#slot = slot
    this.#builder = new BatchBuilder(plan.read.batch)
    this.#runs = new CellRuns(this.#builder)
    this.#decoder = new RowDecoder(cells, width)
    const columns = plan.write.columns.map(({ target }) => target)
    this.#encoder = new RowEncoder(cells, columns, width, { runs: this.#runs, builder: this.#builder })
    const logger = (level: LogLevel) => (message: string) => log(level, String(message))
    this.#context = {
      runId,
      table: plan.write.table.table,
      thread: threadId,
      log: { debug: logger('debug'), info: logger('info'), warn: logger('warn'), error: logger('error') },
    }
  }

  static async open(setup: TransformSetup): Promise<Transform> {
    const { slot, plan } = setup
    slot.enter()
    const module = await loadModule(plan.pipeline!.transform!.module)
    slot.leave()
    return new Transform(setup, module)
  }

  async *apply(input: TransformInput): AsyncGenerator<Batch> {
    this.#decoder.take(input.cells)
    this.#runs.take(input.cells.bytes)
    this.#slot.enter()
    try {
      if (this.#module.batch === null) yield* this.#rows(input, this.#module.row!)
      else yield* this.#batch(input, this.#module.batch)
    } finally {
      this.#slot.leave()
    }
    this.#runs.flush()
    const last = this.#builder.take()
    if (last) yield* cutRows(last, this.#plan.read.batch)
  }

  async *#rows(input: TransformInput, call: NonNullable<LoadedModule['row']>): AsyncGenerator<Batch> {
    const { cells, sink } = input
    const context = this.#context
    let filtered = 0
    let added = 0
    for (let row = 0; row < cells.rows; row++) {
      this.#slot.row(readRow(input, row))
      this.#runs.mark()
      try {
        let returned: unknown = call(this.#decoder.row(row), context)
        if (isPromise(returned)) returned = await returned
        const rows = this.#append(returned, cells, row)
        if (rows === 0) filtered++
        else added += rows - 1
      } catch (thrown) {
        this.#runs.rollback()
        sink.reject(input.read.row(readRow(input, row)), this.#rowError(thrown, input, row))
      }
      if (this.#runs.full) yield* this.#pause()
    }
    if (filtered > 0) sink.filtered(filtered)
    if (added > 0) sink.added(added)
  }

  /** What the function made of one row; returns how many rows that is. */
  #append(returned: unknown, cells: RawRows, row: number): number {
    if (returned === null) return 0
    const { was } = this.#decoder
    if (!Array.isArray(returned)) {
      this.#appendRow(returned, cells, row, was)
      return 1
    }
    for (const each of returned) this.#appendRow(each, cells, row, was)
    return returned.length
  }

  #appendRow(returned: unknown, cells: RawRows, row: number, was: Was): void {
    const fault = this.#encoder.append(returned, cells, row, was)
    if (fault !== null) throw new Unwritable(fault)
  }

  async *#batch(input: TransformInput, call: NonNullable<LoadedModule['batch']>): AsyncGenerator<Batch> {
    const { cells, sink } = input
    this.#runs.mark()
    try {
      this.#count(sink, cells.rows, await this.#callBatch(call, cells, 0, cells.rows))
    } catch (thrown) {
      this.#runs.rollback()
      yield* this.#oneByOne(input, call, thrown)
    }
  }

  /** Finds the row that made the call for all of them fail, by `together`. */
  async *#oneByOne(
    input: TransformInput,
    call: NonNullable<LoadedModule['batch']>,
    together: unknown,
  ): AsyncGenerator<Batch> {
    const { cells, sink } = input
    let rejected = 0
    for (let row = 0; row < cells.rows; row++) {
      this.#slot.row(readRow(input, row))
      this.#runs.mark()
      try {
        this.#count(sink, 1, await this.#callBatch(call, cells, row, row + 1))
      } catch (thrown) {
        this.#runs.rollback()
        rejected++
        sink.reject(input.read.row(readRow(input, row)), this.#rowError(thrown, input, row))
      }
      if (this.#runs.full) yield* this.#pause()
    }
    // Nobody can say which rows the fault belongs to, so that none of them may be written.
    if (rejected === 0)
      throw this.#failure(together, `for ${counted(cells.rows, 'row')} together, and for none of them alone`)
  }

  #count(sink: PipelineSink, given: number, returned: number): void {
    if (returned < given) sink.filtered(given - returned)
    if (returned > given) sink.added(returned - given)
  }

  async #callBatch(
    call: NonNullable<LoadedModule['batch']>,
    cells: RawRows,
    first: number,
    end: number,
  ): Promise<number> {
    const rows: Row[] = []
    const was: Was[] = []
    for (let row = first; row < end; row++) {
      rows.push(this.#decoder.row(row))
      was.push(this.#decoder.was)
    }
    const returned: unknown = await call(rows, this.#context)
    if (!Array.isArray(returned))
      throw new Unwritable({ property: '', column: null, value: returned, what: 'not an array of rows' })
    // Which row came from which is not known; most often the function keeps their order.
    for (const [i, each] of returned.entries()) {
      const like = i < rows.length
      this.#appendRow(each, cells, like ? first + i : first, like ? was[i]! : this.#decoder.nothing)
    }
    return returned.length
  }

  /** Others may take their time now. */
  async *#pause(): AsyncGenerator<Batch> {
    this.#slot.leave()
    this.#runs.flush()
    yield* cutRows(this.#builder.take()!, this.#plan.read.batch)
    this.#slot.enter()
  }

  #rowError(thrown: unknown, input: TransformInput, row: number): RowshiftError {
    const key = readRowName(this.#plan, cellsOf(input.read.row(readRow(input, row))))
    const where = `for the row of ${this.#plan.read.table.table} with ${key.join(', ')}`
    return this.#failure(thrown, where, key)
  }

  #failure(thrown: unknown, where: string, key?: readonly string[]): RowshiftError {
    const { read, write, pipeline } = this.#plan
    const details = { table: read.table.table, ...(key === undefined ? {} : { key }) }
    const advice =
      key === undefined
        ? 'Correct the module.'
        : 'Correct the module, or tolerate such rows with error_limit.'
    if (!(thrown instanceof Unwritable)) {
      const what = reasonOf(thrown, pipeline!.transform!.module)
      return new RowshiftError(
        'TRANSFORM_FAILED',
        `The transform failed ${where}: ${what}. ${advice}`,
        details,
      )
    }
    const { property, column, value, what } = thrown.fault
    const of = column === null ? '' : ` (${column.type || column.kind} of ${write.table.table})`
    const it = property === '' ? show(value) : `${JSON.stringify(property)}: ${show(value)}${of}`
    return new RowshiftError(
      'TRANSFORM_FAILED',
      `The transform returned ${it} ${where}, which is ${what}. ${advice}`,
      { ...details, ...(property === '' ? {} : { column: property }) },
    )
  }
}

/** What the function returned has no place in the target. */
class Unwritable extends Error {
  readonly fault: Fault

  constructor(fault: Fault) {
    super(fault.what)
    this.fault = fault
  }
}

function readRow({ readIndexes }: TransformInput, row: number): number {
  return readIndexes === null ? row : readIndexes[row]!
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

function show(value: unknown): string {
  let text: string
  try {
    text = inspect(value, { depth: 1, breakLength: Infinity, maxStringLength: SHOWN })
  } catch {
    return 'something that cannot be shown'
  }
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text
}
