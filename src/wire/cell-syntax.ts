/**
 * How cells of each kind may be written. Readers let no other cell pass, since it would become SQL text, or would be
 * stored as another value: a server takes `7-2` for 5, `1.5` for 2 and `20240501` for a date.
 */
import type { ValueRange } from '../contract/value-range.js'
import type { Column, ColumnKind } from '../contract/table-schema.js'
import type { Cells } from './row-name.js'
import { excerpt } from './row-name.js'

export interface CellSyntax {
  /** Its number in the loops of a plugin. */
  readonly code: number
  /** For messages: `"7-2" is not an integer`. */
  readonly name: string
  /** Of the cell without escapes, a character for each byte. Its time grows with the length only. */
  readonly pattern: RegExp
}

const float = (others: string): CellSyntax => ({
  code: 3,
  name: 'a number',
  pattern: new RegExp(`^(?!.{401})(-?(\\d+(\\.\\d*)?|\\.\\d+)([eE][+-]?\\d+)?${others})$`),
})

/** By what `ValueRange.nonFinite` says. The loops of plugins know digits only. */
const FLOATS: Readonly<Record<NonNullable<ValueRange['nonFinite']>, CellSyntax>> = {
  none: float(''),
  infinities: float('|-?Infinity'),
  nan: float('|NaN'),
  all: float('|-?Infinity|NaN'),
}
/** As decimals are written, too; the loops let them pass. */
const ANY_DECIMAL: CellSyntax = {
  code: 0,
  name: 'a decimal number',
  pattern: /^-?(\d+(\.\d*)?|\.\d+|Infinity)$|^NaN$/,
}

const INTEGER: CellSyntax = { code: 1, name: 'an integer', pattern: /^(?!.{401})-?\d+$/ }
const DATETIME: CellSyntax = {
  code: 6,
  name: 'a date with a time',
  pattern: /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?$/,
}

/** Kinds that are missing here take any bytes: they stand in quotes in SQL text. */
const SYNTAXES: Readonly<Partial<Record<ColumnKind, CellSyntax>>> = {
  integer: INTEGER,
  // Some databases store any integer in a column that they call boolean.
  boolean: INTEGER,
  decimal: { code: 2, name: 'a decimal number', pattern: /^(?!.{401})-?(\d+(\.\d*)?|\.\d+)$/ },
  date: { code: 4, name: 'a date', pattern: /^\d{4}-\d\d-\d\d$/ },
  time: { code: 5, name: 'a time', pattern: /^-?\d{2,3}:\d\d:\d\d(\.\d{1,6})?$/ },
  datetime: DATETIME,
  instant: DATETIME,
}

const ANY_MOMENT: CellSyntax = {
  ...DATETIME,
  code: 0,
  pattern: /^(\d{4,6}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?( BC)?|-?infinity)$/,
}
/** With `anyYear`; the loops let them pass. */
const ANY_YEAR: Readonly<Partial<Record<ColumnKind, CellSyntax>>> = {
  date: { code: 0, name: 'a date', pattern: /^(\d{4,7}-\d\d-\d\d( BC)?|-?infinity)$/ },
  datetime: ANY_MOMENT,
  instant: ANY_MOMENT,
}

/** Of columns that may hold anything: what programs write there. The writer looks at each value before it takes it. */
const DYNAMIC: Readonly<Partial<Record<ColumnKind, CellSyntax>>> = {
  ...SYNTAXES,
  time: { ...SYNTAXES.time!, pattern: /^-?\d{1,3}:\d\d(:\d\d(\.\d{1,100})?)?$/ },
  datetime: {
    ...DATETIME,
    pattern: /^\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,100})?)?(Z|[+-]\d\d:?\d\d)?)?$/,
  },
}

type CellColumn = Pick<Column, 'kind' | 'valueRange' | 'cells'>
export type NamedCellColumn = CellColumn & Pick<Column, 'name' | 'type'>

/** null: any bytes. */
export function syntaxOf({ kind, valueRange, cells }: CellColumn): CellSyntax | null {
  const { nonFinite } = valueRange
  if (cells === 'numbered') return INTEGER
  if (cells === 'stored') return null
  if (kind === 'float') return FLOATS[nonFinite ?? 'all']
  if (kind === 'decimal' && nonFinite !== undefined && nonFinite !== 'none') return ANY_DECIMAL
  if (valueRange.anyYear && ANY_YEAR[kind]) return ANY_YEAR[kind]
  return (valueRange.dynamic ? DYNAMIC : SYNTAXES)[kind] ?? null
}

export interface Misfit {
  readonly column: string
  /** `v (int) is "7-2", which is not an integer`. */
  readonly fault: string
}

/** The first cell of a row that does not have its column's syntax. */
export function misfit(columns: readonly NamedCellColumn[], cells: Cells): Misfit | null {
  for (const [i, column] of columns.entries()) {
    const cell = cells[i] ?? null
    const syntax = cell === null ? null : syntaxOf(column)
    if (syntax === null || syntax.pattern.test(cell!.toString('latin1'))) continue
    const { name, type } = column
    return { column: name, fault: `${name} (${type}) is ${excerpt(cell)}, which is not ${syntax.name}` }
  }
  return null
}

/** Whether this is how a value of the column is written. */
export function isWellFormed(column: CellColumn, value: string): boolean {
  return syntaxOf(column)?.pattern.test(value) ?? true
}
