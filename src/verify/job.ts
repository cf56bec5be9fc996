import { endpointOf, originOf, placeOf, rangesOf, readerOf, writerOf } from '../engine/ends.js'
import type { CopyRequest } from '../engine/job.js'
import { stopped } from '../engine/job.js'
import type { Progress } from '../engine/progress.js'
import { noProgress } from '../engine/progress.js'
import { OpenPlaces } from '../engine/places.js'
import { RowshiftError } from '../errors.js'
import { log } from '../log.js'
import { makePlan } from '../plan/plan.js'
import { checkShardParams } from '../plan/shard-rule.js'
import { isMany } from '../plan/sources.js'
import type { Plan, Reader, Writer } from '../plugin.js'
import { ShardedWriter } from '../shard/sharded-writer.js'
import type { NamedEntry } from '../task/columns.js'
import type { Params } from '../task/params.js'
import type { CompareResult } from './compare.js'
import { compareTables } from './compare.js'
import { areEqual } from './findings.js'
import { checkDeletes } from './deletes.js'
import type { VerifyReport } from './report.js'
import { differenceError, makeVerifyReport } from './report.js'
import type { VerifyPlan } from './verify-plan.js'
import { makeVerifyPlan } from './verify-plan.js'

export interface VerifyRequest extends Omit<CopyRequest, 'past'> {
  /** `sync` makes the target equal; `verify` looks only. */
  readonly mode: 'verify' | 'sync'
  /** Percent of the splits to compare. */
  readonly sample: number
}

export interface VerifyHooks {
  readonly signal: AbortSignal
  readonly onPlan: (plan: VerifyPlan) => void
  readonly onProgress: (progress: Progress) => void
}

interface Ends {
  readonly reader: Reader
  readonly targetReader: Reader
  /** null: nothing may be written. */
  readonly writer: Writer | null
}

/** Compares two tables, and makes the target equal in mode `sync`. Never throws: a failure is in the report. */
export async function runVerify(request: VerifyRequest, hooks: VerifyHooks): Promise<VerifyReport> {
  const started = performance.now()
  let plan: VerifyPlan | null = null
  let repair: Plan | null = null
  let progress = noProgress
  let result: CompareResult | null = null
  let error: RowshiftError | null = null
  try {
    await withEnds(request, async (ends) => {
      plan = await makeVerifyPlan({ ...request, ...ends }, request.params)
      if (ends.writer && plan.sharding === null && request.params.shard !== null) throw unknownPlaces(request)
      if (ends.writer) repair = await planRepair(request, ends.reader, ends.writer)
      for (const reason of plan.reasons) log.info({ runId: request.runId }, reason)
      hooks.onPlan(plan)
      const onProgress = (now: Progress) => {
        progress = now
        hooks.onProgress(now)
      }
      result = await compare(request, ends.reader, plan, repair, { ...hooks, onProgress })
      if (!areEqual(result.left.differences)) throw differenceError(result)
    })
  } catch (thrown) {
    error = hooks.signal.aborted ? stopped(hooks.signal) : RowshiftError.from(thrown)
    if (error.code === 'INTERNAL') log.error({ err: error.cause ?? error }, 'unexpected fault')
  }
  const seconds = (performance.now() - started) / 1000
  return makeVerifyReport({ request, plan, repair, progress, result, error, seconds })
}

function compare(
  request: VerifyRequest,
  reader: Reader,
  plan: VerifyPlan,
  repair: Plan | null,
  { signal, onProgress }: VerifyHooks,
): Promise<CompareResult> {
  const { runId, from, to, params, sample } = request
  if (signal.aborted) throw stopped(signal)
  return compareTables({
    runId,
    plan,
    repair,
    reader: rangesOf(reader),
    source: endpointOf(from, params.session),
    target: endpointOf(to, params.session),
    sample,
    guard: (found) => checkDeletes(found, params.maxDelete),
    signal,
    onProgress,
  })
}

/** A repair writes rows as they are read. */
function refuseMade({ columns }: Params): void {
  const made = (columns ?? []).filter((entry) => entry !== '*' && entry.make !== null)
  if (made.length === 0) return
  const names = made.map((entry) => (entry as NamedEntry).to!)
  throw new RowshiftError(
    'PARAMS_INVALID',
    `Columns that worker threads make (${names.join(', ')}) cannot be repaired. Copy the rows again, with write_mode "upsert".`,
    { columns: names },
  )
}

/** `pre_sql` and `post_sql` belong to a whole copy: one that empties the target would undo what is to be repaired. */
function planRepair({ params, from, to }: VerifyRequest, reader: Reader, writer: Writer): Promise<Plan> {
  if (!removes(writer)) {
    throw new RowshiftError(
      'PLUGIN_UNKNOWN',
      `Databases of type "${to.loaded.type}" cannot be repaired: their plugin deletes no rows.`,
    )
  }
  refuseMade(params)
  return makePlan({
    reader,
    writer,
    places: new OpenPlaces({ source: from, target: to, others: {}, session: params.session }),
    sourceTable: from.table,
    targetTable: to.table,
    origin: originOf(from, reader),
    place: placeOf(to, writer),
    params: {
      ...params,
      mode: 'sync',
      writeMode: 'upsert',
      consistency: 'split',
      schemaSaveMode: 'error_when_not_exist',
      preSql: [],
      postSql: [],
    },
  })
}

function unknownPlaces({ to }: VerifyRequest): RowshiftError {
  return new RowshiftError(
    'PARAMS_INVALID',
    `${to.table} cannot be repaired: which shard a row belongs to follows from a column that a run makes. Run the task again with write_mode "upsert".`,
    { table: to.table },
  )
}

function removes(writer: Writer): boolean {
  return (writer instanceof ShardedWriter ? writer.writers : [writer]).every(
    (each) => each.remove !== undefined,
  )
}

/** Opens the coordinator's own connections for as long as `use` takes. */
async function withEnds<T>(
  { from, to, params, mode }: VerifyRequest,
  use: (ends: Ends) => Promise<T>,
): Promise<T> {
  const source = endpointOf(from, params.session)
  const target = endpointOf(to, params.session)
  const sharded = params.shard !== null
  checkShardParams(params.shard, to.table, to.databases?.map(({ name }) => name) ?? null)
  const reader = readerOf(from.loaded.plugin, source, isMany(from))
  const targetReader = readerOf(to.loaded.plugin, target, sharded)
  const writer = mode === 'sync' ? writerOf(to.loaded.plugin, target, sharded) : null
  if (!reader || !targetReader || writer === undefined) {
    const { type } = reader ? to.loaded : from.loaded
    throw new RowshiftError('PLUGIN_UNKNOWN', `Databases of type "${type}" cannot be compared or repaired.`)
  }
  try {
    await Promise.all([reader.connect(), targetReader.connect(), writer?.connect()])
    return await use({ reader, targetReader, writer })
  } finally {
    await Promise.allSettled([reader.close(), targetReader.close(), writer?.close()])
  }
}
