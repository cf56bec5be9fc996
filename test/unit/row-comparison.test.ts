// Rows of two tables side by side: which are missing, extra and different, by key or by all they hold.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { RowshiftError } from '../../src/contract/errors.js'
import { checkDeletes, rowText } from '../../src/features/verify/deletes.js'
import { addFindings, areEqual, noFindings } from '../../src/features/verify/findings.js'
import {
  canonical,
  type Canonicalization,
  canonicalizationsOf,
} from '../../src/features/verify/canonicalization.js'
import { canonicalJson } from '../../src/features/verify/json.js'
import type { ComparisonSetup } from '../../src/features/verify/row-comparison.js'
import { RowComparison } from '../../src/features/verify/row-comparison.js'
import { cellsOfRow, rowsOf, withoutLastCell } from '../../src/features/verify/rows.js'
import type { Column } from '../../src/contract/plugin.js'
import { batch } from './sqlite-fixture.js'

const BYTES = { source: 'bytes', target: 'bytes' } as const
const setup = (more: Partial<ComparisonSetup> = {}): ComparisonSetup => ({
  names: ['id', 'v'],
  binary: [false, false],
  canonicalizations: [BYTES, BYTES],
  identity: [0],
  reads: null,
  digested: null,
  written: null,
  ...more,
})

function compare(source: string[], target: string[], more: Partial<ComparisonSetup> = {}) {
  const written: string[] = []
  const removed: string[] = []
  const actions = {
    write: (row: Buffer) => written.push(row.toString()),
    remove: (row: Buffer) => removed.push(row.toString()),
  }
  const rows = new RowComparison(setup(more), actions)
  rows.addSource(batch(...source))
  rows.addTarget(batch(...target))
  return { ...rows.end(), written, removed }
}

