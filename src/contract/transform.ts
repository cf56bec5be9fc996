/**
 * Types for the modules that `params.transform` names:
 *
 * ```ts
 * import type { Transform } from 'rowshift/transform'
 *
 * const transform: Transform = (row) => (row.deleted ? null : { ...row, name: String(row.name).trim() })
 * export default transform
 * ```
 *
 * A module exports its function as `default` (row by row) or as `batch` (many rows at once), and may export `columns`. Each worker
 * thread loads it once; nothing is shared between threads. See docs/transforms.md.
 */

/**
 * A value of a cell, without loss. By what the column holds: integers are numbers where the type has at most 32 bits, else
 * bigint; decimals, dates, times, text and JSON are strings; floats are numbers; bytes are a copy. NULL is null.
 */
export type Value = string | number | bigint | boolean | Uint8Array | null

/** One property for each cell, by the name that `params.columns` gives it. */
export type Row = Record<string, Value>

/**
 * Called with each row. What it returns is written: a row, several, or none. Columns of the target that have a property in
 * what it was given must have one in each row returned, and so must those that `columns` names. Other properties that it was
 * given are passed over; any other property is an error. What it throws refuses the row.
 */
export type Transform<In extends object = Row, Out extends object = Row> = (
  row: In,
  context: TransformContext,
) => Result<Out | readonly Out[] | null>

/**
 * Called with as many rows as were read together; the rows that it returns are written. When it throws, or one of them cannot
 * be written, it is called again with each row alone, to find the one at fault.
 */
export type BatchTransform<In extends object = Row, Out extends object = Row> = (
  rows: In[],
  context: TransformContext,
) => Result<readonly Out[]>

type Result<T> = T | Promise<T>

export interface TransformModule<In extends object = Row, Out extends object = Row> {
  readonly default?: Transform<In, Out>
  readonly batch?: BatchTransform<In, Out>
  /** Columns of the target that the function makes beyond those that it is given. */
  readonly columns?: readonly string[]
}

/** The same object in each call of a thread; what the function keeps between calls it may keep there too. */
export interface TransformContext {
  readonly runId: string
  /** The target table. */
  readonly table: string
  /** Id of the worker thread. */
  readonly thread: number
  /** Into rowshift's own log, on stderr (`--log-level`). */
  readonly log: Readonly<Record<LogLevel, (message: string) => void>>
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
