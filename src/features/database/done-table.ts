import { createHash } from 'node:crypto'
import type { Params } from '../../task/params.js'

/** What the rows of a copied table are known by, as digests. */
export interface CopySubject {
  /** From where to where they went. */
  readonly ends: string
  /** What decided which rows these were, and what became of them on the way. */
  readonly rows: string
}

/** A table that is done. */
export interface DoneTable extends CopySubject {
  readonly table: string
  /** How many of its rows were written. */
  readonly written: number
}

/** What an earlier run had copied from where a run reads to where it writes. */
export interface EarlierCopy {
  /** How many rows; null: it has noted nothing of the table, which may be done all the same, since its last moment. */
  readonly written: number | null
  /** The run would read the same rows, and write the same. */
  readonly isSame: boolean
}

export function subjectDigest(parts: unknown): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64')
}

/** What decides which rows are read, and what becomes of them. Speed, retries and the like may change on the way. */
export function rowsDigest({ columns, deletes, session, timeZone, transform, where }: Params): string {
  return subjectDigest([columns, deletes, session, timeZone, transform?.module, where])
}
