import type { NamedCell } from './named-cell.js'
import type { BatchBuilder } from '../src/wire/builder.js'
import type { RawRows } from '../src/wire/raw-rows.js'
import { judge } from '../src/plan/fidelity.js'
import type { Column } from '../src/contract/plugin.js'
import type { Encode } from './cell-encoders.js'
import { encoderOf } from './cell-encoders.js'
import type { CellRuns } from './cell-runs.js'
import type { Was } from './row-decoder.js'

/** What cannot be written. */
export interface Fault {
  /** The property, and the column that it was for; null: there is none. */
  readonly property: string
  readonly column: Column | null
  readonly value: unknown
  readonly what: string
}

interface Target {
  readonly runs: CellRuns
  readonly builder: BatchBuilder
}

/** Returns the number of the column that does not fit, or -1. */
type Append = (row: object, ends: Int32Array, base: number, was: Was) => number

/** Writes objects as rows, by a function that is generated for the columns of a plan. What is as it was is copied. */
export class RowEncoder {
  readonly #append: Append
  readonly #width: number
  readonly #known: ReadonlySet<string>
  readonly #columns: readonly Column[]
  /** Of the last row, in their order: most rows are alike. */
  #keys: readonly string[]
  #fault: string | null = null

  /** `width`: cells of each row as it stands in a batch. */
  constructor(cells: readonly NamedCell[], columns: readonly Column[], width: number, target: Target) {
    this.#keys = cells.map(({ name }) => name)
    this.#known = new Set([...this.#keys, ...columns.map(({ name }) => name)])
    this.#columns = columns
    this.#width = width
    const failed = (column: number, fault: string) => {
      this.#fault = fault
      return column
    }
    this.#append = compile(cells, columns, width, target, failed)
  }

  /** Appends what the function made of a row. */
  append(returned: unknown, rows: RawRows, row: number, was: Was): Fault | null {
    if (typeof returned !== 'object' || returned === null || Array.isArray(returned))
      return { property: '', column: null, value: returned, what: 'not a row, that is an object' }
    const unknown = this.#unknown(returned)
    if (unknown !== null) return unknown
    const failed = this.#append(returned, rows.ends, row * this.#width, was)
    if (failed < 0) return null
    const column = this.#columns[failed]!
    const value = (returned as Record<string, unknown>)[column.name]
    // One that is missing has the type of nothing.
    const what = value === undefined ? 'missing: each row needs a value for it, or null' : this.#fault!
    return { property: column.name, column, value, what }
  }

  #unknown(returned: object): Fault | null {
    const keys = this.#keys
    let i = 0
    let alike = true
    for (const key in returned) alike &&= key === keys[i++]
    if (alike) return null
    const own = Object.keys(returned)
    const unknown = own.find((key) => !this.#known.has(key))
    if (unknown === undefined) {
      this.#keys = own
      return null
    }
    const value = (returned as Record<string, unknown>)[unknown]
    const columns = this.#columns.map(({ name }) => name).join(', ')
    return { property: unknown, column: null, value, what: `no column that is written; those are ${columns}` }
  }
}

/** How a column gets its value: from `cell` as it stands while `same` holds, or by its encoder. */
interface Source {
  readonly encode: readonly string[]
  readonly copied: { readonly same: string; readonly at: number } | null
  /** The separator of its cell is not the one that it needs. */
  readonly alone: boolean
}

/**
 * Written out like the decoder. A cell that may be copied is one whose every value the target holds unchanged; the last
 * cell of a row has another separator than the others. Neighbours that are all as they were are copied in one piece.
 */
function compile(
  cells: readonly NamedCell[],
  columns: readonly Column[],
  width: number,
  { runs, builder }: Target,
  failed: (column: number, fault: string) => number,
): Append {
  const encoders: Encode[] = columns.map(encoderOf)
  const sources = columns.map((column, i): Source => {
    const encode = [
      'runs.flush()',
      `const fault = e${i}(v${i}, builder)`,
      `if (fault !== null) return failed(${i}, fault)`,
    ]
    const cell = cells.findIndex(({ name }) => name === column.name)
    if (cell < 0) return { encode, copied: null, alone: false }
    const { at, column: source } = cells[cell]!
    const { conversion } = judge(source, column)
    if (source.kind === 'bytes' || (conversion !== 'exact' && conversion !== 'widening'))
      return { encode, copied: null, alone: false }
    const was = `was.c${cell}`
    const same = source.kind === 'float' ? `Object.is(v${i}, ${was})` : `v${i} === ${was}`
    return { encode, copied: { same, at }, alone: (at === width - 1) !== (i === columns.length - 1) }
  })
  const lines = [
    ...columns.map(({ name }, i) => `const v${i} = row[${JSON.stringify(name)}]`),
    ...neighbours(sources).flatMap(copyOrEncode),
  ]
  const source = [
    `const [${encoders.map((_, i) => `e${i}`).join(', ')}] = encoders`,
    'return (row, ends, base, was) => {',
    ...lines,
    'runs.endRow()',
    'return -1',
    '}',
  ]
  // Nothing of a user gets into it but names, as JSON strings.
  // oxlint-disable-next-line typescript/no-implied-eval
  const make = new Function('encoders', 'runs', 'builder', 'failed', source.join('\n')) as (
    encoders: readonly Encode[],
    runs: CellRuns,
    builder: BatchBuilder,
    failed: (column: number, fault: string) => number,
  ) => Append
  return make(encoders, runs, builder, failed)
}

/** Columns in groups whose cells stand side by side, in the same order. */
function neighbours(sources: readonly Source[]): Source[][] {
  const groups: Source[][] = []
  for (const source of sources) {
    const last = groups.at(-1)?.at(-1)
    const follows =
      last?.copied && source.copied && !last.alone && !source.alone && source.copied.at === last.copied.at + 1
    if (follows) groups.at(-1)!.push(source)
    else groups.push([source])
  }
  return groups
}

function copyOrEncode(group: readonly Source[]): string[] {
  const [{ copied, encode, alone }] = group as [Source]
  if (!copied) return ['{', ...encode, '}']
  const start = `ends[base + ${copied.at}] + 1`
  const end = `ends[base + ${group.at(-1)!.copied!.at + 1}]`
  const all = group.map((each) => each.copied!.same).join(' && ')
  return [
    `if (${all}) ${alone ? `runs.copyAlone(${start}, ${end})` : `runs.copy(${start}, ${end} + 1)`}`,
    'else {',
    ...(group.length === 1 ? encode : group.flatMap((each) => copyOrEncode([each]))),
    '}',
  ]
}
