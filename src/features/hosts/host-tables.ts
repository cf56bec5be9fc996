/** The tables of a run over hosts that copies several: what workers are told of each, beside what they are told of the run. */
import { hashOf } from './run-record.js'
import type { HostStore, TableState } from './store.js'

interface HostTablesOptions extends Pick<HostStore, 'keep' | 'drop'> {
  /** The text of a table's record, by its run. */
  readonly recordOf: (run: string) => Promise<string>
  /** Another table is under way: workers are to hear of it. */
  readonly onBegun: () => Promise<unknown>
}

export class HostTables {
  readonly #options: HostTablesOptions
  /** By run: resolves to the hash of the record that workers can read. */
  readonly #begun = new Map<string, Promise<string>>()
  /** The texts of those records. */
  readonly #told = new Map<string, string>()
  readonly #stopping = new Set<string>()

  constructor(options: HostTablesOptions) {
    this.#options = options
  }

  /** Resolves to the hash of its record when workers can read that. */
  async begin(run: string): Promise<string> {
    const begun = this.#begun.get(run) ?? this.#tell(run)
    this.#begun.set(run, begun)
    try {
      return await begun
    } catch (thrown) {
      // The next job tries again.
      if (this.#begun.get(run) === begun) this.#begun.delete(run)
      throw thrown
    }
  }

  async #tell(run: string): Promise<string> {
    const text = await this.#options.recordOf(run)
    await this.#options.keep(run, text)
    this.#told.set(run, text)
    await this.#options.onBegun().catch(() => {})
    return hashOf(text)
  }

  /** What is under way of the table is given up. */
  stop(run: string): void {
    this.#stopping.add(run)
  }

  isStopping(run: string): boolean {
    return this.#stopping.has(run)
  }

  /** No more jobs of it will come. */
  async end(run: string): Promise<void> {
    // What is on its way to the store would stay there.
    await this.#begun.get(run)?.catch(() => {})
    this.#stopping.delete(run)
    this.#begun.delete(run)
    if (this.#told.delete(run)) await this.#options.drop([run])
  }

  async endAll(): Promise<void> {
    await Promise.all([...this.#begun.keys()].map((run) => this.end(run)))
  }

  /** For workers: of those under way. */
  get states(): Readonly<Record<string, TableState>> {
    const state = (run: string): TableState => (this.#stopping.has(run) ? 'stopping' : 'running')
    return Object.fromEntries([...this.#told.keys()].map((run) => [run, state(run)]))
  }

  /** The store has lost them. */
  async tellAgain(): Promise<void> {
    for (const [run, text] of this.#told) await this.#options.keep(run, text)
  }
}
