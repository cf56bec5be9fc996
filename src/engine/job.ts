import { readInstead } from '../plan/server-copies.js'
import type { ResolvedConnection } from '../config/config.js'
import { RowshiftError } from '../contract/errors.js'
import { copiedRows } from './deletions.js'
import { log } from '../log.js'
import { closeAll, openAll } from '../contract/opening.js'
import { makePlan } from '../plan/plan.js'
import type { Backfill } from '../plan/bounds.js'
import { isMany } from '../features/sources/plan.js'
import { outlineSource } from '../features/sources/table-reads.js'
import { checkReadable, checkWritable } from '../plan/supported-params.js'
import { checkShardParams } from '../features/shard/rule-plan.js'
import { Target } from '../features/shard/target.js'
import { adding, DeferredIndexes } from '../features/indexes/deferred-indexes.js'
import type { SavedWatermarks } from '../plan/window.js'
import type { ForeignKey, Reader, SplitOutline, Writer } from '../contract/plugin.js'
import type { RunPlan } from '../contract/run-plan.js'
import type { Params } from '../task/params.js'
import type { RunReport } from '../contract/task-store.js'
import type { CoordinatorResult } from './coordinator-job.js'
import type { Hosts } from './job-pool.js'
import { copySplits } from './coordinator.js'
import { checkCopied } from './count-check.js'
import { announce, warned } from './announce.js'
import { DirtyFile, noDirtyFiles } from './dirty-file.js'
import type { TableAt } from './endpoints.js'
import { withAdvice } from './failure-advice.js'
import { endpointsOf, readersOf, sourceEndpoint, targetEndpoint, writersOf } from './endpoints.js'
import { OpenConnections } from './open-connections.js'
import { noProgress, type Progress } from './progress.js'
import { makeReport } from './report.js'
import { endedBy, rethrow, stopped } from './run-errors.js'
import type { Resume } from '../features/resume/find-run.js'
import { factsOf, findRun, resumedPlan, withoutCheckpoints } from '../features/resume/find-run.js'
import { noCheckpoints, RunCheckpoints } from '../features/resume/run-checkpoints.js'
import type { RunMemory } from '../features/resume/run-memory.js'
import { SourceCheck } from './source-check.js'
import { openReplicas, throttled } from './speed.js'
import { prepareIds, setUpPipeline } from './pipeline-setup.js'
import { changesTables } from './table-changes.js'

export interface CopyRequest {
  readonly runId: string
  /** null: a copy without a stored task. */
  readonly taskId: number | null
  readonly from: TableAt
  readonly to: TableAt
  readonly params: Params
  /** What earlier runs have left for incremental modes; null: nothing is remembered. */
  readonly savedWatermarks?: SavedWatermarks | null
  /** A range that incremental modes are to read again; then nothing is remembered. Default: what is new. */
  readonly backfill?: Backfill | null
  /** Default: a new run begins. */
  readonly resume?: Resume
  /** It is a measurement: no more splits begin when `enough` aborts, and no checkpoints are left. Default: it is not. */
  readonly trial?: { readonly enough: AbortSignal }
  /** Default: nobody remembers runs. */
  readonly memory?: RunMemory
  /** Where `"in": "source"` looks values up, when rows come from elsewhere: from a file. Default: `from`. */
  readonly lookupSource?: ResolvedConnection
  /** Those that a table which is created is to have. Default: as for a table that is copied alone. */
  readonly foreignKeys?: readonly ForeignKey[]
  /** Databases beside the two endpoints that `params` look values up in, by what they call them. Default: none. */
  readonly others?: Readonly<Record<string, ResolvedConnection>>
  /** Whose threads copy it. Default: those of this process. */
  readonly hosts?: Hosts
}

export interface CopyHooks {
  /** Stops the run. Its reason, if that is a RowshiftError, is the error of the report; otherwise INTERRUPTED is. */
  readonly signal: AbortSignal
  readonly onPlan: (plan: RunPlan) => void
  readonly onProgress: (progress: Progress) => void
}

/** Plans without writing anything. */
export async function planCopy(request: CopyRequest, signal?: AbortSignal): Promise<RunPlan> {
  return withEndpoints(request, signal, (endpoints) => planWith(request, endpoints, signal))
}

/** The same, and how the source would be split. */
export async function outlineCopy(
  request: CopyRequest,
  signal?: AbortSignal,
): Promise<{ plan: RunPlan; outline: SplitOutline | null }> {
  return withEndpoints(request, signal, async (endpoints) => {
    const runPlan = await planWith(request, endpoints, signal)
    return { plan: runPlan, outline: await outlineSource(endpoints.readers, runPlan.read) }
  })
}

