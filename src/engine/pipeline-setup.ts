import type { SharedCells } from '../wire/cell-map.js'
import { CellMapBuilder } from '../wire/cell-map.js'
import { BatchBuilder, recycle } from '../wire/builder.js'
import { RawRows } from '../wire/raw-rows.js'
import { RowshiftError } from '../contract/errors.js'
import type { GivenCells } from '../features/lookup/given-table.js'
import { readGiven } from '../features/lookup/given-table.js'
import { WORKERS } from '../features/ids/snowflake.js'
import { ambiguousKey } from '../features/lookup/errors.js'
import { isCreated } from '../contract/computed-columns.js'
import type { Reader, ReadSpec, Sequence, Writer } from '../contract/plugin.js'
import type { IdMapPlan, IdPlan, LookupPlan } from '../contract/computed-columns.js'
import type { PipelinePlan } from '../contract/pipeline.js'
import type { RunPlan } from '../contract/run-plan.js'
import { computedCells } from '../contract/pipeline.js'
import type { PipelineSetup } from './messages.js'
import type { OpenConnections } from './open-connections.js'

/** Every run into a target gets other numbers, until there are no more and the first come again. */
const SNOWFLAKE_WORKERS: Sequence = { name: 'snowflake workers', above: [] }
/** Of a number of a thread, so many bits are kept: those of an id are among them. */
const NUMBER_BITS = 31
/** A slot and the lengths of an entry: no entry takes less. */
const LEAST_ENTRY_BYTES = 16

/** What the threads share, small lookup tables among it, and what there is to say about it. null: the plan has no pipeline. */
export async function setUpPipeline(
  pipeline: PipelinePlan | null,
  connections: OpenConnections,
  signal: AbortSignal,
): Promise<{ setup: PipelineSetup; reasons: readonly string[] } | null> {
  if (pipeline === null) return null
  const reasons: string[] = []
  const lookups: Record<number, SharedCells> = {}
  for (const [index, cell] of computedCells(pipeline).entries()) {
    if (cell.type !== 'lookup' || isCreated(cell.lookup)) continue
    const { lookup } = cell
    const all = lookup.given
      ? shareGiven(lookup, lookup.given)
      : await readAll(await connections.named(lookup.in).open(), lookup, signal)
    if (all !== null) lookups[index] = all
    const how = all ? `all keys (${all.entries}) are in memory` : 'keys are asked for, batch by batch'
    reasons.push(`lookup of ${cell.name}: ${how}`)
  }
  return { setup: forThreads({ endpoints: connections.endpoints, lookups }), reasons }
}

/** The same for other threads, which are counted anew. */
export function forThreads(shared: Omit<PipelineSetup, 'threads'>): PipelineSetup {
  return { ...shared, threads: new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT)) }
}

/** Whether {@link prepareIds} changes the target. */
export function keepsIds(pipeline: PipelinePlan | null): boolean {
  return (pipeline?.cells ?? []).some(
    (cell) => cell.type === 'id' && (cell.map !== null || isNumbered(cell.ids)),
  )
}

/** Whether the target keeps which numbers were handed out. */
function isNumbered(ids: IdPlan): boolean {
  return ids.type === 'sequence' || (ids.type === 'snowflake' && ids.worker === null)
}

/** Once the target is prepared: makes what its ids need there. */
export async function prepareIds(
  { pipeline, policy: { workerNum } }: RunPlan,
  setup: PipelineSetup | null,
  writer: Writer,
  signal: AbortSignal,
): Promise<void> {
  await takeWorkers(pipeline, setup, writer, workerNum)
  for (const cell of pipeline?.cells.filter((each) => each.type === 'id') ?? []) {
    if (cell.map) await makeMap(cell.map, writer, signal)
    if (cell.ids.type === 'sequence') await writer.skills.sequences!.open(cell.ids.sequence)
  }
}

