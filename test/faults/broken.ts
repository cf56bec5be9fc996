// Deliberately broken builds, and for each the cases of the suite that must catch it. An edit whose text is not in its file exactly once fails the
// suite: then the code has changed, and the edit must follow it.
import type { Edit } from './builds.js'

export interface Broken {
  readonly name: string
  readonly edits: readonly Edit[]
  /** Part of the title of the case that catches it. */
  readonly caughtBy: { readonly fault: string; readonly on: string }
}

const writer = 'dist/src/sql/writer.js'
const load = 'dist/plugins/mysql/split-write.js'
const leaveMark = 'await leaveMark(session, mark, tally.counts);'
const ON = 'insert plain 1'
/** MariaDB would take another path, where a value that does not fit is an error and no warning. */
const byLoad: Edit = {
  file: 'dist/plugins/mysql/write-plan.js',
  from: 'if (transactional && bulkObstacle(session, server, target) === null)',
  to: 'if (false)',
}

export const broken: readonly Broken[] = [
  {
    name: 'the checkpoint is left after the commit',
    edits: [
      { file: writer, from: `if (mark)\n                ${leaveMark}`, to: '' },
      {
        file: writer,
        from: "failpoint('split-committed');",
        to: `failpoint('split-committed'); if (mark) ${leaveMark}`,
      },
    ],
    caughtBy: { fault: 'kill at split-committed (middle)', on: ON },
  },
  {
    name: 'the checkpoint is committed before the rows, in another transaction',
    edits: [
      {
        file: writer,
        from: leaveMark,
        to: 'await leaveMark(await this.#sink.open(this.#endpoint, undefined), mark, tally.counts);',
      },
    ],
    caughtBy: { fault: 'kill at split-marked (middle)', on: ON },
  },
  {
    name: 'warnings are ignored',
    edits: [byLoad, { file: load, from: 'if (count === 0)', to: 'if (count >= 0)' }],
    caughtBy: { fault: 'a column of the target gets too narrow', on: ON },
  },
  {
    name: 'counts and warnings of a load are ignored',
    edits: [
      byLoad,
      {
        file: load,
        from: 'if ((await this.#faulty(ok)) || !clean)\n            throw this.#mismatch(ok, sent);\n        if (this.#statements.stage)',
        to: 'if (this.#statements.stage)',
      },
    ],
    caughtBy: { fault: 'a row with the new id of one that is to come', on: 'insert ids 1' },
  },
  {
    name: 'no ROLLBACK after a lock wait timeout',
    edits: [
      {
        file: writer,
        from: 'await this.#rollback(session);\n            const { table } = spec.table;',
        to: "if (session.dialect.error(thrown, '', {}).code !== 'LOCK_CONFLICT') await this.#rollback(session);\n const { table } = spec.table;",
      },
    ],
    caughtBy: { fault: 'row of the run locked', on: ON },
  },
  {
    name: 'a split that failed is not rolled back before it is tried again',
    edits: [{ file: writer, from: 'await session.rollback().catch(() => this.#slot.drop());', to: '' }],
    caughtBy: { fault: 'lose at split-written (middle)', on: ON },
  },
  {
    name: 'a commit without an answer is tried again blindly',
    edits: [
      {
        file: writer,
        from: 'if (mark?.again && (await isStored(session, mark)))\n                return nothingWritten;',
        to: "if (mark?.again) mark.split += '.0';",
      },
    ],
    caughtBy: { fault: 'in the answer to COMMIT, byte', on: ON },
  },
  {
    name: 'the upper bound of a split is left out',
    edits: [
      {
        file: 'dist/src/sql/range.js',
        from: "return compare(columns, bound, '<', '<=');",
        to: "return compare(columns, bound, '<', '<');",
      },
    ],
    caughtBy: { fault: 'kill at split-accepted (middle)', on: ON },
  },
  {
    name: 'the end of a stream is trusted when its connection is lost',
    edits: [
      {
        file: 'dist/src/sql/reader.js',
        from: 'throw this.#inSnapshot && lost',
        to: 'if (lost) return;\n throw this.#inSnapshot && lost',
      },
    ],
    caughtBy: { fault: 'in the rows of a split, byte', on: ON },
  },
  {
    name: 'the attempt is not compared',
    edits: [{ file: 'dist/src/sql/sql-checkpoints.js', from: ' AND attempt = ${attempt}`;\n}', to: '`;\n}' }],
    caughtBy: { fault: 'and that killed', on: ON },
  },
  {
    name: 'what the last attempt has stored is forgotten when the run is resumed',
    edits: [
      {
        file: 'dist/src/features/resume/run-state.js',
        from: 'done: mergeDone(state.plan.read, state.done, stored)',
        to: 'done: state.done',
      },
    ],
    caughtBy: { fault: 'kill at split-committed (middle)', on: ON },
  },
  {
    name: 'the watermark is saved although the rows are not there',
    edits: [
      {
        file: 'dist/src/cli/run-history.js',
        from: "if ((status === 'success' || 'tables' in report) && alone)",
        to: 'if (alone)',
      },
    ],
    caughtBy: { fault: 'throw at split-accepted', on: 'append plain 1' },
  },
  {
    name: 'what comes after the last range that is done is not read when the run is resumed',
    edits: [
      {
        file: 'dist/src/features/resume/done-ranges.js',
        from: 'Array.from({ length: ranges.length + 1 }',
        to: 'Array.from({ length: ranges.length }',
      },
    ],
    caughtBy: { fault: 'kill at split-committed (middle)', on: ON },
  },
]
