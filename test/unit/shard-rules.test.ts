import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { ColumnKind } from '../../src/contract/plugin.js'
import type { ShardRule } from '../../src/contract/sharding.js'
import { crc32, javaHash, murmur3 } from '../../src/features/shard/hash.js'
import { locator } from '../../src/features/shard/rules.js'
import { readParams } from '../../src/task/params.js'

type Raw = Record<string, unknown>

function located(shard: Raw, kinds: readonly ColumnKind[], count: number, ...cells: (string | null)[]) {
  const rule = readParams({ shard }).shard!.rule as ShardRule
  const locate = locator(
    rule,
    kinds.map((kind, at) => ({ at, kind })),
    count,
  )
  return locate(cells.map((cell) => (cell === null ? null : Buffer.from(cell))))
}

describe('rules of shards', () => {
  it('hash the text of a value, and give every hash a shard', () => {
    const by = 'k'
    for (const text of ['', 'u1', '用户1', '😀', 'polygenelubricants']) {
      const bytes = Buffer.from(text)
      expect(located({ by, hash: 'crc32' }, ['text'], 7, text)).to.equal(crc32(bytes) % 7)
      expect(located({ by, hash: 'murmur3' }, ['text'], 7, text)).to.equal(murmur3(bytes) % 7)
      const signed = murmur3(bytes) | 0
      expect(located({ by, hash: 'murmur3', sign: 'floor' }, ['text'], 7, text)).to.equal(
        ((signed % 7) + 7) % 7,
      )
      const java = javaHash(text)
      expect(located({ by, hash: 'java_hash' }, ['text'], 7, text)).to.equal(((java % 7) + 7) % 7)
      expect(located({ by, hash: 'java_hash', sign: 'mask' }, ['text'], 7, text)).to.equal(
        (java & 0x7fffffff) % 7,
      )
      expect(located({ by, hash: 'java_hash', sign: 'abs' }, ['text'], 7, text)).to.equal(Math.abs(java) % 7)
    }
    expect(located({ by, hash: 'crc32' }, ['text'], 7, null)).to.equal(null)
  })

  it('hash integers as the target shows them', () => {
    const hash = (text: string) => located({ by: 'k', hash: 'crc32' }, ['integer'], 1000, text)
    expect(hash('00042')).to.equal(crc32(Buffer.from('42')) % 1000)
    expect(hash('-007')).to.equal(crc32(Buffer.from('-7')) % 1000)
    expect(hash('000')).to.equal(hash('0'))
    expect(hash('10')).to.equal(crc32(Buffer.from('10')) % 1000)
    expect(located({ by: 'k', hash: 'crc32' }, ['text'], 1000, '00042')).to.equal(
      crc32(Buffer.from('00042')) % 1000,
    )
  })

  it('take the number that the source computes', () => {
    const rule = { sql: 'MOD(id, 12)' }
    for (const [cell, shard] of [
      ['0', 0],
      ['11', 11],
      ['011', 11],
      ['3.000', 3],
    ] as const)
      expect(located(rule, ['decimal'], 12, cell)).to.equal(shard)
    for (const cell of [null, '', '12', '-1', '3.5', '1e1', 'a', '99999999999999999999'])
      expect(located(rule, ['decimal'], 12, cell), String(cell)).to.equal(null)
  })

  it('put several columns together', () => {
    const hash = (separator: object, ...cells: (string | null)[]) =>
      located({ by: ['a', 'b'], hash: 'crc32', ...separator }, ['text', 'integer'], 97, ...cells)
    expect(hash({}, 'x', '01')).to.equal(crc32(Buffer.from('x1')) % 97)
    expect(hash({ separator: '-' }, 'x', '1')).to.equal(crc32(Buffer.from('x-1')) % 97)
    expect(hash({}, 'x', null)).to.equal(null)
  })

  it('divide whole numbers of any size', () => {
    const rest = (text: string, sign?: string) =>
      located({ by: 'k', hash: 'modulo', ...(sign ? { sign } : {}) }, ['text'], 16, text)
    expect(rest('17')).to.equal(1)
    expect(rest('-1')).to.equal(15)
    expect(rest('-16')).to.equal(0)
    expect(rest('-1', 'abs')).to.equal(1)
    expect(rest('18446744073709551615')).to.equal(15)
    expect(rest('-9223372036854775807')).to.equal(1)
    expect(rest('12345678901234567890123456789')).to.equal(Number(12345678901234567890123456789n % 16n))
    for (const other of ['', '1.5', 'x', '1e3', ' 1']) expect(rest(other), other).to.equal(null)
  })

  it('find ranges by numbers, times and bytes', () => {
    const at = (kind: ColumnKind, range: readonly (string | number)[], count: number, cell: string | null) =>
      located({ by: 'k', range }, [kind], count, cell)
    const big = ['9007199254740993', '9007199254740994']
    expect(at('integer', big, 3, '9007199254740992')).to.equal(0)
    expect(at('integer', big, 3, '9007199254740993')).to.equal(1)
    expect(at('integer', big, 3, '9007199254740994')).to.equal(2)
    expect(at('integer', big, 2, '9007199254740994')).to.equal(null)
    expect(at('decimal', [-1.5, 10], 3, '-1.50')).to.equal(1)
    expect(at('decimal', [-1.5, 10], 3, '-1.51')).to.equal(0)
    expect(at('decimal', [-1.5, 10], 3, '9.999')).to.equal(1)
    expect(at('datetime', ['2024-01-01'], 2, '2024-01-01 00:00:00')).to.equal(1)
    expect(at('datetime', ['2024-01-01'], 2, '2023-12-31 23:59:59.999999')).to.equal(0)
    expect(at('text', ['m', 'z'], 3, 'Z')).to.equal(0)
    expect(at('text', ['m', 'z'], 3, 'é')).to.equal(2)
    expect(at('text', ['m', 'z'], 3, null)).to.equal(null)
  })

  it('take years, months and days from times', () => {
    const of = (date: string, cell: string) => located({ by: 'k', date }, ['datetime'], 1, cell)
    expect(of('yyyy', '2024-07-09')).to.equal('2024')
    expect(of('yyyyMM', '2024-07-09 01:02:03.5')).to.equal('202407')
    expect(of('yyyy_MM_dd', '2024-07-09 01:02:03')).to.equal('2024_07_09')
    for (const none of ['0000-00-00', '2024-00-10', '2024-13-01', '', 'soon', '24-07-09']) {
      expect(of('yyyyMM', none), none).to.equal(null)
    }
    expect(of('yyyyMMdd', '2024-07-00')).to.equal(null)
    expect(of('yyyyMM', '2024-07-00')).to.equal('202407')
  })
})

