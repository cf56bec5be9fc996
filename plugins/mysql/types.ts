import type { Column, ColumnKind } from '../../src/contract/plugin.js'
import { sizesOf } from '../../src/sql/mapped-table.js'

/** Bytes of an index that InnoDB allows, less a little for lengths and NULLs. */
const INDEX_BYTES = 3000
/** Reckoned for a key column that is neither text nor bytes. */
const FIXED_BYTES = 32
const BYTES_PER_CHARACTER = 4
/** Longer texts, and texts without a length, stand outside the row. */
const LONGEST_VARCHAR = 255
/** A row's own limit is 65,535 bytes. */
const ROW_BYTES = 60_000

/** What TIMESTAMP holds on every server. */
const [FIRST_MOMENT, LAST_MOMENT] = ['1970-01-01 00:00:01', '2038-01-19 03:14:07']

/**
 * The type for the columns of another family of databases: the narrowest that holds whatever their value range lets through. A source that
 * enforces nothing has the length or digits that its own type declares. `room` is how many bytes an index leaves the column, null outside of keys.
 */
const types: Readonly<Record<ColumnKind, (column: Column, room: number | null) => string>> = {
  integer: ({ type }) => (/unsigned/i.test(type) ? 'bigint unsigned' : 'bigint'),
  decimal: ({ type, valueRange }, room) => {
    const declared = valueRange.dynamic ? sizesOf(type) : []
    const [precision = valueRange.precision ?? 65, scale = valueRange.scale ?? (precision === 65 ? 30 : 0)] =
      declared
    if (precision <= 65 && scale <= 30 && scale <= precision) return `decimal(${precision},${scale})`
    return valueRange.dynamic ? 'decimal(65,30)' : textType(undefined, room)
  },
  float: () => 'double',
  boolean: () => 'tinyint(1)',
  text: ({ type, valueRange }, room) =>
    textType(valueRange.dynamic ? sizesOf(type)[0] : valueRange.maxChars, room),
  bytes: (_, room) => (room === null ? 'longblob' : `varbinary(${room})`),
  // The server's own JSON type would not keep the text: order of keys, spaces, spelling of numbers.
  json: (_, room) => textType(undefined, room),
  date: () => 'date',
  time: () => 'time(6)',
  datetime: () => 'datetime(6)',
  instant: ({ valueRange: { earliest = '', latest = '~' } }) =>
    earliest >= FIRST_MOMENT && latest <= LAST_MOMENT ? 'timestamp(6)' : 'datetime(6)',
}

/** Types by column name. */
export function mappedTypes(
  all: readonly Column[],
  keys: readonly { readonly columns: readonly string[] }[],
  wide: readonly string[] = [],
): ReadonlyMap<string, string> {
  // What is declared does not count for those that hold more, where nothing enforces it.
  const columns = all.map((column) =>
    wide.includes(column.name) && column.valueRange.dynamic ? { ...column, type: '' } : column,
  )
  const rooms = roomInKeys(columns, keys)
  const map = (longest: number) =>
    new Map(
      columns.map((column) => {
        const { name, kind } = column
        const room = rooms.get(name) ?? null
        const mapped = types[kind](column, room)
        const outside = room === null && (sizesOf(mapped)[0] ?? 0) > longest && mapped.startsWith('varchar')
        return [name, outside ? 'longtext' : mapped] as const
      }),
    )
  const usual = map(LONGEST_VARCHAR)
  const bytes = [...usual.values()].reduce((sum, type) => sum + rowBytes(type), 0)
  return bytes > ROW_BYTES ? map(0) : usual
}

function textType(length: number | undefined, room: number | null): string {
  if (room === null) return length === undefined ? 'longtext' : `varchar(${length})`
  return `varchar(${Math.min(Math.floor(room / BYTES_PER_CHARACTER), length ?? Infinity)})`
}

/** The bytes that each text or byte column of a key may have, so that every key stays within the limit of an index. */
function roomInKeys(
  columns: readonly Column[],
  keys: readonly { readonly columns: readonly string[] }[],
): Map<string, number> {
  const long = new Set(
    columns.filter(({ kind }) => ['text', 'json', 'bytes'].includes(kind)).map(({ name }) => name),
  )
  const rooms = new Map<string, number>()
  for (const { columns: names } of keys) {
    const sharing = names.filter((name) => long.has(name))
    const room = Math.floor((INDEX_BYTES - FIXED_BYTES * (names.length - sharing.length)) / sharing.length)
    for (const name of sharing) rooms.set(name, Math.min(room, rooms.get(name) ?? room))
  }
  return rooms
}

function rowBytes(type: string): number {
  const [length = 8] = sizesOf(type)
  return type.startsWith('varchar')
    ? length * BYTES_PER_CHARACTER
    : type.startsWith('varbinary')
      ? length
      : 32
}