describe('a comparison of rows', () => {
  it('knows them by their key, in any order', () => {
    const found = compare(['1\ta', '2\tb', '3\tc'], ['3\tc', '2\tB', '4\td'])
    expect(found).to.deep.include({ missing: 1, extra: 1, different: 1, unmade: 0 })
    expect(found.missingRows).to.deep.equal([{ id: '1' }])
    expect(found.extraRows).to.deep.equal([{ id: '4' }])
    expect(found.differentRows).to.deep.equal([{ key: { id: '2' }, columns: ['v'] }])
    expect(found.written).to.have.members(['1\ta\n', '2\tb\n'])
    expect(found.removed).to.deep.equal(['4\td\n'])
  })

  it('counts equal ones where nothing says which is which', () => {
    const found = compare(['1\ta', '1\ta', '1\ta'], ['1\ta', '2\ta'], { identity: null })
    expect(found).to.deep.include({ missing: 2, extra: 1, different: 0 })
    expect(found.missingRows).to.deep.equal([
      { id: '1', v: 'a' },
      { id: '1', v: 'a' },
    ])
    expect(found.written).to.deep.equal(['1\ta\n', '1\ta\n'])
  })

  it('takes a row whose key is NULL for one without a key, and NULL for no other value', () => {
    expect(compare(['\\N\ta', '\\N\tb'], ['\\N\tb'])).to.deep.include({ missing: 1, extra: 0, different: 0 })
    expect(compare(['1\t\\N'], ['1\t'])).to.deep.include({ different: 1 })
    expect(compare(['1\t\\N'], ['1\t\\N'])).to.deep.include({ different: 0 })
    expect(compare(['ab\tc'], ['a\tbc'], { identity: [0, 1] })).to.deep.include({ missing: 1, extra: 1 })
  })

  it('compares values, not how they are written', () => {
    const number = { source: 'number', target: 'number' } as const
    const as = { canonicalizations: [number, number] }
    expect(compare(['01\t1.50'], ['1\t1.5'], as)).to.deep.include({ missing: 0, extra: 0, different: 0 })
    expect(compare(['1\t1.5'], ['1\t1.51'], as)).to.deep.include({ different: 1 })
  })

  it('looks at digests where all cells agree, and repairs without them', () => {
    const digested = { digested: ['v'] }
    expect(compare(['1\ta\tx'], ['1\ta\tx'], digested).different).to.equal(0)
    const found = compare(['1\ta\tx', '2\tb\tx'], ['1\ta\ty'], digested)
    expect(found.differentRows).to.deep.equal([{ key: { id: '1' }, columns: ['v'] }])
    expect(found.written).to.have.members(['1\ta\n', '2\tb\n'])
    expect(compare(['1\ta\t\\N'], ['1\ta\ty'], digested).different, 'too large to hash').to.equal(0)
  })

  it('keeps rows that a copy refuses apart, and does nothing to their counterparts', () => {
    const reads = { names: ['no', 'v'], binary: [false, false], identity: [{ compared: 0, read: 0 }] }
    const removed: Buffer[] = []
    const rows = new RowComparison(setup({ reads }), { write: () => {}, remove: (row) => removed.push(row) })
    const error = new RowshiftError('LOOKUP_MISSING', 'no such key', { column: 'v' })
    rows.addUnresolved(batch('1\tx'), error)
    rows.addUnresolved(batch('2\tx'), error)
    rows.addTarget(batch('1\tanything'))
    const found = rows.end()
    expect(found).to.deep.include({ missing: 1, extra: 0, different: 1, unmade: 2 })
    expect(found.differentRows).to.deep.equal([{ key: { id: '1' }, columns: ['v'] }])
    expect(found.missingRows).to.deep.equal([{ no: '2' }])
    expect(found.unmadeRows.map(({ code }) => code)).to.deep.equal(['LOOKUP_MISSING', 'LOOKUP_MISSING'])
    expect(removed).to.deep.equal([])
    const keyless = new RowComparison(setup({ reads: { ...reads, identity: null } }), {
      write: () => {},
      remove: () => {},
    })
    expect(
      () => keyless.addUnresolved(batch('1\tx'), error),
      'a repair would delete its counterpart',
    ).to.throw(error.message)
  })

  it('reads the wire format apart', () => {
    const row = Buffer.from('a\\tb\t\\N\t\\\\N\t\t\\0\\n\\r\n')
    expect(cellsOfRow(row).map((cell) => cell?.toString() ?? null)).to.deep.equal([
      'a\tb',
      null,
      '\\N',
      '',
      '\0\n\r',
    ])
    expect([...rowsOf(Buffer.from('1\ta\n2\tb\n'))].map(String)).to.deep.equal(['1\ta\n', '2\tb\n'])
    expect(withoutLastCell(Buffer.from('1\ta\tx\n')).toString()).to.equal('1\ta\n')
  })
})

