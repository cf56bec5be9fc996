import assert from 'node:assert/strict'
import type { WriteCounts, WriteMode } from '../contract/write.js'
import type { Runner } from './runner.js'
import { RowshiftError } from '../contract/errors.js'
import { failsWith } from './runner.js'
import { batchesOf, counterKind, numbered, wanted, writeSpec } from './tables.js'
import type { Rows } from './values.js'
import type { OpenedSink, SinkSuite } from './writing.js'
import { holds, opened, planned, Recorder, streamOf } from './writing.js'

/** What is there, what comes (a row that is equal, one that differs, one that is new), and what is there then. */
const THERE: Rows = [
  ['1', 'equal'],
  ['2', 'old'],
  ['3', 'alone'],
]
const COMING: Rows = [
  ['1', 'equal'],
  ['2', 'new'],
  ['4', 'added'],
]
const MERGED: Rows = [
  ['1', 'equal'],
  ['2', 'new'],
  ['3', 'alone'],
  ['4', 'added'],
]

const OUTCOMES: Readonly<Record<Exclude<WriteMode, 'insert'>, { rows: Rows; counts: Partial<WriteCounts> }>> =
  {
    ignore: {
      rows: [...THERE, ['4', 'added']],
      counts: { rowsWritten: 1, rowsChanged: 0, rowsUnchanged: 0, rowsSkipped: 2 },
    },
    // Some databases count an equal row that they replace as one that was there, others do not.
    replace: { rows: MERGED, counts: { rowsUnchanged: 0, rowsSkipped: 0, rowsWritten: 3 } },
    upsert: { rows: MERGED, counts: { rowsWritten: 2, rowsChanged: 1, rowsUnchanged: 1, rowsSkipped: 0 } },
  }

/** Rows whose keys are there. */
export function describeWriteModes(suite: SinkSuite, it: Runner['it']): void {
  const key = suite.keys === false ? [] : ['a']
  const table = () =>
    wanted(
      [
        ['a', counterKind(suite)],
        ['b', 'text', 'nullable'],
      ],
      key,
      THERE,
    )
  const write = async (at: OpenedSink, mode: WriteMode, rows: Rows) => {
    const spec = await planned(at, writeSpec(at.spec.table, mode))
    return at.writer.write(spec, streamOf(rows), new Recorder().options)
  }

  if (suite.keys === false) return

  const modes = suite.plugin.capabilities.writeModes ?? ['insert']
  if (modes.includes('insert')) {
    it('insert: a row whose key is there is an error, and nothing of the split stays', () =>
      opened(suite, table(), async (at) => {
        await failsWith('DUPLICATE_KEY', () => write(at, 'insert', [...numbered(10, 100), ['2', 'new']]))
        await holds(suite, at.table, THERE, 'after insert')
      }))
  }
  for (const mode of modes) {
    if (mode === 'insert') continue
    const { rows, counts } = OUTCOMES[mode]
    it(`${mode}: rows that are equal, differ or are new are written and counted as it says`, () =>
      opened(suite, table(), async (at) => {
        const reported = await write(at, mode, COMING)
        await holds(suite, at.table, rows, `after ${mode}`)
        assert.deepEqual({ ...reported, ...counts }, reported, JSON.stringify(counts))
      }))
  }

  it('removes the rows of given keys, if it can', () =>
    opened(suite, table(), async (at) => {
      if (at.writer.skills.deletes === undefined) return
      const spec = { ...(await planned(at, at.spec)), identity: ['a'] }
      const [gone] = batchesOf([
        ['1', 'equal'],
        ['3', null],
        ['9', 'never there'],
      ])
      const removed = await at.writer.skills.deletes.remove(spec, gone!, new AbortController().signal)
      assert.equal(removed, 2)
      await holds(suite, at.table, [['2', 'old']], 'after remove')
    }))

  it('removes rows in the transaction of those that it writes, if it can', () =>
    opened(suite, table(), async (at) => {
      if (at.writer.skills.deletes === undefined) return
      const spec = await planned(at, at.spec)
      const removed: number[] = []
      const removal = {
        spec: { ...spec, identity: ['a'] },
        rows: () => batchesOf([['1', 'equal']]),
        onRemoved: (rows: number) => void removed.push(rows),
      }
      const options = { ...new Recorder().options, removal }
      const late = () => {
        throw new RowshiftError('DIRTY_FILE_FAILED', 'It goes no further.')
      }
      const failing = { ...options, beforeCommit: late }
      await failsWith('DIRTY_FILE_FAILED', () => at.writer.write(spec, streamOf(numbered(1, 50)), failing))
      await holds(suite, at.table, THERE, 'rolled back')
      await at.writer.write(spec, streamOf(numbered(1, 50)), options)
      const rest = THERE.filter(([a]) => a !== '1')
      await holds(suite, at.table, [...rest, ...numbered(1, 50)], 'after both')
      await at.writer.write(spec, streamOf([]), {
        ...options,
        removal: { ...removal, rows: () => batchesOf(rest) },
      })
      await holds(suite, at.table, numbered(1, 50), 'without rows to write')
      assert.deepEqual(removed, [1, 1, rest.length])
    }))
}
