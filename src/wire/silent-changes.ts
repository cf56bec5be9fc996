/**
 * Checks for the changes that a server makes without any diagnostic, however strict it is: `1.5` into an integer becomes
 * 2, decimal places and fractions of a second are dropped or rounded, NULL in a moment becomes the current time,
 * trailing spaces vanish, `'1'` into a list without that member means its first one, −0 is 0.
 *
 * Only columns are looked at whose conversion check leaves something to check: their loss was accepted, or their conversion class is `checked`.
 */
import { RowshiftError } from '../contract/errors.js'
import type { Column, ColumnMapping } from '../contract/table-schema.js'
import type { ValueRange } from '../contract/value-range.js'
import type { PlannedWrite } from '../contract/write.js'
import type { Batch } from './batch.js'
import { forEachRow } from './each-row.js'
import { exactNumber } from './exact-number.js'
import { isCanonicalInet6 } from './inet6.js'
import type { Cells } from './row-name.js'
import { cellsOf, excerpt, rowName } from './row-name.js'

/** True when the target will hold exactly this value. */
type SilentChangeCheck = (cell: Buffer | null) => boolean

/** What must be looked at in each row; null when nothing must. */
export class SilentChangeChecks {
  readonly #spec: PlannedWrite
  readonly #checks: readonly (SilentChangeCheck | null)[]
  /** With a 1 for each column that has a check. */
  readonly #checked: Uint8Array
  /** The same without those that a look at the whole batch nearly always rules out; null: there are no others. */
  readonly #usual: Uint8Array | null

  private constructor(spec: PlannedWrite, checks: readonly (SilentChangeCheck | null)[]) {
    this.#spec = spec
    this.#checks = checks
    this.#checked = Uint8Array.from(checks, (check) => Number(check !== null))
    const usual = Uint8Array.from(checks, (check) => Number(check !== null && !SELDOM.has(check)))
    this.#usual = usual.includes(1) ? usual : null
  }

  static of(spec: PlannedWrite): SilentChangeChecks | null {
    const checks = spec.columns.map(checkOf)
    return checks.some((check) => check !== null) ? new SilentChangeChecks(spec, checks) : null
  }

  /** Why a batch would be stored changed, by the first such value; null when it would not. */
  rowError(batch: Batch): RowshiftError | null {
    const odd = ODDITIES.some((text) => batch.bytes.includes(text))
    const wanted = odd ? this.#checked : this.#usual
    if (wanted === null) return null
    let found: { column: number; row: Batch } | null = null as { column: number; row: Batch } | null
    forEachRow(
      batch,
      (cells, start, end) => {
        if (found !== null) return
        const column = this.#checks.findIndex(
          (isUnchanged, i) => wanted[i] === 1 && !isUnchanged!(cells[i] ?? null),
        )
        if (column >= 0) found = { column, row: { bytes: batch.bytes.subarray(start, end), rows: 1 } }
      },
      wanted,
    )
    return found && this.#rowError(found.column, cellsOf(found.row))
  }

  #rowError(i: number, cells: Cells): RowshiftError {
    const { columns, from, table } = this.#spec
    const column = columns[i]!
    const row = rowName(this.#spec, cells)
    const cell = cells[i] ?? null
    const { kind } = column.source
    const number = kind === 'float' || kind === 'decimal'
    const placeless = number ? !isFiniteNumber(cell) : column.target.valueRange.rejectsNul && !hasNoNul(cell)
    const way = column.check.conversion === 'checked' && !placeless
    return new RowshiftError(
      'DATA_REJECTED',
      `The value ${excerpt(cell)} of ${from}.${column.source.name} (${column.source.type}) ${placeless ? 'has no place' : 'would be stored changed'} in ` +
        `${table.table}.${column.target.name} (${column.target.type})${row.length > 0 ? `, in the row with ${row.join(', ')}` : ''}. ` +
        `Change the type of the target column, or the value${way ? ', or name the source column in "allow_lossy"' : ''}.`,
      { table: table.table, column: column.target.name, key: row },
    )
  }
}

