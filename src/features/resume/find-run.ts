import { RowshiftError } from '../../contract/errors.js'
import type { Reader, RunCheckpoint, Writer } from '../../contract/plugin.js'
import type { Window } from '../../contract/read.js'
import type { RunPlan } from '../../contract/run-plan.js'
import type { Backfill } from '../../plan/bounds.js'
import type { SavedWatermarks } from '../../plan/window.js'
import type { Params } from '../../task/params.js'
import { counted } from '../../wire/counted.js'
import { nameIn } from '../../contract/sharding.js'
import { parsePattern } from '../shard/pattern.js'
import { tableWrites } from '../shard/table-writes.js'
import { canBeCompleted, wayOn } from './resumable.js'
import { areSameTables, filesOf, sourceShape, stateOf, targetShape } from './table-shapes.js'
import type { RunMemory } from './run-memory.js'
import type { RunFacts, RunState } from './run-state.js'
import { differences, digestsOf, readState } from './run-state.js'

/**
 * Which run to go on with. `never`: none; `auto`: an unfinished one of the same task, if nothing has changed; `latest`: the last unfinished one; else
 * the one of this id, or that had an execution of this id. Of the last two, one that cannot be resumed is an error.
 */
export type Resume = 'never' | 'auto' | 'latest' | { readonly run: string }

export interface ResumeRequest {
  readonly taskId: number | null
  readonly from: { readonly table: string }
  readonly to: { readonly table: string }
  readonly params: Params
  readonly savedWatermarks?: SavedWatermarks | null
  readonly backfill?: Backfill | null
  readonly resume?: Resume
  readonly memory?: RunMemory
}

export interface UnfinishedRun {
  readonly run: string
  readonly attempt: number
  readonly state: RunState
}

export interface Search {
  /** null: a new run begins. */
  readonly unfinished: UnfinishedRun | null
  /** Why the run that was asked for is not there; null: it is, or none was asked for. */
  readonly missing: RowshiftError | null
  /** Unfinished runs of the same copy, which a new run takes the place of. */
  readonly abandoned: readonly string[]
  /** What there is to say about an unfinished run that is not resumed. */
  readonly notices: readonly string[]
}

interface Endpoints {
  readonly readers: readonly Reader[]
  readonly writers: readonly Writer[]
}

/** Params that may change while a run is interrupted: the plan follows them (`resumedPlan`), or has nothing of them. */
const FREE = new Set<keyof Params>([
  'workerNum',
  'speed',
  'replicas',
  'readBatch',
  'errorLimit',
  'retry',
  'dirtyFile',
  'maxDelete',
])

/** Follow the mode and the range that the run was begun with. */
const OF_THE_RUN = new Set(['mode', 'writeMode', 'schemaSaveMode', 'backfill'])

const REPEATS =
  'A new run would insert the rows again that are there. Remove them and begin anew with --restart, or give it write_mode "upsert" or "ignore".'

/** Whether a user has asked for a certain run, which decides about mode and range then. */
export function isAsked(resume: Resume = 'never'): boolean {
  return resume !== 'never' && resume !== 'auto'
}

/** Throws RESUME_REFUSED when a run that was asked for cannot be resumed. */
export async function findRun(request: ResumeRequest, endpoints: Endpoints): Promise<Search> {
  const { resume = 'never' } = request
  const mustBe = isAsked(resume)
  const unfinished = await unfinishedRuns(request, endpoints.writers[0]!, mustBe)
  const abandoned = await sameCopies(unfinished, request, endpoints)
  const asked = unfinished.find((one) => (mustBe ? matches(one, resume) : abandoned.includes(one.run)))
  const missing = mustBe && !asked ? resumeRefused(noSuchRun(resume)) : null
  const none = { unfinished: null, missing, abandoned, notices: [] }
  if (!asked || resume === 'never') return none
  const state = readState(asked.state)
  const obstacles =
    state === null
      ? ['another version of rowshift began it']
      : await obstaclesTo(asked, state, request, endpoints)
  if (state?.phase === 'ended') {
    const remembered = await isRemembered(state, request)
    if (mustBe && (remembered || obstacles.length > 0))
      throw resumeRefused(`Run ${asked.run} has succeeded: there is nothing left to do.`)
    if (remembered) return none
    if (obstacles.length > 0 && (await wouldRepeat(asked, request, endpoints)))
      throw resumeRefused(
        `Run ${asked.run} has succeeded, which could not be recorded any more, and since then something has changed: ${obstacles.join('; ')}. ${REPEATS}`,
      )
    if (obstacles.length > 0) return none
  }
  if (obstacles.length === 0) return { ...none, unfinished: { ...asked, state: state! }, abandoned: [] }
  const why = `Run ${asked.run} did not end, and cannot be resumed: ${obstacles.join('; ')}.`
  if (mustBe)
    throw resumeRefused(
      `${why} Undo that, or begin anew: run it without "resume", with --restart if it is a task.`,
    )
  if (await wouldRepeat(asked, request, endpoints)) throw resumeRefused(`${why} ${REPEATS}`)
  return { ...none, notices: [`${why} A new run began`] }
}

