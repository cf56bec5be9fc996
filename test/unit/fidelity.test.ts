import { expect } from 'chai'
import { describe, it } from 'mocha'
import { LossyCoercion } from '../../src/wire/lossy-coercion.js'
import { judge } from '../../src/plan/fidelity.js'
import type { Characters, Column, ColumnKind, ValueRange, PlannedWrite } from '../../src/contract/plugin.js'
import { valueRangeOf } from '../../plugins/mysql/value-range.js'
import { batch } from './sqlite-fixture.js'

function column(kind: ColumnKind, valueRange: ValueRange = {}, nullable = true): Column {
  return {
    name: 'v',
    type: kind,
    kind,
    nullable,
    hasDefault: false,
    generated: false,
    ordered: true,
    valueRange,
  }
}

const characters = (coverage: string, encoding: string, maxBytes: number): Characters => ({
  coverage,
  encoding,
  maxBytes,
})
const UTF8 = characters('unicode', 'utf8', 4)
const UTF8MB3 = characters('bmp', 'utf8', 3)
const LATIN1 = characters('latin1', 'latin1', 1)
const INT = column('integer', { min: '-2147483648', max: '2147483647' })
const UINT = column('integer', { min: '0', max: '4294967295' })
const BIGINT = column('integer', { min: String(-(2n ** 63n)), max: String(2n ** 63n - 1n) })
const FLOAT = column('float', { bits: 24, nonFinite: 'none' })
const DOUBLE = column('float', { bits: 53, nonFinite: 'none' })
const INFINITE_DOUBLE = column('float', { bits: 53, nonFinite: 'infinities' })
const ANY_DOUBLE = column('float', { bits: 53 })
const decimal = (precision: number, scale: number, more: ValueRange = {}) =>
  column('decimal', { precision, scale, ...more })
const varchar = (maxChars: number, set = UTF8, more: ValueRange = {}) =>
  column('text', { maxChars, characters: set, ...more })
const text = (maxBytes: number, set = UTF8) => column('text', { maxBytes, characters: set })
const bytes = (maxBytes: number, more: ValueRange = {}) => column('bytes', { maxBytes, ...more })
const members = (...list: string[]) => varchar(9, UTF8, { members: list })
const JSON_TEXT = column('json', { characters: UTF8 })
const JSON_NATIVE = column('json', { characters: UTF8, normalised: true })
const DATE = column('date', { dates: 'partial', earliest: '0000-00-00', latest: '9999-12-31' })
const datetime = (fractionDigits: number) =>
  column('datetime', {
    fractionDigits,
    dates: 'partial',
    earliest: '0000-00-00 00:00:00',
    latest: '9999-12-31 23:59:59',
  })
const instant = (fractionDigits: number, latest = '2038-01-19 03:14:07') =>
  column('instant', { fractionDigits, dates: 'zero', earliest: '1970-01-01 00:00:01', latest })
const geometry = (...shapes: string[]) => column('bytes', { subtypes: ['a geometry', ...shapes] })

