import type { RawRows } from '../src/batch/raw-rows.js'
import type { Row } from '../src/transform.js'
import type { Decode, Decoding } from './cell-decoders.js'
import { decoderOf } from './cell-decoders.js'
import type { NamedCell } from './row-encoder.js'

/** Of a cell that may be changed in place, so that it has to be written anew. */
export const CHANGEABLE = Symbol('changeable')

/** Bytes that become text in one go. Longer strings are not born in the memory of the young, and the whole of a batch is slow to get rid of. */
const PIECE = 32 << 10

/** `base`: the row's first cell among all. What each cell was goes into `was`, from `to` on. */
type Build = (batch: Decoding, base: number, was: unknown[], to: number) => Row

/** Makes objects of rows, by a function that is generated for the cells of a plan. */
export class RowDecoder {
  readonly #build: Build
  readonly #width: number
  #batch: Decoding | null = null
  /** Where the text that is decoded ends. */
  #end = 0

  /** `width`: cells of each row as it stands in a batch. */
  constructor(cells: readonly NamedCell[], width: number) {
    this.#build = compile(cells)
    this.#width = width
  }

  take(rows: RawRows): void {
    this.#batch = { rows, text: '', from: 0 }
    this.#end = 0
  }

  row(row: number, was: unknown[], to: number): Row {
    const batch = this.#batch!
    const base = row * this.#width
    const end = batch.rows.ends[base + this.#width]!
    if (end > this.#end || end < batch.from) this.#read(batch, batch.rows.ends[base]! + 1, end)
    return this.#build(batch, base, was, to)
  }

  /** From the beginning of a row. */
  #read(batch: Decoding, from: number, end: number): void {
    const { bytes } = batch.rows
    this.#end = Math.min(Math.max(end, from + PIECE), bytes.length)
    batch.from = from
    batch.text = bytes.toString('latin1', from, this.#end)
  }
}

/**
 * Written out, the engine knows the shape of the object, and calls each cell's own decoder: three times as fast as a loop.
 * Computed names make a property of `__proto__` too.
 */
function compile(cells: readonly NamedCell[]): Build {
  const decoders: Decode[] = cells.map(({ column }) => decoderOf(column))
  const lines = cells.map(
    ({ at }, i) =>
      `const v${i} = d${i}(batch, ends[base + ${at}] + 1, ends[base + ${at + 1}], marks[base + ${at}])`,
  )
  const kept = cells.map(
    ({ column }, i) => `was[to + ${i}] = ${column.kind === 'bytes' ? 'changeable' : `v${i}`}`,
  )
  const properties = cells.map(({ name }, i) => `[${JSON.stringify(name)}]: v${i}`)
  const source = [
    `const [${decoders.map((_, i) => `d${i}`).join(', ')}] = decoders`,
    'return (batch, base, was, to) => {',
    'const { ends, marks } = batch.rows',
    ...lines,
    ...kept,
    `return { ${properties.join(', ')} }`,
    '}',
  ]
  // Nothing of a user gets into it but names, as JSON strings.
  // oxlint-disable-next-line typescript/no-implied-eval
  const make = new Function('decoders', 'changeable', source.join('\n')) as (
    decoders: readonly Decode[],
    changeable: symbol,
  ) => Build
  return make(decoders, CHANGEABLE)
}