/** Copies one table. Never throws: a failure is in the report. */
export async function runCopy(request: CopyRequest, hooks: CopyHooks): Promise<RunReport> {
  const started = performance.now()
  let runPlan: RunPlan | null = null
  let progress: Progress = noProgress
  let error: RowshiftError | null = null
  let copied: CoordinatorResult | null = null
  let dirty: DirtyFile | null = null
  let checkpoints: RunCheckpoints | null = null
  let changed = false
  let sourceChanged: string | null = null
  const runtimeReasons: string[] = []
  const warnings: string[] = []
  let indexes: DeferredIndexes | null = null
  const onChange = () => {
    changed = true
  }
  const onProgress = (now: Progress) => {
    progress = now
    hooks.onProgress(now)
  }
  try {
    const work = async (endpoints: OpenEndpoints) => {
      const { unfinished, missing, abandoned, notices } = await findRun(request, endpoints)
      if (missing) throw withoutCheckpoints(missing, await planWith(request, endpoints, hooks.signal))
      runPlan = unfinished
        ? resumedPlan(unfinished, request.params)
        : warned(await planWith(request, endpoints, hooks.signal), notices)
      announce(request, runPlan)
      hooks.onPlan(runPlan)
      const { runId, memory = null } = request
      const facts = () => factsOf(request, runPlan!, endpoints)
      const always = request.hosts !== undefined
      const options = { ...endpoints, runId, plan: runPlan, abandoned, facts, memory, always }
      checkpoints = unfinished ? await RunCheckpoints.claim(options, unfinished) : new RunCheckpoints(options)
      const late = (indexes = await DeferredIndexes.find(endpoints.writers, runPlan.write))
      if (!unfinished) warnings.push(...late.notices)
      // A snapshot sees what there was, or fails; and what is not read cannot be missing.
      const checked = runPlan.policy.consistency === 'split' && runPlan.read.window?.rows !== 0
      const check = checked ? await SourceCheck.begin(endpoints.readers, copiedRows(runPlan)) : null
      dirty = DirtyFile.create(request.runId, runPlan, request.params.dirtyFile, checkpoints.earlier)
      warnings.push(...(dirty?.warnings ?? []))
      const result = await copy(
        request,
        { plan: runPlan, checkpoints, indexes: late, dirty, runtimeReasons, onChange, ...endpoints },
        { ...hooks, onProgress },
      )
      copied = result
      progress = result.progress
      if (result.threads !== null) runtimeReasons.push(result.threads)
      if (result.error) throw result.error
      await checkpoints.check(() => checkCopied(runPlan!, result, checkpoints!.earlier !== null))
      if (check) sourceChanged = await check.end({ ...result, rowsRead: result.progress.done.rowsRead })
      if (!checkpoints.finished) {
        if (late.any) onChange()
        runtimeReasons.push(...(await late.add(adding(runPlan, hooks, progress), warnings)))
        if (runPlan.write.postSql.length > 0) onChange()
        await checkpoints.finishing()
        await new Target(endpoints.writers, runPlan.write).finish(hooks.signal)
      }
      await checkpoints.end()
    }
    await withEndpoints(request, hooks.signal, (endpoints) => work(endpoints).catch(rethrow(hooks.signal)))
  } catch (thrown) {
    error = endedBy(thrown, hooks.signal)
    error = (checkpoints as RunCheckpoints | null)?.withWayOn(error, request.taskId) ?? error
    if (runPlan !== null) error = withAdvice(error, runPlan, request.params, indexes)
    if (error.code === 'INTERNAL') log.error({ err: error.cause ?? error }, 'unexpected fault')
  }
  const seconds = (performance.now() - started) / 1000
  const marks = (checkpoints as RunCheckpoints | null) ?? noCheckpoints
  const { backfill, resumed, resumable, warnings: more } = marks
  const dirtyFiles = (dirty as DirtyFile | null)?.close(resumable !== null) ?? noDirtyFiles
  return makeReport({
    ...request,
    ...(backfill === undefined ? {} : { backfill }),
    ...dirtyFiles,
    dirtyElsewhere: (dirty as DirtyFile | null)?.elsewhere ?? 0,
    plan: runPlan,
    runtimeReasons,
    warnings: [...warnings, ...more],
    resumed,
    resumable,
    sourceChanged,
    progress,
    changed,
    error,
    seconds,
    copied,
  })
}

