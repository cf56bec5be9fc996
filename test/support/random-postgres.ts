// Random tables between PostgreSQL and the others: types that both ends have, with valid values of them.
import fc, { type Arbitrary } from 'fast-check'
import type { ServerKind } from './servers.js'

export type End = ServerKind | 'sqlite'

/** A type as each database calls it; absent: it has none that keeps every value of the others. */
interface SharedType {
  readonly types: Readonly<Partial<Record<'mysql' | 'postgres' | 'sqlite', string>>>
  /** As `utf8:…` or `hex:…` (then each database has its own literal), or a literal of all. */
  readonly value: Arbitrary<string>
  readonly indexable: boolean
  /** The way back would change values, or is refused. */
  readonly only?: readonly ('to' | 'from' | 'within')[]
}

export interface PostgresTable {
  readonly from: End
  readonly to: End
  readonly create: { readonly from: string; readonly to: string }
  readonly insert: string
  readonly params: Readonly<Record<string, unknown>>
}

export const WAYS: readonly (readonly [End, End])[] = [
  ['mysql', 'postgres'],
  ['postgres', 'mysql'],
  ['mariadb', 'postgres'],
  ['postgres', 'mariadb'],
  ['sqlite', 'postgres'],
  ['postgres', 'sqlite'],
  ['postgres', 'postgres'],
]

const two = (value: number) => String(value).padStart(2, '0')
const between = (min: bigint, max: bigint) =>
  fc.oneof(fc.bigInt({ min, max }), fc.constantFrom(min, max, 0n, 1n)).map(String)

const HOSTILE = [
  '\\',
  '\\.',
  '\\N',
  "'",
  '"',
  '\t',
  '\n',
  '\r',
  '\r\n',
  '\x1a',
  ' ',
  'NULL',
  '0',
  '{}',
  '$$',
  'é',
  '数',
]
const text = (maxLength: number) =>
  fc
    .array(fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: 'binary', maxLength: 4 })), {
      maxLength: Math.ceil(maxLength / 8),
    })
    .map((parts) => `utf8:${parts.join('').replaceAll('\0', '')}`)
const bytes = fc.uint8Array({ maxLength: 40 }).map((all) => `hex:${Buffer.from(all).toString('hex')}`)
const quoted = (value: Arbitrary<string>) => value.map((all) => `'${all}'`)

const clock = fc
  .tuple(
    fc.integer({ min: 0, max: 23 }),
    fc.integer({ min: 0, max: 59 }),
    fc.integer({ min: 0, max: 59 }),
    fc.integer({ min: 0, max: 999_999 }),
  )
  .map(([h, m, s, f]) => `${two(h)}:${two(m)}:${two(s)}.${String(f).padStart(6, '0')}`)
const day = (first: number, last: number) =>
  fc
    .tuple(
      fc.integer({ min: first, max: last }),
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 28 }),
    )
    .map(([y, m, d]) => `${String(y).padStart(4, '0')}-${two(m)}-${two(d)}`)
const moment = (first: number, last: number) =>
  fc.tuple(day(first, last), clock).map((parts) => parts.join(' '))

/** Without -0, which not all of them keep. */
const double = fc
  .double({ noNaN: true, noDefaultInfinity: true })
  .map((value) => (value === 0 ? '0' : String(value)))
const float = fc
  .float({ noNaN: true, noDefaultInfinity: true })
  .map((value) => (value === 0 ? '0' : String(value)))

const decimal: Arbitrary<SharedType> = fc
  .tuple(fc.integer({ min: 1, max: 65 }), fc.integer({ min: 0, max: 30 }))
  .map(([precision, wanted]) => {
    const scale = Math.min(precision, wanted)
    const digits = (length: number) =>
      fc.array(fc.integer({ min: 0, max: 9 }), { minLength: length, maxLength: length })
    const value = fc
      .tuple(fc.boolean(), digits(precision - scale), digits(scale))
      .map(
        ([negative, a, b]) =>
          `${negative ? '-' : ''}${a.join('') || '0'}${b.length > 0 ? `.${b.join('')}` : ''}`,
      )
    const type = `(${precision},${scale})`
    return { types: { mysql: `DECIMAL${type}`, postgres: `numeric${type}` }, value, indexable: true }
  })

const shared = (
  types: SharedType['types'],
  value: Arbitrary<string>,
  indexable = true,
  only?: SharedType['only'],
): Arbitrary<SharedType> => fc.constant({ types, value, indexable, ...(only && { only }) })

