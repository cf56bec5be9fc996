import type { CellEncoding, ValueRange } from '../contract/plugin.js'
import { judge } from './fidelity.js'
import type { ColumnPair } from './mapping.js'
import { columnsOf } from '../features/shard/rules.js'
import type { ShardParams } from '../features/shard/params.js'

/** What looks into cells on the way, and of which source columns a loss is accepted. */
export interface CellUse {
  readonly shard: ShardParams | null
  readonly transform: boolean
  readonly losses: readonly string[] | 'all'
}

/**
 * Chooses how the cells of texts are written that UTF-8 would not bring back as they were: by their own bytes where both ends have
 * the same encoding, by number where both ends have the same members. Where something looks into the cells on the way, they
 * stay UTF-8, and the reader refuses a text that does not come back from it; so it does with JSON.
 */
export function withCells(pairs: readonly ColumnPair[], { shard, transform, losses }: CellUse): ColumnPair[] {
  const pipelined = transform || pairs.some(({ make }) => make !== undefined)
  const looked = shard === null ? [] : columnsOf(shard.rule).map((name) => name.toLowerCase())
  return pairs.map((pair) => {
    const { source, target } = pair
    const encoding = encodingOf(pair, pipelined || looked.includes(target.name.toLowerCase()))
    const lossy = losses === 'all' || losses.some((name) => sameName(name, source.name))
    if (source.kind === 'json' && encoding === 'reversible' && lossy) return pair
    // Cells that are in a file already keep their encoding.
    if (source.cells !== undefined) return { ...pair, target: { ...target, cells: encoding ?? 'utf8' } }
    if (encoding === undefined) return pair
    return { ...pair, source: { ...source, cells: encoding }, target: { ...target, cells: encoding } }
  })
}

function encodingOf(
  { source, target, computedBy, make }: ColumnPair,
  plain: boolean,
): CellEncoding | undefined {
  if (computedBy !== undefined || make !== undefined || source.sql !== undefined) return undefined
  const oneType = source.type.toLowerCase() === target.type.toLowerCase()
  if (source.valueRange.stored && target.valueRange.stored && oneType && !plain) return 'stored'
  if (source.kind === 'json' && target.kind === 'json') {
    return source.valueRange.normalised && target.valueRange.normalised ? 'reversible' : undefined
  }
  if (source.kind !== 'text' || target.kind !== 'text' || source.cells === 'utf8') return undefined
  const [from, to] = [source.valueRange, target.valueRange]
  if (from.members !== undefined || to.members !== undefined) {
    const unclear = (from.ambiguous ?? to.ambiguous ?? from.characters?.mapping) !== undefined
    return unclear && !plain && sameMembers(from, to) ? 'numbered' : undefined
  }
  const [own, other] = [from.characters, to.characters]
  if (own?.mapping === undefined || own.encoding !== other?.encoding) return undefined
  const { cells: _, ...column } = source
  const { conversion } = judge(column, target)
  const whole = own.mapping === other.mapping && (conversion === 'exact' || conversion === 'widening')
  return whole && !plain ? 'encoded' : 'reversible'
}

function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}

/** In the same order, since a value is written as its number. */
function sameMembers(from: ValueRange, to: ValueRange): boolean {
  return from.multiValued === to.multiValued && JSON.stringify(from.members) === JSON.stringify(to.members)
}
