// What others do to the same tables while a run is under way: locks, DDL, rows, KILL.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Failpoint } from '../../src/failpoint.js'
import { until } from '../support/until.js'
import type { Backend } from './backend.js'
import type { Fault } from './fault.js'
import { during, hold, meanwhile, onServers, release } from './fault.js'
import type { Cell, Scene } from './scene.js'
import { isTask } from './tables.js'

/** Each reads its split again. */
const RETRIES = 8
const RUN_ROW = "SELECT * FROM rowshift_checkpoint WHERE split = '' FOR UPDATE"

const oneByOne = (cell: Cell) => !isTask(cell.mode) && cell.shape === 'plain' && cell.threads === 1

/** `points`: where the run has locked nothing that others ask for. */
export function locks(points: readonly Failpoint[]): Fault[] {
  return [
    ...points.map((name) =>
      meanwhile(
        'lock held by others',
        'row of the run locked, longer than a lock is waited for',
        name,
        'middle',
        async (scene) => {
          const session = await hold(scene, RUN_ROW)
          return async () => {
            await until('somebody to wait', () => scene.home.isWaiting(), 5).catch(() => {})
            await sleep(scene.cell.on.sql.lockMs + 500)
            await release(session)
          }
        },
        {
          meets: (cell, passes) => onServers(cell) && oneByOne(cell) && (passes.get(name) ?? 0) > 2,
          survives: true,
          repeats: RETRIES,
        },
      ),
    ),
    during(
      'lock held by others',
      'target file locked again and again',
      (scene, over) => lockFile(scene, over),
      {
        meets: ({ on }) => on.server === null,
        survives: true,
      },
    ),
  ]
}

async function lockFile(scene: Scene, over: () => boolean): Promise<boolean> {
  let times = 0
  while (!over() && times < 6) {
    const session = await scene.home.session()
    // The program may be writing: its lock is not waited for, which would stop this process.
    await session.query('PRAGMA busy_timeout = 0')
    const locked = await session.query('BEGIN IMMEDIATE').catch(() => null)
    if (locked !== null) {
      times++
      await sleep(200)
    }
    await release(session)
    await sleep(50)
  }
  return times > 0
}

/** Somebody has locked the row of the run and asks for rows that it has written, which then asks for its own row. */
export const deadlocks: Fault[] = [
  meanwhile(
    'deadlock with others',
    'rows taken in the reverse order',
    'split-written',
    'middle',
    async (scene) => {
      const { outlives, takeRows } = scene.cell.on.sql
      const session = await hold(scene, ...outlives, RUN_ROW)
      const taken = session.query(takeRows).catch(() => {})
      await until('somebody to wait', () => scene.home.isWaiting())
      return async () => {
        await taken
        await release(session)
      }
    },
    {
      meets: (cell, passes) => onServers(cell) && oneByOne(cell) && (passes.get('split-written') ?? 0) > 2,
      survives: true,
      repeats: RETRIES,
    },
  ),
  during(
    'deadlock with others',
    'rows taken in the reverse order, again and again',
    async (scene, over) => {
      let times = 0
      for (; !over() && times < 6; times++) {
        const session = await hold(scene, ...scene.cell.on.sql.outlives)
        await session.query('SELECT id FROM dst ORDER BY id DESC FOR UPDATE').catch(() => {})
        await release(session)
        await sleep(50)
      }
      return times > 0
    },
    {
      meets: (cell) => onServers(cell) && cell.shape === 'plain' && cell.mode !== 'insert',
      repeats: null,
    },
  ),
]

async function loop(over: () => boolean, most: number, once: () => Promise<number>): Promise<boolean> {
  let times = 0
  while (!over() && times < most) times += await once()
  return times > 0
}

export const storms: Fault[] = (['QUERY', 'CONNECTION'] as const).map((what) =>
  during(
    'KILL in a loop',
    `KILL ${what}`,
    (scene, over) => loop(over, what === 'QUERY' ? 12 : 8, () => scene.home.kill(what)),
    { meets: onServers, repeats: null },
  ),
)

type Sql = string | Partial<Record<Backend['type'], string>>

function sqlFor({ cell: { on } }: Scene, sql: Sql): string {
  return typeof sql === 'string' ? sql : sql[on.type]!
}

function ddl(name: string, sql: Sql, undo: Sql, more: Partial<Fault> = {}): Fault {
  const undone = (scene: Scene) => scene.home.run(sqlFor(scene, undo)).catch(() => {})
  return meanwhile(
    'DDL during the copy',
    name,
    'split-read',
    'middle',
    async (scene) => {
      // It may have to wait for a split that is being written.
      const altered = scene.home.run(sqlFor(scene, sql)).then(
        () => true,
        () => false,
      )
      await Promise.race([altered, sleep(300)])
      return () => altered
    },
    {
      meets: (cell, passes) =>
        onServers(cell) &&
        cell.shape === 'plain' &&
        cell.mode !== 'sync' &&
        (passes.get('split-read') ?? 0) > 2,
      remedy: undone,
      after: undone,
      repeats: null,
      ...more,
    },
  )
}

export const changes: Fault[] = [
  ddl(
    'a column is added to the target',
    'ALTER TABLE dst ADD COLUMN w INT NULL',
    'ALTER TABLE dst DROP COLUMN w',
  ),
  ddl('an index is added to the source', 'CREATE INDEX more ON src (v)', {
    mysql: 'DROP INDEX more ON src',
    postgres: 'DROP INDEX more',
  }),
  ddl(
    'a column is added to the source',
    {
      mysql: 'ALTER TABLE src ADD COLUMN w INT NULL FIRST',
      postgres: 'ALTER TABLE src ADD COLUMN w INT NULL',
    },
    'ALTER TABLE src DROP COLUMN w',
  ),
  meanwhile(
    'DDL during the copy',
    'a column of the target gets too narrow',
    'split-read',
    'first',
    (scene) => narrowed(scene, 65),
    {
      meets: ({ on, mode, shape, threads }, passes) =>
        on.server !== null &&
        shape === 'plain' &&
        threads === 1 &&
        ['insert', 'append'].includes(mode) &&
        passes.has('split-read'),
      remedy: (scene) => narrowed(scene, 200),
      repeats: null,
    },
  ),
  meanwhile(
    'rows of others in the way',
    'a row with the new id of one that is to come',
    'split-read',
    'middle',
    (scene) => scene.home.run("INSERT INTO dst VALUES (1100, 1, 'in the way', 0)"),
    {
      meets: ({ on, mode, shape, threads }) =>
        on.server !== null && mode === 'insert' && shape === 'ids' && threads === 1,
      remedy: (scene) => scene.home.run("DELETE FROM dst WHERE v = 'in the way'"),
    },
  ),
]

function narrowed(scene: Scene, length: number): Promise<void> {
  const how = { mysql: `MODIFY v VARCHAR(${length}) NOT NULL`, postgres: `ALTER v TYPE VARCHAR(${length})` }
  return scene.home.run(`ALTER TABLE dst ${sqlFor(scene, how)}`)
}
