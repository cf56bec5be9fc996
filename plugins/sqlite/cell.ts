import type { BatchBuilder } from '../../src/wire/builder.js'
import type { SqliteValue } from './driver.js'

/** Appends a value as a cell; false when it is not of the column's kind. */
export type Append = (builder: BatchBuilder, value: SqliteValue) => boolean

/** How a column is read. */
export interface Cell {
  /** The expression to select. */
  readonly sql: string
  readonly append: Append
}
