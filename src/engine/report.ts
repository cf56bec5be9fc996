import { writePathOf } from '../plan/server-copies.js'
import { randomBytes } from 'node:crypto'
import type { RowshiftError } from '../contract/errors.js'
import type { Backfill } from '../plan/bounds.js'
import { readsLateRows } from '../features/sources/splits.js'
import type { RunPlan } from '../contract/run-plan.js'
import { nothingWritten } from '../contract/plugin.js'
import { computedCells } from '../contract/pipeline.js'
import type { Params } from '../task/params.js'
import type { RunReport } from '../contract/task-store.js'
import { roundedTimes } from '../contract/time-spent.js'
import type { CoordinatorResult } from './coordinator-job.js'
import type { Progress } from './progress.js'
import { current } from './progress.js'
import { counted } from '../wire/counted.js'

export interface ReportFacts {
  readonly runId: string
  readonly taskId: number | null
  readonly params: Params | null
  /** null when the run failed before there was one. */
  readonly plan: RunPlan | null
  /** Reasons that the run has found beside those of the plan. */
  readonly runtimeReasons?: readonly string[]
  /** What says that the source was emptied or replaced while it was read. Default: nothing. */
  readonly sourceChanged?: string | null
  /** Warnings that the run has found beside those of the plan. */
  readonly warnings?: readonly string[]
  readonly progress: Progress
  /** null: no split was copied. */
  readonly copied?: CoordinatorResult | null
  /** The same of a comparison. */
  readonly gaveUp?: string | null
  /** Where the rows went that the target refused, and those that the pipeline did. */
  readonly dirtyFile?: string | null
  readonly dirtyReadFile?: string | null
  /** Rows that are in neither, but in files of earlier attempts. Default: 0. */
  readonly dirtyElsewhere?: number
  /** Whether the target was changed, or may have been, in another way than by rows that `progress` counts. Default: no. */
  readonly changed?: boolean
  /** The range that was asked for, in the place of what is new. Default: none. */
  readonly backfill?: Backfill | null
  /** Default: it is not. */
  readonly resumed?: RunReport['resumed']
  /** Default: it cannot be resumed. */
  readonly resumable?: string | null
  readonly error: RowshiftError | null
  readonly seconds: number
}

/** Sortable by time, in UTC, and readable: `20261120-163000-123-1f2e3d4c`. */
export function newRunId(now = new Date()): string {
  const [date, time, fraction] = now.toISOString().split(/[T.Z]/)
  const stamp = [date!.replaceAll('-', ''), time!.replaceAll(':', ''), fraction!]
  return [...stamp, randomBytes(4).toString('hex')].join('-')
}

export function makeReport(facts: ReportFacts): RunReport {
  const { plan, params, progress, error } = facts
  const held = heldWatermark(facts)
  const passed = held === null ? passedRows(facts) : null
  const gaveUp = facts.gaveUp ?? facts.copied?.gaveUp ?? null
  return {
    runId: facts.runId,
    taskId: facts.taskId,
    mode: plan?.mode ?? params?.mode ?? 'init',
    writeMode: plan?.write.writeMode ?? params?.writeMode ?? 'insert',
    status: error === null ? 'success' : error.code === 'INTERRUPTED' ? 'interrupted' : 'failed',
    rowsRead: current(progress).rowsRead,
    rowsFiltered: progress.done.rowsFiltered,
    rowsAdded: progress.done.rowsAdded,
    lookupMisses: progress.done.lookupMisses,
    rowsWritten: progress.done.rowsWritten,
    targetChanged:
      facts.changed === true ||
      progress.done.rowsWritten > 0 ||
      progress.done.rowsDeleted > 0 ||
      mayHaveWritten(error),
    rowsChanged: progress.done.rowsChanged,
    rowsLate: lateRows(plan, progress),
    rowsUnchanged: progress.done.rowsUnchanged,
    rowsSkipped: progress.done.rowsSkipped,
    dirtyRows: progress.done.dirtyRows,
    ...deletedCounts(plan, progress.done.rowsDeleted),
    dirtyFile: facts.dirtyFile ?? null,
    dirtyReadFile: facts.dirtyReadFile ?? null,
    sources: sourceCounts(facts),
    shards: shardCounts(plan, progress),
    bytes: progress.done.bytes,
    splits: progress.splits,
    splitsDone: progress.splitsDone,
    retries: Object.values(progress.retries).reduce((sum, count) => sum + count, 0),
    retryReasons: progress.retries,
    resumed: facts.resumed ?? null,
    resumable: error === null ? null : (facts.resumable ?? null),
    seconds: Math.round(facts.seconds * 1000) / 1000,
    workerNum: progress.threads || (plan?.policy.workerNum ?? params?.workerNum ?? 0),
    busySeconds: (facts.copied?.busySeconds ?? []).map((busy) => Math.round(busy * 1000) / 1000),
    ...(progress.spent.inHand > 0 ? { timeSpent: roundedTimes(progress.spent) } : {}),
    writePath: plan ? writePathOf(plan.write) : null,
    consistency: plan?.policy.consistency ?? params?.consistency ?? 'split',
    snapshotPosition: facts.copied?.position ?? null,
    reasons: [...(plan?.reasons ?? []), ...(facts.runtimeReasons ?? [])],
    warnings: [
      ...(plan?.warnings ?? []),
      ...(facts.warnings ?? []),
      ...dirtyWarnings(facts),
      ...(gaveUp === null ? [] : [gaveUp]),
      ...(facts.sourceChanged ? [facts.sourceChanged] : []),
      ...[held, passed].filter((text) => text !== null),
    ],
    threadsGaveUp: gaveUp,
    sourceChanged: facts.sourceChanged ?? null,
    watermark:
      plan?.read.window && !facts.backfill
        ? { from: plan.read.window.from, to: plan.read.window.watermark }
        : null,
    ...secondsBehind(facts),
    backfill: facts.backfill ?? null,
    watermarks: held === null ? (plan?.policy.watermarks ?? {}) : {},
    watermarkHeld: held,
    watermarkPassed: passed,
    delays: plan?.delays ?? [],
    marks: plan?.marks ?? null,
    error: error === null ? null : error.report(),
  }
}

