import { RowshiftError } from '../../contract/errors.js'
import type { Column, ValueRange, TableSchema } from '../../contract/plugin.js'
import type { CellPlan, TransformPlan } from '../../contract/pipeline.js'
import { producedColumn } from '../../contract/pipeline.js'
import type { ColumnEntry, NamedEntry } from '../../task/columns.js'
import { takenColumns } from '../../task/columns.js'
import type { TransformParams } from '../../task/params.js'
import { columnNamed } from '../../plan/column-names.js'
import type { ColumnPair } from '../../plan/mapping.js'
import { requireFed } from '../../plan/mapping.js'
import { probeTransform } from '../../engine/transform-check.js'
import { isSpellingChecked } from '../../wire/silent-changes.js'

export interface PlannedTransform {
  readonly plan: TransformPlan
  /** What the module says that it fills. */
  readonly columns: readonly string[]
}

/** Looks at the module. Throws PARAMS_INVALID when it is not one, TRANSFORM_TIMEOUT when it cannot be loaded in time. */
export async function planTransform(
  params: TransformParams | null,
  signal?: AbortSignal,
): Promise<PlannedTransform | null> {
  if (params === null) return null
  const { module, timeout } = params
  return { plan: { module, timeout }, columns: await probeTransform(module, timeout, signal) }
}

/**
 * The target as `columns` is to see it: rows that a function gets may have any property. What is there besides takes the place of
 * the columns that are missing in the target, and none must have a value.
 */
export function openTarget(
  source: TableSchema,
  target: TableSchema,
  entries: readonly ColumnEntry[] | null,
): TableSchema {
  const columns: Column[] = target.columns.map((column) => ({ ...column, nullable: true, generated: false }))
  const add = (column: Column) => {
    if (!columns.some(({ name }) => sameName(name, column.name)))
      columns.push({ ...column, nullable: true, generated: false })
  }
  const named = entries?.filter((entry) => entry !== '*') ?? []
  for (const entry of named) if (entry.to !== null) add(propertyOf(entry, source))
  if (entries === null || entries.includes('*')) {
    const taken = named.flatMap(takenColumns)
    const rest = source.columns.filter(({ name }) => !taken.some((other) => sameName(other, name)))
    for (const column of rest) add(column)
  }
  return { ...target, columns }
}

/** What is written: target columns that the function gets a cell for, and those that it says it fills. */
export function transformedPairs(
  target: TableSchema,
  cells: readonly CellPlan[],
  { columns }: PlannedTransform,
): ColumnPair[] {
  const faults = columns.flatMap((name) => {
    const column = target.columns.find((column) => column.name === name)
    const of = `params.transform: "columns" of the module names ${JSON.stringify(name)}`
    if (!column)
      return [`${of}, and target ${target.table} has ${target.columns.map(({ name }) => name).join(', ')}`]
    return column.generated ? [`${of}, which is generated and cannot be written`] : []
  })
  if (faults.length > 0) {
    const message = `The transform does not fit the tables:\n  ${faults.join('\n  ')}\nNothing was written.`
    throw new RowshiftError('PARAMS_INVALID', message, { faults })
  }
  const written = target.columns.filter(
    ({ name, generated }) =>
      !generated && (columns.includes(name) || cells.some((cell) => cell.name === name)),
  )
  requireFed(target, written)
  return written.map((column) => ({ source: returnedColumn(column), target: column, computed: 'transform' }))
}

function propertyOf({ to, origin, make }: NamedEntry, source: TableSchema): Column {
  const from = origin?.type === 'column' ? origin.name : null
  const column = from === null ? undefined : columnNamed(source.columns, from)
  if (column && !make) return { ...column, name: to! }
  const kind = make?.type === 'id' && make.ids.type !== 'uuidv7' ? 'integer' : 'text'
  const blank = {
    type: '',
    nullable: true,
    hasDefault: false,
    generated: false,
    ordered: false,
    valueRange: {},
  }
  return { ...blank, name: to!, kind }
}

function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}

/** What stands for the values that the function returns: each is checked before it is written (`workers/cell-encoders.ts`). */
function returnedColumn(target: Column): Column {
  const computed = producedColumn(target)
  const valueRange = guaranteed(target)
  // A type of its own form, such as a UUID, is the target's to check.
  return {
    ...computed,
    valueRange,
    type: valueRange.dynamic && target.valueRange.subtypes ? '' : computed.type,
  }
}

/** The bounds that every value keeps once it is checked. */
function guaranteed({ kind, valueRange }: Column): ValueRange {
  const { stripsTrailingSpaces, members, subtypes, normalised, bits } = valueRange
  switch (kind) {
    case 'text':
      if (members !== undefined) return valueRange
      return {
        dynamic: true,
        ...(stripsTrailingSpaces ? { stripsTrailingSpaces } : {}),
        // What such a type makes of the text is what the user asks for.
        ...(subtypes && !isSpellingChecked(subtypes.at(-1)!) ? { subtypes } : {}),
      }
    case 'json':
      return { dynamic: true, ...(normalised ? { normalised } : {}) }
    case 'bytes':
      return subtypes === undefined ? valueRange : { dynamic: true }
    case 'decimal':
      return bits === undefined ? valueRange : { dynamic: true }
    default:
      return valueRange
  }
}
