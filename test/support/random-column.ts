// Column types and valid values of them, as SQL that MySQL and MariaDB both understand.
import fc, { type Arbitrary } from 'fast-check'

export interface RandomType {
  readonly sql: string
  /** Literals. */
  readonly value: Arbitrary<string>
  /** Whether it may be part of an index. */
  readonly indexable: boolean
  /** MariaDB's JSON is text, so what it holds is not what MySQL would write. */
  readonly json: boolean
}

const type = (sql: string, value: Arbitrary<string>, indexable = true, json = false): RandomType => ({
  sql,
  value,
  indexable,
  json,
})

const hex = (bytes: Uint8Array) => `x'${Buffer.from(bytes).toString('hex')}'`
const padded = (value: number, digits: number) => String(value).padStart(digits, '0')
const within = (min: number, max: number) => fc.oneof(fc.integer({ min, max }), fc.constantFrom(min, max))

function integers(): Arbitrary<RandomType> {
  const sizes = [
    ['TINYINT', 8n],
    ['SMALLINT', 16n],
    ['MEDIUMINT', 24n],
    ['INT', 32n],
    ['BIGINT', 64n],
  ] as const
  return fc.tuple(fc.constantFrom(...sizes), fc.boolean()).map(([[name, bits], unsigned]) => {
    const min = unsigned ? 0n : -(2n ** (bits - 1n))
    const max = unsigned ? 2n ** bits - 1n : 2n ** (bits - 1n) - 1n
    const near = fc.constantFrom(min, max, 0n, 1n, max - 1n)
    const value = fc.oneof(fc.bigInt({ min, max }), near).map(String)
    return type(unsigned ? `${name} UNSIGNED` : name, value)
  })
}

function decimals(): Arbitrary<RandomType> {
  return fc
    .integer({ min: 1, max: 65 })
    .chain((precision) =>
      fc.tuple(fc.constant(precision), fc.integer({ min: 0, max: Math.min(30, precision) })),
    )
    .map(([precision, scale]) => {
      const digits = (length: number) =>
        fc.oneof(
          fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: length }),
          fc.constant(Array<number>(length).fill(9)),
        )
      const value = fc
        .tuple(fc.boolean(), digits(precision - scale), digits(scale))
        .map(
          ([negative, whole, rest]) =>
            `${negative ? '-' : ''}${whole.join('') || '0'}${rest.length > 0 ? `.${rest.join('')}` : ''}`,
        )
      return type(`DECIMAL(${precision},${scale})`, value)
    })
}

/** Without -0, which MariaDB stores as 0. */
function floats(): Arbitrary<RandomType> {
  const limits = { noNaN: true, noDefaultInfinity: true }
  const literal = (value: number) => (value === 0 ? '0' : String(value))
  return fc.constantFrom(
    type('FLOAT', fc.float(limits).map(literal)),
    type('DOUBLE', fc.double(limits).map(literal)),
  )
}

/** Text as the hexadecimal digits of its UTF-8, so that no quoting stands between the value and the server. */
const utf8 = (text: string) => `CONVERT(${hex(Buffer.from(text))} USING utf8mb4)`

const HOSTILE = [
  '\\',
  "'",
  '"',
  '\t',
  '\n',
  '\r',
  '\0',
  '\x1a',
  '%',
  '_',
  '\\N',
  'NULL',
  ' ',
  '\\\\',
  '0',
  ',',
  '`',
  '',
]
const letters = (text: string) => Array.from(text)
const CJK = letters('数据运表能中文字一二三')
const characters: Readonly<Record<string, Arbitrary<string>>> = {
  utf8mb4: fc.oneof(
    fc.string({ unit: 'binary', maxLength: 6 }),
    fc.string({ unit: 'grapheme', maxLength: 3 }),
  ),
  utf8mb3: fc.string({
    unit: fc.integer({ min: 0, max: 0xd7ff }).map((code) => String.fromCharCode(code)),
    maxLength: 6,
  }),
  ucs2: fc.string({
    unit: fc.integer({ min: 0, max: 0xd7ff }).map((code) => String.fromCharCode(code)),
    maxLength: 6,
  }),
  utf16: fc.string({ unit: 'binary', maxLength: 6 }),
  latin1: fc.string({ unit: fc.constantFrom(...letters('aé€ÿ¿Ž ')), maxLength: 6 }),
  ascii: fc.string({ unit: 'binary-ascii', maxLength: 6 }),
  gbk: fc.string({ unit: fc.constantFrom(...CJK, '運', 'a', '\\'), maxLength: 6 }),
  sjis: fc.string({ unit: fc.constantFrom(...letters('表能ソ一a')), maxLength: 6 }),
  cp1251: fc.string({ unit: fc.constantFrom(...letters('яЖ№a ')), maxLength: 6 }),
}

function texts(): Arbitrary<RandomType> {
  const shape = fc.constantFrom('CHAR(20)', 'VARCHAR(20)', 'VARCHAR(60)', 'TINYTEXT', 'TEXT', 'LONGTEXT')
  const order = fc.constantFrom('', '_bin')
  return fc
    .tuple(shape, fc.constantFrom(...Object.keys(characters)), order)
    .map(([sql, charset, collation]) => {
      const plain = fc.oneof({ weight: 3, arbitrary: characters[charset]! }, fc.constantFrom(...HOSTILE))
      const doubled = fc.tuple(plain, fc.constantFrom(...HOSTILE), plain).map((parts) => parts.join(''))
      const collate = collation === '' ? '' : ` COLLATE ${charset}${collation}`
      return type(
        `${sql} CHARACTER SET ${charset}${collate}`,
        fc.oneof(plain, doubled).map(utf8),
        sql.includes('CHAR'),
      )
    })
}

