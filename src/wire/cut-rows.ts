import type { Batch } from './batch.js'
import { LF } from './batch.js'
import type { BatchLimits } from './builder.js'

/** A batch whose last rows made it larger than batches may be, as several, each with memory of its own. */
export function* cutRows(batch: Batch, limits: BatchLimits): Generator<Batch> {
  const { bytes } = batch
  const lastRow = bytes.lastIndexOf(LF, bytes.length - 2) + 1
  if (lastRow < limits.bytes && batch.rows <= limits.rows) {
    yield batch
    return
  }
  let start = 0
  let rows = 0
  for (let at = 0; at < bytes.length;) {
    at = bytes.indexOf(LF, at) + 1
    rows++
    if (at - start < limits.bytes && rows < limits.rows && at < bytes.length) continue
    const own = Buffer.allocUnsafeSlow(at - start)
    bytes.copy(own, 0, start, at)
    yield { bytes: own, rows }
    start = at
    rows = 0
  }
}

/** The same rows in batches that are closed after so many bytes; null: they stay as they are. */
export function cutBatches(batches: AsyncIterable<Batch>, bytes: number | null): AsyncIterable<Batch> {
  if (bytes === null) return batches
  return (async function* () {
    for await (const batch of batches) yield* cutRows(batch, { bytes, rows: Number.MAX_SAFE_INTEGER })
  })()
}
