import type { Reader } from '../src/contract/plugin.js'
import type { SourceSpec } from '../src/contract/source-spec.js'

/** One end of a comparison, open. */
export interface Side {
  /** Of each database. */
  readonly readers: readonly Reader[]
  /** How ranges are found and hashed. */
  readonly plan: SourceSpec
  /** How rows are read. */
  readonly rows: SourceSpec
}
