import type { CopyRequest } from '../../engine/job.js'

export interface VerifyRequest extends Omit<CopyRequest, 'savedWatermarks'> {
  /** `sync` makes the target equal; `verify` looks only. */
  readonly mode: 'verify' | 'sync'
  /** Percent of the splits to compare. */
  readonly sample: number
}
