import type { RunReport } from '../../contract/task-store.js'
import type { CopyRequest } from '../../engine/copy-request.js'
import type { CopyHooks } from '../../engine/job.js'
import { runCopy } from '../../engine/job.js'
import { runVerify } from '../verify/job.js'

/** Copies one table; mode `sync` compares it and repairs the target. Never throws: a failure is in the report. */
export function runTable(
  request: CopyRequest,
  { signal, onProgress }: Pick<CopyHooks, 'signal' | 'onProgress'>,
): Promise<RunReport> {
  const hooks = { signal, onProgress, onPlan: () => {} }
  return request.params.mode === 'sync'
    ? runVerify({ ...request, mode: 'sync', sample: 100 }, hooks)
    : runCopy(request, hooks)
}
