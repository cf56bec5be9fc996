/** What is stored of a run that can be resumed, in the row of the run in its target. Plain JSON without secrets. */
import { createHash } from 'node:crypto'
import { rowshiftVersion } from '../../version.js'
import type { SplitCounts } from '../../engine/messages.js'
import { RowshiftError } from '../../contract/errors.js'
import { addSplitCounts } from '../../engine/progress.js'
import type { Backfill } from '../../plan/bounds.js'
import type { Column, SplitCheckpoint, TableSchema } from '../../contract/plugin.js'
import type { Mode, RunPlan } from '../../contract/run-plan.js'
import type { SplitPart } from '../shard/stored-parts.js'
import { markName, splitOf } from '../shard/stored-parts.js'
import type { DoneRange, SplitPath } from './done-ranges.js'
import { mergeDone } from './done-ranges.js'

const FORMAT = 2

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
  /** What tells the rows of the source from those of another table of the same name, as far as it can be known. */
  readonly sourceState: string | null
  /** Of files that rows are made with, by path: digests of what is in them. */
  readonly files: Readonly<Record<string, string>>
  readonly target: TableShape
  readonly plan: RunPlan
  readonly backfill: Backfill | null
  /** Those of the task that the run began with, as digests. */
  readonly watermarks: Readonly<Record<string, string>>
  readonly done: readonly DoneRange[]
  /** Names of those of them, and of parts that are stored, of which rows were rejected: with the attempt, as `markName` has it. */
  readonly rejected: readonly string[]
  /** How many splits that were, and what became of their rows. */
  readonly splits: number
  readonly counts: SplitCounts
  /**
   * `failed`: every split is stored, but not all is well; `finishing`: every row is there, and what `post_sql` does may be, too; `ended`: all is
   * done, but who remembers that may not know yet.
   */
  readonly phase: 'copying' | 'failed' | 'finishing' | 'ended'
}

/** What may not change while a run is interrupted. */
export interface TableShape {
  readonly identity: string
  readonly columns: Readonly<Record<string, string>>
  readonly keys: string
}

/** What a split leaves behind, in one of its shards or for all. */
interface SplitState {
  readonly range: DoneRange
  /** Of the whole split. Default: only its rows for one shard are stored. */
  readonly counts?: SplitCounts
  readonly part?: SplitPart
}

/** For a new run, and to compare with that of an earlier one. */
export type RunFacts = Pick<
  RunState,
  'taskId' | 'backfill' | 'watermarks' | 'params' | 'source' | 'sourceState' | 'files' | 'target'
>

export function newState(run: string, facts: RunFacts, plan: RunPlan, counts: SplitCounts): RunState {
  return {
    format: FORMAT,
    version: rowshiftVersion(),
    executions: [run],
    started: new Date().toISOString(),
    ...facts,
    plan,
    done: [],
    rejected: [],
    splits: 0,
    counts,
    phase: 'copying',
  }
}

/** In the other databases of a target: what tells the run, should the first one have no trace of it. */
export function elsewhereState({ target }: RunState): string {
  return JSON.stringify({ target: target.identity })
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

/** `counts` null: not all of it is stored. */
export function splitState(
  { lower, upper, nullKey, table, late }: DoneRange,
  counts: SplitCounts | null,
  part: SplitPart | null = null,
): string {
  const range: DoneRange = {
    lower,
    upper,
    ...(nullKey ? { nullKey } : {}),
    ...(table === undefined ? {} : { table }),
    ...(late ? { late } : {}),
  }
  const state: SplitState = { range, ...(counts && { counts }), ...(part && { part }) }
  return JSON.stringify(state)
}

export function countsOf(text: string): SplitCounts {
  return (JSON.parse(text) as SplitState).counts!
}

export function partOf(text: string): SplitPart {
  return (JSON.parse(text) as SplitState).part!
}

export function nameOf(path: SplitPath): string {
  return path.join('.')
}

/** With the splits that the last attempt has stored. Throws RESUME_REFUSED where nobody can tell which rows these are. */
export function merged(
  state: RunState,
  splits: readonly SplitCheckpoint[],
  { attempt, execution }: { readonly attempt: number; readonly execution: string },
): RunState {
  const rejected: string[] = []
  const byName = new Map<string, SplitState[]>()
  for (const { split, state: text } of splits) {
    const name = splitOf(split)
    const own = JSON.parse(text) as SplitState
    byName.set(name, [...(byName.get(name) ?? []), own])
    if ((own.part?.counts.dirtyRows ?? 0) > 0) rejected.push(markName(attempt, split))
    if ((own.counts?.dirtyRows ?? 0) > 0) rejected.push(markName(attempt, name))
  }
  const stored = [...byName].map(([name, states]) => ({
    path: name.split('.').map(Number),
    ...wholeOf(states),
  }))
  const whole = stored.flatMap(({ counts }) => counts ?? [])
  return {
    ...state,
    executions: [...state.executions, execution],
    done: mergeDone(state.plan.read, state.done, stored),
    rejected: [...state.rejected, ...rejected],
    splits: state.splits + whole.length,
    counts: whole.reduce(addSplitCounts, state.counts),
  }
}

/** What all shards together hold of a split. */
function wholeOf(states: readonly SplitState[]): Pick<SplitState, 'range' | 'counts'> {
  const { range } = states[0]!
  const counts = states.find((state) => state.counts !== undefined)?.counts
  if (counts !== undefined) return { range, counts }
  const parts = states.map(({ part }) => part!)
  if (parts.some(({ piece }) => piece)) throw inPieces(parts)
  return {
    range: { ...range, parts: Object.fromEntries(parts.map(({ shard, counts: own }) => [shard, own])) },
  }
}

function inPieces(parts: readonly SplitPart[]): RowshiftError {
  const names = [...new Set(parts.map(({ shard }) => shard))].join(', ')
  return new RowshiftError(
    'RESUME_REFUSED',
    `The run cannot be resumed: it ended while it wrote rows without a key, more than fit into memory at once, to ${names}, and nobody can tell which of them are there. ` +
      'Empty these tables, and begin anew: run it without "resume", with --restart if it is a task.',
  )
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
    ...filesThatDiffer(state.files, now.files),
    ...otherRows(state, now),
  ]
}

function paramsThatDiffer(before: RunFacts['params'], now: RunFacts['params']): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])]
  const differ = names.filter((name) => before[name] !== now[name]).map(paramName)
  return differ.length === 0 ? [] : [`other params (${differ.join(', ')})`]
}

/** The run would move them back in the end. With a range of its own it leaves them where they are. A copy of all rows that has ended may have moved them itself. */
function watermarksMoved(
  { backfill, watermarks: before, phase, plan }: RunState,
  { watermarks: now }: RunFacts,
): string[] {
  if (backfill !== null) return []
  const own: RunFacts['watermarks'] =
    phase === 'ended' && plan.mode === 'init' ? digestsOf(plan.policy.watermarks) : {}
  const modes = (['append', 'increment'] satisfies Mode[]).filter(
    (mode) => before[mode] !== now[mode] && (own[mode] === undefined || own[mode] !== now[mode]),
  )
  return modes.map((mode) => `the watermark of mode ${mode} was moved`)
}

function filesThatDiffer(before: RunFacts['files'], now: RunFacts['files']): string[] {
  const differ = Object.keys(before).filter((path) => before[path] !== now[path])
  return differ.map((path) => `${path} has changed`)
}

function otherRows({ sourceState: before }: RunState, { sourceState: now }: RunFacts): string[] {
  if (before === null || now === null || before === now) return []
  return ['the source was truncated, replaced by another table or built anew']
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
