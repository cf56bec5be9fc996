/** Runs that the console starts: processes of their own, so that a run is as fast, and `serve` as small, as without the other. */
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { RowshiftError, type ErrorCode } from '../contract/errors.js'
import type { RunReport } from '../contract/task-store.js'
import { log } from '../log.js'
import type { LiveRun, LiveRuns } from './live-runs.js'

const MOST_OUTPUT = 16 * 1024 * 1024
const MOST_ERRORS = 16 * 1024
const MOST_CHILDREN = 50
/** For a run to say who it is. */
const START_MS = 30_000
/** For runs to end in order when `serve` does. */
const GOODBYE_MS = 30_000

/** What a process has left. */
export interface Ended {
  readonly code: number | null
  /** What `--json` has printed; null: it is not JSON. */
  readonly result: unknown
  readonly errors: string
}

export interface Child {
  readonly pid: number
  readonly ended: Promise<Ended>
}

/** A run that was started. */
export interface Begun {
  readonly child: Child
  /** null: it has ended, or does not say who it is. */
  readonly run: LiveRun | null
  /** null: it is under way. */
  readonly ended: Ended | null
}

export class Children {
  /** Node, its options and the program. */
  readonly #program: readonly [node: string, ...args: string[]]
  readonly #live: LiveRuns
  readonly #children = new Set<ChildProcess>()
  readonly #onEnd: () => void
  #closed = false

  /** `onEnd` is called when one has ended. */
  constructor(program: readonly [node: string, ...args: string[]], live: LiveRuns, onEnd: () => void) {
    this.#program = program
    this.#live = live
    this.#onEnd = onEnd
  }

  /** No other can be started now. */
  get isFull(): boolean {
    return this.#closed || this.#children.size >= MOST_CHILDREN
  }

  /** `hidden`: arguments that may hold secrets, which the list of processes does not show. Throws CONNECTION_LIMIT when too many are under way. */
  start(args: readonly string[], hidden: readonly string[] = []): Child {
    if (this.#closed) throw new RowshiftError('INTERRUPTED', 'The console is about to end.')
    if (this.#children.size >= MOST_CHILDREN)
      throw new RowshiftError(
        'CONNECTION_LIMIT',
        `${MOST_CHILDREN} commands are under way already: wait for one to end.`,
      )
    const [node, ...first] = this.#program
    // Ctrl-C in the terminal of `serve` is for `serve`, which stops them.
    const given = [...args, ...(hidden.length === 0 ? [] : ['@-']), '--json', '--quiet']
    const child = spawn(node, [...first, ...given], { stdio: ['pipe', 'pipe', 'pipe'], detached: true })
    // It says why by an event, which must be heard.
    child.on('error', () => {})
    if (child.pid === undefined)
      throw new RowshiftError(
        'CONNECTION_LIMIT',
        'The command could not be started: this machine or user has too many processes or open files ("ulimit -u", "ulimit -n"), or rowshift is not where it was.',
      )
    // One that has ended reads nothing.
    child.stdin.on('error', () => {}).end(JSON.stringify(hidden))
    this.#children.add(child)
    const ended = outcome(child).finally(() => {
      this.#children.delete(child)
      this.#onEnd()
    })
    ended.then(({ errors }) => faultsIn(errors).forEach((fault) => log.error(fault.trim()))).catch(() => {})
    this.#live.lookSoon()
    return { pid: child.pid, ended }
  }

  /** Resolves as soon as the run says who it is, or has ended. */
  async startRun(args: readonly string[], hidden: readonly string[] = []): Promise<Begun> {
    const child = this.start(args, hidden)
    const stop = new AbortController()
    const timer = setTimeout(() => stop.abort(), START_MS)
    try {
      const hello = this.#hello(child.pid, stop.signal).then((run) => ({ run, ended: null }))
      const end = child.ended.then((ended) => ({ run: null, ended }))
      return { child, ...(await Promise.race([hello, end])) }
    } finally {
      clearTimeout(timer)
      stop.abort()
    }
  }

  async #hello(pid: number, signal: AbortSignal): Promise<LiveRun | null> {
    for (let run = this.#live.byPid(pid); ; run = this.#live.byPid(pid)) {
      if (run !== null || signal.aborted) return run
      await once(this.#live, 'began', { signal }).catch(() => {})
    }
  }

  /**
   * Stops them in order. A service manager has sent its signal to them as well, and a second one would end them at once, but for SIGHUP: those that say
   * who they are are asked, the others get that.
   */
  async close(): Promise<void> {
    this.#closed = true
    const left = [...this.#children]
    for (const child of left) {
      const run = this.#live.byPid(child.pid ?? 0)
      if (run === null || !this.#live.stop(run.hello.runId)) child.kill('SIGHUP')
    }
    const timer = setTimeout(() => left.forEach((child) => child.kill('SIGKILL')), GOODBYE_MS)
    const alive = left.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)
    await Promise.all(alive.map((child) => once(child, 'exit')))
    clearTimeout(timer)
  }
}

/** Throws what a command has failed with that ended before anybody saw it run. Resolves to the id of its run. */
export function runIdOf({ run, ended }: Begun): string | null {
  if (run !== null) return run.hello.runId
  if (ended === null) return null
  const { status, runId = null } = (ended.result ?? {}) as Partial<RunReport>
  const failure = failureOf(ended)
  if (failure && (status === undefined || (status === 'failed' && REFUSED.has(failure.code)))) throw failure
  return runId
}

/** null: it has not failed. */
export function failureOf({ result, errors }: Ended): RowshiftError | null {
  const { status, error = null } = (result ?? {}) as Partial<RunReport>
  if (status === undefined) return errorIn(errors)
  return error && RowshiftError.fromReport(error)
}

/** Nothing has begun: the history has no such run. */
const REFUSED: ReadonlySet<string> = new Set([
  'TASK_RUNNING',
  'TASK_OFFLINE',
  'TASK_NOT_FOUND',
  'RESUME_REFUSED',
])

/** What a command has said on stderr. */
function saidIn(text: string): string[] {
  return text.trim().split(/^(?=rowshift: )/m)
}

/** What went wrong without making a command fail, as an alert that nobody took. */
function faultsIn(text: string): string[] {
  return saidIn(text).filter((each) => each.startsWith('rowshift: ') && !ERROR.test(each))
}

const ERROR = /^rowshift: (.*) \[([A-Z_]+)\]\s*$/s

/** `rowshift: message [CODE]` */
export function errorIn(text: string): RowshiftError {
  const [, message, code] = ERROR.exec(saidIn(text).at(-1) ?? '') ?? []
  return code === undefined
    ? new RowshiftError('INTERNAL', `The command ended without a result: ${text.trim().slice(-500)}`)
    : new RowshiftError(code as ErrorCode, message!)
}

async function outcome(child: ChildProcess): Promise<Ended> {
  const parts: Buffer[] = []
  let [bytes, errors] = [0, '']
  child.stdout!.on('data', (part: Buffer) => {
    bytes += part.length
    if (bytes <= MOST_OUTPUT) parts.push(part)
  })
  child.stderr!.on('data', (part: Buffer) => (errors = (errors + part.toString()).slice(-MOST_ERRORS)))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, result: bytes > MOST_OUTPUT ? null : jsonOf(Buffer.concat(parts).toString()), errors }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return null
  }
}
