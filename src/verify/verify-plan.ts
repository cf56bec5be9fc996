import type { ResolvedConnection } from '../config/config.js'
import { BATCH_BYTES } from '../plan/limits.js'
import { checkNamedColumns, splitRows } from '../plan/plan.js'
import { sameTable } from '../plan/target.js'
import { mapColumns } from '../plan/mapping.js'
import { chooseKey } from '../plan/split-key.js'
import type { ColumnPair } from '../plan/mapping.js'
import type { Column, Reader, ReadPlan, SplitKey, TableSchema } from '../plugin.js'
import { isOwn } from '../schema.js'
import type { Params } from '../task/params.js'
import type { Form } from './forms.js'
import { formOf } from './forms.js'

/** How two tables are compared. Plain JSON, without secrets. */
export interface VerifyPlan {
  readonly source: ReadPlan
  /** The target, read as a source of the same columns in the same order. */
  readonly target: ReadPlan
  /** By column. */
  readonly forms: readonly Form[]
  /** Which columns say which row it is; null: the rows have no identity and are counted. */
  readonly identity: readonly number[] | null
  /** Both databases compute the same digest of a split. */
  readonly digests: boolean
  readonly workerNum: number
  readonly reasons: readonly string[]
  readonly warnings: readonly string[]
}

export interface VerifyEnds {
  readonly reader: Reader
  /** Of the target. */
  readonly targetReader: Reader
  readonly from: ResolvedConnection & { readonly table: string }
  readonly to: ResolvedConnection & { readonly table: string }
}

/** Looks at both tables and decides how to compare them. */
export async function makeVerifyPlan(ends: VerifyEnds, params: Params): Promise<VerifyPlan> {
  const { reader, targetReader } = ends
  const [source, target] = await Promise.all([
    reader.describe(ends.from.table),
    targetReader.describe(ends.to.table),
  ])
  if (source.identity === target.identity) throw sameTable(source)
  const { pairs: all, dropped } = await mapColumns(reader, source, target, params.columns)
  checkNamedColumns(params, source, target, all)
  const pairs = all.filter(({ make }) => make === undefined)
  const made = all.filter(({ make }) => make !== undefined)
  const chosen = chooseKey(source, params.key)
  const ranges = chooseRanges(
    chosen.key,
    pairs,
    target,
    ends.from.loaded.specifier === ends.to.loaded.specifier,
  )
  const split = splitRows(source, params)
  const common = {
    splitRows: split.rows,
    batch: { bytes: BATCH_BYTES, rows: Number.MAX_SAFE_INTEGER },
    where: params.where,
    window: null,
  }
  const sides = {
    source: {
      ...common,
      source,
      key: ranges.source,
      columns: pairs.map((pair) => ({ source: pair.source })),
    },
    target: {
      ...common,
      source: target,
      key: ranges.target,
      columns: pairs.map((pair) => ({ source: pair.target })),
    },
  }
  const digest = chooseDigest(ends, sides.source, sides.target, pairs)
  return {
    ...sides,
    forms: pairs.map(formOf),
    identity: identityOf(chosen.key, pairs),
    digests: digest.digests,
    workerNum: ranges.source === null ? 1 : params.workerNum,
    reasons: [
      chosen.reason,
      ...(ranges.source === null ? [] : [split.reason]),
      ...ranges.reasons,
      digest.reason,
    ],
    warnings: [
      ...dropped.map(
        ({ name }) => `column ${name} is not compared: target ${target.table} has none of that name`,
      ),
      ...made.map(
        ({ target: { name } }) =>
          `column ${name} is not compared: worker threads make its values, and neither database has them to compare with`,
      ),
      ...(params.consistency === 'snapshot'
        ? [
            'params.consistency is "snapshot", which holds for copies only: each range is looked at in its own moment',
          ]
        : []),
    ],
  }
}

interface Ranges {
  readonly source: SplitKey | null
  readonly target: SplitKey | null
  readonly reasons: readonly string[]
}

/** Ranges of the key are compared only where both ends agree on what lies between two bounds. */
function chooseRanges(
  key: SplitKey | null,
  pairs: readonly ColumnPair[],
  target: TableSchema,
  samePlugin: boolean,
): Ranges {
  if (key === null) return { source: null, target: null, reasons: [] }
  const whole = (why: string): Ranges => ({
    source: null,
    target: null,
    reasons: [`the table is compared in one piece: ${why}`],
  })
  const counterparts = key.columns.map(({ name }) => pairs.find(({ source }) => isOwn(source, name))?.target)
  const columns = counterparts.filter((column) => column !== undefined)
  if (columns.length < key.columns.length) return whole('a column of the split key is not in the target')
  const index = target.keys.find(
    (candidate) =>
      candidate.columns.length === columns.length &&
      candidate.columns.every((name, i) => name === columns[i]!.name),
  )
  if (!index)
    return whole(`${target.table} has no unique key on ${columns.map(({ name }) => name).join(', ')}`)
  const other = key.columns.findIndex((column, i) => !sameOrder(column, columns[i]!, samePlugin))
  if (other >= 0) {
    const [a, b] = [key.columns[other]!, columns[other]!]
    return whole(
      `${a.name} (${orderName(a)}) and ${b.name} (${orderName(b)}) need not sort their values alike`,
    )
  }
  return { source: key, target: { name: index.name, columns, nullable: index.nullable }, reasons: [] }
}

/** Integers sort alike everywhere; whatever else, only where one plugin speaks for both ends. */
function sameOrder(a: Column, b: Column, samePlugin: boolean): boolean {
  if (a.kind !== b.kind || !b.ordered) return false
  if (a.kind === 'integer') return true
  const text = a.kind === 'text' || a.kind === 'json'
  return (
    samePlugin &&
    a.collation === b.collation &&
    (!text || a.collation !== undefined) &&
    (a.domain.maxBits === undefined) === (b.domain.maxBits === undefined) &&
    String(a.domain.members) === String(b.domain.members)
  )
}

function orderName({ type, collation }: Column): string {
  return collation === undefined ? type : `${type}, ${collation}`
}

/** A row that has NULL in a key column has no identity; see row-comparison.ts. */
function identityOf(key: SplitKey | null, pairs: readonly ColumnPair[]): number[] | null {
  if (key === null) return null
  const at = key.columns.map(({ name }) => pairs.findIndex(({ source }) => isOwn(source, name)))
  return at.includes(-1) ? null : at
}

function chooseDigest(
  { reader, targetReader }: VerifyEnds,
  source: ReadPlan,
  target: ReadPlan,
  pairs: readonly ColumnPair[],
): { digests: boolean; reason: string } {
  const [a, b] = [reader.digestForms?.(source), targetReader.digestForms?.(target)]
  const read = 'rows are read from both ends and compared here: '
  if (!a || !b) return { digests: false, reason: `${read}one of the databases cannot compute digests` }
  const other = pairs
    .filter((_, i) => a[i] !== b[i])
    .map(({ source, target }) => `${source.name} (${source.type}, ${target.type})`)
  return other.length === 0
    ? { digests: true, reason: 'digests are computed inside both databases' }
    : { digests: false, reason: `${read}the databases write down differently ${other.join(', ')}` }
}
