import { expect } from 'chai'
import fc from 'fast-check'
import { after, describe, it } from 'mocha'
import type { Column, ColumnKind } from '../../src/contract/plugin.js'
import { bindingOf } from '../../plugins/sqlite/binds.js'
import { isExact } from '../../plugins/sqlite/numbers.js'
import { Database } from '../support/database.js'

const SEED = 9
const CHECKED = { conversion: 'checked', why: '' } as const
const TYPES = ['INTEGER', 'NUMERIC', 'REAL', 'TEXT', ''] as const

function column(type: string, kind: ColumnKind): Column {
  return {
    name: 'v',
    type,
    kind,
    nullable: true,
    hasDefault: false,
    generated: false,
    ordered: false,
    valueRange: {},
  }
}

describe('sqlite bindings', () => {
  const database = new Database(':memory:')
  after(() => database.close())
  for (const type of TYPES) database.exec(`CREATE TABLE "t${type}" (v ${type})`)

  /** What a column of this type makes of the cell, or undefined when the cell is refused. */
  function stored(
    kind: ColumnKind,
    type: string,
    cell: Buffer,
  ): { class: string; value: unknown } | undefined {
    const binding = bindingOf(
      { source: column('', kind), target: column(type, 'text'), check: CHECKED },
      'UTF-8',
    )
    const value = binding.bind(cell)
    if (value === undefined) return undefined
    database.exec(`DELETE FROM "t${type}"`)
    database.prepare(`INSERT INTO "t${type}" VALUES (${binding.sql})`).run(value)
    const sql = `SELECT typeof(v), CASE typeof(v) WHEN 'text' THEN CAST(v AS BLOB) ELSE v END FROM "t${type}"`
    const [[kept, held]] = database.rows(sql, { exact: true }) as [[string, unknown]]
    return { class: kept, value: held instanceof Uint8Array ? Buffer.from(held).toString() : held }
  }

  it('store text as the same text, or as a number that is written the same, or not at all (property)', () => {
    const letters = '0123456789+-.eE \t\n\v\f\r\0_xinfa\u00a0'.split('')
    const text = fc.array(fc.constantFrom(...letters), { maxLength: 6 }).map((parts) => parts.join(''))
    const number = fc.oneof(fc.double().map(String), fc.bigInt().map(String), fc.nat(1000).map(String))
    fc.assert(
      fc.property(fc.oneof(text, number), fc.constantFrom(...TYPES), (cell, type) => {
        const result = stored('text', type, Buffer.from(cell))
        if (type === 'TEXT' || type === '') expect(result).to.deep.equal({ class: 'text', value: cell })
        else if (result) expect(Object.is(result.value, -0) ? '-0' : String(result.value)).to.equal(cell)
      }),
      { seed: SEED, numRuns: 20_000 },
    )
  })

  it('store integers exactly or not at all (property)', () => {
    const integer = fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n })
    fc.assert(
      fc.property(
        fc.oneof(integer, fc.maxSafeInteger().map(BigInt)),
        fc.constantFrom(...TYPES),
        (value, type) => {
          const result = stored('integer', type, Buffer.from(String(value)))
          if (type === 'TEXT') expect(result).to.deep.equal({ class: 'text', value: String(value) })
          else if (result) expect(BigInt(result.value as bigint | number)).to.equal(value)
          if (type !== 'TEXT' && type !== 'REAL')
            expect(result === undefined).to.equal(BigInt.asIntN(64, value) !== value)
        },
      ),
      { seed: SEED, numRuns: 5_000 },
    )
  })

  it('store decimals without loss or not at all (property)', () => {
    const decimal = fc.tuple(
      fc.bigInt({ min: -(10n ** 19n), max: 10n ** 19n }),
      fc.nat(9),
      fc.constantFrom('', '0', '00'),
    )
    fc.assert(
      fc.property(decimal, fc.constantFrom(...TYPES), ([whole, fraction, zeros], type) => {
        const text = `${whole}.${fraction}${zeros}`
        const result = stored('decimal', type, Buffer.from(text))
        if (type === 'TEXT') expect(result).to.deep.equal({ class: 'text', value: text })
        else if (typeof result?.value === 'bigint')
          expect(text).to.match(new RegExp(`^${result.value}\\.0+$|^-0\\.0+$`))
        else if (result) expect(isExact(text, result.value as number)).to.equal(true)
      }),
      { seed: SEED, numRuns: 5_000 },
    )
  })

  it('compare decimals by value', () => {
    expect(isExact('1.50', 1.5)).to.equal(true)
    expect(isExact('-0.00', 0)).to.equal(true)
    expect(isExact('100', 1e2)).to.equal(true)
    expect(isExact('0.1000000000000000055', 0.1)).to.equal(false)
    expect(isExact('', 0)).to.equal(false)
    expect(isExact('.', 0)).to.equal(false)
    expect(isExact('1e2', 100)).to.equal(true)
  })
})
