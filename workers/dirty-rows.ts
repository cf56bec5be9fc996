import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { TAB } from '../src/wire/batch.js'
import { BatchBuilder, recycle } from '../src/wire/builder.js'
import type { DirtySetup } from '../src/engine/messages.js'
import type { Batch } from '../src/contract/plugin.js'
import { RowshiftError } from '../src/contract/plugin.js'
import { counted } from '../src/wire/counted.js'
import { markName } from '../src/features/shard/stored-parts.js'

/** Lines of one split are kept up to here, and put into the file together. */
const HELD_BYTES = 8 << 20
const HELD = { bytes: 1 << 16, rows: Number.MAX_SAFE_INTEGER }

/**
 * The rows of one split that the target or the pipeline refused. They are counted against the limit of the whole run at once, but stand
 * in the file only when the split is about to be committed, so that a split which is rolled back and run again does not
 * leave them there twice.
 */
export class DirtyRows {
  readonly #setup: DirtySetup | null
  #written: BatchBuilder | null = null
  #read: BatchBuilder | null = null
  #counted = 0
  /** What the split is known by; null: it leaves no checkpoint. */
  readonly #mark: { readonly attempt: number; readonly split: string } | null
  /** Some are in a file; the split cannot be undone as if nothing had happened. */
  saved = false

  /** null: none is tolerated. */
  constructor(
    setup: DirtySetup | null,
    mark: { readonly attempt: number; readonly split: string } | null = null,
  ) {
    this.#setup = setup
    this.#mark = mark
  }

  /** A row as it was to be written; `part`: what the rows of the split for one shard are known by. Throws when the run tolerates no more. */
  add(row: Batch, error: RowshiftError, part?: string): void {
    this.#count(error)
    this.#append((this.#written ??= new BatchBuilder(HELD)), row, error, part)
  }

  /** A row as it was read, which the reader or the pipeline refused. Throws when the run tolerates no more. */
  addRead(row: Batch, error: RowshiftError): void {
    // Without a pipeline, rows are written as they are read.
    if (this.#setup?.readFile === null) return this.add(row, error)
    this.#count(error)
    this.#append((this.#read ??= new BatchBuilder(HELD)), row, error)
  }

  #count(error: RowshiftError): void {
    if (this.#setup === null) throw error
    const before = Number(Atomics.add(this.#setup.rows, 0, 1n))
    this.#counted++
    if (before >= this.#setup.limit) throw oneTooMany(error, this.#setup)
  }

  #append(lines: BatchBuilder, row: Batch, error: RowshiftError, part?: string): void {
    const split = this.#mark && markName(this.#mark.attempt, part ?? this.#mark.split)
    appendLine(lines, row, error, split)
    if (lines.length >= HELD_BYTES) this.save()
  }

  /** Puts them into the files, on the disk. One write each time, so that the lines of all threads stay whole. */
  save(): void {
    if (this.#written) this.#save(this.#written, this.#setup!.file)
    if (this.#read) this.#save(this.#read, this.#setup!.readFile!)
  }

  #save(held: BatchBuilder, path: string): void {
    const lines = held.take()
    if (!lines) return
    this.saved = true
    try {
      append(path, lines.bytes)
    } catch (thrown) {
      const message = `The file for rejected rows ${path} cannot be written (${(thrown as Error).message}), so the split was rolled back.`
      throw new RowshiftError('DIRTY_FILE_FAILED', message, { file: path }, thrown)
    }
    recycle(lines)
  }

  /** The split was rolled back: what is not in the file never happened. */
  discard(): void {
    if (this.#setup === null || this.saved) return
    Atomics.sub(this.#setup.rows, 0, BigInt(this.#counted))
    this.#written = null
    this.#read = null
  }
}

/** The row's own cells, then why it was refused. */
function appendLine(lines: BatchBuilder, row: Batch, error: RowshiftError, split: string | null): void {
  const { bytes } = row
  lines.reserve(bytes.length)
  bytes.copy(lines.buffer, lines.length)
  lines.length += bytes.length
  lines.buffer[lines.length - 1] = TAB
  lines.appendPlain(error.code)
  const column = error.details['column']
  if (typeof column === 'string') lines.appendBytes(Buffer.from(column))
  else lines.appendNull()
  lines.appendBytes(Buffer.from(error.message))
  if (split !== null) lines.appendBytes(Buffer.from(split))
  lines.endRow()
}

function append(path: string, bytes: Buffer): void {
  // Should it be gone, the new one is for its owner only, like the old one.
  const file = openSync(path, 'a', 0o600)
  try {
    const written = writeSync(file, bytes)
    if (written !== bytes.length) throw new Error(`only ${written} of ${bytes.length} bytes were taken`)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

function oneTooMany(error: RowshiftError, { limit }: DirtySetup): RowshiftError {
  const message = `${error.message} That is one more than the ${counted(limit, 'rejected row')} that error_limit tolerates.`
  return new RowshiftError(error.code, message, { ...error.details, errorLimit: limit }, error.cause)
}