function checkOf({ source, target, check }: ColumnMapping): SilentChangeCheck | null {
  if (check.conversion !== 'lossy' && check.conversion !== 'checked') return null
  const value = valueCheck(source, target)
  // A server may put the current time or a new id in the place of NULL.
  const rejectsNull = !target.nullable && source.nullable
  if (!rejectsNull && value === null) return null
  if (!rejectsNull && value !== null && SELDOM.has(value as SilentChangeCheck))
    return value as SilentChangeCheck
  return (cell) => (cell === null ? !rejectsNull : value === null || value(cell))
}

type CellCheck = (cell: Buffer) => boolean

function valueCheck(source: Column, target: Column): CellCheck | null {
  switch (target.kind) {
    case 'integer':
      if (target.valueRange.subtypes?.at(-1) === 'a year')
        return source.valueRange.subtypes?.includes('a year') ? null : matching(/^\d{4}$/)
      return source.kind === 'integer' ? null : matching(/^[+-]?\d+(\.0*)?$/)
    case 'decimal':
      return decimalCheck(source, target)
    case 'float':
      return floatCheck(source, target)
    case 'boolean':
      return source.kind === 'text' ? matching(/^[01]$/) : null
    case 'date':
      if (source.kind === 'date') return yearCheck(source, target)
      return matching(/^\d{4}-\d\d-\d\d( 00:00:00(\.0+)?)?$/)
    case 'time':
      return fractionCheck(source, target, /^-?\d{2,3}:\d\d:\d\d(\.\d+)?$/)
    case 'datetime':
    case 'instant':
      return (
        fractionCheck(source, target, /^\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d(\.\d+)?)?$/) ??
        yearCheck(source, target)
      )
    case 'text':
      return textCheck(source, target)
    case 'bytes':
      return target.valueRange.padded ? (cell) => cell.length === target.valueRange.maxBytes : null
    default:
      return null
  }
}

/** What a number is rounded by. What is not a number at all is refused by the server. */
function decimalCheck({ kind, valueRange: from }: Column, { valueRange: to }: Column): CellCheck | null {
  const { scale } = to
  const indexes = kind === 'integer' || kind === 'boolean' ? 0 : (from.scale ?? Infinity)
  if (scale === undefined || indexes <= scale)
    return from.nonFinite === undefined || from.nonFinite === to.nonFinite ? null : isFiniteNumber
  return (cell) => (exactNumber(cell.toString('latin1'), true)?.scale ?? 0) <= scale
}

/** A server may take the digits of a year that is not of four for something else. */
function yearCheck({ valueRange: from }: Column, { valueRange: to }: Column): CellCheck | null {
  if (!from.anyYear || to.anyYear) return null
  return (cell) => cell[4] === MINUS && cell.at(-1) !== LETTER_C
}

const MINUS = 0x2d
/** Of `BC`. */
const LETTER_C = 0x43

function floatCheck(source: Column, target: Column): CellCheck | null {
  const digits = digitsCheck(source, target)
  // Floats that no digits write are refused by the server, but not in words that say so.
  const finite = source.kind !== 'float' || source.valueRange.nonFinite === 'none' || holdsAll(target)
  const signed = target.valueRange.unsignedZero !== true
  const seldom = signed ? (finite ? null : isFiniteNumber) : finite ? hasNoSignedZero : isWithoutOddity
  if (digits === null || seldom === null) return seldom ?? digits
  return (cell) => seldom(cell) && digits(cell)
}

function holdsAll({ valueRange: { nonFinite = 'all' } }: Column): boolean {
  return nonFinite === 'all'
}

/** With the zeros after the point that `DOUBLE(m,d)` has. */
function hasNoSignedZero(cell: Buffer | null): boolean {
  return cell === null || !/^-[0.]+(e.*)?$/i.test(cell.toString('latin1'))
}

function isFiniteNumber(cell: Buffer | null): boolean {
  return cell === null || !/^(-?Infinity|NaN)$/.test(cell.toString('latin1'))
}

/** Digits after the escape of a NUL would make another character of it. */
function hasNoNul(cell: Buffer | null): boolean {
  return cell === null || !cell.includes(0)
}

function isWithoutOddity(cell: Buffer | null): boolean {
  return hasNoSignedZero(cell) && isFiniteNumber(cell)
}