/** For so many threads: numbers that tell their snowflake ids from those of all others. */
export async function takeWorkers(
  pipeline: PipelinePlan | null,
  setup: PipelineSetup | null,
  writer: Writer,
  threads: number,
): Promise<void> {
  if (!takesWorkers(pipeline)) return
  await writer.skills.sequences!.open(SNOWFLAKE_WORKERS)
  const first = await writer.skills.sequences!.take(SNOWFLAKE_WORKERS, threads)
  Atomics.store(setup!.threads, 1, Number(BigInt.asUintN(NUMBER_BITS, BigInt(first))))
}

/** Whether threads, so many, have numbers of their own in a run that took its first one at `first`. */
export function haveOwnWorkers({ threads }: PipelineSetup, first: number, count: number): boolean {
  const taken = BigInt.asUintN(NUMBER_BITS, BigInt(Atomics.load(threads, 1) - first))
  return Number(taken) + count <= WORKERS
}

export function takesWorkers(pipeline: PipelinePlan | null): boolean {
  return (pipeline?.cells ?? []).some(
    (cell) => cell.type === 'id' && cell.ids.type === 'snowflake' && cell.ids.worker === null,
  )
}

/** Another run may make the same table at the same time. */
async function makeMap({ write }: IdMapPlan, writer: Writer, signal: AbortSignal): Promise<void> {
  if (write.create === null) return
  try {
    await writer.prepare(write, signal)
  } catch (error) {
    const there = await writer.describe(write.table.table).catch(() => null)
    if (there === null) throw error
  }
}

/** The rows that the plan was made with. */
function shareGiven(
  { preloadBytes }: LookupPlan,
  { table, digest }: NonNullable<LookupPlan['given']>,
): SharedCells {
  const { rows, digest: now } = readGiven(table, preloadBytes)
  if (now !== digest && table.type === 'file')
    throw new RowshiftError(
      'PARAMS_INVALID',
      `${table.path} has changed since it was planned with. Run it again.`,
    )
  const builder = new CellMapBuilder(Infinity)
  for (const { cells } of rows) {
    if (!cells.slice(0, -1).includes(null)) builder.add(...keyAndValue(cells))
  }
  return builder.share()
}

/** As they stand in batches. */
function keyAndValue(cells: GivenCells): [key: Buffer, value: Buffer] {
  const line = new BatchBuilder({ bytes: 64, rows: 1 })
  let value = 0
  for (const cell of cells) {
    value = line.length
    if (cell === null) line.appendNull()
    else line.appendBytes(Buffer.from(cell))
  }
  return [line.buffer.subarray(0, value - 1), line.buffer.subarray(value, line.length - 1)]
}

/** All keys and their values; null when they would take too much memory. */
async function readAll(
  reader: Reader,
  { tables, preloadBytes }: LookupPlan,
  signal: AbortSignal,
): Promise<SharedCells | null> {
  const rows = tables.reduce((sum, { table }) => sum + (table.estimatedRows ?? 0), 0)
  if (preloadBytes === 0 || rows * LEAST_ENTRY_BYTES > preloadBytes) return null
  const builder = new CellMapBuilder(preloadBytes)
  for (const table of tables) {
    if (!(await readTable(reader, table, builder, signal))) return null
  }
  return builder.share()
}

/** False when there is too much. */
async function readTable(
  reader: Reader,
  table: ReadSpec,
  builder: CellMapBuilder,
  signal: AbortSignal,
): Promise<boolean> {
  const width = table.columns.length
  const pairs = new RawRows(width)
  const parts = [...Array(width - 1).keys()]
  for await (const batch of reader.read(table, { index: 0, lower: null, upper: null }, signal)) {
    pairs.take(batch)
    for (let row = 0; row < batch.rows; row++) {
      if (parts.some((part) => pairs.isNull(row, part))) continue
      const key = batch.bytes.subarray(pairs.start(row, 0), pairs.end(row, width - 2))
      const value = pairs.cell(row, width - 1)
      if (!builder.add(key, value)) throw ambiguousKey(table.table.table, key, builder.get(key), value)
    }
    recycle(batch)
    if (builder.overBudget) return false
  }
  if (signal.aborted) throw new RowshiftError('INTERRUPTED', 'Interrupted while reading a lookup table.')
  return true
}
