import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { parseTableName, RowshiftError, showTableName } from '../../src/contract/plugin.js'

describe('names of tables with schemas', () => {
  it('are parts with a dot between, in double quotes where they need them', () => {
    expect(parseTableName('t')).to.deep.equal({ name: 't' })
    expect(parseTableName('s.t')).to.deep.equal({ schema: 's', name: 't' })
    expect(parseTableName('"a.b".t')).to.deep.equal({ schema: 'a.b', name: 't' })
    expect(parseTableName('"a.b"')).to.deep.equal({ name: 'a.b' })
    expect(parseTableName('s."say ""hi"""')).to.deep.equal({ schema: 's', name: 'say "hi"' })
  })

  it('come back as they were written (property)', () => {
    const part = fc.array(fc.constantFrom('a', '.', '"', ' ', '中', '{', '*', '\\'), { minLength: 1 })
    const text = part.map((letters) => letters.join(''))
    const name = fc.record({ schema: text, name: text }, { requiredKeys: ['name'] })
    fc.assert(
      fc.property(name, (one) => {
        expect(parseTableName(showTableName(one))).to.deep.equal(one)
      }),
    )
  })

  it('are refused where they are none', () => {
    for (const text of ['', '.', 's.', '.t', 'a.b.c', '"t', '"t"x', 'a"b', '""', 's..t']) {
      expect(() => parseTableName(text), text)
        .to.throw(RowshiftError)
        .with.property('code', 'TABLE_NOT_FOUND')
    }
  })
})
