// Servers that are killed and started again, suspended, or wait for a client for two seconds only.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Failpoint } from '../../src/failpoint.js'
import type { Fault, Hit } from './fault.js'
import { failpointOf, meanwhile, onServers } from './fault.js'
import type { Scene } from './scene.js'
import { isTask } from './tables.js'

export function restarts(points: readonly Failpoint[]): Fault[] {
  return points.map((name) =>
    meanwhile(
      'server killed -9 and started again',
      'server killed',
      name,
      'middle',
      (scene) => scene.cell.on.server!.restart(),
      { ...whereServers(name), ownServer: true, repeats: null },
    ),
  )
}

export function suspensions(points: readonly Failpoint[]): Fault[] {
  return points.map((name) =>
    meanwhile(
      'server suspended for a while',
      'server suspended',
      name,
      'middle',
      async ({ cell }) => {
        const server = cell.on.server!
        server.signal('SIGSTOP')
        return () => sleep(2000).then(() => server.signal('SIGCONT'))
      },
      // The sessions of PostgreSQL are processes that do not stop with it.
      { ...whereServers(name, 'mysql'), ownServer: true, survives: true },
    ),
  )
}

function whereServers(name: Failpoint, type?: 'mysql'): Pick<Fault, 'meets'> {
  return {
    meets: (cell, passes) =>
      onServers(cell) && (type ?? cell.on.type) === cell.on.type && (passes.get(name) ?? 0) > 2,
  }
}

/** Of a task store that is a server of its own. */
export function storeRestarts(points: readonly (readonly [Failpoint, Hit])[]): Fault[] {
  return points.map(([name, hit]) => {
    const stores = new WeakMap<Scene, () => void>()
    return {
      group: 'task store killed -9 and started again',
      name: `task store killed at ${name} (${hit})`,
      key: name,
      meets: (cell, passes) => isTask(cell.mode) && (passes.get(name) ?? 0) > (hit === 'middle' ? 2 : 0),
      strike: async (scene, passes) => {
        const { store, restart, done } = await scene.cell.on.otherStore()
        stores.set(scene, done)
        await scene.storeIn(store)
        const attempt = scene.start({ failpoint: failpointOf(passes, name, hit, 'stop')! })
        const struck = await scene.untilStruck(attempt)
        await restart()
        attempt.kill('SIGCONT')
        await attempt.code()
        return struck
      },
      atEnd: (scene) => stores.get(scene)?.(),
      repeats: null,
    }
  })
}

const SECONDS = 2
const VARIABLES = ['net_read_timeout', 'net_write_timeout']
const NAMES = VARIABLES.join(' and ')

/** The run stands still for longer than the server waits for its client. */
export function timeouts(points: readonly Failpoint[]): Fault[] {
  return points.flatMap((name) => [
    timeout(name, `${NAMES} of the server ${SECONDS}`, (scene) => withGlobals(scene)),
    timeout(name, `${NAMES} of sessions ${SECONDS}`, async (scene) => {
      scene.session.push(...VARIABLES.map((variable) => `SET ${variable} = ${SECONDS}`))
      await largeRows(scene)
      return async () => {}
    }),
  ])
}

function timeout(point: Failpoint, name: string, set: (scene: Scene) => Promise<() => Promise<void>>): Fault {
  const standing = meanwhile(
    'client too slow for the server',
    name,
    point,
    'middle',
    () => sleep((SECONDS + 1.5) * 1000),
    {
      meets: ({ on, mode, shape, threads }, passes) =>
        on.type === 'mysql' &&
        mode === 'insert' &&
        shape === 'plain' &&
        threads === 1 &&
        (passes.get(point) ?? 0) > 2,
      survives: true,
      repeats: null,
    },
  )
  return {
    ...standing,
    strike: async (scene, passes) => {
      const setBack = await set(scene)
      try {
        return await standing.strike(scene, passes)
      } finally {
        await setBack()
      }
    },
  }
}

async function withGlobals(scene: Scene): Promise<() => Promise<void>> {
  const set = (value: string) =>
    scene.home.run(VARIABLES.map((name) => `SET GLOBAL ${name} = ${value}`).join('; '))
  await set(String(SECONDS))
  return () => set('DEFAULT')
}

/** More than the buffers between the server and a client that stands still can take. */
function largeRows(scene: Scene): Promise<void> {
  const half = 'id BETWEEN 601 AND 625'
  return scene.home.run(
    ['src', 'want', 'dst']
      .map((name) => `ALTER TABLE ${name} MODIFY v MEDIUMTEXT NOT NULL`)
      .concat(['src', 'want'].map((name) => `UPDATE ${name} SET v = REPEAT(v, 4000) WHERE ${half}`))
      .join('; '),
  )
}
