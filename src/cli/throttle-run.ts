import { ExitCode, RowshiftError } from '../contract/errors.js'
import type { LimitChange } from '../engine/run-control.js'
import { changeLimits, runsUnderWay } from '../engine/run-control.js'
import { limitsText } from '../engine/speed.js'
import type { RateLimits } from '../engine/throttle.js'
import type { CommonOptions } from './options.js'
import { print, printJson } from './output.js'

export interface ThrottleCommandOptions extends CommonOptions {
  /** Id of a run that is under way, or `latest`. */
  readonly run: string
  /** null: no limit. undefined: it stays. */
  readonly record: number | null | undefined
  readonly byte: number | null | undefined
}

/** `rowshift throttle RUN --record N`: changes how fast a run on this machine may go while it is under way. */
export async function throttleCommand({ run, record, byte, json }: ThrottleCommandOptions): Promise<number> {
  if (record === undefined && byte === undefined)
    throw new RowshiftError(
      'USAGE',
      'Give --record, --byte or both: a number of rows or bytes per second, or none.',
    )
  const change = { ...(record === undefined ? {} : { record }), ...(byte === undefined ? {} : { byte }) }
  const { runId, limits } = await changed(run === 'latest' ? runsUnderWay() : [run], change)
  if (json) printJson({ runId, ...limits })
  else print(`Run ${runId} goes on with ${limitsText(limits)}.`)
  return ExitCode.success
}

/** Of the first of these runs that is under way. */
async function changed(
  runs: readonly string[],
  change: LimitChange,
): Promise<{ readonly runId: string; readonly limits: RateLimits }> {
  for (const runId of runs) {
    const limits = await changeLimits(runId, change)
    if (limits !== null) return { runId, limits }
  }
  throw new RowshiftError(
    'TASK_NOT_FOUND',
    'No such run is under way on this machine for this user. "rowshift history" shows the runs of tasks, and where they run; "latest" is the one that began last.',
  )
}