describe('values of two ends', () => {
  const same = (how: Canonicalization, a: string, b: string) =>
    canonical(how, Buffer.from(a, 'latin1')).equals(canonical(how, Buffer.from(b, 'latin1')))

  it('are the same in their how', () => {
    for (const [how, a, b] of [
      ['number', '1e3', '1000.0'],
      ['number', '-0.0', '0'],
      ['number', '12345678901234567890.10', '12345678901234567890.1'],
      ['number', '1e-3', '.001'],
      ['single', '0.1', '0.10000000149011612'],
      ['float', '1e2', '100'],
      ['unsigned zero', '-0', '0'],
      ['time', '2024-01-01T00:00:00.500Z', '2024-01-01 00:00:00.5'],
      ['time', '12:30:00', '12:30'],
      ['day', '2024-01-01 00:00:00.000', '2024-01-01'],
      ['json', '{"b": 1.0, "a": [1, 2]}', '{"a":[1,2],"b":1.0}'],
      ['json', '{"a":1,"a":2}', '{"a":2}'],
      ['bits', '\0\0\x05', '\x05'],
      ['padded 4', 'ab', 'ab\0\0'],
    ] as const)
      expect(same(how, a, b), `${how}: ${a} and ${b}`).to.equal(true)
  })

  it('are others where they are others', () => {
    for (const [how, a, b] of [
      ['bytes', '1.0', '1'],
      ['number', '12345678901234567890', '12345678901234567891'],
      ['number', '1x', '1'],
      ['float', '-0', '0'],
      ['float', 'abc', '0'],
      ['float', '', '0'],
      ['time', '2024-01-01 00:00:00', '2024-01-01'],
      ['json', '{"a":12345678901234567890}', '{"a":12345678901234567891}'],
      ['json', '{"a":1}', '{"a":"1"}'],
      ['json', '[1,2]', '[2,1]'],
      ['bits', '\x05\0', '\x05'],
      ['padded 2', 'ab', 'ab\0'],
    ] as const)
      expect(same(how, a, b), `${how}: ${a} and ${b}`).to.equal(false)
  })

  it('leave text that is not JSON as it is', () => {
    for (const text of ['', '{', '{"a"}', '[1,]x', '{"a":1} {}', 'nul', "{'a':1}"])
      expect(canonicalJson(Buffer.from(text)).toString(), text).to.equal(text)
  })

  it('take the how that their columns ask for', () => {
    const column = (kind: Column['kind'], valueRange: object = {}) =>
      ({ kind, valueRange, type: kind, name: 'c' }) as Column
    const how = (a: Column, b: Column) =>
      Object.values(canonicalizationsOf({ source: a, target: b })).join('|')
    expect(how(column('integer'), column('decimal'))).to.equal('number|number')
    expect(how(column('integer'), column('float', { bits: 24 }))).to.equal('number|single')
    expect(how(column('float'), column('float'))).to.equal('float|float')
    expect(how(column('float', { unsignedZero: true }), column('float'))).to.equal(
      'unsigned zero|unsigned zero',
    )
    expect(how(column('datetime'), column('instant'))).to.equal('time|time')
    expect(how(column('date'), column('datetime'))).to.equal('day|day')
    expect(how(column('time'), column('text', { subtypes: ['a span of time'] }))).to.equal('time|time')
    expect(how(column('text'), column('integer'))).to.equal('number|number')
    expect(how(column('json', { normalised: true }), column('text'))).to.equal('json|json')
    expect(how(column('bytes'), column('bytes', { padded: true, maxBytes: 4 }))).to.equal('padded 4|bytes')
    expect(how(column('bytes'), column('bytes', { maxBits: 9 }))).to.equal('bits|bits')
    expect(
      how(column('integer', { dynamic: true }), column('integer', { dynamic: true })),
      'kept as given',
    ).to.equal('bytes|bytes')
  })
})

describe('what a comparison has found', () => {
  const found = (extra: number, targetRows: number) => ({
    ...noFindings,
    targetRows,
    differences: {
      ...noFindings.differences,
      extra,
      extraRows: Array.from({ length: extra }, (_, i) => ({ id: `${i}` })),
    },
  })

  it('adds up, and names no more rows than a person reads', () => {
    const sum = addFindings(found(600, 1_000), found(700, 50))
    expect([sum.targetRows, sum.differences.extra, sum.differences.extraRows.length]).to.deep.equal([
      1_050, 1_300, 1_000,
    ])
    expect(areEqual(sum.differences)).to.equal(false)
    expect(areEqual(addFindings(noFindings, noFindings).differences)).to.equal(true)
  })

  it('deletes no more rows than a repair may', () => {
    const refused = (extra: number, rows: number, limit: number | `${number}%` | null): boolean => {
      try {
        checkDeletes(found(extra, rows), limit, false)
        return false
      } catch (thrown) {
        expect(thrown).to.have.property('code', 'DELETES_REFUSED')
        expect((thrown as Error).message).to.include('id = 0')
        return true
      }
    }
    expect(refused(1_000, 1_000, null)).to.equal(false)
    expect(refused(1_001, 1_000, null)).to.equal(true)
    expect(refused(1_001, 200_000, null), 'one percent').to.equal(false)
    expect(refused(1, 10, 0)).to.equal(true)
    expect(refused(5, 10, 5)).to.equal(false)
    expect(refused(6, 100, '5%')).to.equal(true)
    expect(refused(5, 100, '5%')).to.equal(false)
  })

  it('names rows by their keys', () => {
    expect(rowText({ id: '7', name: null })).to.equal('id = 7, name = NULL')
  })
})
