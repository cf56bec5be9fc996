/** Which ranges of the source a run has stored, and which are left. Keys are never compared here: their order comes from planning. */
import type { Reader, SplitSize } from '../../contract/plugin.js'
import type { SourceSpec, SourceSplit } from '../../contract/source-spec.js'
import type { StoredParts } from '../shard/stored-parts.js'
import { readOf, readsLateRows } from '../sources/splits.js'
import type { Resuming } from '../sources/resumed-splits.js'
import { partsOfRange, splitsFrom } from '../sources/resumed-splits.js'

/** A range whose rows are stored: of one split, or of several that lie next to each other. */
export interface DoneRange extends Pick<SourceSplit, 'lower' | 'upper' | 'nullKey' | 'table' | 'late'> {
  /** In these shards only. Default: everywhere. */
  readonly parts?: StoredParts
}

/**
 * Where a split stands: which gap between the ranges that were done before this attempt it is in, which split of that gap it is, and
 * which part of it, if it was divided. The keys of a table rise in the order of these numbers.
 */
export type SplitPath = readonly number[]

/** Splits of one table and one part of its window. */
interface Group {
  readonly late: boolean
  readonly table: number | undefined
  /** Rows without a key have a split of their own. */
  readonly nullable: boolean
  /** Of several tables, this one has no key, and is one split. */
  readonly keyless: boolean
}

/** What lies between two ranges of a group that are done, or beyond them. */
interface Gap {
  readonly lower: DoneRange['lower']
  readonly upper: DoneRange['upper']
  /** There is nothing in it. */
  readonly closed: boolean
}

/** A split that is left. */
export interface LeftSplit {
  readonly split: SourceSplit
  readonly path: SplitPath
  /** Shards that hold its rows already; it is the very range that was begun. */
  readonly parts?: StoredParts
}

/** Behind all splits of the gap before it. */
const BEHIND = Number.MAX_SAFE_INTEGER

/** In which gap a split is when nothing is done: each group is one. */
export function groupOf(read: SourceSpec, { table, late = false }: DoneRange): number {
  return groupsOf(read).findIndex((group) => group.table === table && group.late === late)
}

/** The ranges that are done when these splits are, too. */
export function mergeDone(
  read: SourceSpec,
  done: readonly DoneRange[],
  splits: readonly { readonly path: SplitPath; readonly range: DoneRange }[],
): DoneRange[] {
  // What was stored in part before is one of the ranges, whose place is known.
  const known = done.map((range) => {
    if (range.parts === undefined) return range
    const now = splits.filter((split) => sameRange(split.range, range))
    return now.reduce((sum, split) => together(sum, split.range), range)
  })
  const begun = done.filter(({ parts }) => parts !== undefined)
  const found = splits.filter(({ range }) => !begun.some((one) => sameRange(one, range)))
  const sorted = found.sort((a, b) => comparePaths(a.path, b.path))
  let gap = 0
  return groupsOf(read).flatMap((group) => {
    const ranges = rangesOf(group, known)
    const whole: DoneRange[] = []
    for (let i = 0; i <= ranges.length; i++, gap++) {
      for (const { path, range } of sorted) if (path[0] === gap && !range.nullKey) whole.push(range)
      if (i < ranges.length) whole.push(ranges[i]!)
    }
    const nulls = [...known, ...found.map(({ range }) => range)].find((range) => isNull(group, range))
    return [...(nulls ? [nulls] : []), ...joined(whole)]
  })
}

