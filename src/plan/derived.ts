/** Columns that the source derives, or had derived when its rows were read before. */
import { createHash } from 'node:crypto'
import type { Derivation, Origin, Step } from '../contract/derivation.js'
import { RowshiftError } from '../contract/errors.js'
import type { Column, TableSchema } from '../contract/plugin.js'
import type { DescribedTables } from './described-tables.js'

/** Whatever the first of several tables computes, the others do too. Throws PARAMS_INVALID, also where the source cannot derive. */
export async function derive(
  { table: source, each }: Pick<DescribedTables, 'table' | 'each'>,
  wanted: readonly Derivation[],
): Promise<readonly Column[]> {
  const { reader, table } = each[0]!
  const computed = wanted.map((derivation) => computedColumn(source, derivation))
  const rest = wanted.filter((_, i) => computed[i] === null)
  if (rest.length > 0 && !reader.skills.derive) throw cannotDerive(source, rest)
  const derived = rest.length === 0 ? [] : await reader.skills.derive!(table, rest)
  let next = 0
  return wanted.map((derivation, i) => {
    return computed[i] ?? { ...derived[next++]!, derivation: derivationId(derivation) }
  })
}

/** The column of a row file that holds the values already; null: they have to be computed. */
export function computedColumn({ computed = [] }: TableSchema, wanted: Derivation): Column | null {
  if (computed.length === 0) return null
  const id = derivationId(wanted)
  const found = computed.find(({ derivation }) => derivation === id)
  return found ? { ...found, name: wanted.name } : null
}

/** The same for the same values, however names are spelled. A digest, since a row file must not show the salt of a hash. */
function derivationId({ origin, encoding, steps }: Derivation): string {
  const parts: readonly [Origin, string | undefined, readonly Step[]] = [lowered(origin), encoding, steps]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}

function lowered(origin: Origin): Origin {
  if (origin.type === 'column') return { ...origin, name: origin.name.toLowerCase() }
  if (origin.type !== 'template') return origin
  const lower = origin.parts.map((part) => ('column' in part ? { column: part.column.toLowerCase() } : part))
  return { ...origin, parts: lower }
}

function cannotDerive({ table }: TableSchema, wanted: readonly Derivation[]): RowshiftError {
  const faults = wanted.map(
    ({ at }) =>
      `${at}: ${table} cannot compute columns while it is read; only columns that are copied are possible`,
  )
  return new RowshiftError('PARAMS_INVALID', `The params do not fit the tables:\n  ${faults.join('\n  ')}`, {
    faults,
  })
}
