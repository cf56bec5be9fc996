// What a fault is, and the ways in which one strikes: each is a function of a scene whose run has not begun.
import type { Failpoint } from '../../src/failpoint.js'
import type { Client } from '../support/client.js'
import type { Started } from '../support/task-fixture.js'
import type { FailpointAction } from './failpoint.js'
import type { Cell, Scene } from './scene.js'
import { isTask } from './tables.js'

/** Of all times that a run passes a failpoint. */
export type Hit = 'first' | 'middle' | 'last'

/** How often a run of this kind that nothing happens to passes each failpoint. */
export type Passes = ReadonlyMap<string, number>

export interface Fault {
  /** A row of the table in docs/reliability.md. */
  readonly group: string
  readonly name: string
  /** Faults with the same one are much alike: where only some are played, they are of many. */
  readonly key: string
  /** Whether it can happen to such a run. */
  readonly meets: (cell: Cell, passes: Passes) => boolean
  /** Resolves when the attempts that it is about have ended, or are suspended; to false when it could not happen. */
  readonly strike: (scene: Scene, passes: Passes) => Promise<boolean>
  /** After somebody has finished the run. */
  readonly after?: (scene: Scene) => Promise<void>
  /** Needs a server that can be killed and stopped, and nobody else on it. */
  readonly ownServer?: boolean
  /** When the case is over, whatever came of it. */
  readonly atEnd?: (scene: Scene) => void
  /** What is done between attempts, as a user does who reads the error. */
  readonly remedy?: (scene: Scene) => Promise<void>
  /** Splits that may be read once more for each thread; null: the run may begin anew. */
  readonly repeats?: number | null
  /** An attempt may fail by an unexpected fault. */
  readonly unexpected?: boolean
  /** Where it strikes is left to chance, as with the last time that a failpoint is passed, so that it may not happen at all. */
  readonly chance?: boolean
  /** The first attempt gets over it by itself. */
  readonly survives?: boolean
}

/** Nobody can take over a run that has a transaction open in a file. */
const HOLDS_NO_FILE: ReadonlySet<Failpoint> = new Set([
  'planned',
  'run-begun',
  'split-committed',
  'copied',
  'finished',
])
const HOLDS_ROWS: ReadonlySet<Failpoint> = new Set(['split-handed', 'split-written'])

export const everywhere = (): boolean => true
export const onServers = ({ on }: Cell): boolean => on.server !== null

/** The failpoint as the environment names it, or null: a run of this kind does not pass it. */
export function failpointOf(
  passes: Passes,
  point: Failpoint,
  hit: Hit,
  action: FailpointAction,
): string | null {
  const all = passes.get(point) ?? 0
  const number = { first: 1, middle: Math.ceil(all / 2), last: all }[hit]
  return all === 0 ? null : `${point}:${number}:${action}`
}

function meetsPoint(point: Failpoint, hit: Hit): Fault['meets'] {
  return (_, passes) => {
    const all = passes.get(point) ?? 0
    return hit === 'first' ? all > 0 : hit === 'middle' ? all > 2 : all > 1
  }
}

function canTake(cell: Cell, point: Failpoint): boolean {
  return onServers(cell) || HOLDS_NO_FILE.has(point)
}

/** At a failpoint of the first attempt, and at others of those that follow. */
export function at(
  group: string,
  action: Exclude<FailpointAction, 'stop'>,
  point: Failpoint,
  hit: Hit,
  more: Partial<Fault> & { readonly later?: readonly string[] } = {},
): Fault {
  const { later = [], ...rest } = more
  return {
    group,
    name: [`${action} at ${point} (${hit})`, ...later].join(', then '),
    key: [point, ...later].join(),
    meets: meetsPoint(point, hit),
    strike: async (scene, passes) => {
      const armed = [failpointOf(passes, point, hit, action)!, ...later]
      let struck = true
      for (const failpoint of armed) {
        const attempt = scene.start({ failpoint })
        struck = (await scene.untilStruck(attempt)) && struck
        await attempt.code()
      }
      return struck
    },
    unexpected: action === 'throw',
    chance: hit === 'last',
    ...rest,
  }
}

/** While the run stands still at a failpoint, something happens; then it goes on. `harm` resolves to what ends the harm later, to false where there was none. */
export function meanwhile(
  group: string,
  name: string,
  point: Failpoint,
  hit: Hit,
  harm: (scene: Scene, attempt: Started) => Promise<(() => Promise<boolean | void>) | void>,
  more: Partial<Fault> = {},
): Fault {
  return {
    group,
    name: `${name} at ${point} (${hit})`,
    key: `${name} ${point}`,
    meets: meetsPoint(point, hit),
    strike: async (scene, passes) => {
      const attempt = scene.start({ failpoint: failpointOf(passes, point, hit, 'stop')! })
      const struck = await scene.untilStruck(attempt)
      const end = await harm(scene, attempt)
      attempt.kill('SIGCONT')
      const harmed = (await end?.()) !== false
      await attempt.code()
      return struck && harmed
    },
    ...more,
  }
}

