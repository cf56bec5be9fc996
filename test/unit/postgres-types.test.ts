import { expect } from 'chai'
import { describe, it } from 'mocha'
import { toColumn } from '../../plugins/mysql/schema.js'
import { valueRangeOf as sqliteRange } from '../../plugins/sqlite/schema.js'
import { cellOf, described } from '../../plugins/postgres/types.js'
import type { Column } from '../../src/contract/plugin.js'
import { judge } from '../../src/plan/fidelity.js'
import { syntaxOf, isWellFormed } from '../../src/wire/cell-syntax.js'

const plain = { name: 'v', nullable: true, hasDefault: false, generated: false }

/** A column of PostgreSQL. `modifier` is what the catalog keeps for what stands in parentheses. */
function pg(base: string, modifier = -1, labels: readonly string[] | null = null, encoding = 'UTF8'): Column {
  const facts = { base, type: base, modifier, labels, encoding, moneyScale: 2, lcMonetary: 'C' }
  return { ...plain, type: base, ...described(facts) }
}
/** Where the server does not read a point as such an amount. */
function moneyOf(lcMonetary: string): Column {
  const facts = {
    base: 'money',
    type: 'money',
    modifier: -1,
    labels: null,
    encoding: 'UTF8',
    moneyScale: null,
  }
  return { ...plain, type: 'money', ...described({ ...facts, lcMonetary }) }
}
const numeric = (precision: number, scale: number) => pg('numeric', ((precision << 16) | (scale & 0x7ff)) + 4)
const varchar = (length: number) => pg('varchar', length + 4)

/** A column of MySQL, by what information_schema says of it. */
function my(type: string, length: string | null = null, version = '9.7.0'): Column {
  const base = /^\w+/.exec(type)![0]
  const [first, second] = (/\(([\d,]+)\)/.exec(type)?.[1] ?? '').split(',')
  const charset = /char|text|enum|set/.test(base) ? 'utf8mb4' : null
  const row = [
    'v',
    base,
    type,
    'YES',
    null,
    '',
    first || null,
    second || (base === 'decimal' ? '0' : null),
    first || length,
    charset,
    first || '0',
    null,
    null,
  ]
  return toColumn(row, version, new Set())
}
const lite = (kind: Column['kind'], affinity: Parameters<typeof sqliteRange>[1]): Column => ({
  ...plain,
  type: kind,
  kind,
  ordered: true,
  valueRange: sqliteRange(kind, affinity),
})

