/** What comparisons of tasks have found: those that the console has under way, and those that the history has. */
import { errorIn } from './children.js'
import type { Children } from './children.js'
import { utc, verificationIn, verificationOf, type Verification } from './run-records.js'
import type { StoreAccess } from './store-access.js'

const MOST = 100

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

  /** Of a task, or of all; newest first. */
  async list(taskId: number | null): Promise<Verification[]> {
    const records = await this.#store.use((store) => store.history(taskId, MOST, 'comparisons'))
    const kept = records.flatMap((record) => verificationIn(record) ?? [])
    const known = new Set(kept.map(({ runId }) => runId))
    const own = [...this.#own.values()].filter(
      (one) => !known.has(one.runId) && (taskId === null || one.taskId === taskId),
    )
    return [...own, ...kept].toSorted((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0)).slice(0, MOST)
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
    const runId = run?.hello.runId ?? `verify-${child.pid}`
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
    if (this.#own.size > MOST) this.#own.delete(oldest!)
    this.#changed()
  }
}
