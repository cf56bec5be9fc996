// Messages that a new user meets first: misspelt names, broken JSON, addresses that are not databases.
import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { describeConnection } from '../../plugins/mysql/connection-fields.js'
import { mapConnectError } from '../../plugins/mysql/errors.js'
import { fromUrl } from '../../src/config/config.js'
import { parseJson } from '../../src/config/json.js'
import { loadPlugin } from '../../src/config/plugins.js'
import { RowshiftError } from '../../src/contract/errors.js'
import { didYouMean } from '../../src/suggest.js'
import { paramsFromOptions } from '../../src/task/params-options.js'
import { readParams } from '../../src/task/params.js'

const message = (work: () => unknown): string => {
  try {
    work()
  } catch (error) {
    return (error as Error).message
  }
  return expect.fail('no error')
}

describe('misspelt names', () => {
  it('are answered by the nearest known one, if any is near', () => {
    const known = ['from', 'to', 'worker_num', 'write_batch', 'write_mode']
    expect(didYouMean('form', known)).to.equal('; did you mean "from"?')
    expect(didYouMean('worker_nums', known)).to.include('"worker_num"')
    expect(didYouMean('Write-Mode', known)).to.include('"write_mode"')
    for (const name of ['x', 'nonsense', '']) expect(didYouMean(name, known), name).to.equal('')
  })

  it('of params are told wherever they stand', () => {
    expect(message(() => readParams({ worker_nums: 8 }))).to.include('did you mean "worker_num"?')
    expect(message(() => readParams({ error_limit: { recrod: 8 } }))).to.include('did you mean "record"?')
    expect(message(() => readParams({ columns: [{ form: 'a', to: 'b' }] }))).to.include(
      'did you mean "from"?',
    )
  })
})

describe('params on the command line', () => {
  it('say what is wrong with them: twice, nothing, a list, a folder', () => {
    const faults: [string | undefined, string[], string][] = [
      [undefined, ['worker_num=2', 'worker_num=3'], '--param worker_num was given more than once'],
      [undefined, [''], '--param "" is not of the form key=value'],
      ['', [], 'neither JSON nor an existing file: ""'],
      ['[]', [], 'must be object'],
      ['.', [], '--params is a folder'],
    ]
    for (const [params, pairs, text] of faults)
      expect(message(() => paramsFromOptions(params, pairs))).to.include(text)
    expect(paramsFromOptions('{"worker_num": 2}', ['worker_num=3', 'split.pk=id']).workerNum).to.equal(3)
  })
})

describe('broken JSON', () => {
  it('is named by line and column, without a word of its text', () => {
    const faults: [string, string][] = [
      ['{"a": secret}', 'line 1, column 7'],
      ['{"a": 1,\n  "b": 2,\n}', 'line 3, column 1'],
      ['{"a": 1\n "b": 2}', 'line 2, column 2'],
      ['{"a": [1, 2}', 'line 1, column 12'],
      ['{"a": "x', 'line 1, column 7'],
      ['{"a": 1', 'line 1, column 8 (the end)'],
      ['', 'line 1, column 1 (the end)'],
      ['{} x', 'line 1, column 4'],
      ["{'a': 1}", 'line 1, column 2'],
      ['{"a": 01}', 'line 1, column 8'],
    ]
    for (const [text, place] of faults)
      expect(
        message(() => parseJson(text)),
        text,
      ).to.equal(`not JSON at ${place}`)
  })

  it('is named inside the text, and nothing else is changed (property)', () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.nat(),
        fc.constantFrom('', '}', ',', '"', 'x', '\\'),
        (value, cut, put) => {
          const text = JSON.stringify(value, null, 1)
          expect(parseJson(text)).to.deep.equal(JSON.parse(text))
          const at = cut % (text.length + 1)
          const broken = text.slice(0, at) + put + text.slice(at + 1)
          let valid = true
          try {
            JSON.parse(broken)
          } catch {
            valid = false
          }
          if (!valid)
            expect(message(() => parseJson(broken))).to.match(
              /^not JSON at line \d+, column \d+( \(the end\))?$/,
            )
        },
      ),
    )
    const deep = '['.repeat(200_000)
    expect(message(() => parseJson(deep))).to.include('column 200001 (the end)')
  })
})

describe('a URL without a table', () => {
  it('shows the parameter that may be meant for it', async () => {
    const refusal = async (query: string) =>
      (await fromUrl(`mysql://host/x${query}`, '--from').catch((thrown: unknown) => thrown as Error)) as Error
    expect((await refusal('?tabel=t')).message).to.include('write "table" in place of "tabel"')
    for (const query of ['', '?table=', '?socket=/x'])
      expect((await refusal(query)).message).to.include('add ?table=name')
  })
})

describe('what is not a database', () => {
  it('is refused as such, and not looked up as a module', async () => {
    for (const scheme of ['http', 'https', 'ftp', 'fs']) {
      const error = await fromUrl(`${scheme}://host/x?table=t`, '--from').catch((thrown: unknown) => thrown)
      expect(error).to.be.instanceOf(RowshiftError).and.to.include({ code: 'USAGE' })
      expect((error as Error).message).to.include(`--from is an address of type "${scheme}"`)
    }
    const error = await loadPlugin('fs').catch((thrown: unknown) => thrown)
    expect(error).to.include({ code: 'PLUGIN_UNKNOWN' })
  })
})

describe('connections', () => {
  it('with an address of version 6 are shown in brackets', () => {
    expect(describeConnection({ host: '::1', db: 'd' })).to.equal('mysql://root@[::1]:3306/d')
  })

  it('to a database that does not exist say what to do', () => {
    const error = mapConnectError({ errno: 1049, message: "Unknown database 'd'" }, 'mysql://h/d', true)
    expect(error).to.include({ code: 'TABLE_NOT_FOUND' })
    expect(error.message).to.include('Create the database')
  })

  it('that are too many name worker_num', () => {
    for (const errno of [1040, 1203, 1226]) {
      const error = mapConnectError({ errno, message: 'Too many' }, 'mysql://h/d', true)
      expect(error.code).to.equal('CONNECTION_LIMIT')
      expect(error.message).to.include('worker_num')
    }
  })
})

describe('statements', () => {
  it('may be one string', () => {
    const params = readParams({ pre_sql: 'a', post_sql: ['b', 'c'], session: 'd' })
    expect(params).to.deep.include({ preSql: ['a'], postSql: ['b', 'c'], session: ['d'] })
  })
})
