import type { VerifyRequest } from './request.js'
import { endpointsOf, readersOf, sourceEndpoint, targetEndpoint, writersOf } from '../../engine/endpoints.js'
import { createsTables } from '../../engine/table-changes.js'
import type { Progress } from '../../engine/progress.js'
import { noProgress } from '../../engine/progress.js'
import { OpenConnections } from '../../engine/open-connections.js'
import { endedBy, rethrow, stopped } from '../../engine/run-errors.js'
import { openReplicas, throttled } from '../../engine/speed.js'
import { SourceCheck } from '../../engine/source-check.js'
import { forThreads, keepsIds, prepareIds, setUpPipeline } from '../../engine/pipeline-setup.js'
import { RowshiftError } from '../../contract/errors.js'
import { log } from '../../log.js'
import { idleParams } from '../../plan/idle-params.js'
import { closeAll, openAll } from '../../contract/opening.js'
import { makePlan } from '../../plan/plan.js'
import { checkReadable, checkWritable, checkWritePath } from '../../plan/supported-params.js'
import { checkShardParams } from '../shard/rule-plan.js'
import { isMany } from '../sources/plan.js'
import type { Reader, Writer } from '../../contract/plugin.js'
import type { RunPlan } from '../../contract/run-plan.js'
import { adding, DeferredIndexes } from '../indexes/deferred-indexes.js'
import { Target } from '../shard/target.js'
import type { NamedEntry } from '../../task/columns.js'
import type { Params } from '../../task/params.js'
import type { CompareResult, Repaired } from './compare.js'
import { compareTables } from './compare.js'
import { checkDeletes } from './deletes.js'
import { areEqual, checkPlacement } from './findings.js'
import { isNewEachRun } from './repeatable-columns.js'
import type { VerifyReport } from './report.js'
import { differenceError, makeVerifyReport } from './report.js'
import { completing, repairing } from './repair-params.js'
import type { VerifyPlan } from './plan.js'
import { checkRepeatable, makeVerifyPlan } from './plan.js'

export interface VerifyHooks {
  readonly signal: AbortSignal
  readonly onPlan: (plan: VerifyPlan) => void
  readonly onProgress: (progress: Progress) => void
}

interface OpenEndpoints {
  /** Of each database. */
  readonly readers: readonly Reader[]
  readonly targetReaders: readonly Reader[]
  /** Of each database; null: nothing may be written. */
  readonly writers: readonly Writer[] | null
  /** Why `targetReaders` are not open: their database is a file that does not exist yet. null: they are open. */
  readonly missing: RowshiftError | null
  readonly connections: OpenConnections
}

/** Compares two tables, and makes the target equal in mode `sync`. Never throws: a failure is in the report. */
export async function runVerify(request: VerifyRequest, hooks: VerifyHooks): Promise<VerifyReport> {
  const started = performance.now()
  let plan: VerifyPlan | null = null
  let repair: RunPlan | null = null
  let progress = noProgress
  let result: CompareResult | null = null
  let error: RowshiftError | null = null
  let repaired: Repaired = { written: 0, deleted: 0 }
  let changed = false
  let sourceChanged: string | null = null
  const runtimeReasons: string[] = []
  try {
    const work = async (endpoints: OpenEndpoints) => {
      if (endpoints.writers) repair = await planRepair(request, endpoints, endpoints.writers)
      if (endpoints.missing && !createsAll(repair)) throw endpoints.missing
      plan = await makeVerifyPlan({ ...request, ...endpoints }, request.params, repair)
      for (const reason of plan.reasons) log.info({ runId: request.runId }, reason)
      if (request.params.mode === 'sync')
        plan = { ...plan, warnings: [...idleParams(request.params), ...plan.warnings] }
      hooks.onPlan(plan)
      const onProgress = (now: Progress) => {
        progress = now
        hooks.onProgress(now)
      }
      const onRepaired = ({ written, deleted }: Repaired) => {
        repaired = { written: repaired.written + written, deleted: repaired.deleted + deleted }
      }
      const onChange = () => {
        changed = true
      }
      const recording = { ...hooks, onProgress, onRepaired, onChange }
      const check = await SourceCheck.begin(endpoints.readers, plan.source)
      result = await compare(request, endpoints, { plan, repair, runtimeReasons }, recording)
      if (repair) {
        const indexes = await DeferredIndexes.find(endpoints.writers!, repair.write)
        if (indexes.any) onChange()
        runtimeReasons.push(
          ...(await indexes.add(adding(repair, { ...hooks, onProgress }, progress), runtimeReasons)),
        )
      }
      sourceChanged = await check.end({ rowsRead: result.found.sourceRows, lastRowsGone: false })
      if (!areEqual(result.left.differences)) throw differenceError(result, repaired)
    }
    await withEndpoints(request, hooks.signal, (endpoints) => work(endpoints).catch(rethrow(hooks.signal)))
  } catch (thrown) {
    error = endedBy(thrown, hooks.signal)
    if (error.code === 'INTERNAL') log.error({ err: error.cause ?? error }, 'unexpected fault')
  }
  const seconds = (performance.now() - started) / 1000
  const facts = {
    request,
    plan,
    repair,
    repaired,
    changed,
    sourceChanged,
    progress,
    result,
    reasons: runtimeReasons,
    error,
    seconds,
  }
  return makeVerifyReport(facts)
}

interface Plans {
  readonly plan: VerifyPlan
  /** null: nothing is repaired. */
  readonly repair: RunPlan | null
  /** Reasons that the run finds out. */
  readonly runtimeReasons: string[]
}

interface Recording extends Omit<VerifyHooks, 'onPlan'> {
  readonly onRepaired: (repaired: Repaired) => void
  /** Called before the target is changed in another way than by rows. */
  readonly onChange: () => void
}

