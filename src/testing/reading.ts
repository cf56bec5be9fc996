/** Reading as the engine does. */
import type { Batch } from '../wire/batch.js'
import type { Connection } from '../contract/endpoint.js'
import { openAll } from '../contract/opening.js'
import type { Plugin, Reader } from '../contract/plugin.js'
import type { ReadSpec, Split } from '../contract/read.js'
import type { ColumnKind } from '../contract/table-schema.js'
import type { TableSuite, WantedTable } from './tables.js'
import { endpointAt, readSpec, rowsOf } from './tables.js'
import type { CellValue } from './values.js'

/** What the suite must know of a source. */
export interface SourceSuite extends TableSuite {
  readonly plugin: Plugin
}

export const NEVER = new AbortController().signal

export async function splitsOf(suite: SourceSuite, table: WantedTable): Promise<Split[]> {
  return reading(suite, await suite.make(table), async (reader) => {
    const spec = readSpec(await reader.describe(table.name))
    const splits: Split[] = []
    for await (const split of reader.split(spec, () => 7, NEVER)) splits.push(split)
    return splits
  })
}

export async function batchesIn(reader: Reader, spec: ReadSpec, splitRows = 7): Promise<Batch[]> {
  const batches: Batch[] = []
  for await (const split of reader.split(spec, () => splitRows, NEVER)) {
    for await (const batch of reader.read(spec, split, NEVER)) batches.push(batch)
  }
  return batches
}

export async function readAll(
  reader: Reader,
  spec: ReadSpec,
  kinds: readonly ColumnKind[],
  splitRows?: number,
): Promise<CellValue[][]> {
  return (await batchesIn(reader, spec, splitRows)).flatMap((batch) => rowsOf(batch, kinds))
}

export async function rowsIn(
  batches: AsyncIterable<Batch>,
  kinds: readonly ColumnKind[],
): Promise<CellValue[][]> {
  const rows: CellValue[][] = []
  for await (const batch of batches) rows.push(...rowsOf(batch, kinds))
  return rows
}

/** A reader that is open while `work` lasts. */
export async function reading<T>(
  suite: SourceSuite,
  connection: Connection,
  work: (reader: Reader) => Promise<T>,
): Promise<T> {
  const reader = suite.plugin.createReader!(endpointAt(connection))
  await openAll([reader])
  try {
    return await work(reader)
  } finally {
    await reader.close()
  }
}