function secondsBehind({ plan, backfill }: ReportFacts): Pick<RunReport, 'secondsBehind'> {
  const { window = null, sources = [] } = plan?.read ?? {}
  const windows = [window, ...(sources ?? []).map((source) => source.window)]
  const behind = windows.flatMap((one) => one?.secondsBehind ?? [])
  return backfill || behind.length === 0 ? {} : { secondsBehind: Math.max(...behind) }
}

/** Rows that the source has deleted are deleted in the target, or flagged there. */
export function deletedCounts(
  plan: RunPlan | null,
  rows: number,
): Pick<RunReport, 'rowsDeleted' | 'rowsFlagged'> {
  return plan?.deletions?.flag ? { rowsDeleted: 0, rowsFlagged: rows } : { rowsDeleted: rows, rowsFlagged: 0 }
}

/** A commit without an answer, or one in some tables of several. */
function mayHaveWritten(error: RowshiftError | null): boolean {
  return error !== null && (error.details['inDoubt'] === true || error.details['committed'] !== undefined)
}

function sourceCounts({ plan, progress, backfill }: ReportFacts): RunReport['sources'] {
  const sources = plan?.read.sources
  if (!sources) return null
  const { done } = progress
  return sources.map(({ name, window }) => ({
    name,
    rowsRead: countOf(done.sources, name) ?? 0,
    watermark: window && !backfill ? { from: window.from, to: window.watermark } : null,
  }))
}

function lateRows(plan: RunPlan | null, { done }: Progress): number | null {
  if (plan === null || !readsLateRows(plan.read)) return null
  const { writeMode } = plan.write
  return writeMode === 'upsert' || writeMode === 'ignore' ? done.rowsLate : null
}

/** Every shard that the plan knows or that was made on demand, whether or not it got rows. */
function shardCounts(plan: RunPlan | null, { done }: Progress): RunReport['shards'] {
  const sharding = plan?.write.sharding
  if (!sharding) return null
  const { shards = {} } = done
  const known = sharding.shards.map(({ name }) => name)
  const createdLater = Object.keys(shards).filter((name) => !known.includes(name))
  return [...known, ...createdLater].map((name) => ({ name, ...(countOf(shards, name) ?? nothingWritten) }))
}

/** Tables may have any name, `constructor` too. */
function countOf<T>(counts: Readonly<Record<string, T>> | undefined, name: string): T | undefined {
  return counts && Object.hasOwn(counts, name) ? counts[name] : undefined
}

/** No later run would read a row that the watermark has passed. */
function heldWatermark({ taskId, plan, progress, sourceChanged }: ReportFacts): string | null {
  const [next, ...others] = Object.entries(plan?.policy.watermarks ?? {})
  if (taskId === null || next === undefined) return null
  const { dirtyRows } = progress.done
  if (dirtyRows === 0 && !sourceChanged) return null
  const why =
    dirtyRows === 0
      ? 'the source was emptied or replaced meanwhile'
      : `${counted(dirtyRows, 'row')} ${dirtyRows === 1 ? 'was' : 'were'} rejected`
  const from = plan!.read.window?.from
  const [mode, value] = next
  const moveOn = others.length === 0 ? ` --mode ${mode} --set '${value}'` : ''
  return (
    `the watermark of task ${taskId} stays where it was${from ? ` (${from})` : ''}, because ${why}: the next incremental run reads from there again, ` +
    `these rows among others. To go on without them, move it: "rowshift watermark ${taskId}${moveOn}"`
  )
}

/** Rows that nobody has refused, and no later run reads again. */
function passedRows({ taskId, plan, progress }: ReportFacts): string | null {
  const { rowsFiltered, lookupMisses } = progress.done
  const most = Math.min(rowsFiltered, lookupMisses)
  const computed = plan?.pipeline ? computedCells(plan.pipeline) : []
  const skips = computed.some((cell) => cell.type === 'lookup' && cell.lookup.missing.rule === 'skip')
  if (taskId === null || !skips || most === 0 || Object.keys(plan!.policy.watermarks).length === 0)
    return null
  const rows = `${plan!.pipeline!.transform ? 'up to ' : ''}${most} ${most === 1 ? 'row' : 'rows'}`
  const [were, them, change] = most === 1 ? ['was', 'it', 'it changes'] : ['were', 'them', 'they change']
  return (
    `${rows} whose key a lookup did not find ${were} left out ("missing": "skip"), and the watermark passes ${them}: ` +
    `no later run reads ${them} again unless ${change}. Mode "sync" copies what can be copied by then`
  )
}

function dirtyWarnings({ progress, dirtyFile, dirtyReadFile, dirtyElsewhere = 0 }: ReportFacts): string[] {
  const files = [dirtyFile, dirtyReadFile].filter((file) => file != null)
  if (files.length === 0) return []
  const dirtyRows = progress.done.dirtyRows - dirtyElsewhere
  if (dirtyRows <= 0) return []
  const fate = dirtyRows === 1 ? 'was rejected and is' : 'were rejected and are'
  return [`${counted(dirtyRows, 'row')} ${fate} in ${files.join(' and ')}, with the reason`]
}