async function compare(
  request: VerifyRequest,
  { readers, targetReaders, writers, connections }: OpenEndpoints,
  { plan, repair, runtimeReasons }: Plans,
  { signal, onProgress, onRepaired, onChange }: Recording,
): Promise<CompareResult> {
  const { runId, from, to, params, sample, completes } = request
  if (signal.aborted) throw stopped(signal)
  const pipeline = await setUpPipeline(plan.pipeline, connections, signal)
  runtimeReasons.push(...(pipeline?.reasons ?? []))
  // The lookups are those of the comparison, cell by cell; the threads give ids, each its own.
  const repairPipeline = repair && pipeline && forThreads(pipeline.setup)
  const replicas = await openReplicas(connections, params.replicas)
  const servers = { source: readers, target: targetReaders, replicas }
  const limited = { runId, limits: plan.speed, read: plan.source, servers, reasons: runtimeReasons }
  return throttled(limited, (throttle) =>
    compareTables({
      runId,
      plan,
      repair,
      pipeline: pipeline?.setup ?? null,
      repairPipeline,
      readers,
      source: endpointsOf(from, params.session, params.timeZone),
      target: endpointsOf(to, params.session, params.timeZone),
      sample,
      completes: completes ? params.writeMode : null,
      checkBeforeRepair: (differing) => {
        checkPlacement(differing)
        if (!completes) checkDeletes(differing, params.maxDelete, plan.sharding !== null)
      },
      prepare: async () => {
        const creates = createsTables(repair!)
        if (creates || keepsIds(repair!.pipeline)) onChange()
        if (creates) await new Target(writers!, repair!.write).prepare(signal)
        await prepareIds(repair!, repairPipeline, writers![0]!, signal)
      },
      signal,
      onProgress,
      onRepaired,
      throttle,
      hosts: request.hosts,
    }),
  )
}

/** What is new for each run cannot be compared, so nobody knows which rows are to be written anew. */
function refuseFresh({ columns }: Params): void {
  const fresh = (columns ?? []).filter(
    (entry): entry is NamedEntry => entry !== '*' && entry.make !== null && isNewEachRun(entry.make),
  )
  if (fresh.length === 0) return
  const names = fresh.map(({ to }) => to!)
  throw new RowshiftError(
    'PARAMS_INVALID',
    `${names.join(', ')} cannot be repaired: each run gives a row a new id, and nothing says which it got. Keep the ids with "id": {"map": {"table": …}} and "from".`,
    { columns: names },
  )
}

function planRepair(
  { params, from, to, completes }: VerifyRequest,
  { readers, connections }: OpenEndpoints,
  writers: readonly Writer[],
): Promise<RunPlan> {
  if (!writers.every(({ skills }) => skills.deletes !== undefined)) {
    throw new RowshiftError(
      'PLUGIN_UNKNOWN',
      `Databases of type "${to.loaded.type}" cannot be repaired: their plugin deletes no rows.`,
    )
  }
  checkRepeatable(params)
  refuseFresh(params)
  return makePlan({
    connections,
    source: sourceEndpoint(from, isMany(from), readers),
    target: targetEndpoint(to, params.shard !== null, writers),
    params: completes ? completing(params) : repairing(params),
  })
}

/** Resolves to the error where there is no such database, and a repair may create it. */
async function openTarget(
  targetReaders: readonly Reader[],
  repairs: boolean,
  signal: AbortSignal,
): Promise<RowshiftError | null> {
  try {
    await openAll(targetReaders, signal)
    return null
  } catch (thrown) {
    if (repairs && thrown instanceof RowshiftError && thrown.code === 'TABLE_NOT_FOUND') return thrown
    throw thrown
  }
}

function createsAll(repair: RunPlan | null): boolean {
  const { sharding = null, create = null } = repair?.write ?? {}
  return sharding === null ? create !== null : sharding.shards.every((shard) => shard.create !== null)
}

/** Opens the coordinator's own connections for as long as `use` takes. */
async function withEndpoints<T>(
  { from, to, params, mode, others = {} }: VerifyRequest,
  signal: AbortSignal,
  use: (endpoints: OpenEndpoints) => Promise<T>,
): Promise<T> {
  const source = endpointsOf(from, params.session, params.timeZone)
  const target = endpointsOf(to, params.session, params.timeZone)
  checkShardParams(params.shard, to.table, to.databases?.map(({ name }) => name) ?? null)
  const readers = readersOf(from.loaded.plugin, source)
  const targetReaders = readersOf(to.loaded.plugin, target)
  const writers = mode === 'sync' ? writersOf(to.loaded.plugin, target) : null
  if (readers.length === 0 || targetReaders.length === 0 || writers?.length === 0) {
    const { type } = readers.length > 0 ? to.loaded : from.loaded
    throw new RowshiftError('PLUGIN_UNKNOWN', `Databases of type "${type}" cannot be compared or repaired.`)
  }
  for (const { loaded } of [from, to]) checkReadable(loaded.plugin, params)
  if (writers) checkWritable(to.loaded.plugin, repairing(params))
  else checkWritePath(to.loaded.plugin, params)
  const connections = new OpenConnections({
    source: from,
    target: to,
    others,
    session: params.session,
    signal,
  })
  const endpoints = [...readers, ...targetReaders, ...(writers ?? [])]
  try {
    await openAll([...readers, ...(writers ?? [])], signal)
    const missing = await openTarget(targetReaders, writers !== null, signal)
    return await use({ readers, targetReaders, writers, missing, connections })
  } finally {
    await closeAll([...endpoints, connections])
  }
}
