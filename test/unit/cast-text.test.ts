// Casts that worker threads do: exact, or refused, as in the source.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { parseCast } from '../../src/task/cast.js'
import type { ColumnKind } from '../../src/contract/plugin.js'
import { castText } from '../../src/wire/cast-text.js'

const cast = (text: string, type: string, kind: ColumnKind = 'text') => castText(text, kind, parseCast(type)!)

/** What each value becomes; null: it is refused. */
function expectCasts(type: string, values: Record<string, string | null>, kind: ColumnKind = 'text'): void {
  for (const [text, wanted] of Object.entries(values))
    expect(cast(text, type, kind), `${text} as ${type}`).to.equal(wanted)
}

describe('casts in worker threads', () => {
  it('take whole numbers within the bounds of the type', () => {
    expectCasts('tinyint', { '-128': '-128', '127': '127', '128': null, '+1': '1', '007': '7', '-0': '0' })
    expectCasts('bigint unsigned', {
      '18446744073709551615': '18446744073709551615',
      '18446744073709551616': null,
      '-1': null,
    })
    expectCasts('int', {
      '': null,
      ' 1': null,
      '1.0': null,
      '1e1': null,
      '1\n': null,
      '٣': null,
      '0x1': null,
    })
    expectCasts('int', { '1.50': null, '2.00': '2', '-3.': '-3' }, 'decimal')
    expectCasts('int', { '1e3': '1000', '1.5e1': '15', '1.5': null, '1e300': null }, 'float')
  })

  it('take decimals with all their digits', () => {
    expectCasts('decimal(5,2)', {
      '1.5': '1.50',
      '.5': '0.50',
      '-0.01': '-0.01',
      '999.99': '999.99',
      '1000': null,
      '1.005': null,
      '1.500': '1.50',
      '.': null,
      '': null,
      '1e1': null,
    })
    expectCasts('decimal(30,10)', { '12345678901234567890.0123456789': '12345678901234567890.0123456789' })
  })

  it('take doubles that come back digit by digit', () => {
    expectCasts('double', {
      '0.1': '0.1',
      '9007199254740992': '9007199254740992',
      '9007199254740993': null,
      '1e400': null,
      NaN: null,
      x: null,
    })
  })

  it('take dates that the calendar has', () => {
    expectCasts('date', {
      '2024-02-29': '2024-02-29',
      '2023-02-29': null,
      '1900-02-29': null,
      '2000-02-29': '2000-02-29',
      '0000-01-01': null,
      '2024-13-01': null,
      '2024-1-1': null,
      '2024-02-29 00:00:00': null,
    })
    expectCasts('date', { '2024-02-29 00:00:00': '2024-02-29', '2024-02-29 00:00:01': null }, 'datetime')
    expectCasts('datetime(2)', {
      '2024-02-29T12:00:00.120': '2024-02-29 12:00:00.12',
      '2024-02-29 12:00:00.123': null,
      '2024-02-29 24:00:00': null,
      '2024-02-29': '2024-02-29 00:00:00.00',
    })
  })

  it('count characters', () => {
    expectCasts('varchar(2)', { '🙂🙂': '🙂🙂', abc: null, '': '' })
  })
})