/** The run is suspended at a failpoint; another one takes over and finishes it; then the first wakes up, and must not change anything. */
export function takeover(
  group: string,
  point: Failpoint,
  hit: Hit,
  { cut = false, ...more }: Partial<Fault> & { readonly cut?: boolean } = {},
): Fault {
  const suspended = new WeakMap<Scene, Started>()
  const wake = async (scene: Scene) => {
    const attempt = suspended.get(scene)!
    attempt.kill('SIGCONT')
    await attempt.code()
  }
  return {
    group,
    name: `suspended at ${point} (${hit})${cut ? ', its connections lost' : ''}`,
    key: `${point} ${cut}`,
    meets: (cell, passes) =>
      // Rows with a key that it has written and not committed stay locked as long as its connection is there.
      (cut
        ? onServers(cell)
        : cell.threads === 1 && (cell.mode === 'insert' || !HOLDS_ROWS.has(point)) && canTake(cell, point)) &&
      // A copy that has not begun yet is not known to the other one, and both write all rows.
      !(point === 'planned' && cell.mode === 'insert') &&
      !isTask(cell.mode) &&
      meetsPoint(point, hit)(cell, passes),
    strike: async (scene, passes) => {
      const attempt = scene.start({ failpoint: failpointOf(passes, point, hit, 'stop')! })
      suspended.set(scene, attempt)
      const struck = await scene.untilStruck(attempt)
      if (cut) await scene.home.kill('CONNECTION')
      return struck
    },
    // What it has written, and not committed, keeps indexes waiting that come after the rows of the other one.
    remedy: async (scene) => {
      if (scene.attempts.at(-1)!.stderr.includes('[LOCK_CONFLICT]')) await wake(scene)
    },
    after: wake,
    ...more,
  }
}

/** The run is suspended; another one takes over, and is killed; then the first wakes up. Somebody else finishes. */
export function killedTakeover(group: string, point: Failpoint, hit: Hit): Fault {
  return {
    group,
    name: `suspended at ${point} (${hit}), taken over, and that killed`,
    key: `${point} killed`,
    meets: (cell, passes) =>
      (cell.mode === 'insert' || !HOLDS_ROWS.has(point)) &&
      canTake(cell, point) &&
      cell.threads === 1 &&
      !isTask(cell.mode) &&
      meetsPoint(point, hit)(cell, passes),
    strike: async (scene, passes) => {
      const first = scene.start({ failpoint: failpointOf(passes, point, hit, 'stop')! })
      let struck = await scene.untilStruck(first)
      const second = scene.start({ failpoint: 'split-committed:2:kill' })
      struck = (await scene.untilStruck(second)) && struck
      await second.code()
      first.kill('SIGCONT')
      await first.code()
      return struck
    },
    repeats: null,
  }
}

/** The run is suspended where it holds its row locked; another one tries to take over meanwhile, in vain. */
export function contested(group: string, point: Failpoint, hit: Hit): Fault {
  return {
    group,
    name: `suspended at ${point} (${hit}), another tries to take over`,
    key: `${point} contested`,
    meets: (cell, passes) =>
      onServers(cell) && cell.threads === 1 && !isTask(cell.mode) && meetsPoint(point, hit)(cell, passes),
    strike: async (scene, passes) => {
      const first = scene.start({ failpoint: failpointOf(passes, point, hit, 'stop')! })
      const struck = await scene.untilStruck(first)
      await scene.start().code()
      first.kill('SIGCONT')
      await first.code()
      return struck
    },
    repeats: null,
  }
}

/** Something that goes on until the run has ended. */
export function during(
  group: string,
  name: string,
  harm: (scene: Scene, over: () => boolean) => Promise<boolean>,
  more: Partial<Fault> = {},
): Fault {
  return {
    group,
    name,
    key: name,
    meets: everywhere,
    strike: async (scene) => {
      const attempt = scene.start()
      const struck = await harm(scene, () => attempt.ended)
      await attempt.code()
      return struck
    },
    ...more,
  }
}

/** Runs statements in a session of somebody else and keeps its transaction open; resolves to that session. */
export async function hold(scene: Scene, ...statements: string[]): Promise<Client> {
  const session = await scene.home.session()
  for (const sql of ['BEGIN', ...statements]) await session.query(sql)
  return session
}

/** Ends such a session. */
export async function release(session: Client): Promise<void> {
  await session.query('ROLLBACK').catch(() => {})
  await session.end().catch(() => {})
}