/** `[a, b]` of the values of a type, as PostgreSQL writes an array. */
const own = (type: string, value: Arbitrary<string>, indexable = true) =>
  shared({ postgres: type }, value, indexable, ['within'])

const randomType: Arbitrary<SharedType> = fc.oneof(
  shared({ mysql: 'SMALLINT', postgres: 'smallint', sqlite: 'INTEGER' }, between(-32768n, 32767n)),
  shared({ mysql: 'INT', postgres: 'integer', sqlite: 'INTEGER' }, between(-(2n ** 31n), 2n ** 31n - 1n)),
  shared({ mysql: 'BIGINT', postgres: 'bigint', sqlite: 'INTEGER' }, between(-(2n ** 63n), 2n ** 63n - 1n)),
  shared({ mysql: 'BIGINT UNSIGNED', postgres: 'numeric(20)' }, between(0n, 2n ** 64n - 1n), true, ['to']),
  decimal,
  shared({ mysql: 'DOUBLE', postgres: 'double precision', sqlite: 'REAL' }, double, false),
  shared({ mysql: 'FLOAT', postgres: 'real' }, float, false),
  shared({ mysql: 'VARCHAR(60) COLLATE utf8mb4_bin', postgres: 'varchar(60)', sqlite: 'TEXT' }, text(60)),
  shared({ mysql: 'LONGTEXT', postgres: 'text', sqlite: 'TEXT' }, text(200), false),
  shared({ mysql: 'VARBINARY(40)', postgres: 'bytea', sqlite: 'BLOB' }, bytes, true, ['to', 'within']),
  shared({ mysql: 'LONGBLOB', postgres: 'bytea', sqlite: 'BLOB' }, bytes, false),
  shared({ mysql: 'DATE', postgres: 'date' }, quoted(day(1, 9999))),
  shared({ mysql: 'DATETIME(6)', postgres: 'timestamp' }, quoted(moment(1, 9999)), true, ['to', 'within']),
  shared({ mysql: 'TIMESTAMP(6)', postgres: 'timestamptz' }, quoted(moment(1971, 2037)), true, [
    'to',
    'within',
  ]),
  shared({ mysql: 'TIME(6)', postgres: 'time' }, quoted(clock), true, ['from', 'within']),
  shared({ mysql: 'TINYINT(1)', postgres: 'boolean' }, fc.constantFrom('TRUE', 'FALSE'), true, [
    'from',
    'within',
  ]),
  own('uuid', quoted(fc.uuid())),
  own('numeric', fc.oneof(double, fc.constantFrom("'NaN'", "'Infinity'", '1.500', '1e-400'))),
  own('double precision', fc.oneof(double, fc.constantFrom("'NaN'", "'-Infinity'", "'-0'"))),
  own(
    'timestamptz',
    fc.constantFrom(
      "'infinity'",
      "'-infinity'",
      "'0044-03-15 12:00:00 BC'",
      "'294276-12-31 23:59:59.999999'",
    ),
  ),
  own('date', fc.constantFrom("'infinity'", "'4713-01-01 BC'", "'5874897-12-31'")),
  own('time', fc.constantFrom("'24:00:00'", "'00:00:00'", "'23:59:59.999999'")),
  own(
    'interval',
    fc.constantFrom("'1 year 2 months -3 days 04:05:06.789'", "'-178000000 years'", "'0'"),
    false,
  ),
  own(
    'jsonb',
    fc.jsonValue({ maxDepth: 2 }).map((value) => `utf8:${JSON.stringify(value).replaceAll('\\u0000', '')}`),
    false,
  ),
  own(
    'json',
    fc.jsonValue({ maxDepth: 2 }).map((value) => `utf8:${JSON.stringify(value)}`),
    false,
  ),
  own(
    'text[]',
    fc.array(text(24), { maxLength: 3 }).map((all) => `array:${JSON.stringify(all)}`),
    false,
  ),
  own('int4range', fc.constantFrom("'[1,5)'", "'empty'", "'(,)'"), false),
  own('inet', fc.constantFrom("'10.0.0.1/8'", "'::1'", "'10.0.0.1'"), false),
  own('bit(5)', fc.constantFrom("B'10101'", "B'00000'"), false),
  own(
    'char(9)',
    text(9).map((value) => value.slice(0, 9)),
    false,
  ),
)

const COLUMNS = 9
const ROWS = 40
const SUFFIXES = ['', '', '', ' ', '"', "'", '\\', '数', '.', '%', '$']

