import type { CopyRequest } from '../../engine/copy-request.js'

export interface VerifyRequest extends Omit<CopyRequest, 'savedWatermarks'> {
  /** `sync` makes the target equal; `verify` looks only. */
  readonly mode: 'verify' | 'sync'
  /** Percent of the splits to compare. */
  readonly sample: number
  /** Of a copy that ended early, what is missing is written: what only the target has stays. Default: such rows are deleted. */
  readonly completes?: true
}
