// A task store in a file that is cut off at some byte, or that the disk has no room for.
import { copyFileSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { scratchFile } from '../support/copying.js'
import type { Fault } from './fault.js'
import { storeIn } from './file-backend.js'
import type { Scene } from './scene.js'

const GROUP = 'task store truncated or full'

/** `part`: how much of the file is left, before the run begins. The user who reads the error puts the file back. */
export function truncatedStore(part: number): Fault {
  const whole = new WeakMap<Scene, { readonly path: string; readonly copy: string }>()
  return {
    group: GROUP,
    name: `cut off after ${Math.round(part * 100)} %`,
    key: 'truncated',
    meets: ({ mode, shape }) => mode === 'append' && shape === 'plain',
    strike: async (scene) => {
      const path = await intoFile(scene)
      const copy = scratchFile('db')
      copyFileSync(path, copy)
      whole.set(scene, { path, copy })
      truncateSync(path, Math.floor(statSync(path).size * part))
      await scene.start().code()
      return true
    },
    remedy: async (scene) => {
      const { path, copy } = whole.get(scene)!
      writeFileSync(path, readFileSync(copy))
    },
  }
}

/** `blocks`: of 512 bytes, beyond which nothing is written to a file while the first attempt runs. */
export function fullStore(blocks: number): Fault {
  return {
    group: GROUP,
    name: `no room beyond ${blocks} blocks`,
    key: 'full',
    // What has no room is said and does not undo the copy, so that an increment would be read again.
    meets: ({ mode, shape }) => mode === 'sync' && shape === 'plain',
    strike: async (scene) => {
      await intoFile(scene)
      await scene.start({ fileBlocks: blocks }).code()
      return true
    },
    repeats: null,
  }
}

/** Moves the task of the scene into a file. */
async function intoFile(scene: Scene): Promise<string> {
  const path = scratchFile('db')
  await scene.storeIn(storeIn(path))
  return path
}
