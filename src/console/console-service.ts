/** What the console knows and does, for its pages, its API and its schedules alike. */
import { EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../config/config.js'
import { RowshiftError } from '../contract/errors.js'
import type { RunRecord, TaskStore } from '../contract/task-store.js'
import { changeLimits, type LimitChange } from '../engine/run-control.js'
import type { RateLimits } from '../engine/throttle.js'
import { Children, errorIn, failureOf, runIdOf } from './children.js'
import type { QueueAccess } from './queue-access.js'
import type { PresentHost } from '../features/hosts/present-hosts.js'
import { ConsoleTasks } from './console-tasks.js'
import { LiveRuns } from './live-runs.js'
import type { RunDetail, RunSummary, Verification } from './run-records.js'
import { detailOf, liveSummary, summaryOf } from './run-records.js'
import { StoreAccess } from './store-access.js'
import { type LatestVerification, Verifications } from './verifications.js'

/** How often, and how long, the end of a run is waited for. */
const SETTLE_FIRST_MS = 100
const SETTLE_MOST_MS = 2_000
const SETTLE_MS = 120_000

export interface ConsoleSetup {
  readonly config: () => Config
  /** `-c etc -e local`, for child processes and for what pages show. */
  readonly configArgs: readonly string[]
  readonly openStore: () => Promise<TaskStore>
  /** Marks runs whose process is gone; resolves to their ids. */
  readonly markDead: (store: TaskStore, taskIds: readonly number[]) => Promise<ReadonlySet<string>>
  readonly program: readonly [node: string, ...args: string[]]
  /** Of the runs that workers of other machines do; null: nobody has named one. */
  readonly queue: QueueAccess | null
}

/** Where a run does its work. */
export interface Placed {
  /** On the workers that are connected, and not here. */
  readonly workers?: boolean | undefined
}

/** What a run is asked for beside what its task says. */
export interface RunAsked extends Placed {
  readonly mode?: string | undefined
  readonly where?: string | undefined
  readonly param?: readonly string[] | undefined
  readonly restart?: boolean | undefined
}

interface Events {
  /** Something about runs or tasks is not as it was. */
  changed: []
}

export class ConsoleService extends EventEmitter<Events> {
  readonly live = new LiveRuns()
  readonly children: Children
  readonly #setup: ConsoleSetup
  readonly tasks: ConsoleTasks
  readonly #store: StoreAccess
  readonly #verifications: Verifications
  #closed = false

  constructor(setup: ConsoleSetup) {
    super()
    this.setMaxListeners(0)
    this.#setup = setup
    this.#store = new StoreAccess(setup.openStore)
    const changed = () => {
      if (!this.#closed) this.emit('changed')
    }
    this.children = new Children(setup.program, this.live, changed)
    this.#verifications = new Verifications(this.children, this.#store, changed)
    const withoutDead = this.#withoutDead.bind(this)
    this.tasks = new ConsoleTasks(this.#store, setup.config, changed, withoutDead)
    this.live.on('began', changed)
    this.live.on('ended', (runId) => {
      changed()
      void this.#settled(runId).then(changed)
    })
  }

  get configArgs(): readonly string[] {
    return this.#setup.configArgs
  }

  /** Where workers are heard of, without secrets; null: nobody has named a queue. */
  get queue(): string | null {
    return this.#setup.queue?.where ?? null
  }

  /** Workers that are connected. */
  async hosts(): Promise<PresentHost[]> {
    return (await this.#setup.queue?.hosts()) ?? []
  }

  use<T>(work: (store: TaskStore) => Promise<T>, again = true): Promise<T> {
    return this.#store.use(work, again)
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.children.close()
    this.live.close()
    await this.#store.close()
    await this.#setup.queue?.close()
  }

  /** Newest first; those without a task before them. */
  async runs(taskId: number | null, limit: number): Promise<RunSummary[]> {
    const listed = await this.use(async (store) =>
      this.#withoutDead(store, await store.history(taskId, limit)),
    )
    const known = new Set(listed.map(({ run_id }) => run_id))
    const free = this.live
      .list()
      .filter(({ hello }) => taskId === null && hello.taskId === null && !known.has(hello.runId))
    return [
      ...free.map(liveSummary),
      ...listed.map((run) => summaryOf(run, run.status === 'running' ? this.live.get(run.run_id) : null)),
    ]
  }

  /** Those that say they run although their process is gone are marked. */
  async #withoutDead(store: TaskStore, runs: readonly RunRecord[]): Promise<RunRecord[]> {
    const unseen = runs.filter(({ status, run_id }) => status === 'running' && !this.live.get(run_id))
    const tasks = unseen.map(({ task_id }) => task_id)
    const dead = tasks.length > 0 ? await this.#setup.markDead(store, tasks) : new Set<string>()
    return runs.map((run) => (dead.has(run.run_id) ? { ...run, status: 'interrupted' } : run))
  }

  /** null: the history does not have it. */
  #record(runId: string): Promise<RunRecord | null> {
    return this.use(async (store) => {
      const found = await store.run(runId)
      return found && (await this.#withoutDead(store, [found]))[0]!
    })
  }

  /** Those among these runs that {@link run} finds. */
  async known(runIds: readonly string[]): Promise<ReadonlySet<string>> {
    const found = runIds.map(async (id) => ((await this.run(id).catch(() => null)) === null ? [] : [id]))
    return new Set((await Promise.all(found)).flat())
  }

  /** Throws TASK_NOT_FOUND, and TASK_RUNNING of a comparison that tells of itself no more, and is not kept yet. */
  async run(runId: string): Promise<RunDetail> {
    const live = this.live.get(runId)
    const record = await this.#record(runId)
    if (record) {
      const shown = record.status === 'running' ? live : null
      return detailOf(summaryOf(record, shown), record, shown)
    }
    if (live && (live.hello.taskId === null || this.#verifications.isUnderWay(runId)))
      return detailOf(liveSummary(live), null, live)
    if (this.#verifications.isUnderWay(runId))
      throw new RowshiftError('TASK_RUNNING', `Run ${runId} is about to end: ask again in a moment.`)
    throw new RowshiftError('TASK_NOT_FOUND', `The history has no run ${JSON.stringify(runId)}.`)
  }

  /** Resolves to the id of the run; null: it has ended already. */
  async startRun(id: number, asked: RunAsked): Promise<string | null> {
    const { mode, where, param = [], restart } = asked
    await this.tasks.find(id)
    const args = [
      ...(mode === undefined ? [] : [`--mode=${mode}`]),
      ...(restart === true ? ['--restart'] : []),
    ]
    const hidden = [
      ...(where === undefined ? [] : [`--where=${where}`]),
      ...param.map((pair) => `--param=${pair}`),
      ...this.#placed(asked),
    ]
    return this.#begun(['run', String(id), ...args, ...this.configArgs], hidden)
  }

  async resume(runId: string, placed: Placed): Promise<string | null> {
    await this.run(runId)
    return this.#begun(['resume', runId, ...this.configArgs], this.#placed(placed))
  }

  async plan(id: number): Promise<unknown> {
    await this.tasks.find(id)
    const { result, errors } = await this.children.start(['plan', String(id), ...this.configArgs]).ended
    if (result === null) throw errorIn(errors)
    return result
  }

  /** Throws TASK_NOT_FOUND where it is not under way on this machine. */
  async stop(runId: string): Promise<void> {
    await this.run(runId)
    if (!this.live.stop(runId)) throw notHere(runId)
  }

  async throttle(runId: string, change: LimitChange): Promise<RateLimits> {
    await this.run(runId)
    const limits = await changeLimits(runId, change)
    if (limits === null) throw notHere(runId)
    return limits
  }

  /** The newest of each task, or of one. */
  latestVerifications(taskId: number | null): Promise<ReadonlyMap<number, LatestVerification>> {
    return this.#verifications.latest(taskId)
  }

  /** Of a task, or of all; newest first. */
  verifications(taskId: number | null): Promise<Verification[]> {
    return this.#verifications.list(taskId)
  }

  /** Resolves when it has begun. */
  async verify(id: number, kind: Verification['kind'], placed: Placed): Promise<Verification> {
    await this.tasks.find(id)
    const args = ['verify', String(id), ...(kind === 'repair' ? ['--repair'] : []), ...this.configArgs]
    return this.#verifications.start(id, kind, args, this.#placed(placed))
  }

  /** A run tells of itself no more before the history has its end, which may have to wait for the store. */
  async #settled(runId: string): Promise<void> {
    const end = Date.now() + SETTLE_MS
    for (
      let pause = SETTLE_FIRST_MS;
      !this.#closed && Date.now() < end;
      pause = Math.min(2 * pause, SETTLE_MOST_MS)
    ) {
      const record = await this.#record(runId).catch(() => undefined)
      if (record !== undefined && record?.status !== 'running') return
      await sleep(pause, undefined, { ref: false })
    }
  }

  /** Throws USAGE where there are no workers that could do it. */
  #placed({ workers }: Placed): readonly string[] {
    if (workers !== true) return []
    if (this.#setup.queue !== null) return this.#setup.queue.args
    throw new RowshiftError(
      'USAGE',
      'This console does not know of any workers: start it with --workers redis://…, or "serve": {"workers": …} in the configuration.',
    )
  }

  async #begun(args: readonly string[], hidden: readonly string[]): Promise<string | null> {
    const begun = await this.children.startRun(args, hidden)
    const runId = runIdOf(begun)
    const failure = begun.ended && failureOf(begun.ended)
    // Nobody could look at one that failed before it came into the history.
    if (failure && runId !== null && !(await this.known([runId])).has(runId)) throw failure
    this.emit('changed')
    return runId
  }
}

function notHere(runId: string): RowshiftError {
  return new RowshiftError(
    'TASK_NOT_FOUND',
    `Run ${runId} is not under way on this machine for the user of this console.`,
  )
}
