import type { FileHandle } from 'node:fs/promises'
import { LF } from '../../src/wire/batch.js'

const CHUNK = 1 << 20

/**
 * The lines of a file, some at a time, without their ends; null for a last one that has no end. The bytes are valid
 * until the next ones are asked for. Memory is bounded by the longest line.
 */
export async function* linesOf(file: FileHandle): AsyncGenerator<readonly Buffer[] | null> {
  let buffer = Buffer.allocUnsafeSlow(2 * CHUNK)
  let position = 0
  // The bytes at hand that no line was made of; the first `searched` of them hold no line end.
  let held = 0
  let searched = 0
  for (;;) {
    if (held + CHUNK > buffer.length) {
      const larger = Buffer.allocUnsafeSlow(buffer.length * 2)
      buffer.copy(larger, 0, 0, held)
      buffer = larger
    }
    const { bytesRead } = await file.read(buffer, held, CHUNK, position)
    if (bytesRead === 0) break
    position += bytesRead
    held += bytesRead
    const bytes = buffer.subarray(0, held)
    const lines: Buffer[] = []
    let start = 0
    for (let at = bytes.indexOf(LF, searched); at >= 0; at = bytes.indexOf(LF, start)) {
      lines.push(bytes.subarray(start, at))
      start = at + 1
    }
    if (lines.length > 0) yield lines
    buffer.copy(buffer, 0, start, held)
    held -= start
    searched = held
  }
  if (held > 0) yield null
}
