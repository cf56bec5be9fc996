import type { SpeedLimits } from '../contract/run-plan.js'

export interface RawSpeed {
  readonly record?: number
  readonly byte?: number
  readonly max_threads_running?: number
  readonly max_lag?: number
  readonly replicas?: string | readonly string[]
}

export function speedLimits(raw: RawSpeed): SpeedLimits {
  return {
    record: raw.record ?? null,
    byte: raw.byte ?? null,
    maxThreadsRunning: raw.max_threads_running ?? null,
    maxLag: raw.max_lag ?? null,
  }
}
