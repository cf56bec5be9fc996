import type { Column } from '../src/contract/plugin.js'

/** A cell as the function sees it. */
export interface NamedCell {
  readonly name: string
  readonly column: Column
  /** Its index in each row of the batch. */
  readonly at: number
}