const VERDICTS: readonly (readonly [string, Column, Column, RegExp])[] = [
  // Into PostgreSQL.
  ['TINYINT(1) to boolean', my('tinyint(1)'), pg('bool'), /^lossy numbers below 0; numbers above 1$/],
  ['TINYINT(1) to smallint', my('tinyint(1)'), pg('int2'), /^widening/],
  [
    'BIGINT UNSIGNED to bigint',
    my('bigint unsigned'),
    pg('int8'),
    /^lossy numbers above 9223372036854775807$/,
  ],
  ['BIGINT UNSIGNED to numeric(20,0)', my('bigint unsigned'), numeric(20, 0), /^widening/],
  ['BIGINT UNSIGNED to numeric', my('bigint unsigned'), pg('numeric'), /^widening/],
  ['DECIMAL(65,30) to numeric', my('decimal(65,30)'), pg('numeric'), /^widening/],
  [
    'DECIMAL(10,2) to numeric(10,1)',
    my('decimal(10,2)'),
    numeric(10, 1),
    /^lossy digits beyond 1 decimal place/,
  ],
  [
    'DECIMAL(3,0) to thousands',
    my('decimal(3,0)'),
    numeric(3, -3),
    /^lossy values that are not a value of type/,
  ],
  ['DOUBLE to double precision', my('double'), pg('float8'), /^widening/],
  ['DOUBLE to real', my('double'), pg('float4'), /^lossy digits beyond the first 6$/],
  ['DOUBLE to numeric', my('double'), pg('numeric'), /^widening/],
  ['VARCHAR(20) to varchar(20)', my('varchar(20)'), varchar(20), /^checked the character NUL$/],
  [
    'VARCHAR(20) to varchar(19)',
    my('varchar(20)'),
    varchar(19),
    /^lossy text longer than 19 characters; the character NUL$/,
  ],
  ['LONGTEXT to text', my('longtext', '4294967295'), pg('text'), /^checked the character NUL$/],
  ['CHAR(5) to char(5)', my('char(5)'), pg('bpchar', 9), /^checked the character NUL$/],
  ['VARCHAR(5) to char(5)', my('varchar(5)'), pg('bpchar', 9), /^lossy spaces at the end/],
  ['VARCHAR to LATIN1', my('varchar(5)'), pg('text', -1, null, 'LATIN1'), /^lossy characters outside LATIN1/],
  ["ENUM('a') to an enum with it", my("enum('a')", '1'), pg('', -1, ['b', 'a']), /^widening/],
  [
    "ENUM('a','c') to an enum without one",
    my("enum('a','c')", '1'),
    pg('', -1, ['a']),
    /^lossy the members "c"/,
  ],
  ["SET('a') to an enum", my("set('a')", '1'), pg('', -1, ['a']), /^lossy sets of other than one member/],
  ["SET('a') to text", my("set('a')", '1'), pg('text'), /^widening/],
  ['LONGBLOB to bytea', my('longblob', '4294967295'), pg('bytea'), /^exact/],
  ['BIT(8) to bytea', my('bit(8)'), pg('bytea'), /^widening/],
  ['BIT(8) to bit(8)', my('bit(8)'), pg('bit', 8), /^impossible/],
  ['JSON to json', my('json'), pg('json'), /^exact/],
  ['JSON to jsonb', my('json'), pg('jsonb'), /^checked types inside/],
  ['DATE to date', my('date'), pg('date'), /^checked zero dates$/],
  ['DATETIME to timestamp', my('datetime(6)'), pg('timestamp'), /^checked zero dates$/],
  [
    'DATETIME(6) to timestamp(3)',
    my('datetime(6)'),
    pg('timestamp', 3),
    /^lossy digits of a second beyond 3; zero dates$/,
  ],
  ['TIMESTAMP to timestamptz', my('timestamp(6)'), pg('timestamptz'), /^checked zero dates$/],
  ['TIME to time', my('time(6)'), pg('time'), /^lossy times before 00:00:00; times after 24:00:00$/],
  ['TIME to interval', my('time(6)'), pg('interval'), /^widening/],
  ['YEAR to smallint', my('year(4)'), pg('int2'), /^widening/],
  ['a UUID of MariaDB', my('uuid', null, '10.11.4-MariaDB'), pg('uuid'), /^exact/],
  [
    'text of any length to varchar(5)',
    lite('text', 'text'),
    varchar(5),
    /^checked text longer than 5 characters; the character NUL$/,
  ],
  ...['interval', 'inet', '_int4', 'varbit', 'name', 'char'].map(
    (type) =>
      [
        `text of any length to ${type}`,
        lite('text', 'text'),
        pg(type),
        /^lossy (.*; )?values that are not/,
      ] as const,
  ),
  [
    'text in a key to a name',
    { ...pg('text'), valueRange: { ...pg('text').valueRange, dynamic: true } },
    pg('name'),
    /^lossy values/,
  ],
  [
    'decimals of SQLite to hundreds',
    lite('decimal', 'numeric'),
    numeric(3, -2),
    /^lossy values that are not/,
  ],
  ['text of any length to uuid', lite('text', 'text'), pg('uuid'), /^checked values that are not a UUID/],
  ['times of SQLite to interval', lite('time', 'numeric'), pg('interval'), /^(checked|widening)/],
  ['integers of SQLite to int', lite('integer', 'integer'), pg('int4'), /^checked numbers below/],
  [
    'decimals of SQLite to numeric(10,2)',
    lite('decimal', 'numeric'),
    numeric(10, 2),
    /^checked .*digits beyond 2/,
  ],
  ['REAL to double precision', lite('float', 'real'), pg('float8'), /^widening/],
  ['dates of SQLite', lite('date', 'numeric'), pg('date'), /^checked zero dates$/],
  ['times of SQLite', lite('time', 'numeric'), pg('time'), /^checked .*times after 24:00:00$/],
  // From PostgreSQL.
  ['boolean to TINYINT(1)', pg('bool'), my('tinyint(1)'), /^widening/],
  [
    'numeric to DECIMAL(65,30)',
    pg('numeric'),
    my('decimal(65,30)'),
    /^checked .*NaN; Infinity and -Infinity$/,
  ],
  ['numeric(10,2) to DECIMAL(10,2)', numeric(10, 2), my('decimal(10,2)'), /^checked NaN$/],
  ['numeric(3,5) to DECIMAL(5,5)', numeric(3, 5), my('decimal(5,5)'), /^checked NaN$/],
  ['numeric to text', pg('numeric'), my('longtext', '4294967295'), /^widening/],
  ['double precision to DOUBLE', pg('float8'), my('double'), /^checked NaN; Infinity and -Infinity$/],
  ['real to FLOAT', pg('float4'), my('float'), /^checked NaN; Infinity and -Infinity$/],
  ['text to VARCHAR(255)', pg('text'), my('varchar(255)'), /^lossy text longer than 255 characters$/],
  ['text to LONGTEXT', pg('text'), my('longtext', '4294967295'), /^widening/],
  ['varchar(20) to VARCHAR(20)', varchar(20), my('varchar(20)'), /^widening/],
  ['char(5) to CHAR(5)', pg('bpchar', 9), my('char(5)'), /^widening/],
  ['an enum to an ENUM', pg('', -1, ['a']), my("enum('a')", '1'), /^widening/],
  ['bytea to VARBINARY(4)', pg('bytea'), my('varbinary(4)'), /^lossy more than 4 bytes$/],
  ['json to JSON', pg('json'), my('json'), /^lossy the spelling of JSON/],
  ['jsonb to JSON', pg('jsonb'), my('json'), /^checked types inside/],
  ['jsonb to LONGTEXT', pg('jsonb'), my('longtext', '4294967295'), /^widening/],
  ['date to DATE', pg('date'), my('date'), /^checked years before 1 and after 9999, and infinity$/],
  ['date to VARCHAR(13)', pg('date'), my('varchar(13)'), /^widening/],
  ['date to VARCHAR(10)', pg('date'), my('varchar(10)'), /^lossy/],
  ['timestamp to DATETIME(6)', pg('timestamp'), my('datetime(6)'), /^checked years before 1/],
  [
    'timestamptz to TIMESTAMP(6)',
    pg('timestamptz'),
    my('timestamp(6)'),
    /^lossy times before 1970.*; years before/,
  ],
  ['timestamptz to DATETIME(6)', pg('timestamptz'), my('datetime(6)'), /^checked years before 1/],
  ['time to TIME(6)', pg('time'), my('time(6)'), /^widening/],
  ['interval to TIME', pg('interval'), my('time(6)'), /^impossible/],
  ['interval to text', pg('interval'), my('longtext', '4294967295'), /^widening/],
  ['an array to text', pg('_int4'), my('longtext', '4294967295'), /^widening/],
  ['inet to VARCHAR(10)', pg('inet'), my('varchar(10)'), /^lossy text longer/],
  ['numeric to REAL', pg('numeric'), lite('float', 'real'), /^checked/],
  ['text to TEXT', pg('text'), lite('text', 'text'), /^widening/],
  ['date to a date of SQLite', pg('date'), lite('date', 'numeric'), /^widening/],
  // To itself.
  ['numeric', pg('numeric'), pg('numeric'), /^exact/],
  ['dates', pg('date'), pg('date'), /^exact/],
  ['an array', pg('_int4'), pg('_int4'), /^exact/],
  ['an array to another', pg('_int4'), pg('_int8'), /^lossy values that are not a value of type _int8$/],
  ['text to an array', pg('text'), pg('_int4'), /^lossy values that are not/],
  ['json to jsonb', pg('json'), pg('jsonb'), /^lossy the spelling of JSON/],
  ['jsonb to json', pg('jsonb'), pg('json'), /^exact/],
  ['money to money of the same locale', moneyOf('de_DE'), moneyOf('de_DE'), /^exact/],
  [
    'money to money of another locale',
    moneyOf('de_DE'),
    moneyOf('fr_FR'),
    /^lossy values that are not money of fr_FR/,
  ],
  ['numeric to money of a locale', pg('numeric'), moneyOf('de_DE'), /^(lossy|impossible)/],
  ['money to text', moneyOf('de_DE'), pg('text'), /^(exact|widening)/],
  ['money to numeric', pg('money'), pg('numeric'), /^widening/],
  ['real to double precision', pg('float4'), pg('float8'), /^widening/],
]

