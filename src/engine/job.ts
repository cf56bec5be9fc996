import { readInstead } from '../plan/server-copies.js'
import { RowshiftError } from '../contract/errors.js'
import { copiedRows } from './deletions.js'
import { log } from '../log.js'
import { outlineSource } from '../features/sources/table-reads.js'
import { Target } from '../features/shard/target.js'
import { adding, DeferredIndexes } from '../features/indexes/deferred-indexes.js'
import type { IndexPlaces } from '../features/indexes/places.js'
import type { SplitOutline } from '../contract/plugin.js'
import type { RunPlan } from '../contract/run-plan.js'
import type { RunReport } from '../contract/task-store.js'
import type { CoordinatorResult, Sharing } from './coordinator-job.js'
import { copySplits } from './coordinator.js'
import type { CopyRequest } from './copy-request.js'
import { checkCopied } from './count-check.js'
import { announce, warned } from './announce.js'
import { DirtyFile, noDirtyFiles } from './dirty-file.js'
import { withAdvice } from './failure-advice.js'
import { endpointsOf } from './endpoints.js'
import type { OpenEndpoints } from './open-endpoints.js'
import { planWith, withEndpoints } from './open-endpoints.js'
import type { Progress } from './progress.js'
import { noProgress } from './progress.js'
import { makeReport } from './report.js'
import { endedBy, rethrow, stopped } from './run-errors.js'
import { factsOf, findRun, resumedPlan, withoutCheckpoints } from '../features/resume/find-run.js'
import { noCheckpoints, RunCheckpoints } from '../features/resume/run-checkpoints.js'
import { SourceCheck } from './source-check.js'
import { throttledCopy } from './speed.js'
import type { Throttle } from './throttle.js'
import { prepareIds, setUpPipeline } from './pipeline-setup.js'
import { changesTables } from './table-changes.js'

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

/** The same, for the whole of a copy. */
export interface AmongOthers extends Sharing {
  /** null: it is planned now. */
  readonly plan: RunPlan | null
  /** What there is to say of the table, which was made before, by the same run; null: it was not. */
  readonly made: readonly string[] | null
  /** Of the coordinator, for as long as the copy takes. */
  readonly endpoints: OpenEndpoints
  readonly throttle: Throttle
  readonly places: IndexPlaces
  /** What the report is to say of it. */
  readonly reasons: readonly string[]
}

/** Copies one table. Never throws: a failure is in the report. */
export async function runCopy(
  request: CopyRequest,
  hooks: CopyHooks,
  among: AmongOthers | null = null,
): Promise<RunReport> {
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
      // Some of it needs a connection of its own.
      const plan = () => planWith(request, endpoints, hooks.signal)
      if (missing) throw withoutCheckpoints(missing, await plan())
      runPlan = unfinished
        ? resumedPlan(unfinished, request.params)
        : warned(
            among?.plan ?? (await (among ? among.threads.pool.withRoom(plan, hooks.signal) : plan())),
            notices,
          )
      announce(request, runPlan)
      hooks.onPlan(runPlan)
      const { runId, memory = null } = request
      const facts = () => factsOf(request, runPlan!, endpoints)
      const always = among?.threads.elsewhere ?? request.hosts !== undefined
      runtimeReasons.push(...(among?.reasons ?? []))
      const options = { ...endpoints, runId, plan: runPlan, abandoned, facts, memory, always }
      checkpoints = unfinished ? await RunCheckpoints.claim(options, unfinished) : new RunCheckpoints(options)
      const late = (indexes = await DeferredIndexes.find(endpoints.writers, runPlan.write))
      if (!unfinished && !among?.made) warnings.push(...late.notices)
      // A snapshot sees what there was, or fails; and what is not read cannot be missing.
      const checked = runPlan.policy.consistency === 'split' && runPlan.read.window?.rows !== 0
      const check = checked ? await SourceCheck.begin(endpoints.readers, copiedRows(runPlan)) : null
      dirty = DirtyFile.create(request.runId, runPlan, request.params.dirtyFile, checkpoints.earlier)
      warnings.push(...(dirty?.warnings ?? []))
      const result = await copy(
        request,
        { plan: runPlan, checkpoints, indexes: late, dirty, runtimeReasons, onChange, ...endpoints },
        { ...hooks, onProgress },
        among,
      )
      copied = result
      progress = result.progress
      if (result.threads !== null) runtimeReasons.push(result.threads)
      if (result.error) throw result.error
      await checkpoints.check(() => checkCopied(runPlan!, result, checkpoints!.earlier !== null))
      if (check) sourceChanged = await check.end({ ...result, rowsRead: result.progress.done.rowsRead })
      if (!checkpoints.finished) {
        if (late.any) onChange()
        runtimeReasons.push(...(await late.add(adding(runPlan, hooks, progress, among?.places), warnings)))
        if (runPlan.write.postSql.length > 0) onChange()
        await checkpoints.finishing()
        await new Target(endpoints.writers, runPlan.write).finish(hooks.signal)
      }
      await checkpoints.end()
    }
    const begin = (endpoints: OpenEndpoints) => work(endpoints).catch(rethrow(hooks.signal))
    await (among ? begin(among.endpoints) : withEndpoints(request, hooks.signal, begin))
  } catch (thrown) {
    error = endedBy(thrown, hooks.signal)
    error = (checkpoints as RunCheckpoints | null)?.withWayOn(error, request, among !== null) ?? error
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
  among: AmongOthers | null,
): Promise<CoordinatorResult> {
  if (hooks.signal.aborted) throw stopped(hooks.signal)
  const { plan: runPlan, checkpoints, indexes, dirty, runtimeReasons, onChange } = execution
  const { readers, writers, connections } = execution
  const pipeline = await setUpPipeline(runPlan.pipeline, connections, hooks.signal)
  runtimeReasons.push(...(pipeline?.reasons ?? []))
  const { hosts = null } = request
  const work = (throttle: Throttle) =>
    copySplits({
      runId: request.runId,
      plan: runPlan,
      source: endpointsOf(request.from, request.params.session, request.params.timeZone),
      target: endpointsOf(request.to, request.params.session),
      readers,
      writers,
      checkpoints,
      hosts,
      pipeline: pipeline?.setup ?? null,
      prepare: async () => {
        await checkpoints.endAbandoned()
        const made = among?.made ?? null
        if (made !== null || changesTables(runPlan) || runPlan.policy.indexesLast !== 'none') onChange()
        // An earlier attempt has done that.
        if (checkpoints.earlier === null) {
          await new Target(writers, made ? { ...runPlan.write, create: null } : runPlan.write).prepare(
            hooks.signal,
          )
          runtimeReasons.push(...(made ?? (await indexes.defer(runPlan.policy.indexesLast, hooks.signal))))
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
      shared: among,
    })
  const limited = { ...request, plan: runPlan, readers, writers, connections, reasons: runtimeReasons }
  const result = await (among ? work(among.throttle) : throttledCopy(limited, work))
  runtimeReasons.push(...readInstead(runPlan.write, result.readInstead))
  return result
}
