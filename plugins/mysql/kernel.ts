import { readFileSync } from 'node:fs'
import { ESCAPE_LETTER } from '../../src/batch/batch.js'
import { RowshiftError } from '../../src/plugin.js'

/** What `wasm/transcode.ts` exports; addresses are plain numbers. */
interface Exports {
  readRows(
    from: number,
    end: number,
    to: number,
    full: number,
    limit: number,
    maxRows: number,
    columns: number,
  ): number
  writeValues(from: number, end: number, to: number, quoting: number): number
}

interface Memory {
  readonly buffer: ArrayBuffer
  grow(pages: number): void
}

/** Only what is used here; the types of Node 20 leave WebAssembly out. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object
  Instance: new (module: object, imports: object) => { readonly exports: unknown }
  Memory: new (size: { initial: number; maximum?: number }) => Memory
}

/** Most bytes that a block copy writes or reads beyond the end of a region. */
export const SPARE = 16
/** Words that `readRows` shares with its caller; the table of escapes stands before them. */
const WORDS = 256
export const READ_FROM = 0
export const WRITTEN_TO = 1
export const ROWS_READ = 2
export const SEQUENCE = 3
export const FIRST_FREE = WORDS + 16
const PAGE = 1 << 16

/** Compiled once per thread, in less than a millisecond, and only where something is copied. */
let compiled: object | null = null

/** An instance of `wasm/transcode.ts` with memory of its own. Pages that are never touched cost nothing. */
export class Kernel {
  readonly run: Exports
  readonly #memory: Memory
  /** The whole memory; another view of it after `reserve`. */
  bytes!: Buffer
  words!: Uint32Array

  constructor(bytes: number) {
    compiled ??= new WebAssembly.Module(readFileSync(new URL('transcode.wasm', import.meta.url)))
    this.#memory = newMemory(Math.ceil(bytes / PAGE))
    this.run = new WebAssembly.Instance(compiled, { env: { memory: this.#memory } }).exports as Exports
    this.#view()
    this.bytes.set(ESCAPE_LETTER)
  }

  /** Grows the memory; earlier views of it are empty afterwards. */
  reserve(bytes: number): void {
    if (bytes <= this.bytes.length) return
    this.#memory.grow(Math.ceil((bytes - this.bytes.length) / PAGE))
    this.#view()
  }

  #view(): void {
    const { buffer } = this.#memory
    this.bytes = Buffer.from(buffer)
    this.words = new Uint32Array(buffer, WORDS, 4)
  }
}

function newMemory(initial: number): Memory {
  try {
    return new WebAssembly.Memory({ initial })
  } catch (error) {
    // V8 reserves addresses (not memory) around each one, so that it need not check bounds.
    const message =
      'Not enough address space: each reader and writer reserves 10 GiB of it. Raise the limit on virtual memory (ulimit -v).'
    throw new RowshiftError('INTERNAL', message, {}, error)
  }
}