interface RandomColumn {
  readonly name: string
  readonly type: SharedType
  readonly nullable: boolean
}

export const postgresTable: Arbitrary<PostgresTable> = fc.constantFrom(...WAYS).chain(([from, to]) => {
  const way = from === to ? 'within' : to === 'postgres' ? 'to' : 'from'
  const usable = (type: SharedType) =>
    familyOf(from) in type.types && familyOf(to) in type.types && (type.only?.includes(way) ?? true)
  const column = fc.record({
    type: randomType.filter(usable),
    nullable: fc.boolean(),
    suffix: fc.constantFrom(...SUFFIXES),
  })
  return fc
    .array(column, { minLength: 1, maxLength: COLUMNS })
    .map((all) => all.map(({ suffix, ...rest }, i) => ({ ...rest, name: `c${i}${suffix}x` })))
    .chain((columns) => filled(from, to, columns))
})

function filled(from: End, to: End, columns: readonly RandomColumn[]): Arbitrary<PostgresTable> {
  const cells = columns.map(({ type, nullable }) =>
    nullable ? fc.option(type.value, { nil: 'NULL', freq: 5 }) : type.value,
  )
  const keyable = columns.filter(({ type, nullable }) => type.indexable && !nullable)
  const key =
    keyable.length === 0
      ? fc.constant([])
      : fc.shuffledSubarray(keyable, { maxLength: Math.min(3, keyable.length) })
  const params = fc.record({
    read_batch: fc.integer({ min: 1, max: 20 }),
    worker_num: fc.integer({ min: 1, max: 3 }),
  })
  return fc
    .tuple(fc.array(fc.tuple(...cells), { maxLength: ROWS, size: 'max' }), key, params)
    .map(([rows, identity, chosen]) => {
      const values = rows.map((row) => `(${row.map((value) => literal(from, value)).join(', ')})`).join(',\n')
      const [insert, rest] = insertOf(from)
      return {
        from,
        to,
        create: { from: create(from, columns, identity), to: create(to, columns, identity) },
        insert: rows.length === 0 ? '' : `${insert} INTO t VALUES\n${values}${rest}`,
        params: chosen,
      }
    })
}

/** Rows that break the key are left out. */
function insertOf(end: End): readonly [string, string] {
  if (end === 'postgres') return ['INSERT', ' ON CONFLICT DO NOTHING']
  return [end === 'sqlite' ? 'INSERT OR IGNORE' : 'INSERT IGNORE', '']
}

function familyOf(end: End): 'mysql' | 'postgres' | 'sqlite' {
  return end === 'mariadb' ? 'mysql' : end
}

function create(end: End, columns: readonly RandomColumn[], key: readonly RandomColumn[]): string {
  const quote = (name: string) =>
    familyOf(end) === 'mysql' ? `\`${name}\`` : `"${name.replaceAll('"', '""')}"`
  const definitions = columns.map(({ name, type, nullable }) => {
    const given = familyOf(end) === 'mysql' && type.types.mysql!.startsWith('TIMESTAMP') && !nullable
    return `${quote(name)} ${type.types[familyOf(end)]}${nullable ? ' NULL' : ' NOT NULL'}${given ? " DEFAULT '2001-01-01'" : ''}`
  })
  const unique = key.length === 0 ? [] : [`PRIMARY KEY (${key.map(({ name }) => quote(name)).join(', ')})`]
  return `CREATE TABLE t (${[...definitions, ...unique].join(', ')})`
}

function literal(end: End, value: string): string {
  const [, sort, rest] = /^(utf8|hex|array):(.*)$/s.exec(value) ?? []
  if (sort === undefined)
    return end === 'sqlite' ? value.replace(/^(TRUE|FALSE)$/, (word) => (word === 'TRUE' ? '1' : '0')) : value
  if (sort === 'array') {
    const all = (JSON.parse(rest!) as string[]).map((each) => literal(end, each))
    return `ARRAY[${all.join(', ')}]::text[]`
  }
  const digits = sort === 'hex' ? rest! : Buffer.from(rest!).toString('hex')
  if (end === 'postgres') {
    const decoded = `'\\x${digits}'::bytea`
    return sort === 'hex' ? decoded : `'${rest!.replaceAll("'", "''")}'`
  }
  if (sort === 'hex') return `x'${digits}'`
  return end === 'sqlite' ? `CAST(x'${digits}' AS TEXT)` : `CONVERT(x'${digits}' USING utf8mb4)`
}