/** Whether rows of an unfinished run are still there that one which begins anew would write a second time, or fail on. */
async function wouldRepeat(
  { run, rows, state: text }: RunCheckpoint,
  { params }: ResumeRequest,
  { writers }: Endpoints,
): Promise<boolean> {
  const { mode, writeMode, schemaSaveMode, preSql } = params
  const empties = preSql.length > 0 || schemaSaveMode === 'recreate'
  const plan = readState(text)?.plan
  if (mode !== 'init' || writeMode !== 'insert' || empties || rows === 0 || plan?.mode !== mode) return false
  return (await rowsGone(plan, run, writers)).length === 0
}

/** There are no checkpoints of a run that was asked for, and never could be: whether both tables can be compared instead. */
export function withoutCheckpoints(missing: RowshiftError, plan: RunPlan): RowshiftError {
  const why = plan.policy.unresumable
  if (why === null) return missing
  return new RowshiftError('RESUME_REFUSED', `This copy ${wayOn(why, plan)}.`, {
    compares: canBeCompleted(plan),
  })
}

/** Then only its checkpoints are left of it. */
async function isRemembered({ executions }: RunState, { memory }: ResumeRequest): Promise<boolean> {
  return (await memory?.succeeded(executions)) ?? false
}

/** What a run is known by. Asked of the tables as they are now. */
export async function factsOf(
  { taskId, from, params, savedWatermarks, backfill }: ResumeRequest,
  plan: RunPlan,
  { readers, writers }: Endpoints,
): Promise<RunFacts> {
  const fixed = Object.entries(params).filter(([name]) => !FREE.has(name as keyof Params))
  const source = await sourceShape(plan, readers)
  return {
    taskId,
    backfill: backfill ?? null,
    watermarks: digestsOf(savedWatermarks?.watermarks ?? {}),
    params: digestsOf({ ...Object.fromEntries(fixed), backfill: backfill ?? null }),
    // The plan names the tables that it began with; they may not be those of this request.
    source: { ...source, identity: JSON.stringify([from.table, source.identity]) },
    sourceState: await stateOf(plan, readers),
    files: filesOf(plan),
    target: await targetShape(plan, writers),
  }
}

/** The plan of the run, with params that may have changed. */
export function resumedPlan(
  { run, state }: UnfinishedRun,
  { workerNum, readBatch, errorLimit, speed, retry }: Params,
): RunPlan {
  const { plan, started } = state
  const { policy } = plan
  const threads = policy.workerNum === 1 ? 1 : (workerNum ?? policy.workerNum)
  const firstThreads = workerNum === null ? policy.firstThreads : threads
  return {
    ...plan,
    reasons: [`goes on with run ${run}, which began at ${started}`, ...plan.reasons],
    read: { ...laterRead(plan.read, started), splitRows: readBatch ?? plan.read.splitRows },
    write: { ...plan.write, errorLimit, threads },
    policy: { ...policy, workerNum: threads, firstThreads, speed, retry },
  }
}

/** Its windows end where they did, and the clock has gone on since. */
function laterRead(read: RunPlan['read'], started: string): RunPlan['read'] {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(started)) / 1000))
  const later = (window: Window | null) =>
    window?.secondsBehind === undefined
      ? window
      : { ...window, secondsBehind: window.secondsBehind + seconds }
  const sources = read.sources?.map((source) => ({ ...source, window: later(source.window) })) ?? null
  return { ...read, window: later(read.window), sources }
}

/** `needed`: without them, there is nothing to resume. Another table of that name, or one that may not be read, does not end a new run. */
async function unfinishedRuns(
  { taskId, to }: ResumeRequest,
  writer: Writer,
  needed: boolean,
): Promise<RunCheckpoint[]> {
  const all = await writer.skills.checkpoints?.list(to.table).catch((thrown: unknown) => {
    const error = RowshiftError.from(thrown)
    if (needed || error.retryable || error.code === 'INTERNAL') throw error
    return []
  })
  return (all ?? []).filter(({ state }) => (readState(state)?.taskId ?? null) === taskId)
}

