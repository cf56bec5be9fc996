/**
 * Rows that go from one table to another inside the server that holds both, by a statement for each split: they never come to rowshift. Such
 * a statement takes every row of a split as it is, or none: rows that need a closer look are read and written. Part of the plugin contract.
 */
import type { ReadSpec, Split } from './read.js'
import type { Message } from './message.js'
import type { PlannedWrite, WriteCounts, WriteOptions } from './write.js'

/** The value of `write_path`, and the word in reports. */
export const IN_SERVER = 'in-server'

/** Something that a reader's connection does and that every other connection to the same server sees, whatever address it was reached by. */
export interface Sign {
  /** What a writer looks for: travels as it is. Only the writer of the same family understands it. */
  readonly text: string
  release(): Promise<void>
}

/** Of readers. */
export interface InServerSource {
  /** Plugins of one family understand each other's signs. */
  readonly family: string
  /** Held on a connection of the reader until `release`. */
  showSign(spec: ReadSpec): Promise<Sign>
}

/** Of writers. */
export interface InServerTarget {
  readonly family: string
  /** Whether rows of `read` can go to the table of `write` inside the server, judged by its tables, columns and privileges. Changes nothing. */
  plan(write: PlannedWrite, read: ReadSpec, sign: string): Promise<InServerPlan>
  /**
   * Copies a split by one statement, in one transaction, exactly as `write` would: the same values, counts, `mark` and doubt. null: the
   * split has rows that it does not take as they are, or that it would change; nothing of it stays, and `write` is to say what is wrong.
   * `options.onProgress` gets the rows that were read, before the mark is asked for. `onDirty` and `onDeferred` are not called.
   */
  copy(write: PlannedWrite, read: ReadSpec, split: Split, options: WriteOptions): Promise<WriteCounts | null>
}

export type InServerPlan =
  | {
      /** `better`: faster than rows that are read and written, as far as is known. */
      readonly advice: 'better' | 'possible'
      readonly reason: Message
      /** Whatever `copy` wants to know again. Plain JSON. */
      readonly facts: Readonly<Record<string, unknown>>
    }
  | { readonly advice: 'impossible'; readonly reason: Message }