const VERDICTS: readonly (readonly [string, Column, Column, RegExp])[] = [
  ['the same integers', INT, INT, /^exact/],
  ['int to bigint', INT, BIGINT, /^widening/],
  ['bigint to int', BIGINT, INT, /^lossy numbers below -2147483648; numbers above 2147483647$/],
  ['unsigned to signed', UINT, INT, /^lossy numbers above 2147483647$/],
  ['signed to unsigned', INT, UINT, /^lossy numbers below 0$/],
  ['int to double', INT, DOUBLE, /^widening/],
  ['int to float', INT, FLOAT, /^lossy integers beyond 16777216$/],
  ['bigint to double', BIGINT, DOUBLE, /^lossy integers beyond/],
  ['int to a decimal that is wide enough', INT, decimal(10, 0), /^widening/],
  ['int to decimal(10,2)', INT, decimal(10, 2), /^lossy numbers below -99999999; numbers above 99999999$/],
  ['decimal(18,0) to bigint', decimal(18, 0), BIGINT, /^widening/],
  ['decimal(5,2) to int', decimal(5, 2), INT, /^lossy fractions$/],
  ['decimal(5,2) to decimal(6,2)', decimal(5, 2), decimal(6, 2), /^widening/],
  ['decimal(5,2) to decimal(6,3)', decimal(5, 2), decimal(6, 3), /^widening/],
  ['decimal(5,2) to decimal(5,3)', decimal(5, 2), decimal(5, 3), /^lossy numbers below -99;/],
  ['decimal(5,3) to decimal(5,2)', decimal(5, 3), decimal(5, 2), /^lossy digits beyond 2 decimal places$/],
  ['decimal to decimal unsigned', decimal(5, 2), decimal(5, 2, { min: '0' }), /^lossy numbers below 0$/],
  ['decimal(15,4) to double', decimal(15, 4), DOUBLE, /^widening/],
  ['decimal(16,4) to double', decimal(16, 4), DOUBLE, /^lossy digits beyond the first 15$/],
  ['float to double', FLOAT, DOUBLE, /^widening/],
  ['any float to finite ones', ANY_DOUBLE, DOUBLE, /^checked NaN; Infinity and -Infinity$/],
  ['infinite floats to finite ones', INFINITE_DOUBLE, DOUBLE, /^checked Infinity and -Infinity$/],
  ['any float to infinite ones', ANY_DOUBLE, INFINITE_DOUBLE, /^checked NaN$/],
  ['finite floats to any', DOUBLE, ANY_DOUBLE, /^widening/],
  ['infinite floats to text', INFINITE_DOUBLE, varchar(24), /^widening/],
  ['double to float', DOUBLE, FLOAT, /^lossy digits beyond the first 6$/],
  ['float to int', FLOAT, INT, /^lossy .*fractions/],
  ['int to varchar(11)', INT, varchar(11), /^widening every value fits as text/],
  ['int to varchar(10)', INT, varchar(10), /^lossy text longer than 10 characters$/],
  ['int to char', INT, varchar(20, LATIN1, { stripsTrailingSpaces: true }), /^widening/],
  ['int to enum', INT, members('1'), /^lossy text that is not a member/],
  ['int to bytes', INT, bytes(100), /^impossible/],
  ['decimal(5,5) to varchar(7)', decimal(5, 5), varchar(7), /^lossy/],
  ['decimal(5,5) to varchar(8)', decimal(5, 5), varchar(8), /^widening/],
  ['varchar(10) to varchar(10)', varchar(10), varchar(10), /^exact/],
  ['varchar(10) to varchar(9)', varchar(10), varchar(9), /^lossy text longer than 9 characters$/],
  ['utf8mb3 to utf8mb4', varchar(10, UTF8MB3), varchar(10), /^widening/],
  ['utf8mb4 to utf8mb3', varchar(10), varchar(10, UTF8MB3), /^lossy characters outside the first 65,536/],
  ['latin1 to utf8mb3', varchar(10, LATIN1), varchar(10, UTF8MB3), /^widening/],
  ['utf8mb3 to latin1', varchar(10, UTF8MB3), varchar(10, LATIN1), /^lossy characters outside latin1$/],
  ['varchar(63) to tinytext', varchar(63), text(255), /^widening/],
  ['varchar(64) to tinytext', varchar(64), text(255), /^lossy text of more than 255 bytes$/],
  [
    'text to text of more bytes per character',
    text(65535, LATIN1),
    text(65535),
    /^lossy text of more than 65535 bytes$/,
  ],
  ['text utf8mb3 to utf8mb4', text(65535, UTF8MB3), text(65535), /^widening/],
  ['char to varchar', varchar(9, UTF8, { stripsTrailingSpaces: true }), varchar(9), /^widening/],
  [
    'varchar to char',
    varchar(9),
    varchar(9, UTF8, { stripsTrailingSpaces: true }),
    /^lossy spaces at the end$/,
  ],
  ['enum in another order', members('a', 'b'), members('b', 'a'), /^exact/],
  ['enum to more members', members('a', '1'), members('1', '2', 'a'), /^widening/],
  [
    'enum to fewer members',
    members('a', 'A'),
    members('a'),
    /^lossy the members "A", missing in the target$/,
  ],
  ['set to enum', varchar(9, UTF8, { members: ['a'], multiValued: true }), members('a'), /^lossy sets/],
  ['enum to varchar', members('a'), varchar(9), /^widening/],
  ['varchar to enum', varchar(9), members('a'), /^lossy text that is not a member/],
  ['varchar to int', varchar(9), INT, /^lossy text that is not an integer$/],
  ['varchar to date', varchar(9), DATE, /^lossy text that is not a date$/],
  ['varchar to json', varchar(9), JSON_TEXT, /^lossy text that is not JSON$/],
  ['json as text to native json', JSON_TEXT, JSON_NATIVE, /^lossy the spelling of JSON/],
  ['native json to json as text', JSON_NATIVE, JSON_TEXT, /^exact/],
  ['json to unbounded text', JSON_NATIVE, column('text', { characters: UTF8 }), /^widening/],
  ['json to text of 65535 bytes', JSON_NATIVE, text(65535), /^lossy text of more than 65535 bytes$/],
  ['json to int', JSON_NATIVE, INT, /^impossible/],
  ['date to datetime', DATE, datetime(0), /^widening/],
  ['datetime to date', datetime(0), DATE, /^lossy the time of day$/],
  ['datetime(6) to datetime(3)', datetime(6), datetime(3), /^lossy digits of a second beyond 3$/],
  ['datetime(6) to datetime', datetime(6), datetime(0), /^lossy fractions of a second$/],
  [
    'datetime to timestamp',
    datetime(0),
    instant(0),
    /^lossy times before 1970-01-01 00:00:01; times after 2038/,
  ],
  ['timestamp to datetime', instant(0), datetime(0), /^widening .*in UTC$/],
  ['timestamp to an earlier end', instant(0, '2106-02-07 06:28:15'), instant(0), /^lossy times after 2038/],
  ['datetime(6) to varchar(26)', datetime(6), varchar(26), /^widening/],
  ['datetime(6) to varchar(25)', datetime(6), varchar(25), /^lossy/],
  ['time to datetime', column('time', { fractionDigits: 0 }), datetime(0), /^impossible/],
  ['varbinary to longer', bytes(4), bytes(5), /^widening/],
  ['varbinary to shorter', bytes(4), bytes(3), /^lossy more than 3 bytes$/],
  ['varbinary to binary', bytes(4), bytes(4, { padded: true }), /^lossy the length/],
  ['binary to varbinary', bytes(4, { padded: true }), bytes(4), /^widening/],
  ['binary to longer binary', bytes(4, { padded: true }), bytes(5, { padded: true }), /^lossy the length/],
  ['bit to more bits', column('bytes', { maxBits: 8 }), column('bytes', { maxBits: 9 }), /^widening/],
  [
    'bit to fewer bits',
    column('bytes', { maxBits: 9 }),
    column('bytes', { maxBits: 8 }),
    /^lossy more than 8 bits$/,
  ],
  ['blob to int', bytes(9), INT, /^impossible/],
  ['blob to text in UTF-8', bytes(9), varchar(9), /^lossy bytes that are not UTF-8 text$/],
  ['blob to text in latin1', bytes(9), varchar(9, LATIN1), /^impossible/],
  ['text to blob', varchar(9), bytes(36), /^lossy the character set: text becomes its UTF-8 bytes$/],
  ['point to geometry', geometry('a point'), geometry(), /^widening/],
  ['geometry to point', geometry(), geometry('a point'), /^lossy values that are not a point$/],
  ['geometry to date', geometry(), DATE, /^impossible/],
  ['uuid to text', column('text', { maxChars: 36, subtypes: ['a UUID'] }), varchar(36), /^widening/],
  [
    'text to uuid',
    varchar(36),
    column('text', { maxChars: 36, subtypes: ['a UUID'] }),
    /^lossy values that are not a UUID$/,
  ],
  ['NULL into NOT NULL', INT, { ...INT, nullable: false }, /^lossy NULL$/],
  ['NOT NULL into NULL', { ...INT, nullable: false }, INT, /^exact/],
  [
    'what is not known',
    column('text', { dynamic: true }),
    varchar(9),
    /^checked text longer than 9 characters$/,
  ],
  [
    'NULL of what is not known',
    column('text', { dynamic: true }),
    { ...varchar(9), nullable: false },
    /^lossy NULL; text longer/,
  ],
]

