/** One measurement: a copy by the engine, as any other, that takes no more splits when its time is up. */
import type { ErrorReport } from '../../contract/errors.js'
import { RowshiftError } from '../../contract/errors.js'
import type { RunPlan } from '../../contract/run-plan.js'
import type { CopyRequest } from '../../engine/copy-request.js'
import { runCopy } from '../../engine/job.js'
import type { Progress } from '../../engine/progress.js'
import { moved } from '../../engine/progress.js'

/** What a copy may take longer for the splits that threads have in hand, before they are given up. */
const GRACE_MS = 1_000
/** Fewer looks than that tell nothing of how it went on. */
const FEWEST_LOOKS = 4

export interface Trial {
  /** null: its time was up before there was one. */
  readonly plan: RunPlan | null
  /** It was given up, so that no rows do not mean that there are none. */
  readonly cutOff: boolean
  readonly rows: number
  readonly bytes: number
  readonly seconds: number
}

export type Rate = Pick<Trial, 'rows' | 'bytes' | 'seconds'>

interface Look {
  readonly at: number
  readonly rows: number
  readonly bytes: number
}

/** `milliseconds`: from the first rows on. `most`: until all is given up, rows or not. Throws what the copy failed with. */
export async function tryCopy(
  request: CopyRequest,
  { milliseconds, most }: { readonly milliseconds: number; readonly most: number },
  signal: AbortSignal,
): Promise<Trial> {
  const enough = new AbortController()
  const stop = new AbortController()
  const stopAfter = (time: number) => setTimeout(() => stop.abort(timeIsUp()), time)
  const timers = [stopAfter(most)]
  const looks: Look[] = []
  let plan: RunPlan | null = null
  let started = performance.now()
  const onProgress = (progress: Progress) => {
    // From then on fewer and fewer threads are at work.
    if (enough.signal.aborted && looks.length >= FEWEST_LOOKS) return
    const at = performance.now()
    const { rows, bytes } = moved(progress)
    if (looks.length === 0 && rows > 0)
      timers.push(
        setTimeout(() => enough.abort(), milliseconds),
        stopAfter(milliseconds * 1.5 + GRACE_MS),
      )
    if (rows !== (looks.at(-1)?.rows ?? 0)) looks.push({ at, rows, bytes })
  }
  const report = await runCopy(
    { ...request, trial: { enough: enough.signal } },
    {
      signal: AbortSignal.any([signal, stop.signal]),
      onPlan: (chosen) => {
        plan = chosen
        started = performance.now()
      },
      onProgress,
    },
  )
  for (const timer of timers) clearTimeout(timer)
  const cutOff = report.error !== null && stop.signal.aborted && !signal.aborted && isCutOff(report.error)
  if (report.error !== null && !cutOff) throw RowshiftError.fromReport(report.error)
  return { plan, cutOff, ...rateOf(looks, started) }
}

/** What stopping leads to. A run that had failed before ends with what it had failed with, though its time is up, too, by then. */
function isCutOff({ code, details }: ErrorReport): boolean {
  return code === 'INTERRUPTED' || (details['inDoubt'] === true && code !== 'THREAD_LOST')
}

/** Between the first rows and the last ones, so that the start of threads and connections does not count; with too few looks, from the start. */
function rateOf(looks: readonly Look[], started: number): Rate {
  const last = looks.at(-1)
  if (last === undefined) return { rows: 0, bytes: 0, seconds: 0 }
  const first = looks.length < FEWEST_LOOKS ? { at: started, rows: 0, bytes: 0 } : looks[0]!
  const seconds = Math.max(last.at - first.at, 1) / 1000
  // A split that is copied again takes its rows back.
  return { rows: Math.max(0, last.rows - first.rows), bytes: Math.max(0, last.bytes - first.bytes), seconds }
}

/** It leaves no time to what is in hand, as a user's wish would. */
function timeIsUp(): RowshiftError {
  return new RowshiftError('INTERRUPTED', 'The time of this measurement is up.')
}
