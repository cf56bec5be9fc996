import { ESCAPE_LETTER } from '../../src/wire/batch.js'
import { Kernel, SPARE } from '../../src/wire/kernel.js'

export { SPARE }

/** Returns where what was written ends; 0: nothing must be made of these rows. */
type WriteRows = (
  from: number,
  end: number,
  to: number,
  quoting: number,
  columns: number,
  rows: number,
) => number

/** What `wasm/transcode.ts` exports; addresses are plain numbers. */
interface Loops {
  readRows(
    from: number,
    end: number,
    to: number,
    full: number,
    limit: number,
    maxRows: number,
    columns: number,
    syntaxes: number,
  ): number
  writeValues: WriteRows
  writeParameters: WriteRows
}

/** Words that `readRows` shares with its caller; the table of escapes stands before them. */
const WORDS = 256
export const READ_FROM = 0
export const WRITTEN_TO = 1
export const ROWS_READ = 2
export const SEQUENCE = 3
export const FIRST_FREE = WORDS + 16

/** An instance of `wasm/transcode.ts`. */
export class Transcoder extends Kernel<Loops> {
  words: Uint32Array

  constructor(bytes: number) {
    super(new URL('transcode.wasm', import.meta.url), bytes)
    this.bytes.set(ESCAPE_LETTER)
    this.words = this.#words()
  }

  override reserve(bytes: number): void {
    super.reserve(bytes)
    this.words = this.#words()
  }

  #words(): Uint32Array {
    return new Uint32Array(this.bytes.buffer, WORDS, 4)
  }
}