describe('fidelity of a column', () => {
  for (const [name, source, target, expected] of VERDICTS) {
    it(name, () => {
      const { conversion, why } = judge(source, target)
      expect(`${conversion} ${why}`).to.match(expected)
    })
  }
})

describe('value ranges of MySQL and MariaDB columns', () => {
  const facts = {
    precision: undefined,
    scale: undefined,
    length: undefined,
    charset: null,
    fraction: undefined,
    srid: null,
    version: '9.7.0',
  }

  it('hold members with quotes and escapes as they are', () => {
    const type = String.raw`enum('it''s','c\\d','x\ny','a,b','')`
    const { members: list } = valueRangeOf({ ...facts, base: 'enum', type, length: 4, charset: 'utf8mb4' })
    expect(list).to.deep.equal(["it's", 'c\\d', 'x\ny', 'a,b', ''])
  })

  it('know the ranges of integers', () => {
    expect(valueRangeOf({ ...facts, base: 'mediumint', type: 'mediumint unsigned' })).to.deep.equal({
      min: '0',
      max: '16777215',
    })
    expect(valueRangeOf({ ...facts, base: 'bigint', type: 'bigint(20)' })).to.deep.equal({
      min: '-9223372036854775808',
      max: '9223372036854775807',
    })
  })

  it('know when TIMESTAMP ends', () => {
    const latest = (version: string) =>
      valueRangeOf({ ...facts, base: 'timestamp', type: 'timestamp', version }).latest
    expect(latest('10.11.19-MariaDB')).to.match(/^2038/)
    expect(latest('11.4.2-MariaDB')).to.match(/^2038/)
    expect(latest('11.8.1-MariaDB')).to.match(/^2106/)
    expect(latest('9.7.0')).to.match(/^2038/)
  })
})