/** The splits that are left, computed as they are taken. */
export async function* splitsLeft(
  { readers, read }: { readonly readers: readonly Reader[]; readonly read: SourceSpec },
  done: readonly DoneRange[],
  size: SplitSize,
  resuming: Resuming,
): AsyncGenerator<LeftSplit> {
  let gaps = 0
  for (const group of groupsOf(read)) {
    const own = {
      index: 0,
      late: group.late,
      ...(group.table === undefined ? {} : { table: group.table }),
      ...(group.keyless ? ({ indivisible: true } as const) : {}),
    }
    const { reader, spec } = readOf(readers, read, { ...own, lower: null, upper: null })
    let index = 0
    const nulls = done.find((range) => isNull(group, range))
    const nullsLeft = nulls === undefined ? group.nullable && spec.window?.rows !== 0 : nulls.parts
    if (nullsLeft) {
      const split = { ...own, lower: null, upper: null, nullKey: true } as const
      yield { split, path: [gaps, index++], ...(nulls?.parts && { parts: nulls.parts }) }
    }
    const ranges = rangesOf(group, done)
    for (const [i, { lower, upper, closed }] of gapsOf(ranges).entries()) {
      const gap = gaps++
      const { parts: stored, ...begun } = ranges[i] ?? {}
      if (stored)
        yield {
          split: { ...own, ...(begun as DoneRange), indivisible: true },
          path: [gap, BEHIND],
          parts: stored,
        }
      if (closed) continue
      const parts =
        upper === null
          ? splitsFrom(reader, spec, lower, size, resuming)
          : partsOfRange(reader, spec, { ...own, lower, upper }, size, resuming)
      for await (const split of parts) {
        // A part that cannot be divided is found to be so when it is to be.
        const { indivisible: _, ...part } = split
        yield { split: { ...(upper === null ? split : part), ...own }, path: [gap, index++] }
      }
    }
  }
}

function groupsOf(read: SourceSpec): Group[] {
  const tables = read.sources?.map(({ key }, table) => ({ table, key }))
  const parts = readsLateRows(read) ? [true, false] : [false]
  return parts.flatMap((late) =>
    (tables ?? [{ table: undefined, key: read.key }]).map(({ table, key }) => ({
      late,
      table,
      nullable: key?.nullable === true,
      keyless: key === null,
    })),
  )
}

function isOf(group: Group, { table, late = false }: DoneRange): boolean {
  return group.table === table && group.late === late
}

function isNull(group: Group, range: DoneRange): boolean {
  return range.nullKey === true && isOf(group, range)
}

/** In rising order. */
function rangesOf(group: Group, done: readonly DoneRange[]): DoneRange[] {
  return done.filter((range) => !range.nullKey && isOf(group, range))
}

/** One more than there are ranges. */
function gapsOf(ranges: readonly DoneRange[]): Gap[] {
  return Array.from({ length: ranges.length + 1 }, (_, i) => {
    const [before, after] = [ranges[i - 1], ranges[i]]
    const ended = before?.upper === null || after?.lower === null
    const [lower, upper] = [before?.upper ?? null, after?.lower ?? null]
    return { lower, upper, closed: ended || (lower !== null && sameBound(lower, upper)) }
  })
}

/** Ranges that meet become one: the upper bound of a split is the lower bound of the next one, to the byte. */
function joined(ranges: readonly DoneRange[]): DoneRange[] {
  const joined: DoneRange[] = []
  for (const range of ranges) {
    const last = joined.at(-1)
    const meet = last?.upper != null && range.lower !== null && sameKey(last.upper, range.lower)
    if (meet && !last!.parts && !range.parts) joined[joined.length - 1] = { ...last!, upper: range.upper }
    else joined.push(range)
  }
  return joined
}

/** Of the same rows, to the byte. */
function sameRange(a: DoneRange, b: DoneRange): boolean {
  const [{ late = false }, { late: other = false }] = [a, b]
  const alike = a.table === b.table && late === other && (a.nullKey ?? false) === (b.nullKey ?? false)
  return alike && sameBound(a.lower, b.lower) && sameBound(a.upper, b.upper)
}

/** What is stored of a range when both are; as a whole, if one of them is. */
function together(a: DoneRange, b: DoneRange): DoneRange {
  if (a.parts && b.parts) return { ...a, parts: { ...a.parts, ...b.parts } }
  return a.parts ? b : a
}

function sameBound(a: DoneRange['lower'], b: DoneRange['lower']): boolean {
  return a === null || b === null ? a === b : sameKey(a, b)
}

function sameKey(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i])
}

function comparePaths(a: SplitPath, b: SplitPath): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return a.length - b.length
}
