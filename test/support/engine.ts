// Copies by the compiled engine inside this process: what `rowshift copy` does after it has read its command line.
import type { CopyRequest } from '../../src/engine/copy-request.js'
import { fromUrl } from '../../src/config/config.js'
import { endpointsOf, writersOf } from '../../src/engine/endpoints.js'
import { closeAll, openAll } from '../../src/contract/opening.js'
import { Target } from '../../src/features/shard/target.js'
import { noneConnected } from '../../src/engine/messages.js'
import { planCopy, runCopy } from '../../src/engine/job.js'
import { newRunId } from '../../src/engine/report.js'
import type { ErrorReport } from '../../src/contract/errors.js'
import { errorCodes, RowshiftError } from '../../src/contract/errors.js'
import type { RunPlan } from '../../src/contract/run-plan.js'
import { readParams } from '../../src/task/params.js'
import { runVerify } from '../../src/features/verify/job.js'
import type { VerifyReport } from '../../src/features/verify/report.js'
import { CopyThread } from '../../workers/copy-thread.js'

export interface EngineResult {
  readonly error: ErrorReport | null
  readonly warnings: readonly string[]
  /** null when planning failed. */
  readonly plan: RunPlan | null
  /** What the process would end with. */
  readonly exit: number
}

/** The whole run: worker threads, progress, report. `from` and `to` are URLs as the command line takes them. */
export async function copyByEngine(from: string, to: string, params: object): Promise<EngineResult> {
  let plan: RunPlan | null = null
  const { error } = await runCopy(await request(from, to, params), {
    signal: new AbortController().signal,
    onPlan: (made) => {
      plan = made
    },
    onProgress: () => {},
  })
  return result(plan, error)
}

/**
 * The same without threads: the plan, and what a thread does with each split, one after another. A thread takes
 * 0.15 s of CPU to start, three quarters of a small copy, and does nothing to a value.
 */
export async function copyInThisThread(from: string, to: string, params: object): Promise<EngineResult> {
  const asked = await request(from, to, params)
  let plan: RunPlan | null = null
  try {
    plan = await planCopy(asked)
    await copySplits(asked, plan)
    return result(plan, null)
  } catch (thrown) {
    return result(plan, RowshiftError.from(thrown).report())
  }
}

async function copySplits({ from, to, params }: CopyRequest, plan: RunPlan): Promise<void> {
  const source = endpointsOf(from, params.session, params.timeZone)
  const target = endpointsOf(to, params.session)
  const reader = from.loaded.plugin.createReader!(source[0]!)
  const writers = writersOf(to.loaded.plugin, target)
  const tables = new Target(writers, plan.write)
  const copier = new CopyThread(
    { source, target, control: '', connected: noneConnected() },
    () => {},
    async () => ({ runId: '', plan, dirty: null, pipeline: null }),
  )
  const { signal } = new AbortController()
  try {
    await openAll([reader, ...writers])
    await tables.prepare(signal)
    for await (const split of reader.split(plan.read, () => plan.read.splitRows, signal)) {
      const copied = await copier.run({ ...split, run: '' })
      if (copied.outcome === 'failed') throw RowshiftError.fromReport(copied.error)
      if (copied.outcome === 'oversized')
        throw new Error('only the coordinator can divide a split: the case needs "threads"')
    }
    await tables.finish(signal)
  } finally {
    await closeAll([copier, reader, ...writers])
  }
}

async function request(from: string, to: string, params: object): Promise<CopyRequest> {
  return {
    runId: newRunId(),
    taskId: null,
    from: await fromUrl(from, '--from'),
    to: await fromUrl(to, '--to'),
    params: readParams(params),
  }
}

function result(plan: RunPlan | null, error: ErrorReport | null): EngineResult {
  return { plan, error, warnings: plan?.warnings ?? [], exit: error ? errorCodes[error.code].exit : 0 }
}

/** Compares two tables with worker threads: the report that `rowshift verify` writes. */
export async function verifyByEngine(from: string, to: string, params: object): Promise<VerifyReport> {
  return runVerify(
    { ...(await request(from, to, params)), mode: 'verify', sample: 100 },
    { signal: new AbortController().signal, onPlan: () => {}, onProgress: () => {} },
  )
}

/** Runs `work` on every item, at most `lanes` of them at a time. */
export async function inLanes<T>(
  items: Iterable<T>,
  lanes: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = [...items]
  const lane = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item)
  }
  await Promise.all(Array.from({ length: lanes }, lane))
}
