/**
 * Tells people what they should know: at most once per task in ten minutes, with what was held back meanwhile. What was told when is kept in files of
 * this user on this machine, so that runs of cron and of the console count together.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { controlFolder } from '../engine/run-control.js'
import { pause } from '../contract/waiting.js'
import { deliverAlert } from './alert-channels.js'
import type { AlertConfig } from './alert-config.js'
import type { Alert } from './alert-text.js'
import { alertText } from './alert-text.js'

/** For all channels together; a run ends so much later at most. */
const BOUND_MS = 8_000
const MOST_HELD = 100
/** Receivers that are away are not asked all the time. */
const AGAIN_MS = 30_000

interface State {
  /** Milliseconds since 1970. */
  readonly told: number
  readonly held: readonly Alert[]
}

export class Alerts {
  readonly #config: AlertConfig
  /** Which configuration it is. */
  readonly #of: string
  readonly #say: (text: string) => void

  /** `of`: which configuration it is, since others have tasks of the same numbers. `say` gets what went wrong. */
  constructor(config: AlertConfig, of: string, say: (text: string) => void) {
    this.#config = config
    this.#of = createHash('sha256').update(of).digest('hex').slice(0, 16)
    this.#say = say
  }

  /** Never throws, and ends within a bound. */
  async raise(alert: Alert): Promise<void> {
    if (!this.#config.events.includes(alert.event)) return
    const state = this.#load(alert.taskId)
    await this.#tell(alert.taskId, { ...state, held: [...state.held, alert].slice(-MOST_HELD) })
  }

  /** Tells what was held back, of each task for which it is time. */
  async flush(): Promise<void> {
    for (const taskId of this.#kept()) {
      const state = this.#load(taskId)
      if (state.held.length > 0) await this.#tell(taskId, state)
    }
  }

  /** Tasks of which something was told or held back. */
  #kept(): (number | null)[] {
    try {
      return readdirSync(controlFolder()).flatMap((name) => {
        const [, of, id] = /^alerts-(\w+)-(-?\d+|none)\.json$/.exec(name) ?? []
        return of === this.#of ? [id === 'none' ? null : Number(id)] : []
      })
    } catch {
      // Who cannot look there has kept nothing.
      return []
    }
  }

  async #tell(taskId: number | null, { told, held }: State): Promise<void> {
    const soon = Date.now() - told < this.#config.interval * 1000
    this.#save(taskId, soon ? { told, held } : { told: Date.now(), held: [] })
    if (soon) return
    const text = alertText(held, this.#config.language)
    const bound = new AbortController()
    let taken = false
    const sent = this.#config.channels.map((channel) =>
      deliverAlert(channel, text, held).then(
        () => (taken = true),
        (thrown: unknown) => this.#say(`An alert could not be sent: ${(thrown as Error).message}`),
      ),
    )
    await Promise.race([Promise.all(sent), pause(BOUND_MS, bound.signal)])
    bound.abort()
    if (!taken) this.#keep(taskId, held)
  }

  /** What nobody took is told with the next one, or by `serve` in a while. */
  #keep(taskId: number | null, held: readonly Alert[]): void {
    const interval = this.#config.interval * 1000
    const told = Date.now() - interval + Math.min(interval, AGAIN_MS)
    this.#save(taskId, { told, held: [...held, ...this.#load(taskId).held].slice(-MOST_HELD) })
  }

  #file(taskId: number | null): string {
    return join(controlFolder(), `alerts-${this.#of}-${taskId ?? 'none'}.json`)
  }

  #load(taskId: number | null): State {
    try {
      return JSON.parse(readFileSync(this.#file(taskId), 'utf8')) as State
    } catch {
      return { told: 0, held: [] }
    }
  }

  /** Whoever cannot keep it tells more often than wanted, which is better than not at all. */
  #save(taskId: number | null, state: State): void {
    try {
      const file = this.#file(taskId)
      writeFileSync(`${file}.${process.pid}`, JSON.stringify(state), { mode: 0o600 })
      renameSync(`${file}.${process.pid}`, file)
    } catch (thrown) {
      this.#say(`What was told about a task cannot be kept: ${(thrown as Error).message}`)
    }
  }
}
