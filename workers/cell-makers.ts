import { CellMap } from '../src/batch/cell-map.js'
import type { StageSetup } from '../src/engine/messages.js'
import type { CellPlan, IdCell, LookupCell } from '../src/plugin.js'
import type { StagedPlan } from '../src/stage.js'
import { CopiedCells } from './copied-cells.js'
import { KeptIdCell, NewIdCell } from './id-cell.js'
import { IdMap } from './id-map.js'
import { idSourceOf } from './id-source.js'
import { LookedUpCell } from './looked-up-cell.js'
import type { CellMaker } from './stage.js'
import { ValueFinder } from './value-finder.js'

/** What is needed to make cells. */
export interface MakingSetup {
  readonly plan: StagedPlan
  readonly stage: StageSetup | null
}

/** How the cells of the plan are made, in this thread. Those that were read side by side are copied in one piece. */
export function makersOf(setup: MakingSetup, signal: AbortSignal): CellMaker[] {
  const { cells } = setup.plan.pipeline!
  const thread = setup.stage === null ? 0 : Atomics.add(setup.stage.threads, 0, 1)
  const makers: CellMaker[] = []
  for (const [place, cell] of cells.entries()) {
    const last = makers.at(-1)
    const joined = cell.type === 'read' && last instanceof CopiedCells && last.extend(cell.at)
    if (!joined) makers.push(makerOf(cell, place, setup, thread, signal))
  }
  return makers
}

function makerOf(
  cell: CellPlan,
  place: number,
  setup: MakingSetup,
  thread: number,
  signal: AbortSignal,
): CellMaker {
  switch (cell.type) {
    case 'read':
      return new CopiedCells(cell.at)
    case 'lookup':
      return lookup(cell, place, setup, signal)
    case 'id':
      return id(cell, setup, thread, signal)
    default:
      return cell satisfies never
  }
}

function lookup(
  cell: LookupCell,
  place: number,
  { plan, stage }: MakingSetup,
  signal: AbortSignal,
): CellMaker {
  const all = stage!.lookups[place]
  const finder = new ValueFinder(stage!.endpoints[cell.lookup.in]!, cell.lookup.tables, signal)
  return new LookedUpCell(cell, plan, all ? new CellMap(all) : null, finder)
}

function id(
  { name, ids, map }: IdCell,
  { plan, stage }: MakingSetup,
  thread: number,
  signal: AbortSignal,
): CellMaker {
  const target = stage!.endpoints['target']!
  const firstWorker = () => Atomics.load(stage!.threads, 1)
  const source = idSourceOf(ids, { thread, firstWorker }, target, signal)
  return map === null
    ? new NewIdCell(source)
    : new KeptIdCell({ at: map.at, name }, plan, new IdMap(map, source, target, signal))
}
