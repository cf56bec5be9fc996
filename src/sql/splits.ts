import { RowshiftError } from '../contract/errors.js'
import type { ReadSpec, Split, SplitSize } from '../contract/read.js'
import { counted } from '../wire/counted.js'

/** A key value: the cell text of each key column. */
export type KeyValue = readonly string[]

export interface ProbedKey {
  readonly key: KeyValue
  /** What the database says when it compares this very key with `lower` and `upper`, outside the condition that found it. */
  readonly within: boolean
}

/** The questions about keys that the database answers. NULL keys never take part. */
export interface KeyProbe {
  /** How bounds are found, for people. Default: they are asked for, row by row. */
  readonly strategy?: string
  first(): Promise<KeyValue | null>
  last(): Promise<KeyValue | null>
  /** The `offset`-th key (from 0) above `lower` and not above `upper`; null when there are fewer. */
  nth(lower: KeyValue | null, upper: KeyValue, offset: number): Promise<ProbedKey | null>
}

/** Above this many key values per row the key is sparse and boundaries are probed. */
const DENSE = 1.5

/**
 * Divides the source into splits of about `size()` rows, lazily. An integer key that is dense is divided by
 * arithmetic between its minimum and maximum; every other key by asking the database for the key that stands
 * `size()` rows further on. Bounds are only ever compared by the database, under the column's own collation.
 *
 * The last split ends at the maximum that was there when planning began, so that a growing table ends too.
 */
export async function* splitByKey(spec: ReadSpec, probe: KeyProbe, size: SplitSize): AsyncGenerator<Split> {
  if (spec.window?.rows === 0) return
  let index = 0
  if (spec.key?.nullable) yield { index: index++, lower: null, upper: null, nullKey: true }
  for await (const range of splitAfter(spec, null, probe, size)) yield { ...range, index: index++ }
}

/** The same without the keys up to `after`; and without NULL, where there is a key. */
export async function* splitAfter(
  spec: ReadSpec,
  after: KeyValue | null,
  probe: KeyProbe,
  size: SplitSize,
): AsyncGenerator<Split> {
  if (spec.window?.rows === 0) return
  if (spec.key === null) {
    yield { index: 0, lower: null, upper: null }
    return
  }
  const last = await probe.last()
  if (last === null) return
  // The last key may lie before `after`, when rows were deleted meanwhile.
  if (after !== null && (sameKey(after, last) || (await probe.nth(after, last, 0)) === null)) return
  let index = 0
  const { nextBound } = await chooseSteps(spec, probe, last, size)
  for await (const { lower, upper } of ranges(after, last, nextBound)) yield { index: index++, lower, upper }
}

/** How bounds will be found, and why, in words. */
export async function explainSteps(spec: ReadSpec, probe: KeyProbe): Promise<string> {
  if (spec.key === null) return 'one split'
  const last = await probe.last()
  if (last === null) return 'no rows'
  return (await chooseSteps(spec, probe, last, () => spec.splitRows)).reason
}

/**
 * Divides a range of a key, by asking for each bound. A split of one row is not divided again, nor is one of rows that
 * all have the same value of a key that is not unique.
 */
export async function* divideRange(
  spec: ReadSpec,
  range: Split,
  probe: KeyProbe,
  size: SplitSize,
): AsyncGenerator<Split> {
  const last = range.upper!
  let rows = size()
  const nextBound = (lower: KeyValue | null) => {
    rows = size()
    return nextKey(spec, probe, lower, last, rows - 1)
  }
  let index = 0
  for await (const { lower, upper } of ranges(range.lower, last, nextBound)) {
    const whole = lower === range.lower && sameKey(upper, last)
    yield { index: index++, lower, upper, ...(rows === 1 || whole ? { indivisible: true } : {}) }
  }
}

/**
 * The next bound. One that does not rise would make splits without end, whatever the reason: a condition that reaches beyond its
 * brackets, or a key whose text is not read back as the same key.
 */
