import type { RawRows } from '../src/batch/raw-rows.js'
import type { Row } from '../src/transform.js'
import type { Decode } from './cell-decoders.js'
import { decoderOf } from './cell-decoders.js'
import { Decoding } from './decoding.js'
import type { NamedCell } from './row-encoder.js'

/** Of a cell that may be changed in place, so that it has to be written anew. */
export const CHANGEABLE = Symbol('changeable')

/** `base`: the row's first cell among all. What each cell was goes into `was`, from `to` on. */
type Build = (batch: Decoding, base: number, was: unknown[], to: number) => Row

/** Makes objects of rows, by a function that is generated for the cells of a plan. */
export class RowDecoder {
  readonly #build: Build
  readonly #width: number
  readonly #batch: Decoding

  /** `width`: cells of each row as it stands in a batch. */
  constructor(cells: readonly NamedCell[], width: number) {
    this.#build = compile(cells)
    this.#width = width
    const texts = cells.filter(({ column }) => column.kind !== 'bytes')
    this.#batch = new Decoding(
      width,
      texts.map(({ at }) => at),
    )
  }

  take(rows: RawRows): void {
    this.#batch.take(rows)
  }

  row(row: number, was: unknown[], to: number): Row {
    this.#batch.reach(row)
    return this.#build(this.#batch, row * this.#width, was, to)
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
      `const v${i} = d${i}(batch, ends[base + ${at}] + 1, ends[base + ${at + 1}], marks[base + ${at}], base + ${at})`,
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
