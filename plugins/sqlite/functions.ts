import { createHash } from 'node:crypto'
import type { CastType } from '../../src/contract/plugin.js'
import { castText } from '../../src/wire/cast-text.js'
import type { TextEncoding } from './cells.js'
import { decodeText } from './cells.js'
import type { Database, SqliteValue } from './driver.js'
import { fitsInt64 } from './numbers.js'

/** What SQLite has no function for, and derived columns need. Each gives NULL for what it is not for. */
export function addFunctions(database: Database, encoding: TextEncoding): void {
  database.function('rowshift_sha256', (bytes, isText, salt) =>
    bytes instanceof Uint8Array
      ? sha256(bytes, salt as Uint8Array, isText === 1n ? encoding : 'UTF-8')
      : null,
  )
  const types = new Map<string, CastType>()
  database.function('rowshift_cast', (value, to) => {
    const name = to as string
    const type = types.get(name) ?? (JSON.parse(name) as CastType)
    types.set(name, type)
    return cast(value!, type)
  })
}

/** Text is hashed in UTF-8, however the database keeps it. */
function sha256(bytes: Uint8Array, salt: Uint8Array, encoding: TextEncoding): string {
  const text = encoding === 'UTF-8' ? bytes : Buffer.from(decodeText(bytes, encoding) ?? '')
  return createHash('sha256').update(salt).update(text).digest('hex')
}

const KINDS = { string: 'text', bigint: 'integer', number: 'float' } as const

/**
 * NULL for a value that the type cannot hold, and for an integer that has more than 64 bits. A column of any kind may hold numbers and
 * texts, and moments are texts, whatever the column is called.
 */
function cast(value: SqliteValue, to: CastType): SqliteValue {
  if (value === null || value instanceof Uint8Array) return null
  const isMoment = to.kind === 'date' || to.kind === 'datetime'
  const converted = castText(
    String(value),
    isMoment ? 'datetime' : KINDS[typeof value as keyof typeof KINDS],
    to,
  )
  if (converted === null || isMoment) return converted
  if (to.kind !== 'integer') return Number(converted)
  const number = BigInt(converted)
  return fitsInt64(number) ? number : null
}
