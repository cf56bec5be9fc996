import type { BatchBuilder } from '../src/wire/builder.js'
import { Snowflakes, WORKERS } from '../src/features/ids/snowflake.js'
import { UuidsV7, uuidText } from '../src/features/ids/uuidv7.js'
import type { Endpoint, Sequence, Writer } from '../src/contract/plugin.js'
import type { IdPlan } from '../src/contract/computed-columns.js'
import { failpoint } from '../src/failpoint.js'
import { openWriter } from './load-plugin.js'

/** Where new ids come from, in one thread. */
export interface IdSource {
  /** Before so many are appended. */
  reserve?(count: number): Promise<void>
  /** Appends one as a cell, with its separator. */
  append(to: BatchBuilder): void
  close?(): Promise<void>
}

/** `thread`: the threads of a run are numbered from 0. `firstWorker` is known when the first id is made. */
export function idSourceOf(
  plan: IdPlan,
  { thread, firstWorker }: { thread: number; firstWorker: () => number },
  target: Endpoint,
  signal: AbortSignal,
): IdSource {
  switch (plan.type) {
    case 'snowflake': {
      let ids: Snowflakes | null = null
      const make = () => new Snowflakes(plan.epoch, ((plan.worker ?? firstWorker()) + thread) % WORKERS)
      return { append: (to) => to.appendPlain((ids ??= make()).next()) }
    }
    case 'uuidv7': {
      const ids = new UuidsV7()
      if (plan.binary) return { append: (to) => to.appendBytes(ids.next()) }
      return { append: (to) => to.appendPlain(uuidText(ids.next())) }
    }
    case 'sequence':
      return new SequenceBlocks(plan.sequence, plan.block, target, signal)
    default:
      return plan satisfies never
  }
}

/** Numbers of a sequence, reserved in blocks; those left at the end of the run are never used. */
class SequenceBlocks implements IdSource {
  readonly #sequence: Sequence
  readonly #block: number
  readonly #target: Endpoint
  readonly #signal: AbortSignal
  readonly #ranges: { next: bigint; left: number }[] = []
  #reserved = 0
  #writer: Writer | null = null

  constructor(sequence: Sequence, block: number, target: Endpoint, signal: AbortSignal) {
    this.#sequence = sequence
    this.#block = block
    this.#target = target
    this.#signal = signal
  }

  async reserve(count: number): Promise<void> {
    if (this.#reserved >= count) return
    const left = Math.max(this.#block, count - this.#reserved)
    const writer = await this.#open()
    this.#ranges.push({ next: BigInt(await writer.skills.sequences!.take(this.#sequence, left)), left })
    this.#reserved += left
    failpoint('ids-reserved')
  }

  append(to: BatchBuilder): void {
    const range = this.#ranges[0]!
    to.appendPlain(String(range.next++))
    this.#reserved--
    if (--range.left === 0) this.#ranges.shift()
  }

  async close(): Promise<void> {
    await this.#writer?.close()
  }

  async #open(): Promise<Writer> {
    this.#writer ??= await openWriter(this.#target, this.#signal)
    return this.#writer
  }
}