describe('params of shards', () => {
  const faults = (shard: object) => {
    try {
      readParams({ shard })
      return ''
    } catch (error) {
      return (error as Error).message
    }
  }

  it('are refused with every fault and its path', () => {
    const wrong: [object, string][] = [
      [{}, '"by" is missing'],
      [{ sql: '1', by: 'a', sign: 'abs' }, '"sql" is a rule by itself; leave out "by", "sign"'],
      [
        { database: { sql: '1', range: [1] }, table: { sql: '1' } },
        'params.shard.database: "sql" is a rule by itself',
      ],
      [{ by: 'a' }, 'needs one of "hash", "range" and "date"'],
      [{ by: 'a', hash: 'crc32', date: 'yyyy' }, 'not hash and date'],
      [{ by: 'a', hash: 'md5' }, 'params.shard.hash: must be one of'],
      [{ by: ['a', 'b'], hash: 'modulo' }, '"modulo" does not'],
      [{ by: ['a', 'b'], range: [1] }, 'only "hash" takes several columns'],
      [{ by: 'a', hash: 'crc32', sign: 'abs' }, '"sign" of "crc32" is unsigned'],
      [{ by: 'a', date: 'MMyyyy' }, 'params.shard.date'],
      [{ by: 'a', hash: 'crc32', separator: '-' }, '"separator"'],
      [{ by: 'a', range: [2 ** 53] }, 'as text'],
      [{ database: { by: 'a', hash: 'crc32' } }, 'come together'],
      [{ database: { by: 'a', date: 'yyyy' }, table: { by: 'a' } }, 'not chosen by "date"'],
      [{ by: 'a', database: { by: 'a', hash: 'crc32' }, table: { by: 'a', hash: 'crc32' } }, 'not both'],
    ]
    for (const [shard, words] of wrong) expect(faults(shard), JSON.stringify(shard)).to.include(words)
  })
})
