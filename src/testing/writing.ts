/** Writing as the engine does. */
import type { Batch } from '../wire/batch.js'
import type { Connection } from '../contract/endpoint.js'
import type { ErrorCode } from '../contract/errors.js'
import { RowshiftError } from '../contract/errors.js'
import { openAll } from '../contract/opening.js'
import type { Plugin, Writer } from '../contract/plugin.js'
import type { ColumnKind } from '../contract/table-schema.js'
import type { PlannedWrite, WriteOptions, WriteSpec } from '../contract/write.js'
import type { TableSuite, WantedTable } from './tables.js'
import { batchesOf, endpointAt, kindsOf, rowsOf, SMALL, writeSpec } from './tables.js'
import type { CellValue, Rows } from './values.js'
import { assertSameRows } from './values.js'

/** What the suite must know of a sink. */
export interface SinkSuite extends TableSuite {
  readonly plugin: Plugin
  /** A value that a column of this kind rejects, where tables have no keys: a key that is taken is what rejects a row elsewhere. */
  readonly rejected?: { readonly kind: TableSuite['kinds'][number]; readonly value: string }
  /** All rows of a table, by other means than the plugin; columns in the table's order. */
  rows(table: WantedTable): Promise<Rows>
}

/** A table that was made, a writer on it, and how it is to be written to. */
export interface OpenedSink {
  readonly table: WantedTable
  readonly connection: Connection
  readonly writer: Writer
  readonly spec: WriteSpec
}

export async function opened(
  suite: SinkSuite,
  table: WantedTable,
  work: (at: OpenedSink) => Promise<void>,
): Promise<void> {
  const connection = await suite.make(table)
  await writing(suite, connection, async (writer) => {
    await work({ table, connection, writer, spec: writeSpec(await writer.describe(table.name)) })
  })
}

/** A writer that is open while `work` lasts. */
export async function writing<T>(
  suite: SinkSuite,
  connection: Connection,
  work: (writer: Writer) => Promise<T>,
): Promise<T> {
  const writer = suite.plugin.createWriter!(endpointAt(connection))
  await openAll([writer])
  try {
    return await work(writer)
  } finally {
    await writer.close()
  }
}

/** The writer has chosen how, and has prepared the table. */
export async function planned(
  { writer }: OpenedSink,
  spec: WriteSpec,
  path: string | null = null,
): Promise<PlannedWrite> {
  const plan = await writer.plan(spec, path)
  const write = { ...spec, ...plan, batch: SMALL }
  await writer.prepare(write, new AbortController().signal)
  return write
}

/** Rows as a reader gives them, then what `end` does: an error is thrown. */
export async function* streamOf(rows: Rows, end?: RowshiftError | (() => void)): AsyncGenerator<Batch> {
  yield* batchesOf(rows)
  if (end instanceof RowshiftError) throw end
  end?.()
}

/** What a writer tells while it writes. */
export class Recorder {
  readonly progress: number[] = []
  readonly dirty: CellValue[][] = []
  readonly reasons: RowshiftError[] = []
  commits = 0
  readonly options: WriteOptions

  constructor(kinds: readonly ColumnKind[] = []) {
    this.options = {
      signal: new AbortController().signal,
      onProgress: (rows) => this.progress.push(rows),
      onDirty: (row, error) => {
        if (kinds.length === 0) throw error
        this.dirty.push(...rowsOf(row, kinds))
        this.reasons.push(error)
      },
      beforeCommit: () => this.commits++,
    }
  }
}

export function failing(code: ErrorCode): () => never {
  return () => {
    throw new RowshiftError(code, 'It goes no further.')
  }
}

/** Asserts what the table holds, by the suite's own means. */
export async function holds(suite: SinkSuite, table: WantedTable, rows: Rows, what: string): Promise<void> {
  assertSameRows(kindsOf(table), await suite.rows(table), rows, what)
}
