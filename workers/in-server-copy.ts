import type { PlannedWrite, Reader, WriteOptions, Writer } from '../src/contract/plugin.js'
import type { SourceSpec } from '../src/contract/source-spec.js'
import type { SplitJob, SplitResult } from '../src/engine/messages.js'
import { readOf } from '../src/features/sources/splits.js'
import type { FailedSplits } from './failed-splits.js'
import type { SplitTally } from './split-tally.js'

/** After so many splits in a row that had to be read all the same, the next ones are not tried. */
const VAIN = 3

/** A thread's splits that go from table to table inside the server. */
export class InServerCopy {
  readonly #write: PlannedWrite
  readonly #source: SourceSpec
  readonly #failed: FailedSplits
  #vain = 0

  constructor(write: PlannedWrite, source: SourceSpec, failed: FailedSplits) {
    this.#write = write
    this.#source = source
    this.#failed = failed
  }

  /** Whether splits are tried. */
  get on(): boolean {
    return this.#write.inServer !== undefined && this.#vain < VAIN
  }

  /** null: nothing of the split is stored, and its rows are to be read and written. */
  async copy(
    { readers, writers }: { readonly readers: readonly Reader[]; readonly writers: readonly Writer[] },
    split: SplitJob,
    tally: SplitTally,
    options: WriteOptions,
  ): Promise<SplitResult | null> {
    const started = performance.now()
    const { spec } = readOf(readers, this.#source, split)
    const onProgress = (rows: number) => tally.count({ rowsRead: rows, rowsWritten: rows })
    try {
      const skill = writers[0]!.skills.inServer!
      const counts = await skill.copy(this.#write, spec, split, { ...options, mark: tally.mark, onProgress })
      this.#vain = counts === null ? this.#vain + 1 : 0
      if (counts === null) return null
      tally.wrote(counts)
      const milliseconds = performance.now() - started
      return { outcome: 'copied', counts: tally.counts, deferred: [], milliseconds }
    } catch (error) {
      this.#failed.set(split.index, { marked: tally.marked, writing: true, parts: null })
      throw error
    }
  }
}
