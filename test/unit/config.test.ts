import { expect } from 'chai'
import { describe, it } from 'mocha'
import { substitute, substituteReferences } from '../../src/config/variables.js'
import { RowshiftError } from '../../src/contract/errors.js'
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

  it('leave what is escaped as it is', () => {
    const fields = { password: '${}MY_HOST', user: 'a$${PW}b', host: '${}NO_HOST', db: '$$x{' }
    const plain = { password: 'MY_HOST', user: 'a${PW}b', host: 'NO_HOST', db: '$$x{' }
    expect(substitute(fields, 'c', environment)).to.deep.equal(plain)
    expect(substituteReferences(fields, '--from', environment)).to.deep.equal(plain)
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
      diffColumn: { source: 'update_time', target: 'changed', type: null },
    })
  })

  it('have defaults', () => {
    for (const text of [null, '', ' ', '{}']) {
      expect(parseParams(text)).to.deep.include({
        key: null,
        workerNum: null,
        readBatch: null,
        writeBatch: null,
        mode: 'init',
        writeMode: 'insert',
        writePath: null,
        where: null,
      })
    }
  })

  it('list every fault with its path', () => {
    const { details } = caught(() =>
      readParams({ worker_num: 0, read_batch: 1.5, mode: 'other', pk: [], session: 5, what: 1 }),
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

  it('list every fault of columns, whichever way it was found', () => {
    const columns = [
      'id',
      { to: 'a' },
      { from: 'b', map: { 1: '1' }, value: 1 },
      { from: 'c', to: null },
      { from: 'd', cast: 'blob' },
      { to: 'e', template: '{a' },
      { to: 'f', value: 1234567890123456 },
      { unknown: 1 },
      { from: 'h', unmapped: 'keep' },
      { from: 'i', mask: {}, hash: 'sha256' },
      { from: 'j', map: {} },
      { from: 'k', cast: 'decimal(3,5)', default: 1e21 },
      7,
    ]
    const { details } = caught(() => readParams({ columns }))
    const faults = details['faults'] as string[]
    for (const fault of [
      'params.columns[1]: one of "from", "value", "sql", "template"',
      'params.columns[2]: "from", "value" exclude each other',
      'params.columns[2]: "map" would change a constant',
      'params.columns[3]: "to": null is for lists with "*"',
      'params.columns[4]: "cast" to "blob" is unknown',
      'params.columns[5]: the braces of "template" do not match',
      'params.columns[6]: "value" has more digits than a JSON number keeps',
      'params.columns[7]: unknown key "unknown"',
      'params.columns[8]: "unmapped" goes with "map"',
      'params.columns[9]: "mask" and "hash" exclude each other',
      'params.columns[10].map: must NOT have fewer than 1',
      'params.columns[11]: "cast" to "decimal(3,5)"',
      'params.columns[11]: "default" has more digits',
      'params.columns[12]: must be string or object',
    ]) {
      expect(
        faults.filter((found) => found.startsWith(fault)),
        `${fault}\n${faults.join('\n')}`,
      ).to.have.length(1)
    }
  })

  it('that contradict themselves are refused', () => {
    expect(caught(() => readParams({ pk: 'a', split: { pk: 'a' } })).message).to.include('give one')
    expect(caught(() => readParams({ pk: { src: ['a', 'b'], dest: 'a' } })).message).to.include('same number')
    expect(caught(() => parseParams('[1]')).code).to.equal('PARAMS_INVALID')
    expect(caught(() => parseParams('{')).message).to.include('not JSON')
  })
})
