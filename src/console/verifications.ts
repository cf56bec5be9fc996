/** What comparisons of tasks have found: those that the console has under way, and those that the history has. */
import { errorIn } from './children.js'
import type { Children } from './children.js'
import { utc, verificationIn, verificationOf, type Verification } from './run-records.js'
import type { StoreAccess } from './store-access.js'

const MOST_OWN = 100
/** Reports are read whole, and those of many tables are long. */
const MOST_READ = 20
/** The newest of a task may be of a run that was killed. */
const MOST_OF_TASK = 5
/** Before the number of a process that has not said which run it is. */
const UNNAMED = 'verify-'

/** `isRun`: whether there is a run of its name to look at. */
export type LatestVerification = Verification & { readonly isRun: boolean }

export class Verifications {
  readonly #children: Children
  readonly #store: StoreAccess
  readonly #changed: () => void
  /** That the console has started, and that the history may not have: it ends before it is kept there, or fails before it begins. */
  readonly #own = new Map<string, Verification>()

  constructor(children: Children, store: StoreAccess, changed: () => void) {
    this.#children = children
    this.#store = store
    this.#changed = changed
  }

  /** The newest of each task, or of one. */
  async latest(taskId: number | null): Promise<ReadonlyMap<number, LatestVerification>> {
    const limit = taskId === null ? MOST_READ : MOST_OF_TASK
    const records = await this.#store.use((store) => store.history(taskId, limit, 'comparisons'))
    const latest = new Map<number, LatestVerification>()
    for (const record of records) {
      const kept = latest.has(record.task_id) ? null : verificationIn(record)
      if (kept !== null) latest.set(record.task_id, { ...kept, isRun: true })
    }
    const ended = new Set(records.flatMap((one) => (one.status === 'running' ? [] : one.run_id)))
    for (const one of this.#own.values()) {
      const other = taskId !== null && one.taskId !== taskId
      if (other || ended.has(one.runId) || one.at < (latest.get(one.taskId)?.at ?? '')) continue
      const isRun = one.status === 'running' && !one.runId.startsWith(UNNAMED)
      latest.set(one.taskId, { ...one, isRun })
    }
    return latest
  }

  /** Of a task, or of all; newest first. */
  async list(taskId: number | null): Promise<Verification[]> {
    const records = await this.#store.use((store) => store.history(taskId, MOST_READ, 'comparisons'))
    const kept = records.flatMap((record) => verificationIn(record) ?? [])
    const known = new Set(kept.map(({ runId }) => runId))
    const own = [...this.#own.values()].filter(
      (one) => !known.has(one.runId) && (taskId === null || one.taskId === taskId),
    )
    return [...own, ...kept].toSorted((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0)).slice(0, MOST_READ)
  }

  isUnderWay(runId: string): boolean {
    return this.#own.get(runId)?.status === 'running'
  }

  /** Resolves when it has begun. */
  async start(
    taskId: number,
    kind: Verification['kind'],
    args: readonly string[],
    hidden: readonly string[],
  ): Promise<Verification> {
    const { run, child } = await this.#children.startRun(args, hidden)
    const runId = run?.hello.runId ?? `${UNNAMED}${child.pid}`
    const nothing = { found: null, left: null, tables: null, error: null }
    const begun = { runId, taskId, kind, at: utc(new Date()), status: 'running', ...nothing } as const
    this.#keep(runId, begun)
    void child.ended.then(({ result, errors }) => {
      this.#keep(runId, verificationOf(begun, result, errorIn(errors).report()))
    })
    return begun
  }

  #keep(key: string, verification: Verification): void {
    this.#own.delete(key)
    this.#own.set(key, verification)
    const [oldest] = this.#own.keys()
    if (this.#own.size > MOST_OWN) this.#own.delete(oldest!)
    this.#changed()
  }
}
