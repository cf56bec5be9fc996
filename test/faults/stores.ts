// A task store in a file that is cut off at some byte, or that the disk has no room for.
import { copyFileSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { scratchFile } from '../support/copying.js'
import { Database } from '../support/database.js'
import type { Fault } from './fault.js'
import type { Scene } from './scene.js'

const GROUP = 'task store truncated or full'
const DDL = readFileSync(new URL('../../../etc/task-store.sqlite.sql', import.meta.url), 'utf8')

/** `part`: how much of the file is left, before the run begins. The user who reads the error puts the file back. */
export function truncatedStore(part: number): Fault {
  const whole = new WeakMap<Scene, string>()
  return {
    group: GROUP,
    name: `cut off after ${Math.round(part * 100)} %`,
    key: 'truncated',
    meets: ({ mode, shape }) => mode === 'append' && shape === 'plain',
    strike: async (scene) => {
      const path = storeIn(scene)
      const copy = scratchFile('db')
      copyFileSync(path, copy)
      whole.set(scene, copy)
      truncateSync(path, Math.floor(statSync(path).size * part))
      await scene.start().code()
      return true
    },
    remedy: async (scene) => writeFileSync(scene.storeFile!, readFileSync(whole.get(scene)!)),
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
      storeIn(scene)
      await scene.start({ fileBlocks: blocks }).code()
      return true
    },
    repeats: null,
  }
}

/** The task of the scene, in a file. */
function storeIn(scene: Scene): string {
  const path = scratchFile('db')
  const database = new Database(path)
  database.exec(DDL)
  const { from, to, params } = scene.task
  database.run(
    `INSERT INTO task_def_sync_manager (id, from_app, from_db_type, from_db, from_table, to_app, to_db_type, to_db, to_table, params,
      online_status, create_time, update_time) VALUES (1, 'app', 'mysql', 'db', ?, 'app', 'mysql', 'db', ?, ?, 1, '2024-01-01', '2024-01-01')`,
    from,
    to,
    params,
  )
  database.close()
  scene.storeFile = path
  return path
}
