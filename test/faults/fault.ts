// What a fault is, and the ways in which one strikes: each is a function of a scene whose run has not begun.
import type { Connection } from 'mysql2/promise'
import type { Failpoint } from '../../src/failpoint.js'
import type { Fault as LinkFault } from '../support/proxy.js'
import { Proxy } from '../support/proxy.js'
import type { Started } from '../support/task-fixture.js'
import type { FailpointAction } from './failpoint.js'
import type { Cell, End, Scene, StartOptions } from './scene.js'
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
  /** Needs a server that can be killed and stopped. */
  readonly ownServer?: boolean
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

const HOLDS_ROWS: ReadonlySet<Failpoint> = new Set(['split-handed', 'split-written'])

export const everywhere = (): boolean => true

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

/** While the run stands still at a failpoint, something happens; then it goes on. `harm` resolves to what ends the harm later. */
export function meanwhile(
  group: string,
  name: string,
  point: Failpoint,
  hit: Hit,
  harm: (scene: Scene, attempt: Started) => Promise<(() => Promise<void>) | void>,
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
      await end?.()
      await attempt.code()
      return struck
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
  return {
    group,
    name: `suspended at ${point} (${hit})${cut ? ', its connections lost' : ''}`,
    key: `${point} ${cut}`,
    meets: (cell, passes) =>
      // Rows with a key that it has written and not committed stay locked as long as its connection is there.
      (cut || (cell.threads === 1 && (cell.mode === 'insert' || !HOLDS_ROWS.has(point)))) &&
      !isTask(cell.mode) &&
      meetsPoint(point, hit)(cell, passes),
    strike: async (scene, passes) => {
      const attempt = scene.start({ failpoint: failpointOf(passes, point, hit, 'stop')! })
      suspended.set(scene, attempt)
      const struck = await scene.untilStruck(attempt)
      if (cut) await killSessions(scene)
      return struck
    },
    after: async (scene) => {
      const attempt = suspended.get(scene)!
      attempt.kill('SIGCONT')
      await attempt.code()
    },
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
    meets: (cell, passes) => cell.threads === 1 && !isTask(cell.mode) && meetsPoint(point, hit)(cell, passes),
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

/** Between the program and one end, on the connection that was made as the n-th; `n` 0 is the coordinator's. */
export function onLink(
  group: string,
  name: string,
  end: End,
  link: number,
  fault: LinkFault,
  more: Partial<Fault> = {},
): Fault {
  return {
    group,
    name: `${name} (${end}, connection ${link})`,
    key: `${name.split(',')[0]!} ${end}`,
    meets: everywhere,
    strike: async (scene) => {
      const proxy = await Proxy.to(scene.cell.server, (made, index) => {
        made.fault = index === link ? fault : null
      })
      try {
        // A connection that falls silent is noticed after a second.
        const stall: StartOptions = fault.kind === 'silence' ? { stall: 1 } : {}
        await scene.start({ ports: { [end]: proxy.port }, ...stall }).code()
        return proxy.links[link]?.failed ?? false
      } finally {
        proxy.close()
      }
    },
    survives: true,
    ...more,
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

/** Ends the sessions of the program on the server. */
export async function killSessions(scene: Scene, what = 'CONNECTION'): Promise<number> {
  const ids = await scene.query(
    `SELECT id FROM information_schema.processlist WHERE db = '${scene.database}' AND id <> CONNECTION_ID()`,
  )
  for (const [id] of ids) await scene.query(`KILL ${what} ${id!}`).catch(() => {})
  return ids.length
}

/** Runs statements in a session of somebody else and keeps its transaction open; resolves to what ends it. */
export async function hold(scene: Scene, ...statements: string[]): Promise<() => Promise<void>> {
  const session: Connection = await scene.session()
  await session.query('START TRANSACTION')
  for (const sql of statements) await session.query(sql)
  return async () => {
    await session.query('ROLLBACK').catch(() => {})
    await session.end().catch(() => {})
  }
}
