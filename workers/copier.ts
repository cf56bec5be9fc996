import type { SplitCounts, SplitResult, WorkerMessage, WorkerSetup } from '../src/engine/messages.js'
import type { Endpoint, Plugin, Reader, Split, Writer } from '../src/plugin.js'
import { RowshiftError } from '../src/errors.js'
import { BatchQueue } from './batch-queue.js'

/** Most bytes of one split in memory; a thread holds two splits at a time. */
const SPLIT_CAPACITY = 16 << 20
const PROGRESS_INTERVAL_MS = 250

/** One thread's reader and writer, and the loop that moves splits from one to the other. */
export class Copier {
  readonly #setup: WorkerSetup
  readonly #post: (message: WorkerMessage) => void
  readonly #abort = new AbortController()
  readonly #reads = new Turns()
  readonly #writes = new Turns()
  #told = 0
  #ends: Promise<{ reader: Reader; writer: Writer }> | null = null

  constructor(setup: WorkerSetup, post: (message: WorkerMessage) => void) {
    this.#setup = setup
    this.#post = post
  }

  async copy(split: Split): Promise<SplitResult> {
    try {
      return { ok: true, counts: await this.#copy(split) }
    } catch (thrown) {
      const error = RowshiftError.from(thrown)
      return { ok: false, error: { ...error.report(), details: { split: split.index, ...error.details } } }
    }
  }

  abort(): void {
    this.#abort.abort()
  }

  /** After the last split. */
  async close(): Promise<void> {
    if (this.#ends === null) return
    const ends = await this.#ends.catch(() => null)
    await Promise.allSettled([ends?.reader.close(), ends?.writer.close()])
    this.#post({ type: 'closed' })
  }

  async #copy(split: Split): Promise<SplitCounts> {
    this.#ends ??= this.#open()
    const { reader, writer } = await this.#ends
    const { plan } = this.#setup
    const { signal } = this.#abort
    let counts: SplitCounts = { rowsRead: 0, rowsWritten: 0, bytes: 0 }
    const count = (change: Partial<SplitCounts>) => {
      counts = { ...counts, ...change }
      this.#tell(split, counts)
    }
    const queue = new BatchQueue(SPLIT_CAPACITY)
    const reading = this.#reads.run(async () => {
      try {
        if (signal.aborted) throw new RowshiftError('INTERRUPTED', 'Interrupted before reading.')
        for await (const batch of reader.read(plan, split, signal)) {
          count({ rowsRead: counts.rowsRead + batch.rows, bytes: counts.bytes + batch.bytes.length })
          await queue.put(batch)
        }
        queue.end()
      } catch (error) {
        queue.end(error)
      }
    })
    await queue.readyToWrite()
    const onProgress = (rowsWritten: number) => count({ rowsWritten })
    try {
      const stored = await this.#writes.run(() => writer.write(plan, queue, { signal, onProgress }))
      if (stored !== counts.rowsRead) throw mismatch(split, counts.rowsRead, stored)
      return { ...counts, rowsWritten: stored }
    } catch (error) {
      queue.end(error)
      throw error
    } finally {
      await reading
      queue.recycle()
    }
  }

  /** A message costs about 0.1 ms of CPU on its two ends, so not every batch sends one. */
  #tell(split: Split, counts: SplitCounts): void {
    const now = performance.now()
    if (now - this.#told < PROGRESS_INTERVAL_MS) return
    this.#told = now
    this.#post({ type: 'progress', split: split.index, counts })
  }

  async #open(): Promise<{ reader: Reader; writer: Writer }> {
    this.#post({ type: 'opened' })
    const { source, target } = this.#setup
    const reader = (await load(source)).createReader!(source)
    const writer = (await load(target)).createWriter!(target)
    await Promise.all([reader.connect(), writer.connect()])
    return { reader, writer }
  }
}

/** Lets one job run at a time, in the order in which they came. */
class Turns {
  #last: Promise<unknown> = Promise.resolve()

  run<T>(job: () => Promise<T>): Promise<T> {
    const result = this.#last.then(job)
    this.#last = result.catch(() => {})
    return result
  }
}

async function load(endpoint: Endpoint): Promise<Plugin> {
  return ((await import(endpoint.plugin)) as { default: Plugin }).default
}

function mismatch(split: Split, read: number, stored: number): RowshiftError {
  const message = `Split ${split.index}: ${read} rows were read, but the writer committed ${stored}.`
  return new RowshiftError('COUNT_MISMATCH', message, { split: split.index })
}
