/**
 * Rows of sharded targets are compared with one cell more, the name of their shard: where a row of the source should be, and
 * where a row of the target is. It is part of what says which row it is, so that a row in the wrong shard is missing
 * in one and extra in the other.
 */
import { TAB } from '../../wire/batch.js'
import { BatchBuilder } from '../../wire/builder.js'
import type { Cells } from '../../wire/row-name.js'
import type { Batch } from '../../contract/plugin.js'
import type { Router } from '../shard/router.js'
import type { ComparisonSetup } from './row-comparison.js'
import { cellsOfRow, rowsOf, withoutLastCell } from './rows.js'

export function withShard(setup: ComparisonSetup): ComparisonSetup {
  const { names, binary, canonicalizations, identity } = setup
  const name = names.includes('shard') ? '(shard)' : 'shard'
  return {
    ...setup,
    names: [...names, name],
    binary: [...binary, false],
    canonicalizations: [...canonicalizations, { source: 'bytes', target: 'bytes' }],
    identity: identity && [...identity, names.length],
  }
}

/** Who wants to know where rows of the source belong. */
export interface RouteSink {
  /** A row belongs to the shard that the router knows by this number. */
  readonly belongs: (shard: number, cells: Cells) => void
  /** No shard is for a row. */
  readonly homeless: (cells: Cells) => void
}

/**
 * Rows of the source, each with the name of the shard that it belongs to in the place of the cells that only say so; NULL
 * without a shard.
 */
export function routedRows(batch: Batch, router: Router, sink: RouteSink): Batch {
  const cellOf = (row: Buffer) => {
    const cells = cellsOfRow(row)
    const shard = router.shardOf(cells)
    if (shard === null) {
      sink.homeless(cells)
      return null
    }
    sink.belongs(shard, cells)
    return router.nameOf(shard)
  }
  return withCell(batch, cellOf, router.unwritten)
}

/** Rows of one shard. */
export function rowsOfShard(batch: Batch, name: string): Batch {
  return withCell(batch, () => name, 0)
}

/** The last cells, `dropped` of them, are left out. */
function withCell(batch: Batch, cellOf: (row: Buffer) => string | null, dropped: number): Batch {
  const builder = new BatchBuilder({ bytes: batch.bytes.length + batch.rows * 16, rows: batch.rows })
  for (const row of rowsOf(batch.bytes)) {
    builder.reserve(row.length)
    let end = row.length
    for (let i = 0; i < dropped; i++) end = row.lastIndexOf(TAB, end - 2) + 1
    builder.length += row.copy(builder.buffer, builder.length, 0, end)
    builder.buffer[builder.length - 1] = TAB
    const cell = cellOf(row)
    if (cell === null) builder.appendNull()
    else builder.appendBytes(Buffer.from(cell))
    builder.endRow()
  }
  return builder.take() ?? batch
}

/** The row as it stands in its table, and its shard. */
export function splitShard(row: Buffer): { row: Buffer; shard: string } {
  return { row: withoutLastCell(row), shard: cellsOfRow(row).at(-1)?.toString() ?? '' }
}
