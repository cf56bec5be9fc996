import { threadId } from 'node:worker_threads'
import type { JobOwner } from '../src/engine/job-queue.js'
import type {
  CopyJob,
  CopySetup,
  SplitResult,
  TablesSetup,
  ThreadMessage,
  ThreadSetup,
  WorkerMessage,
} from '../src/engine/messages.js'
import { RowshiftError } from '../src/contract/errors.js'
import type { Writer } from '../src/contract/plugin.js'
import { closeAll, openAll } from '../src/contract/opening.js'
import { BusyTimer } from './busy-timer.js'
import type { ControlHandlers } from './control.js'
import type { CopierHost, CopyEndpoints } from './copier-host.js'
import { Copier } from './copier.js'
import { ThreadLanes } from './thread-lanes.js'
import { isInProcess, makeReaders, makeWriters } from './load-plugin.js'
import { PoolThread } from './pool-thread.js'

type Endpoints = Pick<TablesSetup, 'source' | 'target'>

/** One thread's readers and writers, and the runs whose splits it copies with them: of one table, or of many of the same databases. */
export class CopyThread extends PoolThread<CopyEndpoints, WorkerMessage> implements CopierHost {
  readonly #setup: Endpoints
  readonly #fetch: (run: string) => Promise<CopySetup | null>
  readonly #runs = new Map<string, Promise<Copier>>()
  readonly #busy = new BusyTimer()
  readonly #lanes = new ThreadLanes()
  readonly reads = this.#lanes.reads
  readonly writes = this.#lanes.writes
  inSnapshot = false
  #open: CopyEndpoints | null = null

  constructor(
    setup: Endpoints & ThreadSetup,
    post: (message: ThreadMessage | WorkerMessage) => void,
    fetch: (run: string) => Promise<CopySetup | null>,
  ) {
    super(setup, post)
    this.#setup = setup
    this.#fetch = fetch
  }

  run(job: CopyJob & Pick<JobOwner, 'run'>): Promise<SplitResult> {
    return this.busy(async () => {
      this.#busy.enter()
      try {
        const copier = await this.#copierOf(job.run)
        return this.#timed(await copier.run(job), copier)
      } catch (thrown) {
        const error = RowshiftError.from(thrown)
        return this.failure(error, error.report(), { undone: true })
      } finally {
        this.#busy.leave()
      }
    })
  }

  /** With what the thread has spent since it was last told. What it has computed counts for the run whose job ends. */
  #timed(result: SplitResult, { times }: Copier): SplitResult {
    this.#lanes.count()
    return { ...result, spent: { ...this.#busy.take(), phases: times.take() } }
  }

  /** Before the first split, when all threads must be able to begin their snapshot at the same moment. */
  connect(): Promise<void> {
    return this.#tellReady(async () => void (await this.opened()))
  }

  protected override handlers(): ControlHandlers {
    return {
      snapshot: ({ token }) => void this.joinSnapshot(token),
      abort: ({ run }) => (run === null ? this.abort() : this.#abort(run)),
      end: ({ run }) => this.#end(run),
    }
  }

  protected override abort(): void {
    super.abort()
    for (const run of this.#runs.keys()) this.#abort(run)
  }

  #abort(run: string): void {
    this.#runs.get(run)?.then(
      (copier) => copier.abort(),
      () => {},
    )
  }

  #end(run: string): void {
    const copier = this.#runs.get(run)
    this.#runs.delete(run)
    copier?.then(
      (found) => found.end(),
      () => {},
    )
  }

  #copierOf(run: string): Promise<Copier> {
    const copier = this.#runs.get(run) ?? this.#make(run)
    this.#runs.set(run, copier)
    return copier
  }

  async #make(run: string): Promise<Copier> {
    const setup = await this.#fetch(run)
    if (setup === null) throw new RowshiftError('INTERRUPTED', 'The run has stopped.')
    const copier = new Copier(setup, this)
    if (this.signal.aborted) copier.abort()
    return copier
  }

  /** Before the snapshot is released. */
  joinSnapshot(token: string | null): Promise<void> {
    if (this.connections.gaveUp) return Promise.resolve()
    return this.#tellReady(async () => {
      const { readers } = await this.opened()
      await readers[0]!.skills.snapshot!.join(token)
      this.inSnapshot = true
    })
  }

  #tellReady(step: () => Promise<void>): Promise<void> {
    return this.busy(async () => {
      const error = await step().then(
        () => null,
        (thrown: unknown) => RowshiftError.from(thrown).report(),
      )
      this.post({ type: 'ready', error, gaveUp: this.connections.gaveUp ? threadId : null })
    })
  }

  protected async open(): Promise<CopyEndpoints> {
    const { source, target } = this.#setup
    const inProcess = await Promise.all([...source, ...target].map(isInProcess))
    if (inProcess.includes(true)) this.#busy.databaseInside()
    const readers = await makeReaders(source)
    const writers = await makeWriters(target)
    const { signal } = this
    await this.connections.open(() => openAll([...readers, ...writers], signal), signal)
    return (this.#open = { readers, writers })
  }

  areOpen(writers: readonly Writer[]): boolean {
    return this.#open?.writers === writers
  }

  protected async closeEndpoints({ readers, writers }: CopyEndpoints): Promise<void> {
    if (this.areOpen(writers)) this.#open = null
    const copiers = await Promise.allSettled(this.#runs.values())
    const pipelines = copiers.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
    await closeAll([...readers, ...writers, ...pipelines])
    this.post({ type: 'busy', seconds: this.#busy.seconds })
  }
}
