import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { ColumnKind, TableSchema } from '../../src/contract/plugin.js'
import { shapeOf } from '../../src/features/resume/run-state.js'

function table(type: string, kind: ColumnKind): TableSchema {
  const column = { name: 'v', type, kind, nullable: true, hasDefault: false, generated: false, ordered: true }
  return { identity: 't', columns: [column], keys: [] } as unknown as TableSchema
}

describe('the shape of a table', () => {
  it('is what is declared, not what its rows were like when it was described', () => {
    expect(shapeOf(table('', 'integer'))).to.deep.equal(shapeOf(table('', 'text')))
    expect(shapeOf(table('INT', 'integer'))).to.not.deep.equal(shapeOf(table('BIGINT', 'integer')))
  })
})
