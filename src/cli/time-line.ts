import type { RunReport } from '../contract/task-store.js'
import { timeSentence } from '../engine/time-sentence.js'
import { isLogged } from '../log.js'

/** Where the time went, for whoever asks for more than the result (`-v`); nothing where nobody has looked. */
export function timeLines({
  seconds,
  busySeconds,
  timeSpent,
  ...report
}: Pick<RunReport, 'seconds' | 'busySeconds' | 'timeSpent'> &
  Partial<Pick<RunReport, 'workerNum'>>): string[] {
  if (timeSpent === undefined || !isLogged('info')) return []
  const threads = busySeconds.length || (report.workerNum ?? 1)
  return [timeSentence({ seconds, threads, timeSpent }, 'en')]
}