/** What looks for values that are seldom there; a batch without any of these texts has none. */
const SELDOM = new Set<SilentChangeCheck>([hasNoSignedZero, isFiniteNumber, isWithoutOddity, hasNoNul])
const ODDITIES = ['-0\t', '-0\n', '-0.0', 'Infinity', 'NaN', '\\0']

/** A double holds every decimal number of 15 digits, a float every one of 6. */
function digitsCheck(source: Column, target: Column): CellCheck | null {
  const single = target.valueRange.bits === 24
  if (source.kind === 'float') {
    if (!single || source.valueRange.bits === 24) return null
    return (cell) => Math.fround(Number(cell.toString('latin1'))) === Number(cell.toString('latin1'))
  }
  const digits = single ? 6 : 15
  return (cell) => {
    const text = cell.toString('latin1')
    if (!/^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(text)) return false
    return text.split(/e/i, 1)[0]!.replaceAll(/^[^1-9]+|\D/g, '').length <= digits
  }
}

/** Text must match the pattern of the type; then digits of a second beyond those of the target must be zero. */
function fractionCheck(source: Column, target: Column, pattern: RegExp): CellCheck | null {
  const digits = target.valueRange.fractionDigits ?? 0
  const sameKind = source.kind === target.kind || (source.kind === 'datetime' && target.kind === 'instant')
  const enough = (source.valueRange.fractionDigits ?? 9) <= digits
  if ((sameKind || source.kind === 'instant') && enough) return null
  const fraction = new RegExp(`^[^.]*(\\.\\d{0,${digits}}0*)?$`)
  return (cell) => {
    const text = cell.toString('latin1')
    return pattern.test(text) && fraction.test(text)
  }
}

function textCheck(source: Column, target: Column): CellCheck | null {
  const { valueRange: to } = target
  if (source.cells === 'numbered') return null
  if (to.members !== undefined) {
    const indexes = new Map(to.members.map((member, i) => [member, i]))
    const parts = (cell: string) => (to.multiValued ? (cell === '' ? [] : cell.split(',')) : [cell])
    // A set is written anew: each member once, in the order of the type.
    return (cell) => isRising(parts(cell.toString()).map((part) => indexes.get(part)))
  }
  const subtype = to.subtypes?.at(-1)
  if (subtype !== undefined)
    return source.valueRange.subtypes?.includes(subtype) ? null : (SPELLINGS[subtype] ?? null)
  const spaces = spaceCheck(source.valueRange, to)
  const nul = to.rejectsNul && !source.valueRange.rejectsNul ? hasNoNul : null
  return spaces === null || nul === null ? (spaces ?? nul) : (cell) => nul(cell) && spaces(cell)
}

/** White space beyond the length is cut off without a word: line breaks and tabs, too. */
function spaceCheck(
  from: ValueRange,
  { stripsTrailingSpaces, maxChars = Infinity }: ValueRange,
): CellCheck | null {
  const short = (cell: Buffer) => cell.length <= maxChars || charactersIn(cell) <= maxChars
  if (stripsTrailingSpaces && !from.stripsTrailingSpaces) return (cell) => cell.at(-1) !== 0x20 && short(cell)
  return (from.maxChars ?? from.maxBytes ?? Infinity) > maxChars
    ? (cell) => cell.at(-1) !== 0x20 || short(cell)
    : null
}

function isRising(numbers: readonly (number | undefined)[]): boolean {
  return numbers.every((number, i) => number !== undefined && (i === 0 || number > numbers[i - 1]!))
}

/** Of UTF-8: all bytes but those that go on with a character. */
function charactersIn(cell: Buffer): number {
  let count = 0
  for (const byte of cell) if ((byte & 0xc0) !== 0x80) count++
  return count
}

/** These types take several spellings of one value and give back only one. */
const SPELLINGS: Readonly<Record<string, CellCheck>> = {
  'a UUID': matching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
  'an IPv4 address': matching(/^(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}$/),
  'an IPv6 address': (cell) => isCanonicalInet6(cell.toString('latin1')),
}

/** Whether text that the type of this form would give back otherwise is found before it is written. */
export function isSpellingChecked(form: string): boolean {
  return Object.hasOwn(SPELLINGS, form)
}

function matching(pattern: RegExp): CellCheck {
  return (cell) => pattern.test(cell.toString('latin1'))
}
