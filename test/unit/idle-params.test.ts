import { expect } from 'chai'
import { describe, it } from 'mocha'
import { idleParams } from '../../src/plan/idle-params.js'
import { readParams } from '../../src/task/params.js'

const idle = (params: object, fromTarget = false) =>
  idleParams(readParams(params), { watermarks: {}, fromTarget }).map((warning) => /^[-\w]+/.exec(warning)![0])

describe('params without effect', () => {
  it('are named, each with the mode', () => {
    expect(idle({ diff_column: 't' })).to.deep.equal(['diff_column'])
    expect(idleParams(readParams({ diff_column: 't' })).join()).to.include('"mode": "increment"')
    expect(idle({ lag: 5, overlap: 5 })).to.deep.equal(['lag', 'overlap'])
    expect(idle({ mode: 'append', diff_column: 't', lag: 5 })).to.deep.equal(['diff_column', 'lag'])
    const version = { src: 't', type: 'version' }
    expect(idle({ mode: 'increment', diff_column: version, lag: 5, overlap: 5 })).to.deep.equal(['lag'])
    expect(idle({ dirty_file: 'f' })).to.deep.equal(['dirty_file'])
    expect(idle({}, true)).to.deep.equal(['--from-target'])
    const all = {
      mode: 'sync',
      error_limit: 5,
      dirty_file: 'f',
      schema_save_mode: 'recreate',
      defer_indexes: true,
      write_mode: 'insert',
      pre_sql: ['x'],
      post_sql: ['x'],
    }
    expect(idle(all)).to.have.members(Object.keys(all).slice(1))
  })

  it('are none where each has one', () => {
    expect(idle({})).to.deep.equal([])
    expect(idle({ mode: 'increment', diff_column: 't', lag: 5, overlap: 5 }, true)).to.deep.equal([])
    expect(idle({ dirty_file: 'f', error_limit: 5, pre_sql: ['x'] })).to.deep.equal([])
    expect(idle({ mode: 'sync', max_delete: 5, schema_save_mode: 'create_when_not_exist' })).to.deep.equal([])
  })
})
