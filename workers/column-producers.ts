import { CellMap } from '../src/wire/cell-map.js'
import { isCreated } from '../src/contract/computed-columns.js'
import type { PipelineSetup } from '../src/engine/messages.js'
import type { IdCell, LookupCell } from '../src/contract/computed-columns.js'
import type { CellPlan, ValuePlan, PipelineRunPlan } from '../src/contract/pipeline.js'
import { CopiedCells } from './copied-cells.js'
import { MappedIdCell, NewIdCell } from './id-cell.js'
import { IdMap } from './id-map.js'
import { idSourceOf } from './id-source.js'
import { LookedUpCell } from './looked-up-cell.js'
import type { ColumnProducer } from './column-producer.js'
import { ChangedCell } from './steps-cell.js'
import { ValueFinder } from './value-finder.js'

/** What is needed to make cells. */
export interface PipelineContext {
  readonly plan: PipelineRunPlan
  readonly pipeline: PipelineSetup | null
}

/** How the cells of the plan are made, in this thread; and the values before them, level by level. */
export interface ColumnProducers {
  readonly levels: readonly (readonly ColumnProducer[])[]
  readonly cells: readonly ColumnProducer[]
}

/** By what the threads of a run share. A pipeline that is opened again has the thread's number still: only so many are reserved. */
const numbers = new WeakMap<Int32Array, number>()

function threadNumber({ threads }: PipelineSetup): number {
  const number = numbers.get(threads) ?? Atomics.add(threads, 0, 1)
  numbers.set(threads, number)
  return number
}

export function producersOf(setup: PipelineContext, signal: AbortSignal): ColumnProducers {
  const { reads, values, cells } = setup.plan.pipeline!
  const thread = setup.pipeline === null ? 0 : threadNumber(setup.pipeline)
  const make = (cell: ValuePlan | CellPlan, index: number) => producerOf(cell, index, setup, thread, signal)
  const levels: ColumnProducer[][] = []
  /** How many cells the rows have that a level is given. */
  let width = reads.length
  for (const [index, value] of values.entries()) {
    const ready = [value.at].flat().every((at) => at < width)
    if (!ready || levels.length === 0) levels.push([])
    if (!ready) width = reads.length + index
    levels.at(-1)!.push(make(value, index))
  }
  return { levels, cells: joined(cells, (cell, at) => make(cell, values.length + at)) }
}

/** Cells that were read side by side are copied in one piece. */
function joined(
  cells: readonly CellPlan[],
  make: (cell: CellPlan, at: number) => ColumnProducer,
): ColumnProducer[] {
  const producers: ColumnProducer[] = []
  for (const [at, cell] of cells.entries()) {
    const last = producers.at(-1)
    const extended = cell.type === 'read' && last instanceof CopiedCells && last.extend(cell.at)
    if (!extended) producers.push(make(cell, at))
  }
  return producers
}

function producerOf(
  cell: ValuePlan | CellPlan,
  index: number,
  setup: PipelineContext,
  thread: number,
  signal: AbortSignal,
): ColumnProducer {
  switch (cell.type) {
    case 'read':
      return new CopiedCells(cell.at)
    case 'lookup':
      return lookup(cell, index, setup, signal)
    case 'steps':
      return new ChangedCell(cell, setup.plan, signal)
    case 'id':
      return id(cell, setup, thread, signal)
    default:
      return cell satisfies never
  }
}

function lookup(
  cell: LookupCell,
  index: number,
  { plan, pipeline }: PipelineContext,
  signal: AbortSignal,
): ColumnProducer {
  const all = pipeline!.lookups[index]
  const { given, tables } = cell.lookup
  const nothing = given != null || isCreated(cell.lookup)
  const finder = nothing ? null : new ValueFinder(pipeline!.endpoints[cell.lookup.in]!, tables, signal)
  return new LookedUpCell(cell, plan, all ? new CellMap(all) : null, finder)
}

function id(
  { name, ids, map }: IdCell,
  { plan, pipeline }: PipelineContext,
  thread: number,
  signal: AbortSignal,
): ColumnProducer {
  const target = pipeline!.endpoints['target']!
  const firstWorker = () => Atomics.load(pipeline!.threads, 1)
  const source = idSourceOf(ids, { thread, firstWorker }, target, signal)
  return map === null
    ? new NewIdCell(source)
    : new MappedIdCell({ at: map.at, name }, plan, new IdMap(map, source, target, signal))
}
