import assert from 'node:assert/strict'
import type { Batch } from '../wire/batch.js'
import type { ErrorCode } from '../contract/errors.js'
import { RowshiftError } from '../contract/errors.js'
import type { PlannedWrite, WriteOptions } from '../contract/write.js'
import { describeCheckpoints } from './checkpoints.js'
import { describeRejected } from './rejecting.js'
import type { Runner } from './runner.js'
import { assertHas, assertPlainJson, failsWith, runnerOf } from './runner.js'
import { counterKind, endpointAt, numbered, valuesOf, wanted } from './tables.js'
import type { CellValue, Rows } from './values.js'
import { assertSkills, writerSkills } from './skill-check.js'
import { describeWriteModes } from './write-modes.js'
import type { SinkSuite } from './writing.js'
import { failing, holds, opened, planned, Recorder, streamOf, writing } from './writing.js'

interface Failure {
  readonly rows: AsyncIterable<Batch>
  readonly options: WriteOptions
  readonly code: ErrorCode
}

/** Checks that the plugin writes as the contract says. */
export function describeSink(name: string, suite: SinkSuite, runner?: Runner): void {
  const { describe, it } = runnerOf(runner)
  assertHas(suite.plugin, 'createWriter')
  const counter = counterKind(suite)
  const key = suite.keys === false ? [] : ['a']
  const counted = (rows: Rows = []) =>
    wanted(
      [
        ['a', counter],
        ['b', 'text', 'nullable'],
      ],
      key,
      rows,
    )

  describe(`${name} as a sink`, () => {
    it('throws TABLE_NOT_FOUND for a table that is not there', () =>
      opened(suite, counted(), async ({ writer }) => {
        if (suite.plugin.defaultTable) return
        await failsWith('TABLE_NOT_FOUND', () => writer.describe('conformance_not_there'))
      }))

    it('drops a table, and does not mind one that is not there, if it has that skill', () =>
      opened(suite, counted([['1', 'x']]), async ({ writer, table }) => {
        if (!writer.skills.dropTable) return
        await writer.skills.dropTable(table.name)
        await failsWith('TABLE_NOT_FOUND', () => writer.describe(table.name))
        await writer.skills.dropTable(table.name)
      }))

    it('plans in plain JSON, and changes nothing by it', () =>
      opened(suite, counted([['1', 'x']]), async ({ writer, table, spec }) => {
        const plan = await writer.plan(spec, null)
        assertPlainJson(plan, 'a write plan')
        assert.equal(typeof plan.path, 'string')
        await holds(suite, table, table.rows, 'after plan')
      }))

    for (const path of suite.plugin.capabilities.writePaths ?? []) {
      it(`writes by ${path} when that is asked for, or says that this target cannot take it`, () =>
        opened(suite, counted(), async (at) => {
          const spec = await planned(at, at.spec, path).catch((error: unknown) => error)
          if (spec instanceof RowshiftError && spec.code === 'PARAMS_INVALID') return
          if (spec instanceof Error) throw spec
          const write = spec as PlannedWrite
          assert.equal(write.path, path)
          await at.writer.write(write, streamOf(numbered(25)), new Recorder().options)
          await holds(suite, at.table, numbered(25), `written by ${path}`)
        }))
    }

    for (const kind of suite.kinds) {
      it(`stores each value of kind ${kind}, and NULL, exactly as it is`, () => {
        const rows = [...valuesOf(suite, kind), null].map((value, i): CellValue[] => [String(i), value])
        return opened(
          suite,
          wanted(
            [
              ['a', counter],
              ['b', kind, 'nullable'],
            ],
            key,
          ),
          async (at) => {
            const recorder = new Recorder()
            const counts = await at.writer.write(await planned(at, at.spec), streamOf(rows), recorder.options)
            await holds(suite, at.table, rows, `values of kind ${kind}`)
            assert.equal(counts.rowsWritten, rows.length)
          },
        )
      })
    }

    it('counts the rows of each split, and tells how far it is', () =>
      opened(suite, counted(), async (at) => {
        const spec = await planned(at, at.spec)
        for (const from of [0, 25]) {
          const recorder = new Recorder()
          const counts = await at.writer.write(spec, streamOf(numbered(25, from)), recorder.options)
          const { rowsWritten, rowsChanged, rowsUnchanged, rowsSkipped, dirtyRows } = counts
          assert.deepEqual(
            [rowsWritten, rowsChanged, rowsUnchanged, rowsSkipped, dirtyRows],
            [25, 0, 0, 0, 0],
          )
          assert.equal(recorder.commits, 1, 'beforeCommit is called once')
          assert.deepEqual(
            recorder.progress,
            [...recorder.progress].sort((a, b) => a - b),
          )
          assert.ok(recorder.progress.every((rows) => rows <= 25))
        }
        await holds(suite, at.table, numbered(50), 'two splits')
      }))

    it('writes nothing for a split without rows', () =>
      opened(suite, counted([['1', 'x']]), async (at) => {
        const counts = await at.writer.write(await planned(at, at.spec), streamOf([]), new Recorder().options)
        assert.equal(counts.rowsWritten, 0)
        await holds(suite, at.table, at.table.rows, 'after a split without rows')
      }))

    const failures: Readonly<Record<string, (recorder: Recorder) => Failure>> = {
      'the rows end with an error': (recorder) => ({
        rows: streamOf(numbered(25), new RowshiftError('CONNECTION_LOST', 'the source is gone')),
        options: recorder.options,
        code: 'CONNECTION_LOST',
      }),
      'the rejected rows cannot be kept': (recorder) => ({
        rows: streamOf(numbered(25)),
        options: { ...recorder.options, beforeCommit: failing('DIRTY_FILE_FAILED') },
        code: 'DIRTY_FILE_FAILED',
      }),
      'the signal aborts before the commit': (recorder) => {
        const stop = new AbortController()
        const rows = streamOf(numbered(25), () => stop.abort())
        return { rows, options: { ...recorder.options, signal: stop.signal }, code: 'INTERRUPTED' }
      },
    }
    for (const [when, failure] of Object.entries(failures)) {
      it(`leaves nothing of a split when ${when}, and can write the next one`, () =>
        opened(suite, counted([['1000', 'x']]), async (at) => {
          const spec = await planned(at, at.spec)
          const { rows, options, code } = failure(new Recorder())
          await failsWith(code, () => at.writer.write(spec, rows, options))
          await holds(suite, at.table, at.table.rows, 'after the split that failed')
          await at.writer.write(spec, streamOf(numbered(25)), new Recorder().options)
          await holds(suite, at.table, [...at.table.rows, ...numbered(25)], 'after the next split')
        }))
    }

    if (suite.keys !== false || suite.rejected) describeRejected(suite, it)

    it('lets several threads write at the same time', () =>
      opened(suite, counted(), async (at) => {
        const spec = await planned(at, at.spec)
        const writers = [0, 1, 2].map((i) =>
          writing(suite, at.connection, (writer) =>
            writer.write(spec, streamOf(numbered(50, i * 50)), new Recorder().options),
          ),
        )
        await Promise.all(writers)
        await holds(suite, at.table, numbered(150), 'three writers')
      }))

    describeWriteModes(suite, it)
    describeCheckpoints(suite, it)

    it('has skills that the engine asks for, each of them whole', () =>
      opened(suite, counted(), async ({ writer }) => assertSkills(writer.skills, writerSkills)))

    it('closes when it was never opened, and twice', async () => {
      const connection = await suite.make(counted())
      await suite.plugin.createWriter!(endpointAt(connection)).close()
      await writing(suite, connection, (writer) => writer.close())
    })
  })
}
