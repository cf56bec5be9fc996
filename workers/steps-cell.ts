import { isUtf8 } from 'node:buffer'
import type { BatchBuilder } from '../src/wire/builder.js'
import { unescapeInto } from '../src/wire/each-row.js'
import type { RawRows } from '../src/wire/raw-rows.js'
import { cellsOf, excerpt, readRowName } from '../src/wire/row-name.js'
import { RowshiftError } from '../src/contract/errors.js'
import type { StepsCell } from '../src/contract/computed-columns.js'
import type { PipelineRunPlan } from '../src/contract/pipeline.js'
import type { ColumnProducer, RowOutcome } from './column-producer.js'
import { changeOf, hashOf, Unfit } from './steps.js'
import { TimeLimit } from './time-limit.js'

type Changed = Buffer | null | RowshiftError

/** What steps make of a value that stands in the rows. */
export class ChangedCell implements ColumnProducer {
  readonly #cell: StepsCell
  readonly #plan: PipelineRunPlan
  /** What stands for bytes; null: they are text. */
  readonly #bytes: ((bytes: Buffer) => string) | null
  readonly #change: (text: string | null) => string | null | Unfit
  /** null: no step can take long. */
  readonly #limit: TimeLimit | null
  /** Of the rows of the batch. */
  #changed: Changed[] = []

  constructor(cell: StepsCell, plan: PipelineRunPlan, signal: AbortSignal) {
    this.#cell = cell
    this.#plan = plan
    const { from, steps } = cell
    const [first] = steps
    if (from.kind === 'bytes' && first?.type === 'hash') {
      this.#bytes = (bytes) => hashOf(bytes, first.salt)
      this.#change = changeOf({ ...cell, from: { ...from, kind: 'text' }, steps: steps.slice(1) })
    } else {
      this.#bytes = null
      this.#change = changeOf(cell)
    }
    const regex = cell.steps.find((step) => step.type === 'replace_regex')
    this.#limit = regex === undefined ? null : new TimeLimit(regex.timeout, signal)
  }

  async prepare(rows: RawRows): Promise<void> {
    const changed: Changed[] = []
    const all = () => {
      while (changed.length < rows.rows) changed.push(this.#make(rows, changed.length))
    }
    if (this.#limit === null) all()
    else if (!(await this.#limit.run(all, () => changed.length))) throw this.#tooLong(rows, changed.length)
    this.#changed = changed
  }

  append(_rows: RawRows, row: number, to: BatchBuilder): RowOutcome {
    const value = this.#changed[row]!
    if (value instanceof RowshiftError) return value
    if (value === null) to.appendNull()
    else to.appendBytes(value)
    return 'keep'
  }

  #make(rows: RawRows, row: number): Changed {
    const { at } = this.#cell
    const [start, end] = [rows.start(row, at), rows.end(row, at)]
    const cell = Buffer.allocUnsafe(end - start)
    const length = unescapeInto(cell, rows.bytes, start, end)
    const bytes = length < 0 ? null : cell.subarray(0, length)
    const text = bytes === null ? null : (this.#bytes?.(bytes) ?? textOf(bytes))
    const value = text === undefined ? new Unfit(null, 'is not text in UTF-8') : this.#change(text)
    if (value instanceof Unfit) return this.#rowError(rows, row, bytes, value)
    return value === null ? null : Buffer.from(value)
  }

  #rowError(rows: RawRows, row: number, bytes: Buffer | null, { value, why }: Unfit): RowshiftError {
    const { name } = this.#cell
    const { key, where } = this.#named(rows, row)
    const { table } = this.#plan.read.table
    const last = value === null ? bytes : Buffer.from(value)
    const computedFrom =
      last === null || bytes === null || last.equals(bytes) ? '' : `, made of ${excerpt(bytes)},`
    const shown = `${excerpt(last)}${computedFrom}`
    return new RowshiftError('DATA_REJECTED', `The value ${shown} for ${name}${where} ${why}.`, {
      table,
      column: name,
      key,
    })
  }

  #tooLong(rows: RawRows, row: number): RowshiftError {
    const { name, asked } = this.#cell
    const { key, where } = this.#named(rows, row)
    const { table } = this.#plan.read.table
    return new RowshiftError(
      'TRANSFORM_TIMEOUT',
      `"replace_regex" of ${asked} has not ended within ${this.#limit!.seconds} seconds, at the value for ${name}${where} of ${table}; nothing of its split was written. ` +
        'Look for a pattern that can match the same text in many ways, like (a+)+, or raise transform_timeout.',
      { table, column: name, key },
    )
  }

  #named(rows: RawRows, row: number) {
    const key = readRowName(this.#plan, cellsOf(rows.row(row)))
    return { key, where: key.length === 0 ? '' : ` in the row with ${key.join(', ')}` }
  }
}

/** undefined: the bytes are not text. */
function textOf(bytes: Buffer): string | undefined {
  return isUtf8(bytes) ? bytes.toString() : undefined
}
