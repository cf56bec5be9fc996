import type { Reader, ReadSpec } from '../src/contract/plugin.js'
import type { RangeSource } from '../src/features/sources/range-reader.js'

/** One end of a comparison, open. */
export interface Side {
  readonly reader: Reader
  /** The same, or all tables of it together. */
  readonly ranges: RangeSource
  /** How ranges are found and hashed. */
  readonly plan: ReadSpec
  /** How rows are read. */
  readonly rows: ReadSpec
}
