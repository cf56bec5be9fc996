/** Batches as they come, and sockets that bytes go to. */
import type { Batch } from '../wire/batch.js'

/** The same batches, once the first one is there; null: there are none. */
export async function untilFirst(batches: AsyncIterable<Batch>): Promise<AsyncIterable<Batch> | null> {
  const iterator = batches[Symbol.asyncIterator]()
  const first = await iterator.next()
  if (first.done) return null
  return (async function* () {
    try {
      yield first.value
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value
    } finally {
      await iterator.return?.()
    }
  })()
}

export async function* inOrder<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items
}

/** Cuts what comes into runs of at least so many bytes, unless it ends before. Each run goes on where the last one was left. */
export async function* runsOf(
  batches: AsyncIterable<Batch>,
  bytes: number,
): AsyncGenerator<AsyncIterable<Batch>> {
  const iterator = batches[Symbol.asyncIterator]()
  let next: IteratorResult<Batch> | null = null
  const run = async function* (): AsyncGenerator<Batch> {
    for (let left = bytes; left > 0;) {
      next ??= await iterator.next()
      if (next.done) return
      const batch = next.value
      next = null
      left -= batch.bytes.length
      yield batch
    }
  }
  for (;;) {
    next ??= await iterator.next()
    if (next.done) return
    yield run()
  }
}

/** What `drained` needs of a socket. */
export interface DrainingStream {
  once(event: 'drain' | 'close', listener: () => void): unknown
  off(event: 'drain' | 'close', listener: () => void): unknown
}

/** Resolves when the socket takes more bytes, or is closed and never will. */
export function drained(stream: DrainingStream): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done)
      stream.off('close', done)
      resolve()
    }
    stream.once('drain', done)
    stream.once('close', done)
  })
}
