/** Bounds of windows that come from outside: out of a task store, or from the command line. They become SQL text. */
import { isWellFormed } from '../wire/cell-syntax.js'
import { RowshiftError } from '../contract/errors.js'
import type { Column, WindowKind } from '../contract/plugin.js'
import { isEpoch, toEpoch, unitOf } from '../sql/epoch.js'

/** A range that a user wants to be read again, as it was written. */
export interface Backfill {
  readonly since: string
  /** null: up to the last row. */
  readonly until: string | null
}

type Bounded = Pick<Column, 'kind' | 'valueRange'>

/** The bound as cell text of the column; null when it is not a value of it. A day stands for its beginning, a time for its number. */
export function boundOf(column: Bounded, text: string, kind: WindowKind): string | null {
  const time = timeOf(text)
  if (isEpoch(kind) && time !== null) return String(toEpoch(kind, microseconds(time)))
  switch (column.kind) {
    case 'datetime':
    case 'instant':
      return time
    case 'date':
      return isDay(text) ? text : null
    case 'bytes':
      return /^([0-9a-f]{2})*$/i.test(text) ? text : null
    default:
      return isWellFormed(column, text) ? text : null
  }
}

/** What a bound of the column looks like, for messages. */
function boundExample({ kind, type }: Column, window: WindowKind): string {
  if (isEpoch(window))
    return `a whole number (${unitOf(window)}), or a time in UTC, like '2024-01-31 00:00:00'`
  switch (kind) {
    case 'datetime':
      return `a time, like '2024-01-31 00:00:00' or 2024-01-31`
    case 'instant':
      return `a time in UTC, like '2024-01-31 00:00:00' or 2024-01-31`
    case 'date':
      return 'a date, like 2024-01-31'
    case 'integer':
      return 'a whole number'
    case 'bytes':
      return 'hexadecimal digits'
    default:
      return `a value of type ${type}`
  }
}

/** The bound that an option gives, as cell text. Throws USAGE for what is not a value of the column. */
export function boundGiven(column: Column, kind: WindowKind, option: string, text: string): string {
  const value = boundOf(column, text, kind)
  if (value !== null) return value
  throw new RowshiftError(
    'USAGE',
    `${option} ${JSON.stringify(text)} is not a value of ${column.name} (${column.type}): it takes ${boundExample(column, kind)}.`,
    { column: column.name },
  )
}

/** The range of a backfill as cell text. Throws USAGE for what is not a value of the column, and for a range that holds nothing. */
export function backfillBounds(
  column: Column,
  kind: WindowKind,
  { since, until }: Backfill,
): { from: string; to: string | null } {
  const from = boundGiven(column, kind, '--since', since)
  const to = until === null ? null : boundGiven(column, kind, '--until', until)
  if (to === null || !isEmpty(column, from, to)) return { from, to }
  throw new RowshiftError(
    'USAGE',
    `No row of ${column.name} is between --since ${since} and --until ${until}: --since must be below --until.`,
    { column: column.name },
  )
}

/** Only as far as it is certain: the order of texts is the database's. */
function isEmpty({ kind }: Column, from: string, to: string): boolean {
  switch (kind) {
    case 'integer':
      return BigInt(from) >= BigInt(to)
    case 'datetime':
    case 'instant':
      return withMicroseconds(from) >= withMicroseconds(to)
    case 'date':
      return from >= to
    default:
      return from === to
  }
}

function withMicroseconds(time: string): string {
  return (time.length === 19 ? `${time}.` : time).padEnd(26, '0')
}

function isDay(text: string): boolean {
  if (!isWellFormed({ kind: 'date', valueRange: {} }, text)) return false
  // The 30th of February would be another day.
  const day = new Date(`${text}T00:00:00Z`)
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text)
}

/** A time, or the beginning of a day; null for anything else. */
function timeOf(text: string): string | null {
  const time = isDay(text) ? `${text} 00:00:00` : text
  if (!isWellFormed({ kind: 'datetime', valueRange: {} }, time) || !isDay(time.slice(0, 10))) return null
  const [hours, minutes, seconds] = time.slice(11, 19).split(':').map(Number)
  return hours! < 24 && minutes! < 60 && seconds! < 60 ? time : null
}

/** Since 1970. */
function microseconds(time: string): bigint {
  const seconds = BigInt(Date.parse(`${time.slice(0, 10)}T${time.slice(11, 19)}Z`) / 1000)
  return seconds * 1_000_000n + BigInt(time.slice(20).padEnd(6, '0'))
}
