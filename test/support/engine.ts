// Copies by the compiled engine inside this process: what `rowshift copy` does after it has read its command line, and
// four times as fast as a process of its own, which hundreds of copies need.
import { fromUrl } from '../../src/config/config.js'
import { runCopy } from '../../src/engine/job.js'
import { newRunId } from '../../src/engine/report.js'
import { errorCodes } from '../../src/errors.js'
import type { RunReport } from '../../src/index.js'
import type { Plan } from '../../src/plugin.js'
import { readParams } from '../../src/task/params.js'

export interface EngineResult {
  readonly report: RunReport
  /** null when planning failed. */
  readonly plan: Plan | null
  /** What the process would end with. */
  readonly exit: number
}

/** `from` and `to` are URLs as the command line takes them. */
export async function copyByEngine(from: string, to: string, params: object): Promise<EngineResult> {
  let plan: Plan | null = null
  const report = await runCopy(
    {
      runId: newRunId(),
      taskId: null,
      from: await fromUrl(from, '--from'),
      to: await fromUrl(to, '--to'),
      params: readParams(params),
    },
    {
      signal: new AbortController().signal,
      onPlan: (made) => {
        plan = made
      },
      onProgress: () => {},
    },
  )
  return { report, plan, exit: report.error ? errorCodes[report.error.code].exit : 0 }
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
