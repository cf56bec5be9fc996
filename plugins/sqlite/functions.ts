import { createHash } from 'node:crypto'
import type { TextEncoding } from './cells.js'
import { decodeText } from './cells.js'
import type { Database, SqliteValue } from './driver.js'

/** What SQLite has no function for, and derived columns need. Each gives NULL for what is none of its business. */
export function addFunctions(database: Database, encoding: TextEncoding): void {
  database.function('rowshift_sha256', (bytes, isText, salt) =>
    bytes instanceof Uint8Array
      ? sha256(bytes, salt as Uint8Array, isText === 1n ? encoding : 'UTF-8')
      : null,
  )
  database.function('rowshift_integer', (value) => integerOf(value!))
  database.function('rowshift_number', (value) => numberOf(value!))
  database.function('rowshift_moment', (value, digits) =>
    typeof value === 'string' ? momentOf(value, Number(digits)) : null,
  )
}

/** Text is hashed in UTF-8, however the database keeps it. */
function sha256(bytes: Uint8Array, salt: Uint8Array, encoding: TextEncoding): string {
  const text = encoding === 'UTF-8' ? bytes : Buffer.from(decodeText(bytes, encoding) ?? '')
  return createHash('sha256').update(salt).update(text).digest('hex')
}

/** The whole number that a value is; NULL when it is none, or one of more than 64 bits. */
function integerOf(value: SqliteValue): bigint | null {
  if (typeof value === 'bigint') return value
  const text = typeof value === 'number' && Number.isInteger(value) ? BigInt(value).toString() : value
  if (typeof text !== 'string' || !/^[+-]?\d+$/.test(text)) return null
  const number = BigInt(text.replace('+', ''))
  return BigInt.asIntN(64, number) === number ? number : null
}

/** The number nearest to a decimal text, if it has the same digits. */
function numberOf(value: SqliteValue): number | null {
  if (typeof value === 'number') return value
  const text = typeof value === 'bigint' ? String(value) : value
  if (typeof text !== 'string' || !/^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(text)) return null
  const number = Number(text)
  return Number.isFinite(number) && digitsOf(text) === digitsOf(String(number)) ? number : null
}

/** Those that count, wherever the point is. */
function digitsOf(number: string): string {
  return number
    .replace(/e.*/i, '')
    .replaceAll(/[^\d]/g, '')
    .replaceAll(/^0+|(?<!0)0+$/g, '')
}

/** A date, or a date and time of so many digits of a second, as its text; digits below 0: a date only. */
function momentOf(text: string, digits: number): string | null {
  const [, day, clock = '00:00:00', fraction = ''] =
    /^(\d{4}-\d\d-\d\d)(?:[ T]((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.(\d*?)0*)?)?$/.exec(text) ?? []
  if (day === undefined || day < '0001' || !isDay(day) || fraction.length > Math.max(0, digits)) return null
  if (digits < 0) return clock === '00:00:00' ? day : null
  return `${day} ${clock}${digits === 0 ? '' : `.${fraction.padEnd(digits, '0')}`}`
}

function isDay(day: string): boolean {
  const time = Date.parse(`${day}T00:00:00Z`)
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(day)
}
