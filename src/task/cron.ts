/** When a task runs by itself: the `cron` of its params. Loaded by what needs it only. */
import { RowshiftError } from '../contract/errors.js'
import { rawParams } from './raw-params.js'

/** How `rowshift serve` starts runs of a task. */
export interface CronRule {
  /** As it was written. */
  readonly at: string
  readonly timeZone: string
  /** Seconds. */
  readonly jitter: number
  readonly missed: 'once' | 'skip'
  /** Seconds after which a run that was due is late; null: never. */
  readonly late: number | null
  /** The first time after `moment`; null: never again. */
  next(moment: Date): Date | null
  /** The last time before `moment`; null: it was never due. */
  previous(moment: Date): Date | null
}

interface RawCron {
  readonly at: string
  readonly time_zone?: string
  readonly jitter?: number
  readonly missed?: 'once' | 'skip'
  readonly late?: number
}

/** null: the params say none. Throws PARAMS_INVALID. */
export async function cronOf(params: string | null): Promise<CronRule | null> {
  const { cron } = (rawParams(params) ?? {}) as { readonly cron?: string | RawCron }
  if (cron === undefined || cron === null) return null
  const raw = typeof cron === 'string' ? { at: cron } : cron
  const { at, time_zone: timeZone = 'UTC', jitter = 0, missed = 'once', late = null } = raw
  const { Cron } = await import('croner')
  try {
    const times = new Cron(at, { timezone: timeZone, paused: true })
    times.nextRun()
    return {
      at,
      timeZone,
      jitter,
      missed,
      late,
      next: (moment) => times.nextRun(moment),
      previous: (moment) => times.previousRuns(1, moment)[0] ?? null,
    }
  } catch (thrown) {
    throw new RowshiftError(
      'PARAMS_INVALID',
      `The params are not valid:\n  params.cron: ${JSON.stringify(at)} in ${timeZone} is not a time to run at: ${(thrown as Error).message}`,
      {},
      thrown,
    )
  }
}
