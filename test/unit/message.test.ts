// Messages of plugins about a table whose name the engine fills in.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { distinctMessages, fillTable } from '../../src/contract/message.js'

describe('messages with slots', () => {
  it('are filled with the name of the table, and with what their producer gave', () => {
    const message = { text: 'a target {table} refers to {parents}, {what}', slots: { parents: 'a, table' } }
    expect(fillTable([message], 'a')).to.deep.equal(['a target a refers to a, table, {what}'])
    expect(fillTable([message], '$&{parents}')).to.deep.equal([
      'a target $&{parents} refers to a, table, {what}',
    ])
  })

  it('are searched for slots, what fills them is not, nor is a text without slots', () => {
    const message = { text: 'key {key} of {table}', slots: { key: '{table}' } }
    expect(fillTable([message, 'key {table}'], 't')).to.deep.equal(['key {table} of t', 'key {table}'])
    expect(fillTable([{ text: '{constructor}' }], 't')).to.deep.equal(['{constructor}'])
  })

  it('are said once when they say the same', () => {
    const about = (parents: string) => ({ text: '{table} refers to {parents}', slots: { parents } })
    expect(distinctMessages([about('p'), 'x', about('q'), about('p'), 'x'])).to.deep.equal([
      about('p'),
      'x',
      about('q'),
    ])
    expect(fillTable(['x', { text: 'x' }], 't')).to.deep.equal(['x'])
  })
})
