import { expect } from 'chai'
import { describe, it } from 'mocha'
import { substitute, substituteReferences } from '../../src/config/variables.js'
import { RowshiftError } from '../../src/errors.js'
import { parseParams, readParams } from '../../src/task/params.js'

function caught(run: () => unknown): RowshiftError {
  try {
    run()
  } catch (error) {
    expect(error).to.be.instanceOf(RowshiftError)
    return error as RowshiftError
  }
  throw new Error('nothing was thrown')
}

describe('environment variables', () => {
  const environment = { MY_HOST: 'db1', PW: 'a$b', EMPTY: '' }

  it('replace a field that names one, and references inside text', () => {
    const connection = { host: 'MY_HOST', password: 'x${PW}y${EMPTY}', port: 3306, db: 'plain' }
    expect(substitute(connection, 'c', environment)).to.deep.equal({
      host: 'db1',
      password: 'xa$by',
      port: 3306,
      db: 'plain',
    })
  })

  it('that are missing are all listed, with the field that wants them', () => {
    const error = caught(() =>
      substitute(
        { host: 'NO_HOST', user: 'A_USER', password: '${NONE}', db: 'PROD_DB' },
        'file',
        environment,
      ),
    )
    expect(error.code).to.equal('VARIABLE_MISSING')
    for (const text of ['NO_HOST (file.host)', 'A_USER (file.user)', 'NONE (file.password)'])
      expect(error.message).to.include(text)
    expect(error.message).not.to.include('PROD_DB')
  })

  it('in URLs are references only', () => {
    expect(substituteReferences({ user: 'MY_HOST', password: '${PW}' }, '--from', environment)).to.deep.equal(
      { user: 'MY_HOST', password: 'a$b' },
    )
  })
})

describe('params', () => {
  it('accept both spellings of the seed', () => {
    const first = readParams({ split: { pk: ['id'] }, worker_num: 20, read_batch: 5000, write_batch: 500 })
    expect(first).to.deep.include({ key: ['id'], workerNum: 20, readBatch: 5000, writeBatch: 500 })
    const second = readParams({
      pk: { src: 'id', dest: 'nid' },
      diff_column: { src: 'update_time', dest: 'changed' },
    })
    expect(second).to.deep.include({
      key: ['id'],
      targetKey: ['nid'],
      diffColumn: { source: 'update_time', target: 'changed' },
    })
  })

  it('have defaults', () => {
    for (const text of [null, '', ' ', '{}']) {
      expect(parseParams(text)).to.deep.include({
        key: null,
        workerNum: 4,
        readBatch: null,
        writeBatch: null,
        mode: 'init',
        writeMode: 'insert',
        writePath: 'auto',
        where: null,
      })
    }
  })

  it('list every fault with its path', () => {
    const { details } = caught(() =>
      readParams({ worker_num: 0, read_batch: 1.5, mode: 'other', pk: [], session: 'x', what: 1 }),
    )
    const faults = (details['faults'] as string[]).join('\n')
    for (const path of [
      'params.worker_num',
      'params.read_batch',
      'params.mode: must be one of init',
      'params.pk',
      'params.session',
      '"what"',
    ]) {
      expect(faults).to.include(path)
    }
  })

  it('that contradict themselves are refused', () => {
    expect(caught(() => readParams({ pk: 'a', split: { pk: 'a' } })).message).to.include('give one')
    expect(caught(() => readParams({ pk: { src: ['a', 'b'], dest: 'a' } })).message).to.include('same number')
    expect(caught(() => parseParams('[1]')).code).to.equal('PARAMS_INVALID')
    expect(caught(() => parseParams('{')).message).to.include('not JSON')
  })
})