/** The coordinator's own. */
export interface OpenEndpoints {
  /** Of each database. */
  readonly readers: readonly Reader[]
  readonly writers: readonly Writer[]
  readonly connections: OpenConnections
}

interface Execution extends OpenEndpoints {
  readonly plan: RunPlan
  readonly checkpoints: RunCheckpoints
  readonly indexes: DeferredIndexes
  readonly dirty: DirtyFile | null
  /** What the run finds out that the plan does not say. */
  readonly runtimeReasons: string[]
  /** Called before the target is changed in another way than by rows. */
  readonly onChange: () => void
}

async function copy(
  request: CopyRequest,
  execution: Execution,
  hooks: CopyHooks,
): Promise<CoordinatorResult> {
  if (hooks.signal.aborted) throw stopped(hooks.signal)
  const { plan: runPlan, checkpoints, indexes, dirty, runtimeReasons, onChange } = execution
  const { readers, writers, connections } = execution
  const pipeline = await setUpPipeline(runPlan.pipeline, connections, hooks.signal)
  runtimeReasons.push(...(pipeline?.reasons ?? []))
  const replicas = await openReplicas(connections, request.params.replicas)
  const servers = { source: readers, target: writers, replicas }
  const { runId, hosts = null } = request
  const { read, policy } = runPlan
  const limited = { runId, limits: policy.speed, read, servers, reasons: runtimeReasons }
  const result = await throttled(limited, (throttle) =>
    copySplits({
      runId,
      plan: runPlan,
      source: endpointsOf(request.from, request.params.session, request.params.timeZone),
      target: endpointsOf(request.to, request.params.session),
      readers,
      checkpoints,
      hosts,
      pipeline: pipeline?.setup ?? null,
      prepare: async () => {
        await checkpoints.endAbandoned()
        if (changesTables(runPlan) || runPlan.policy.indexesLast !== 'none') onChange()
        // An earlier attempt has done that.
        if (checkpoints.earlier === null) {
          await new Target(writers, runPlan.write).prepare(hooks.signal)
          runtimeReasons.push(...(await indexes.defer(runPlan.policy.indexesLast, hooks.signal)))
          // Of a single split, too: whoever resumes the run adds them.
          if (indexes.any) await checkpoints.begin()
        }
        await prepareIds(runPlan, pipeline?.setup ?? null, writers[0]!, hooks.signal)
      },
      dirty: dirty?.setup ?? null,
      signal: hooks.signal,
      onProgress: hooks.onProgress,
      enough: request.trial?.enough,
      throttle,
    }),
  )
  runtimeReasons.push(...readInstead(runPlan.write, result.readInstead))
  return result
}

/** The plan of a copy whose endpoints are open. */
export async function planWith(
  request: CopyRequest,
  endpoints: OpenEndpoints,
  signal: AbortSignal | undefined,
): Promise<RunPlan> {
  const made = await makePlan({
    ...request,
    connections: endpoints.connections,
    source: sourceEndpoint(request.from, isMany(request.from), endpoints.readers),
    target: targetEndpoint(request.to, request.params.shard !== null, endpoints.writers),
    signal,
  })
  return request.trial ? { ...made, policy: { ...made.policy, resumable: false } } : made
}

/** Opens the coordinator's own connection to each end for as long as `use` takes. */
export async function withEndpoints<T>(
  { from, to, params, lookupSource = from, others = {} }: CopyRequest,
  signal: AbortSignal | undefined,
  use: (endpoints: OpenEndpoints) => Promise<T>,
): Promise<T> {
  checkShardParams(params.shard, to.table, to.databases?.map(({ name }) => name) ?? null)
  const readers = readersOf(from.loaded.plugin, endpointsOf(from, params.session, params.timeZone))
  const writers = writersOf(to.loaded.plugin, endpointsOf(to, params.session))
  if (readers.length === 0) throw cannot(from, 'read from')
  if (writers.length === 0) throw cannot(to, 'written to')
  checkReadable(from.loaded.plugin, params)
  checkWritable(to.loaded.plugin, params)
  const connections = new OpenConnections({
    source: lookupSource,
    target: to,
    others,
    session: params.session,
    signal,
  })
  try {
    await openAll([...readers, ...writers], signal)
    return await use({ readers, writers, connections })
  } finally {
    await closeAll([...readers, ...writers, connections])
  }
}

function cannot(end: TableAt, what: string): RowshiftError {
  return new RowshiftError('PLUGIN_UNKNOWN', `Databases of type "${end.loaded.type}" cannot be ${what}.`)
}
