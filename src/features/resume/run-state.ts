/** What is stored of a run that can be resumed, in the row of the run in its target. Plain JSON without secrets. */
import { createHash } from 'node:crypto'
import { rowshiftVersion } from '../../version.js'
import type { SplitCounts } from '../../engine/messages.js'
import { addSplitCounts } from '../../engine/progress.js'
import type { Backfill } from '../../plan/bounds.js'
import type { Column, SplitCheckpoint, TableSchema } from '../../contract/plugin.js'
import type { Mode, RunPlan } from '../../contract/run-plan.js'
import type { DoneRange, SplitPath } from './done-ranges.js'
import { mergeDone } from './done-ranges.js'

const FORMAT = 1

export interface RunState {
  readonly format: typeof FORMAT
  /** Of rowshift: another one may read or write values in another way. */
  readonly version: string
  /** Each execution has an id of its own; the first one is that of the run. */
  readonly executions: readonly string[]
  readonly taskId: number | null
  /** UTC. */
  readonly started: string
  /** Digests, since params may hold what only the user should see. */
  readonly params: Readonly<Record<string, string>>
  readonly source: TableShape
  readonly target: TableShape
  readonly plan: RunPlan
  readonly backfill: Backfill | null
  /** Those of the task that the run began with, as digests. */
  readonly watermarks: Readonly<Record<string, string>>
  readonly done: readonly DoneRange[]
  /** How many splits that were, and what became of their rows. */
  readonly splits: number
  readonly counts: SplitCounts
  /** `failed`: every split is stored, but not all is well; `finishing`: every row is there; indexes and `post_sql` may be, too. */
  readonly phase: 'copying' | 'failed' | 'finishing'
}

/** What may not change while a run is interrupted. */
export interface TableShape {
  readonly identity: string
  readonly columns: Readonly<Record<string, string>>
  readonly keys: string
}

/** What a split leaves behind. */
interface SplitState {
  readonly range: DoneRange
  readonly counts: SplitCounts
}

/** For a new run, and to compare with that of an earlier one. */
export type RunFacts = Pick<RunState, 'taskId' | 'backfill' | 'watermarks' | 'params' | 'source' | 'target'>

export function newState(run: string, facts: RunFacts, plan: RunPlan, counts: SplitCounts): RunState {
  return {
    format: FORMAT,
    version: rowshiftVersion(),
    executions: [run],
    started: new Date().toISOString(),
    ...facts,
    plan,
    done: [],
    splits: 0,
    counts,
    phase: 'copying',
  }
}

/** null: another version of rowshift has written it, or nobody that we know. */
export function readState(text: string): RunState | null {
  try {
    const state = JSON.parse(text) as RunState
    return state.format === FORMAT ? state : null
  } catch {
    return null
  }
}

export function splitState({ lower, upper, nullKey, table, late }: DoneRange, counts: SplitCounts): string {
  const range: DoneRange = {
    lower,
    upper,
    ...(nullKey ? { nullKey } : {}),
    ...(table === undefined ? {} : { table }),
    ...(late ? { late } : {}),
  }
  return JSON.stringify({ range, counts } satisfies SplitState)
}

export function countsOf(text: string): SplitCounts {
  return (JSON.parse(text) as SplitState).counts
}

export function nameOf(path: SplitPath): string {
  return path.join('.')
}

/** With the splits that the last attempt has stored. */
export function merged(state: RunState, splits: readonly SplitCheckpoint[], execution: string): RunState {
  const stored = splits.map(({ split, state: text }) => {
    const { range, counts } = JSON.parse(text) as SplitState
    return { path: split.split('.').map(Number), range, counts }
  })
  return {
    ...state,
    executions: [...state.executions, execution],
    done: mergeDone(state.plan.read, state.done, stored),
    splits: state.splits + stored.length,
    counts: stored.reduce((sum, { counts }) => addSplitCounts(sum, counts), state.counts),
  }
}

export function shapeOf({ identity, columns, keys }: TableSchema): TableShape {
  const own = columns.filter(({ sql }) => sql === undefined)
  return {
    identity,
    columns: Object.fromEntries(own.map((column) => [column.name, declarationOf(column)])),
    keys: JSON.stringify(keys),
  }
}

/** Without what a plugin may have found out from rows of the moment. */
function declarationOf({ type, nullable, hasDefault, generated, collation }: Column): string {
  return JSON.stringify({ type, nullable, hasDefault, generated, collation })
}

/** By name, of whatever can be written as JSON. */
export function digestsOf(values: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      const text = JSON.stringify(value) ?? 'undefined'
      return [name, createHash('sha256').update(text).digest('base64')]
    }),
  )
}

/** Why a run cannot go on as it began, each with what differs; empty: it can. */
export function differences(state: RunState, now: RunFacts): string[] {
  const version = rowshiftVersion()
  return [
    ...(state.version === version ? [] : [`rowshift ${state.version} began it, and this is ${version}`]),
    ...paramsThatDiffer(state.params, now.params),
    ...watermarksMoved(state, now),
    ...shapesThatDiffer('source', state.source, now.source),
    ...shapesThatDiffer('target', state.target, now.target),
  ]
}

function paramsThatDiffer(before: RunFacts['params'], now: RunFacts['params']): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])]
  const differ = names.filter((name) => before[name] !== now[name]).map(paramName)
  return differ.length === 0 ? [] : [`other params (${differ.join(', ')})`]
}

/** The run would move them back in the end. With a range of its own it leaves them where they are. */
function watermarksMoved(
  { backfill, watermarks: before }: RunState,
  { watermarks: now }: RunFacts,
): string[] {
  if (backfill !== null) return []
  const modes = (['append', 'increment'] satisfies Mode[]).filter((mode) => before[mode] !== now[mode])
  return modes.map((mode) => `the watermark of mode ${mode} was moved`)
}

function paramName(name: string): string {
  if (name === 'key') return 'pk'
  if (name === 'targetKey') return 'pk.dest'
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

function shapesThatDiffer(end: string, before: TableShape, now: TableShape): string[] {
  if (before.identity !== now.identity) return [`the ${end} is another table`]
  const names = [...new Set([...Object.keys(before.columns), ...Object.keys(now.columns)])]
  const differ = names.filter((name) => before.columns[name] !== now.columns[name])
  return [
    ...(differ.length === 0 ? [] : [`columns of the ${end} were altered (${differ.join(', ')})`]),
    ...(before.keys === now.keys ? [] : [`keys of the ${end} were altered`]),
  ]
}
