import type { Batch, PlannedWrite } from '../../src/contract/plugin.js'
import { Kernel, SPARE } from '../../src/wire/kernel.js'

/** What `wasm/encoder.ts` exports; addresses are plain numbers. */
interface Loops {
  writeRows(from: number, end: number, to: number, binary: number, columns: number): number
}

/** Makes what COPY reads of batches. Its memory serves all plans of a thread. */
export class CopyEncoder {
  #kernel: Kernel<Loops> | null = null

  /** null: text in the batch has a zero byte, which the server keeps in no text, or the batch is not in the wire format. */
  encode({ bytes, rows }: Batch, { columns }: PlannedWrite): Buffer | null {
    const binary = Uint8Array.from(columns, ({ target }) => Number(target.kind === 'bytes'))
    const from = binary.length
    const to = from + bytes.length + SPARE
    // At most every byte becomes two digits, with three bytes before those of each cell.
    const limit = to + 2 * bytes.length + 3 * rows * binary.length + 2 * SPARE
    const kernel = (this.#kernel ??= new Kernel<Loops>(new URL('encoder.wasm', import.meta.url), limit))
    kernel.reserve(limit)
    kernel.bytes.set(binary)
    kernel.bytes.set(bytes, from)
    const end = kernel.run.writeRows(from, from + bytes.length, to, 0, binary.length)
    if (end === 0) return null
    // The memory is used again before the socket has sent all of it.
    return binary.includes(1) ? Buffer.from(kernel.bytes.subarray(to, end)) : bytes
  }
}
