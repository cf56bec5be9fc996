import { readFileSync } from 'node:fs'
import { RowshiftError } from '../contract/errors.js'

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

/** Most bytes that a loop over blocks of 16 reads or writes beyond the end of a region. */
export const SPARE = 16
const PAGE = 1 << 16

/** Each module once per thread, in less than a millisecond, and only where something is copied. */
const compiled = new Map<string, object>()

/** Loops in WebAssembly with memory of their own. Pages that are never touched cost nothing. */
export class Kernel<Loops> {
  readonly run: Loops
  readonly #memory: Memory
  /** The whole memory; another view of it after `reserve`. */
  bytes: Buffer

  constructor(file: URL, bytes: number) {
    let module = compiled.get(file.href)
    if (!module) compiled.set(file.href, (module = new WebAssembly.Module(readFileSync(file))))
    this.#memory = newMemory(Math.ceil(bytes / PAGE))
    this.run = new WebAssembly.Instance(module, { env: { memory: this.#memory } }).exports as Loops
    this.bytes = Buffer.from(this.#memory.buffer)
  }

  /** Grows the memory; earlier views of it are empty afterwards. */
  reserve(bytes: number): void {
    if (bytes <= this.bytes.length) return
    this.#memory.grow(Math.ceil((bytes - this.bytes.length) / PAGE))
    this.bytes = Buffer.from(this.#memory.buffer)
  }
}

function newMemory(initial: number): Memory {
  try {
    return new WebAssembly.Memory({ initial })
  } catch (error) {
    // V8 reserves addresses (not memory) around each one, so that it need not check bounds.
    const message =
      'Not enough address space: each reader, writer and pipeline reserves 10 GiB of it. Raise the limit on virtual memory (ulimit -v).'
    throw new RowshiftError('THREAD_LOST', message, {}, error)
  }
}
