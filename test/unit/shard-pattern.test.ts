import { expect } from 'chai'
import { describe, it } from 'mocha'
import { labelOf, nameOf, parsePattern } from '../../src/features/shard/pattern.js'

function names(text: string): string[] {
  const pattern = parsePattern(text)
  return pattern.labels.map((label) => nameOf(pattern, label))
}

describe('patterns of names', () => {
  it('count, with zeros in front where they are written', () => {
    expect(names('a_{0..2}')).to.deep.equal(['a_0', 'a_1', 'a_2'])
    expect(names('{8..11}b')).to.deep.equal(['8b', '9b', '10b', '11b'])
    expect(names('a{00..2}z')).to.deep.equal(['a00z', 'a01z', 'a02z'])
    expect(names('a{8..010}')).to.deep.equal(['a008', 'a009', 'a010'])
    expect(names('a{7..7}')).to.deep.equal(['a7'])
  })

  it('list names', () => {
    expect(names('log_{old,new}')).to.deep.equal(['log_old', 'log_new'])
  })

  it('leave other braces and stars alone', () => {
    for (const text of ['plain', 'a{b}', 'a{}', '{', 'a{1..b}', 'a*b*', 'a */', 'a`*']) {
      expect(parsePattern(text)).to.include({ kind: 'single', text })
      expect(names(text)).to.deep.equal([text])
    }
  })

  it('find their labels in names', () => {
    const monthly = parsePattern('log_{yyyyMM}')
    expect(labelOf(monthly, 'log_202507')).to.equal('202507')
    for (const other of ['log_2025', 'log_2025071', 'xlog_202507', 'log_20250x', 'log_']) {
      expect(labelOf(monthly, other), other).to.equal(null)
    }
    expect(labelOf(parsePattern('{yyyy_MM_dd}_log'), '2025_07_01_log')).to.equal('2025_07_01')
    expect(labelOf(parsePattern('log_*'), 'log_x')).to.equal('x')
    expect(labelOf(parsePattern('a_{0..3}'), 'a_3')).to.equal('3')
    expect(labelOf(parsePattern('a_{0..3}'), 'a_4')).to.equal(null)
    expect(labelOf(parsePattern('ab{0..3}ba'), 'ab')).to.equal(null)
  })

  it('are refused when they make no sense', () => {
    for (const text of ['a{0..1}{0..1}', 'a{3..1}', 'a{0..99999}', 'a{x,}', 'a{x,x}']) {
      expect(() => parsePattern(text), text).to.throw(/The pattern/)
    }
  })
})
