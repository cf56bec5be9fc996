import assert from 'node:assert/strict'
import type { Runner } from './runner.js'
import { failsWith } from './runner.js'
import { counterKind, numbered, wanted, writeSpec } from './tables.js'
import type { SinkSuite } from './writing.js'
import { failing, holds, opened, planned, Recorder, streamOf } from './writing.js'

/** Rows that the target does not take. */
export function describeRejected(suite: SinkSuite, it: Runner['it']): void {
  const counter = counterKind(suite)
  const { kind, value } = suite.rejected ?? { kind: counter, value: '7' }
  const table = () =>
    suite.rejected
      ? wanted(
          [
            ['a', kind],
            ['b', 'text', 'nullable'],
          ],
          [],
        )
      : wanted(
          [
            ['a', kind],
            ['b', 'text', 'nullable'],
          ],
          ['a'],
          [['7', 'there']],
        )
  const before = suite.rejected ? [] : [['7', 'there']]
  const rows = numbered(25, 100).toSpliced(12, 0, [value, 'odd'])

  it('leaves out a row that the target rejects, and gives it and the reason to onDirty', () =>
    opened(suite, table(), async (at) => {
      const recorder = new Recorder([kind, 'text'])
      const spec = await planned(at, writeSpec(at.spec.table, 'insert', 5))
      const counts = await at.writer.write(spec, streamOf(rows), recorder.options)
      assert.deepEqual([counts.rowsWritten, counts.dirtyRows], [25, 1])
      assert.deepEqual(recorder.dirty, [[value, 'odd']])
      assert.equal(
        recorder.reasons[0]!.blamesRow,
        true,
        `the reason blames the row: ${recorder.reasons[0]!.code}`,
      )
      await holds(suite, at.table, [...before, ...numbered(25, 100)], 'all rows but the odd one')
    }))

  it('leaves nothing of the split when no more rejected rows are tolerated', () =>
    opened(suite, table(), async (at) => {
      const options = { ...new Recorder().options, onDirty: failing('DATA_REJECTED') }
      const spec = await planned(at, at.spec)
      await failsWith('DATA_REJECTED', () => at.writer.write(spec, streamOf(rows), options))
      await holds(suite, at.table, before, 'after the split that failed')
    }))
}
