import assert from 'node:assert/strict'
import type { Checkpoints } from '../contract/checkpoint.js'
import { RowshiftError } from '../contract/errors.js'
import type { SplitMark, WriteOptions } from '../contract/write.js'
import type { Runner } from './runner.js'
import { failsWith } from './runner.js'
import { counterKind, numbered, wanted } from './tables.js'
import type { OpenedSink, SinkSuite } from './writing.js'
import { holds, opened, planned, Recorder, streamOf, writing } from './writing.js'

let runs = 0

/** What splits leave in the target, where the writer has the skill `checkpoints`. */
export function describeCheckpoints(suite: SinkSuite, it: Runner['it']): void {
  const table = () =>
    wanted(
      [
        ['a', counterKind(suite)],
        ['b', 'text', 'nullable'],
      ],
      suite.keys === false ? [] : ['a'],
    )
  const withRun = (work: (at: OpenedSink, checkpoints: Checkpoints, run: string) => Promise<void>) =>
    opened(suite, table(), async (at) => {
      const { checkpoints } = at.writer.skills
      if (!checkpoints) return
      const run = `conformance-${process.pid}-${++runs}`
      await checkpoints.begin({
        run,
        table: at.table.name,
        state: JSON.stringify({ plan: "'\\\u00e9" }),
        supersedes: false,
      })
      try {
        await work(at, checkpoints, run)
      } finally {
        await checkpoints.end(run)
      }
    })

  it('keeps the state of a run until it ends', () =>
    withRun(async (_at, checkpoints, run) => {
      const [begun] = (await checkpoints.list()).filter((one) => one.run === run)
      assert.deepEqual([begun?.attempt, begun?.rows], [1, 0])
      assert.equal(begun?.state, JSON.stringify({ plan: "'\\\u00e9" }))
      await checkpoints.update({ run, attempt: 1, state: 'changed' })
      await failsWith('RUN_TAKEN', () => checkpoints.update({ run, attempt: 2, state: 'stolen' }))
      assert.equal((await checkpoints.list()).find((one) => one.run === run)?.state, 'changed')
      await checkpoints.end(run)
      assert.ok(!(await checkpoints.list()).some((one) => one.run === run))
      await failsWith('RUN_TAKEN', () => checkpoints.claim({ run, attempt: 1 }, () => ''))
    }))

  it('marks runs that another run of the same table has superseded, if it did more than write rows', () =>
    withRun(async (at, checkpoints, run) => {
      const [other, elsewhere, beside] = [`${run}-b`, `${run}-c`, `${run}-d`]
      const begin = (id: string, table: string, supersedes: boolean) =>
        checkpoints.begin({ run: id, table, state: '', supersedes })
      await begin(elsewhere, 'conformance_elsewhere', true)
      await begin(beside, at.table.name, false)
      assert.equal((await checkpoints.list()).find((one) => one.run === run)?.supersededBy, null)
      await begin(other, at.table.name, true)
      const found = new Map((await checkpoints.list()).map((one) => [one.run, one.supersededBy]))
      for (const id of [elsewhere, other, beside]) await checkpoints.end(id)
      assert.deepEqual([found.get(run), found.get(other), found.get(elsewhere)], [other, null, null])
    }))

  it('lets nothing be committed by a run whose table another one has made anew', () =>
    withRun(async (at, checkpoints, run) => {
      const spec = await planned(at, at.spec)
      await at.writer.write(spec, streamOf(numbered(5)), marked({ run, split: '0.0' }))
      const anew = { table: at.table.name, state: '', supersedes: true, remakes: true }
      await checkpoints.begin({ run: `${run}-b`, ...anew })
      const late = (split: string) => marked({ run, split })
      const writing = () => at.writer.write(spec, streamOf(numbered(5, 5)), late('0.1'))
      await failsWith('RUN_TAKEN', writing).finally(() => checkpoints.end(`${run}-b`))
      await holds(suite, at.table, numbered(5), 'one split')
    }))

  it('stores the mark of a split with its rows, and none with rows that are rolled back', () =>
    withRun(async (at, checkpoints, run) => {
      const spec = await planned(at, at.spec)
      const late = () => {
        throw new RowshiftError('DIRTY_FILE_FAILED', 'It goes no further.')
      }
      const failing = { ...marked({ run, split: '0.1' }), beforeCommit: late }
      await failsWith('DIRTY_FILE_FAILED', () => at.writer.write(spec, streamOf(numbered(25)), failing))
      await at.writer.write(spec, streamOf(numbered(25)), marked({ run, split: '0.0' }))
      await at.writer.write(spec, streamOf([]), marked({ run, split: '0.2' }))
      await at.writer.write(spec, streamOf(numbered(5, 25)), marked({ run, split: '0.3', state: () => null }))
      await holds(suite, at.table, numbered(30), 'two splits')
      assert.equal(await checkpoints.countRows(at.table.name), 30n)
      const stored = [
        { split: '0.0', state: '25 rows' },
        { split: '0.2', state: '0 rows' },
      ]
      assert.deepEqual(await claimed(checkpoints, run, 1), stored, 'a split without rows is stored, too')
      assert.deepEqual(await claimed(checkpoints, run, 2), [], 'what was claimed is merged')
      assert.equal((await checkpoints.list()).find((one) => one.run === run)?.rows, 25)
    }))

  it('does not write a split again that is stored', () =>
    withRun(async (at, checkpoints, run) => {
      const spec = await planned(at, at.spec)
      await at.writer.write(spec, streamOf(numbered(25)), marked({ run, split: '0.0', again: true }))
      const stored: string[] = []
      const onStored = (state: string) => void stored.push(state)
      const again = marked({ run, split: '0.0', again: true, onStored })
      await at.writer.write(spec, streamOf(numbered(25)), again)
      assert.deepEqual(stored, ['25 rows'])
      // Also when nobody looked it up.
      await failsWith(null, () =>
        at.writer.write(spec, streamOf(numbered(5, 25)), marked({ run, split: '0.0' })),
      )
      await holds(suite, at.table, numbered(25), 'one split')
      assert.equal((await claimed(checkpoints, run, 1)).length, 1)
    }))

  it('commits nothing of an attempt that another one has followed', () =>
    withRun(async (at, checkpoints, run) => {
      const spec = await planned(at, at.spec)
      const rows = streamOf(numbered(25), () => {})
      await claimed(checkpoints, run, 1)
      await failsWith('RUN_TAKEN', () => at.writer.write(spec, rows, marked({ run, split: '0.0' })))
      const nothing = marked({ run, split: '0.0', state: () => null })
      await failsWith('RUN_TAKEN', () => at.writer.write(spec, streamOf(numbered(25)), nothing))
      await failsWith('RUN_TAKEN', () => checkpoints.claim({ run, attempt: 1 }, () => ''))
      await holds(suite, at.table, [], 'after a take-over')
      await at.writer.write(spec, streamOf(numbered(25)), marked({ run, split: '0.0', attempt: 2 }))
      await holds(suite, at.table, numbered(25), 'of the second attempt')
    }))

  it('ends an attempt in a database that is not the first, and keeps its splits until they are known there', () =>
    withRun(async (at, checkpoints, run) => {
      const spec = await planned(at, at.spec)
      await at.writer.write(spec, streamOf(numbered(25)), marked({ run, split: '0.0' }))
      const stored = [{ split: '0.0', state: '25 rows' }]
      // Whoever dies before the first database knows is followed by another one.
      for (let time = 0; time < 2; time++)
        assert.deepEqual(await checkpoints.fence({ run, attempt: 1 }), stored)
      const late = () => at.writer.write(spec, streamOf(numbered(5, 25)), marked({ run, split: '0.1' }))
      await failsWith('RUN_TAKEN', late)
      await at.writer.write(spec, streamOf(numbered(5, 25)), marked({ run, split: '0.0.0', attempt: 2 }))
      await checkpoints.forget({ run, attempt: 1 })
      assert.deepEqual(await checkpoints.fence({ run, attempt: 2 }), [{ split: '0.0.0', state: '5 rows' }])
      assert.equal((await checkpoints.list()).find((one) => one.run === run)?.rows, 30)
      await failsWith('RUN_TAKEN', () => checkpoints.fence({ run, attempt: 1 }))
      await holds(suite, at.table, numbered(30), 'two attempts')
    }))

  it('lets several threads leave marks at the same time', () =>
    withRun(async (at, checkpoints, run) => {
      const spec = await planned(at, at.spec)
      const writers = [0, 1, 2].map((i) =>
        writing(suite, at.connection, async (writer) => {
          for (const j of [0, 1, 2]) {
            const rows = streamOf(numbered(10, (3 * i + j) * 10))
            await writer.write(spec, rows, marked({ run, split: `${i}.${j}` }))
          }
        }),
      )
      await Promise.all(writers)
      await holds(suite, at.table, numbered(90), 'nine splits')
      assert.equal((await claimed(checkpoints, run, 1)).length, 9)
    }))
}

function marked(mark: Partial<SplitMark> & Pick<SplitMark, 'run' | 'split'>): WriteOptions {
  const nobody = () => assert.fail('the split is not stored yet')
  return {
    ...new Recorder().options,
    mark: {
      attempt: 1,
      again: false,
      state: ({ rowsWritten }) => `${rowsWritten} rows`,
      onStored: nobody,
      ...mark,
    },
  }
}

/** The splits that the attempt has left. */
async function claimed(checkpoints: Checkpoints, run: string, attempt: number) {
  let found: object[] = []
  await checkpoints.claim({ run, attempt }, (state, splits) => {
    found = splits.map(({ split, state: own }) => ({ split, state: own }))
    return state
  })
  return found
}
