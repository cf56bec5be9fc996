import { RowshiftError } from '../contract/errors.js'
import type {
  Column,
  ColumnMapping,
  LossSearch,
  TableSchema,
  ConversionCheck,
  Writer,
} from '../contract/plugin.js'
import type { DescribedTables } from './described-tables.js'
import { zoneChange } from './fidelity-times.js'
import { judge } from './fidelity.js'
import type { ColumnPair, MappingResult } from './mapping.js'

/** How long examples of losses are looked for, in all. */
const SEARCH_MS = 5_000

export interface Settled {
  readonly columns: readonly ColumnMapping[]
  readonly warnings: readonly string[]
}

interface LossRequest {
  readonly source: DescribedTables
  readonly writer: Writer
  readonly target: TableSchema
  readonly mapping: MappingResult
  readonly allowLossy: readonly string[]
  readonly where: string | null
}

interface UnacceptedLoss {
  readonly column: string
  readonly what: string
}

/**
 * Judges every column. Throws PARAMS_INVALID when `allow_lossy` names what is not lossy, and LOSSY, naming every
 * column, when a loss is not accepted there or no acceptance can help.
 */
export async function settleLosses(request: LossRequest): Promise<Settled> {
  const { mapping, target, allowLossy } = request
  const allowed = new Set(allowLossy.map((name) => name.toLowerCase()))
  const isAllowed = ({ name }: Column) => allowed.has(name.toLowerCase())
  const columns = mapping.pairs.map(({ source, target, computedBy }) => {
    const pair: ColumnPair = { source, target, ...(computedBy ? { computedBy } : {}) }
    const check = judge(source, target)
    return { ...pair, check: isAllowed(pair.source) ? accepted(check) : check }
  })
  checkNames(request, columns)
  const unaccepted = columns.filter(
    ({ source, check }) =>
      check.conversion === 'impossible' || (check.conversion === 'lossy' && !isAllowed(source)),
  )
  const unacceptedDrops = mapping.dropped.filter((column) => !isAllowed(column))
  if (unaccepted.length + unacceptedDrops.length > 0) {
    throw lossy(
      [
        ...unacceptedDrops.map((column) => ({ column: column.name, what: dropped(column, target) })),
        ...(await withExamples(request, unaccepted)),
      ],
      unaccepted,
    )
  }
  const losses = [
    ...mapping.dropped.map((column) => dropped(column, target)),
    ...columns.filter(({ check }) => check.conversion === 'lossy').map(describeLoss),
  ]
  return {
    columns: await Promise.all(columns.map((column) => withCoverage(request.writer, column))),
    warnings: [
      ...losses.map((loss) => `accepted loss: ${loss}`),
      ...columns.flatMap(({ source, target }) => zoneChange(source, target) ?? []),
    ],
  }
}

/** Characters the target cannot hold become `?`; for that the plan must say which it can. */
async function withCoverage(writer: Writer, column: ColumnMapping): Promise<ColumnMapping> {
  const { source, target, check } = column
  const { characters, subtypes, members } = target.valueRange
  const free = target.kind === 'text' && subtypes === undefined && members === undefined
  if (check.conversion !== 'lossy' || source.kind !== 'text' || !free || characters === undefined)
    return column
  if (characters.coverage === 'unicode' || characters.coverage === 'bmp') return column
  const ranges = await writer.skills.charsetCoverage?.(target)
  if (ranges === undefined) return column
  const valueRange = { ...target.valueRange, characters: { ...characters, ranges } }
  return { ...column, target: { ...target, valueRange } }
}

/** Whoever accepts the loss of a source that does not say what it holds wants values to be cut, not the run to fail. */
function accepted(check: ConversionCheck): ConversionCheck {
  return check.conversion === 'checked' ? { ...check, conversion: 'lossy' } : check
}

function checkNames(request: LossRequest, columns: readonly ColumnMapping[]): void {
  const { source, mapping, allowLossy } = request
  const faults = allowLossy.flatMap((name) => {
    const same = (column: Column) => column.name.toLowerCase() === name.toLowerCase()
    const quoted = JSON.stringify(name)
    if (mapping.dropped.some(same)) return []
    const fed = columns.filter((column) => same(column.source))
    if (fed.length === 0) {
      const { columns, table } = source.table
      const known = columns.some(same)
      return [known ? `${quoted} is not copied` : `source ${table} has no column ${quoted}`]
    }
    if (fed.some(({ check }) => check.conversion === 'lossy' || check.conversion === 'impossible')) return []
    return [`${quoted} is not lossy: ${fed[0]!.check.conversion}, ${fed[0]!.check.why}`]
  })
  if (faults.length === 0) return
  throw new RowshiftError(
    'PARAMS_INVALID',
    `"allow_lossy" names columns that lose nothing:\n  ${faults.join('\n  ')}\nTake them out. Nothing was written.`,
    { faults },
  )
}

function dropped({ name }: Column, target: TableSchema): string {
  return `${name}: ${target.table} has no column of that name that can be written`
}

function describeLoss({ source, target, check }: ColumnMapping): string {
  const to = source.name === target.name ? '' : `${target.name}, `
  if (check.conversion === 'impossible') return `${source.name}: ${to}${check.why}`
  return `${source.name}: ${source.type} to ${to}${target.type} loses ${check.why}`
}

async function withExamples(
  request: LossRequest,
  unaccepted: readonly ColumnMapping[],
): Promise<UnacceptedLoss[]> {
  const { source, where } = request
  const end = performance.now() + SEARCH_MS
  const losses: UnacceptedLoss[] = []
  for (const column of unaccepted) {
    const search =
      column.computedBy === undefined && column.check.conversion === 'lossy' && performance.now() < end
    const result = search ? await findLoss(source, column, where) : undefined
    const example =
      result?.result === 'value'
        ? ` (${result.value}${result.row === '' ? '' : ` in the row with ${result.row}`})`
        : result?.result === 'none'
          ? ' (no row does now)'
          : ''
    losses.push({ column: column.source.name, what: describeLoss(column) + example })
  }
  return losses
}

/** In any of the tables. */
async function findLoss(
  { each }: DescribedTables,
  column: ColumnMapping,
  where: string | null,
): Promise<LossSearch> {
  let search: LossSearch = { result: 'none' }
  for (const { reader, table } of each) {
    const found = (await reader.skills.findLoss?.(table, column, where)) ?? { result: 'unknown' }
    if (found.result === 'value') return found
    if (found.result === 'unknown') search = found
  }
  return search
}

function lossy(losses: readonly UnacceptedLoss[], columns: readonly ColumnMapping[]): RowshiftError {
  const impossible = new Set(
    columns.filter(({ check }) => check.conversion === 'impossible').map(({ source }) => source.name),
  )
  const names = losses.map(({ column }) => column)
  const acceptable = names.filter((name) => !impossible.has(name))
  const advice = [
    'Change the target table',
    ...(acceptable.length === 0 ? [] : [`accept the loss with "allow_lossy": ${JSON.stringify(acceptable)}`]),
    ...(impossible.size === 0 ? [] : ['leave columns out with "columns"']),
  ]
  return new RowshiftError(
    'LOSSY',
    `The copy would lose data:\n  ${losses.map(({ what }) => what).join('\n  ')}\n${advice.join(', or ')}. Nothing was written.`,
    { columns: names },
  )
}