describe('types of PostgreSQL', () => {
  for (const [name, source, target, expected] of VERDICTS) {
    it(`are judged: ${name}`, () => {
      const { conversion, why } = judge(source, target)
      expect(`${conversion} ${why}`).to.match(expected)
    })
  }

  it('have the digits of numeric that the catalog keeps, negative ones too', () => {
    expect(numeric(1000, 0).valueRange).to.include({ precision: 1000, scale: 0 })
    expect(numeric(2, -3).valueRange).to.include({ precision: 5, scale: 0 })
    expect(numeric(3, 5).valueRange).to.include({ precision: 5, scale: 5 })
  })

  it('keep what no digits and no calendar write', () => {
    const spellings: readonly (readonly [Column, string, boolean])[] = [
      [pg('numeric'), '-Infinity', true],
      [pg('numeric'), `1${'0'.repeat(500)}.5`, true],
      [pg('numeric'), '1e5', false],
      [my('decimal(5,2)'), 'NaN', false],
      [pg('date'), '0044-03-15 BC', true],
      [pg('date'), 'infinity', true],
      [pg('timestamptz'), '294276-12-31 23:59:59.999999', true],
      [pg('timestamp'), '2024-01-01', false],
      [my('date'), 'infinity', false],
    ]
    for (const [column, value, formed] of spellings)
      expect(isWellFormed(column, value), value).to.equal(formed)
    expect(syntaxOf(pg('date'))!.code).to.equal(0)
  })

  it('are selected as cells', () => {
    const cells: readonly (readonly [Column, string])[] = [
      [pg('bool'), '"v"::int'],
      [pg('timestamptz'), '("v" AT TIME ZONE \'UTC\')'],
      [pg('float4'), '"v"::float8'],
      [pg('bpchar', 9), '"v"::text'],
      [pg('money'), '"v"::numeric'],
      [pg('numeric'), '"v"'],
      [pg('timestamp'), '"v"'],
    ]
    for (const [column, sql] of cells) expect(cellOf(column, '"v"')).to.equal(sql)
  })
})
