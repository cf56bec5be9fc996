// Bounds of windows as users write them, and time since 1970 exactly.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { boundOf } from '../../src/plan/bounds.js'
import type { ColumnKind, WindowKind } from '../../src/contract/plugin.js'
import { epochTicks, epochWindow, toEpoch } from '../../src/sql/epoch.js'

const bound = (kind: ColumnKind, text: string, window: WindowKind = 'time') =>
  boundOf({ kind, valueRange: {} }, text, window)

describe('bounds of windows', () => {
  it('are values of the column, and nothing else', () => {
    expect(bound('datetime', '2024-02-29')).to.equal('2024-02-29 00:00:00')
    expect(bound('instant', '2024-02-29 23:59:59.123456')).to.equal('2024-02-29 23:59:59.123456')
    expect(bound('date', '2024-02-29')).to.equal('2024-02-29')
    expect(bound('integer', '-18446744073709551616', 'key')).to.equal('-18446744073709551616')
    expect(bound('text', "it's", 'key')).to.equal("it's")
    for (const time of [
      '2023-02-29',
      '2024-13-01',
      '2024-01-01 24:00:00',
      '2024-01-01 00:60:00',
      '2024-01-01T00:00:00',
      "2024-01-01' OR '1",
      '',
      '20240101',
    ])
      for (const kind of ['datetime', 'instant', 'date'] as const)
        expect(bound(kind, time), time).to.equal(null)
    expect(bound('date', '2024-01-01 00:00:00')).to.equal(null)
    for (const number of ['1.0', '1e3', '0x10', ' 1', '1 OR 1', '', '2024-01-01'])
      expect(bound('integer', number, 'key'), number).to.equal(null)
    expect(bound('bytes', '00fF', 'key')).to.equal('00fF')
    expect(bound('bytes', '0', 'key')).to.equal(null)
  })

  it('of time since 1970 are numbers, or times', () => {
    expect(bound('integer', '2024-01-31', 'epoch_s')).to.equal('1706659200')
    expect(bound('integer', '2024-01-31 00:00:00.1239', 'epoch_ms')).to.equal('1706659200123')
    expect(bound('integer', '2024-01-31 00:00:00.123456', 'epoch_us')).to.equal('1706659200123456')
    expect(bound('integer', '1706659200', 'epoch_us')).to.equal('1706659200')
    expect(bound('integer', '2024-01-31', 'version')).to.equal(null)
  })
})

describe('time since 1970', () => {
  it('is exact, and cut to the tick that is under way', () => {
    const now = 1_706_659_200_999_999n
    expect(toEpoch('epoch_s', now)).to.equal(1_706_659_200n)
    expect(toEpoch('epoch_ms', now)).to.equal(1_706_659_200_999n)
    expect(toEpoch('epoch_us', now)).to.equal(now)
    expect(epochTicks('epoch_s', 0.5)).to.equal(1n)
    expect(epochTicks('epoch_ms', 0.0015)).to.equal(2n)
    expect(epochTicks('epoch_us', 3600)).to.equal(3_600_000_000n)
  })

  it('begins before the watermark by the overlap, and before a clock that was set back', () => {
    const window = (watermark: string | null, overlap: number) =>
      epochWindow('epoch_ms', { watermark, overlap }, 9_007_199_254_740_993n)
    expect(window(null, 5)).to.deep.equal({ from: null, to: '9007199254740993', behind: false })
    expect(window('9007199254740991', 0)).to.include({ from: '9007199254740991', behind: false })
    expect(window('9007199254740991', 1.5)).to.include({ from: '9007199254739491' })
    expect(window('9007199254740999', 1)).to.include({ from: '9007199254739993', behind: true })
  })
})
