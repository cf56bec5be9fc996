import { expect } from 'chai'
import { describe, it } from 'mocha'
import { noCounts } from '../../src/engine/messages.js'
import {
  advance,
  current,
  moved,
  noProgress,
  settled,
  type ProgressEvent,
} from '../../src/engine/progress.js'

const counts = (rows: number) => ({ ...noCounts, rowsRead: rows, rowsWritten: rows, bytes: rows * 10 })
const after = (...events: ProgressEvent[]) => events.reduce(advance, noProgress)

describe('progress', () => {
  it('counts committed splits apart from those under way', () => {
    const progress = after(
      { type: 'planned', split: 0 },
      { type: 'planned', split: 1 },
      { type: 'moved', split: 0, counts: counts(3) },
      { type: 'moved', split: 0, counts: counts(5) },
      { type: 'moved', split: 1, counts: counts(2) },
      { type: 'done', split: 0, counts: counts(6) },
    )
    expect(progress).to.deep.include({ splits: 2, splitsDone: 1, done: counts(6) })
    expect(current(progress)).to.deep.equal(counts(8))
  })

  it('accounts for rows that the pipeline leaves out, adds and refuses', () => {
    const one = { ...counts(10), rowsWritten: 9, rowsFiltered: 4, rowsAdded: 5, dirtyRows: 2 }
    const progress = after(
      { type: 'planned', split: 0 },
      { type: 'done', split: 0, counts: one },
      { type: 'planned', split: 1 },
      { type: 'done', split: 1, counts: one },
    )
    expect(progress.done).to.include({ rowsFiltered: 8, rowsAdded: 10 })
    expect(settled(progress.done)).to.equal(20)
  })

  it('counts rows and bytes of the same rows: those that are written', () => {
    const read = { ...counts(100), rowsWritten: 0 }
    const half = { ...read, rowsWritten: 40, rowsFiltered: 10 }
    const progress = after(
      { type: 'planned', split: 0 },
      { type: 'done', split: 0, counts: counts(7) },
      { type: 'planned', split: 1 },
      { type: 'moved', split: 1, counts: read },
      { type: 'planned', split: 2 },
    )
    expect(moved(progress)).to.deep.equal({ rows: 7, bytes: 70 })
    expect(moved(advance(progress, { type: 'moved', split: 1, counts: half }))).to.deep.equal({
      rows: 57,
      bytes: 570,
    })
  })

  it('never takes back splits that were planned: the first part of one takes its place', () => {
    const divided = after(
      { type: 'planned', split: 0 },
      { type: 'planned', split: 1 },
      { type: 'moved', split: 0, counts: counts(9) },
      { type: 'planned', split: 2, insteadOf: 0 },
    )
    expect(divided).to.include({ splits: 2, splitsDone: 0 })
    expect(current(divided).rowsRead).to.equal(0)
    expect(advance(divided, { type: 'planned', split: 3 }).splits).to.equal(3)
  })

  it('keeps what of a failed split is in some tables all the same', () => {
    const written = { ...noCounts, rowsWritten: 3, rowsSkipped: 1 }
    const progress = after(
      { type: 'planned', split: 0 },
      { type: 'moved', split: 0, counts: counts(9) },
      { type: 'failed', split: 0, committed: { a: written, b: written } },
    )
    expect(current(progress)).to.include({ rowsRead: 8, rowsWritten: 6, rowsSkipped: 2 })
    expect(progress.done.shards).to.deep.equal({ a: written, b: written })
  })

  it('forgets what a failed split had done, and late messages', () => {
    const progress = after(
      { type: 'planned', split: 0 },
      { type: 'moved', split: 0, counts: counts(3) },
      { type: 'failed', split: 0 },
      { type: 'moved', split: 0, counts: counts(9) },
    )
    expect(progress).to.deep.include({ splits: 1, splitsDone: 0 })
    expect(current(progress)).to.deep.equal(counts(0))
  })
})