describe('an accepted loss', () => {
  /** What becomes of the cells of one column. */
  function narrowed(source: Column, target: Column, ...cells: string[]): string {
    const columns = [{ source, target, check: { conversion: 'lossy', why: '' } as const }]
    const coercion = LossyCoercion.of({
      columns,
      batch: { bytes: 1024, rows: 100 },
    } as unknown as PlannedWrite)
    return coercion!.apply(batch(...cells)).bytes.toString()
  }

  it('brings numbers into the range', () => {
    expect(narrowed(BIGINT, INT, '5', '-9223372036854775808', '2147483648', '\\N')).to.equal(
      '5\n-2147483648\n2147483647\n\\N\n',
    )
    expect(narrowed(decimal(9, 4), decimal(5, 2), '1.2999', '-1000.0000', '0.0099', '-0.5000')).to.equal(
      '1.29\n-999.99\n0.00\n-0.50\n',
    )
    expect(narrowed(decimal(9, 4), decimal(5, 2, { min: '0' }), '-0.5000', '1.0000')).to.equal('0\n1.00\n')
    expect(
      narrowed(decimal(30, 4), column('decimal', { bits: 53 }), '12345678901234567890.1234', '0.1000'),
    ).to.equal('12345678901234500000.0000\n0.1000\n')
    expect(narrowed(DOUBLE, FLOAT, '0.1', '1e300', '-0', '16777217')).to.equal(
      '0.10000000149011612\n3.4028234663852886e+38\n-0\n16777216\n',
    )
  })

  it('cuts text by characters, by bytes and by coverage, and leaves whole characters', () => {
    expect(narrowed(varchar(99), varchar(3), 'ab', '📦📦📦📦', 'a\\tbc\\\\')).to.equal('ab\n📦📦📦\na\\tb\n')
    expect(narrowed(varchar(99), text(5), 'ééé', 'abcdef')).to.equal('éé\nabcde\n')
    expect(narrowed(varchar(99), varchar(9, UTF8MB3), 'a📦中')).to.equal('a?中\n')
    const latin = varchar(3, { ...LATIN1, ranges: [[0, 0xff]] })
    expect(narrowed(varchar(99), latin, 'é中📦x')).to.equal('é??\n')
    expect(narrowed(varchar(99), varchar(9, UTF8, { stripsTrailingSpaces: true }), 'a b  ')).to.equal('a b\n')
  })

  it('cuts and pads bytes, and cuts fractions of a second', () => {
    expect(narrowed(bytes(9), bytes(3), 'ab', 'abcd')).to.equal('ab\nabc\n')
    expect(narrowed(bytes(9), bytes(3, { padded: true }), 'ab', 'abcd')).to.equal('ab\\0\nabc\n')
    expect(narrowed(datetime(6), datetime(0), '2024-01-01 00:00:00.999999', '2024-01-01 00:00:00')).to.equal(
      '2024-01-01 00:00:00\n2024-01-01 00:00:00\n',
    )
    expect(narrowed(datetime(6), instant(2), '2024-01-01 00:00:00.999')).to.equal('2024-01-01 00:00:00.99\n')
  })

  it('is nothing to do for what another kind cannot express', () => {
    const columns = [{ source: varchar(9), target: INT, check: { conversion: 'lossy', why: '' } as const }]
    expect(
      LossyCoercion.of({ columns, batch: { bytes: 1024, rows: 100 } } as unknown as PlannedWrite),
    ).to.equal(null)
  })
})