function bytes(): Arbitrary<RandomType> {
  const value = (maxLength: number) =>
    fc.oneof(
      fc.uint8Array({ maxLength }),
      fc
        .array(fc.constantFrom(0, 9, 10, 13, 26, 34, 39, 92, 128, 255), { maxLength })
        .map((all) => Uint8Array.from(all)),
    )
  return fc.constantFrom(
    type('BINARY(8)', value(8).map(hex)),
    type('VARBINARY(30)', value(30).map(hex)),
    type('TINYBLOB', value(255).map(hex), false),
    type('BLOB', value(600).map(hex), false),
    type('LONGBLOB', value(600).map(hex), false),
  )
}

function bits(): Arbitrary<RandomType> {
  return fc.integer({ min: 1, max: 64 }).map((width) => {
    const max = 2n ** BigInt(width) - 1n
    return type(
      `BIT(${width})`,
      fc.oneof(fc.bigInt({ min: 0n, max }), fc.constantFrom(0n, max)).map((n) => `b'${n.toString(2)}'`),
    )
  })
}

const MEMBERS = ['a', 'B', '2', '1', '0', 'x y', "it''s", '数', '"', 'z-9']

function members(): Arbitrary<RandomType> {
  return fc.shuffledSubarray(MEMBERS, { minLength: 1 }).chain((some) => {
    const list = some.map((member) => `'${member}'`).join(',')
    return fc.constantFrom(
      type(
        `ENUM(${list})`,
        fc.constantFrom(...some).map((member) => `'${member}'`),
      ),
      type(
        `SET(${list})`,
        fc.subarray(some).map((chosen) => `'${chosen.join(',')}'`),
      ),
    )
  })
}

const clock = fc
  .tuple(within(0, 23), within(0, 59), within(0, 59))
  .map((parts) => parts.map((part) => padded(part, 2)).join(':'))
const fraction = (digits: number) =>
  digits === 0 ? fc.constant('') : within(0, 10 ** digits - 1).map((value) => `.${padded(value, digits)}`)
const calendar = (first: number, last: number) =>
  fc
    .tuple(within(first, last), within(1, 12), within(1, 28))
    .map(([year, month, day]) => `${padded(year, 4)}-${padded(month, 2)}-${padded(day, 2)}`)
const zeros = fc.constantFrom('0000-00-00', '2024-00-00', '2024-02-00', '2024-02-29')

function times(): Arbitrary<RandomType> {
  return fc.integer({ min: 0, max: 6 }).chain((digits) => {
    const quoted = (...parts: Arbitrary<string>[]) => fc.tuple(...parts).map((all) => `'${all.join('')}'`)
    const space = fc.constant(' ')
    const suffix = digits === 0 ? '' : `(${digits})`
    const hours = fc
      .tuple(fc.constantFrom('', '-'), within(0, 837), clock)
      .map(([sign, hour, rest]) => `${sign}${padded(hour, 2)}${rest.slice(2)}`)
    return fc.constantFrom(
      type('DATE', quoted(fc.oneof(calendar(1, 9999), zeros))),
      type('YEAR', fc.oneof(within(1901, 2155), fc.constant(0)).map(String)),
      type(`TIME${suffix}`, quoted(hours, fraction(digits))),
      type(`DATETIME${suffix}`, quoted(fc.oneof(calendar(1, 9999), zeros), space, clock, fraction(digits))),
      type(`TIMESTAMP${suffix}`, quoted(calendar(1971, 2037), space, clock, fraction(digits))),
    )
  })
}

function shapes(): Arbitrary<RandomType> {
  const coordinate = fc.double({ min: -1e6, max: 1e6, noNaN: true }).map((value) => (value === 0 ? 0 : value))
  const point = fc
    .tuple(coordinate, coordinate, fc.constantFrom(0, 3857))
    .map(([x, y, srid]) => `ST_GeomFromText('POINT(${x} ${y})', ${srid})`)
  return fc.constantFrom(type('POINT', point, false), type('GEOMETRY', point, false))
}

function json(): Arbitrary<RandomType> {
  return fc.constant(
    type(
      'JSON',
      fc.jsonValue({ maxDepth: 3 }).map((value) => utf8(JSON.stringify(value))),
      false,
      true,
    ),
  )
}

export const randomType: Arbitrary<RandomType> = fc.oneof(
  { weight: 3, arbitrary: integers() },
  { weight: 2, arbitrary: decimals() },
  { weight: 2, arbitrary: floats() },
  { weight: 5, arbitrary: texts() },
  { weight: 3, arbitrary: bytes() },
  { weight: 1, arbitrary: bits() },
  { weight: 2, arbitrary: members() },
  { weight: 4, arbitrary: times() },
  { weight: 1, arbitrary: shapes() },
  { weight: 1, arbitrary: json() },
)