async function nextKey(
  spec: ReadSpec,
  probe: KeyProbe,
  lower: KeyValue | null,
  last: KeyValue,
  offset: number,
): Promise<KeyValue | null> {
  const found = await probe.nth(lower, last, offset)
  if (found === null) return null
  if (found.within && (lower === null || !sameKey(lower, found.key))) return found.key
  const { table } = spec.table
  throw new RowshiftError(
    'INTERNAL',
    `Splitting table ${table} was stopped: the key ${JSON.stringify(found.key)} follows ${JSON.stringify(lower)}, but does not lie ` +
      `between it and ${JSON.stringify(last)}, so the splits would never end.`,
    { table },
  )
}

/** Half-open ranges from `lower` to `last`, bound by bound. */
async function* ranges(
  lower: KeyValue | null,
  last: KeyValue,
  nextBound: (lower: KeyValue | null) => Promise<KeyValue | null>,
): AsyncGenerator<{ lower: KeyValue | null; upper: KeyValue }> {
  for (;;) {
    const upper: KeyValue = (await nextBound(lower)) ?? last
    yield { lower, upper }
    if (sameKey(upper, last)) return
    lower = upper
  }
}

/** How to get from bound to bound. */
interface Steps {
  readonly reason: string
  readonly nextBound: (lower: KeyValue | null) => Promise<KeyValue | null>
}

/** By arithmetic where an integer key is dense; else each bound is asked for. */
async function chooseSteps(spec: ReadSpec, probe: KeyProbe, last: KeyValue, size: SplitSize): Promise<Steps> {
  const probing = (why: string): Steps => ({
    reason: `bounds by asking for the row that stands a split further on: ${why}`,
    nextBound: (lower) => nextKey(spec, probe, lower, last, size() - 1),
  })
  if (probe.strategy !== undefined) return { ...probing(''), reason: probe.strategy }
  const [column, ...more] = spec.key!.columns
  if (more.length > 0) return probing('the key has several columns')
  if (column!.kind !== 'integer') return probing(`${column!.name} is not an integer`)
  const first = await probe.first()
  if (first === null) return probing('there are no rows')
  const minimum = BigInt(first[0]!)
  const maximum = BigInt(last[0]!)
  const range = maximum - minimum + 1n
  const fitsOneSplit = range <= BigInt(spec.splitRows)
  const rows = spec.table.estimatedRows ?? 0
  const keysPerRow = Math.max(1, rows === 0 ? 1 : Number(range) / rows)
  const width = () => BigInt(Math.ceil(size() * keysPerRow))
  if (!fitsOneSplit) {
    if (spec.where !== null || spec.window !== null) return probing('only some rows are copied')
    if (Number(range) > rows * DENSE)
      return probing(
        `${column!.name} is sparse: ${range} values from ${minimum} to ${maximum} for about ${counted(rows, 'row')}`,
      )
    if (!(await holdsAsMany(spec, probe, last, minimum + width())))
      return probing(`${column!.name} is not as dense as statistics say`)
  }
  return {
    reason: `bounds by arithmetic: ${column!.name} is dense, ${range} values from ${minimum} to ${maximum}`,
    nextBound: (lower) => {
      const upper = (lower === null ? minimum - 1n : BigInt(lower[0]!)) + width()
      return Promise.resolve(upper >= maximum ? null : [String(upper)])
    },
  }
}

/** Whether the first step has about as many rows as it should: statistics may be far off. */
async function holdsAsMany(spec: ReadSpec, probe: KeyProbe, last: KeyValue, bound: bigint): Promise<boolean> {
  const far = await probe.nth(null, last, Math.floor(spec.splitRows / (2 * DENSE)))
  return far !== null && BigInt(far.key[0]!) < bound
}

/** Byte-equal keys are equal under every collation, and `last` is only ever compared with itself or a lower key. */
function sameKey(a: KeyValue, b: KeyValue): boolean {
  return a.every((value, i) => value === b[i])
}