function matches({ run, state }: RunCheckpoint, resume: Resume): boolean {
  if (typeof resume === 'string') return true
  return run === resume.run || readState(state)?.executions.includes(resume.run) === true
}

/** Of a task, those between the same tables: another task store may have a task of the same id. Others are told by their params, too. */
async function sameCopies(
  unfinished: readonly RunCheckpoint[],
  request: ResumeRequest,
  endpoints: Endpoints,
): Promise<string[]> {
  const same: string[] = []
  for (const { run, state: text } of unfinished) {
    const state = readState(text)
    if (state !== null && (await isSameCopy(state, request, endpoints))) same.push(run)
  }
  return same
}

async function isSameCopy(state: RunState, request: ResumeRequest, endpoints: Endpoints): Promise<boolean> {
  const now = await factsOf(request, state.plan, endpoints).catch((thrown: unknown) => {
    const error = RowshiftError.from(thrown)
    if (error.retryable) throw error
    return null
  })
  if (now === null) return false
  const { source, target, params } = state
  const names = new Set([...Object.keys(params), ...Object.keys(now.params)])
  return (
    source.identity === now.source.identity &&
    areSameTables(target.identity, now.target.identity) &&
    (request.taskId !== null || [...names].every((name) => params[name] === now.params[name]))
  )
}

async function obstaclesTo(
  { run, supersededBy }: RunCheckpoint,
  state: RunState,
  request: ResumeRequest,
  endpoints: Endpoints,
): Promise<string[]> {
  if (supersededBy !== null)
    return [`run ${supersededBy} has made ${request.to.table} anew since, or run pre_sql`]
  if (state.plan.policy.unresumable !== null) return [state.plan.policy.unresumable]
  if (state.phase === 'finishing')
    return ['all rows are there, but it died while it ran post_sql: see to that by hand']
  if (state.phase === 'failed' && !isAsked(request.resume))
    return ['all of its splits are stored, and it failed all the same']
  const now = await factsOf(request, state.plan, endpoints)
  const obstacles = differences(state, isAsked(request.resume) ? withModeOf(state, now, request.params) : now)
  return obstacles.length > 0 ? obstacles : rowsGone(state.plan, run, endpoints.writers)
}

/** A table that was emptied meanwhile lacks rows that nobody would copy again. Of several tables in a database, all of them. */
async function rowsGone({ write }: RunPlan, run: string, writers: readonly Writer[]): Promise<string[]> {
  const { writeMode, sharding } = write
  // By date, there may be tables that the plan does not know.
  if (sharding && parsePattern(sharding.table).kind === 'date') return []
  const gone: string[] = []
  for (const [endpoint, writer] of writers.entries()) {
    const checkpoints = writer.skills.checkpoints!
    const own = tableWrites(writers, write).filter((table) => table.writer === writer)
    const names = own.map(({ spec }) => spec.table.table)
    const rows = (await checkpoints.list()).find((one) => one.run === run)?.rows ?? 0
    let there = 0n
    for (const name of names) there += await checkpoints.countRows(name)
    // A row that is replaced may take several others with it, but not all.
    const least = writeMode === 'replace' ? Math.min(rows, 1) : rows
    const where = sharding ? nameIn(sharding.databases, endpoint, sharding.table) : names[0]
    if (there < BigInt(least))
      gone.push(`it had written ${counted(rows, 'row')} to ${where}, which holds ${there} by now`)
  }
  return gone
}

/** What the command line of the run said, which nobody has to say again: `--create`, too, but not another way to make the table. */
function withModeOf({ params }: RunState, now: RunFacts, { schemaSaveMode }: Params): RunFacts {
  const said = (name: string) => name === 'schemaSaveMode' && schemaSaveMode !== 'error_when_not_exist'
  const ofTheRun = Object.entries(params).filter(([name]) => OF_THE_RUN.has(name) && !said(name))
  return { ...now, params: { ...now.params, ...Object.fromEntries(ofTheRun) } }
}

function noSuchRun(resume: Resume): string {
  if (typeof resume === 'string')
    return 'There is no unfinished run to resume: the target holds no checkpoints of this copy. A run that did not get as far as its second split, and one of a single split, is simply begun anew.'
  return `Run ${resume.run} cannot be resumed: the target holds no checkpoints of it. It has ended, was begun anew, or did not get as far as its second split; then begin it anew.`
}

function resumeRefused(message: string): RowshiftError {
  return new RowshiftError('RESUME_REFUSED', message)
}
