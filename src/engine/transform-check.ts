import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { ErrorReport } from '../contract/errors.js'
import { RowshiftError } from '../contract/errors.js'

/** What the thread says, once. */
export interface ProbeResult {
  readonly columns: readonly string[]
  readonly error: ErrorReport | null
}

/**
 * Loads a user's module in a thread that ends then, so that nothing of it runs in the main thread; resolves to the names of
 * the columns that it fills. Throws PARAMS_INVALID, or TRANSFORM_TIMEOUT after so many seconds.
 */
export async function probeTransform(
  module: string,
  timeout: number,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const thread = new Worker(new URL('../../workers/transform-probe.js', import.meta.url), {
    workerData: module,
  })
  const exited = once(thread, 'exit')
  const late = AbortSignal.timeout(timeout * 1000)
  try {
    const [result] = (await Promise.race([
      once(thread, 'message', { signal: signal ? AbortSignal.any([late, signal]) : late }),
      exited.then(([code]) => {
        throw died(module, `its thread ended with code ${code}`)
      }),
    ])) as [ProbeResult]
    if (result.error !== null) throw RowshiftError.fromReport(result.error)
    return result.columns
  } catch (thrown) {
    if (signal?.aborted) throw new RowshiftError('INTERRUPTED', `Interrupted while loading ${module}.`)
    if (late.aborted) throw tooSlow(module, timeout)
    throw thrown instanceof RowshiftError ? thrown : died(module, String(thrown))
  } finally {
    await thread.terminate()
  }
}

function died(module: string, why: string): RowshiftError {
  const fault = `params.transform: the module ${module} cannot be loaded: ${why}`
  return new RowshiftError('PARAMS_INVALID', `${fault}. Nothing was written.`, { faults: [fault], module })
}

function tooSlow(module: string, timeout: number): RowshiftError {
  return new RowshiftError(
    'TRANSFORM_TIMEOUT',
    `The module ${module} was not loaded within ${timeout} s. Look for loops outside of its function, or raise transform_timeout. Nothing was written.`,
    { module, timeout },
  )
}
