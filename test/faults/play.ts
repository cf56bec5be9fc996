// Plays one case: the fault strikes, somebody goes on until the run is finished, and the server judges what is there.
import type { Started } from '../support/task-fixture.js'
import type { Fault, Passes } from './fault.js'
import type { Cell } from './scene.js'
import { Scene } from './scene.js'
import { isTask, LATER_ROWS } from './tables.js'

/** Of a case, on a busy machine. */
const MOST_MS = 300_000
/** Attempts after the fault: more mean that the run cannot be finished. */
const MOST_ATTEMPTS = 4
/** Splits that a thread has in hand. */
const IN_HAND = 2

export interface Case {
  readonly fault: Fault
  readonly cell: Cell
}

export interface Result extends Case {
  /** It could not happen: the run was over before, for instance. */
  readonly missed: boolean
  /** What is wrong, in words. */
  readonly problems: readonly string[]
  /** Until the run was finished. */
  readonly attempts: number
  /** Splits that were read beyond those that the table has; null: not counted. */
  readonly repeated: number | null
  readonly seconds: number
}

export interface Rig {
  /** The bundle's `main.js`. */
  readonly program: string
  /** No other case is on the same server under this name at the same time. */
  readonly lane: string
}

export function titleOf({ fault, cell }: Case): string {
  return `${fault.group}: ${fault.name} | ${nameOf(cell)}`
}

export function nameOf({ on, mode, shape, threads, inServer }: Cell): string {
  return `${on.kind} ${mode} ${inServer ? 'in-server' : shape} ${threads}`
}

/** A run that nothing happens to. */
export async function passesOf(cell: Cell, { program, lane }: Rig): Promise<Passes> {
  const scene = await Scene.set(cell, program, lane)
  const attempt = scene.start()
  const code = await attempt.code()
  const wrong = code === 0 ? [...(await scene.differences()), ...(await scene.leftovers())] : [attempt.stderr]
  if (wrong.length > 0) throw new Error(`a run without a fault (${nameOf(cell)}) fails: ${wrong.join('; ')}`)
  return scene.passes()
}

export async function play(one: Case, passes: Passes, { program, lane }: Rig): Promise<Result> {
  const started = performance.now()
  const { fault, cell } = one
  const scene = await Scene.set(cell, program, lane)
  const problems: string[] = []
  let missed = false
  let attempts = 0
  // An attempt that waits for ever would keep all other cases waiting.
  const patience = setInterval(() => {
    problems.push(`it did not end within ${MOST_MS / 1000} s: ${scene.attempts.map(errorOf).join(' / ')}`)
    for (const attempt of scene.attempts) attempt.kill('SIGKILL')
  }, MOST_MS)
  try {
    missed = !(await fault.strike(scene, passes))
    await finish(scene, fault, problems)
    attempts = scene.attempts.length
    await fault.after?.(scene)
    problems.push(...(await scene.differences()))
    const incremental = cell.mode === 'append' || cell.mode === 'increment'
    // Where the end of a run could not be written to the store, the next run removes its checkpoints.
    if (!(fault.unexpected && incremental)) problems.push(...(await scene.leftovers()))
    if (problems.length === 0 && incremental) problems.push(...(await nextRun(scene)))
    if (fault.unexpected && incremental) problems.push(...(await scene.leftovers()))
  } catch (thrown) {
    problems.push(`the case itself failed: ${(thrown as Error).stack}`)
  } finally {
    clearInterval(patience)
    for (const attempt of scene.attempts) attempt.kill('SIGKILL')
    fault.atEnd?.(scene)
  }
  const repeated = repeatedSplits(scene, fault, passes)
  const most = (fault.repeats ?? 1) * cell.threads * IN_HAND * scene.attempts.length
  if (repeated !== null && repeated > most)
    problems.push(`${repeated} splits were read again, more than ${most}`)
  const seconds = (performance.now() - started) / 1000
  return { ...one, missed, problems, attempts, repeated, seconds }
}

/** Goes on with the run until it is finished. */
async function finish(scene: Scene, fault: Fault, problems: string[]): Promise<void> {
  const first = scene.attempts.length
  for (;;) {
    const last = scene.attempts.at(-1)!
    if (last.ended) {
      const code = await last.code()
      if (code === 0) {
        const wrong = await scene.differences()
        if (wrong.length > 0) problems.push(`it said success: ${wrong.join(', ')}`)
        return
      }
      if (code !== null) problems.push(...dishonest(last, code, fault))
      if (fault.survives) problems.push(`it did not get over it by itself: ${errorOf(last)}`)
      if (await isOver(scene, last)) return
    }
    if (scene.attempts.length - first >= MOST_ATTEMPTS) {
      problems.push(`it is not finished after ${MOST_ATTEMPTS} more attempts: ${errorOf(last)}`)
      return
    }
    await fault.remedy?.(scene)
    await scene.start().code()
  }
}

/** A copy that has left nothing to resume is whole already, or is begun anew. */
async function isOver(scene: Scene, { stderr }: Started): Promise<boolean> {
  if (!stderr.includes('There is no unfinished run to resume')) return false
  if ((await scene.differences()).length === 0) return true
  scene.beginAnew()
  return false
}

function dishonest(attempt: Started, code: number, { unexpected = false }: Fault): string[] {
  const error = errorOf(attempt)
  if (!/\[[A-Z_]+\]/.test(error)) return [`it failed (${code}) without a code: ${error}`]
  if (error.includes('[INTERNAL]') && !unexpected) return [`it failed by an unexpected fault: ${error}`]
  return []
}

function errorOf({ stderr }: Started): string {
  const at = stderr.lastIndexOf('rowshift: ')
  return (at < 0 ? stderr.slice(-500) : stderr.slice(at)).trim()
}

/**
 * The next run of an incremental task reads what has come since, and no more. Where the task store was not told of the end of the last one, the
 * next is the one that tells it, and says so.
 */
async function nextRun(scene: Scene): Promise<string[]> {
  await scene.later()
  let attempt = scene.start()
  let code = await attempt.code()
  if (code === 0 && attempt.report().resumed) {
    attempt = scene.start()
    code = await attempt.code()
  }
  if (code !== 0) return [`the next run failed: ${errorOf(attempt)}`]
  const { rowsRead } = attempt.report()
  const few = rowsRead <= LATER_ROWS ? [] : [`the next run read ${rowsRead} rows`]
  return [...few, ...(await scene.differences()).map((wrong) => `after the next run: ${wrong}`)]
}

function repeatedSplits(scene: Scene, { repeats }: Fault, passes: Passes): number | null {
  const splits = passes.get('split-reading') ?? 0
  if (repeats === null || splits === 0 || isTask(scene.cell.mode)) return null
  return Math.max(0, (scene.passes().get('split-reading') ?? 0) - splits)
}
