// The faults of the suite. To add one, add a line.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Failpoint } from '../../src/failpoint.js'
import type { Moment } from '../support/proxy.js'
import { until } from '../support/until.js'
import type { Fault, Hit } from './fault.js'
import {
  at,
  contested,
  during,
  hold,
  killedTakeover,
  killSessions,
  meanwhile,
  onLink,
  takeover,
} from './fault.js'
import type { End, Scene } from './scene.js'
import { fullStore, truncatedStore } from './stores.js'
import { isTask } from './tables.js'

/** Whether a run passes it once, or once for each split. */
const points = {
  planned: 'once',
  'indexes-dropped': 'once',
  prepared: 'once',
  'run-inserted': 'once',
  'run-begun': 'once',
  'run-merged': 'resumed',
  'run-claimed': 'resumed',
  'split-accepted': 'often',
  copied: 'once',
  'indexes-adding': 'once',
  'indexes-added': 'once',
  finishing: 'once',
  finished: 'once',
  'run-removed': 'once',
  'split-reading': 'often',
  'split-read': 'often',
  'split-begun': 'often',
  'split-handed': 'often',
  'split-written': 'often',
  'split-marked': 'often',
  'split-committing': 'often',
  'split-committed': 'often',
  'shard-stored': 'often',
  'ids-reserved': 'often',
  'id-map-kept': 'often',
  'rows-removed': 'often',
  'store-writing': 'often',
  'history-begun': 'once',
  'watermarks-saving': 'once',
  'watermarks-saved': 'once',
  'history-ended': 'once',
} as const satisfies Record<Failpoint, 'once' | 'often' | 'resumed'>

const names = Object.keys(points) as Failpoint[]
const often = names.filter((name) => points[name] === 'often')
const resumed = names.filter((name) => points[name] === 'resumed')
const inSplit = often.filter((name) => name.startsWith('split-'))
const inThread = often.filter((name) => name !== 'split-accepted' && name !== 'store-writing')
/** Where the row of the run is locked. */
const inCommit: readonly Failpoint[] = inSplit.filter(
  (name) => name === 'split-marked' || name === 'split-committing',
)
/** A thread stands still there with nothing of that. A split may be read, or accepted, while another one is committed. */
const outsideCommit: readonly Failpoint[] = [
  'split-begun',
  'split-handed',
  'split-written',
  'split-committed',
]
/** A connection that is lost later than that leaves a commit in doubt. */
const beforeCommit = inSplit.filter(
  (name) => !['split-committing', 'split-committed', 'split-accepted'].includes(name),
)
/** The run is over, but for what the task store is told: the next one reads its increment again. */
const AFTER_END: ReadonlySet<string> = new Set(['run-removed', 'watermarks-saving', 'store-writing'])

function hits(name: Failpoint): Hit[] {
  return points[name] === 'often' ? ['first', 'middle', 'last'] : ['first']
}

function repeats(name: Failpoint): Partial<Fault> {
  return AFTER_END.has(name) ? { repeats: null } : {}
}

const request = (text: string, bytes: number): Moment => ({ text, from: 'client', bytes })
const answer = (text: string, bytes: number): Moment => ({ text, from: 'server', bytes })
const exchange = (text: string, bytes: number): Moment => ({ text, from: 'both', bytes })

/** Where a connection may end, by phase; the bytes are those of a seed. */
function phases(random: (below: number) => number): [name: string, end: End, moment: number | Moment][] {
  return [
    ['in the handshake', 'target', random(120)],
    ['in the handshake', 'source', random(120)],
    ['in the query of a split', 'source', request('FROM `src`', random(150))],
    ['in the rows of a split', 'source', answer('FROM `src`', 200 + random(6000))],
    ['in the rows that are sent', 'target', exchange('INTO', 80 + random(6000))],
    ['in the answer to the rows', 'target', answer('row ', random(60))],
    ['before COMMIT arrives', 'target', request('COMMIT', random(10))],
    ['in the answer to COMMIT', 'target', answer('COMMIT', random(11))],
    ['in the handshake', 'store', random(120)],
    ['in the record of a run', 'store', request('INTO rowshift_run', random(200))],
    ['before COMMIT arrives', 'store', request('COMMIT', random(10))],
    ['in the answer to COMMIT', 'store', answer('COMMIT', random(11))],
    ['anywhere', 'store', random(8000)],
    ['anywhere', 'target', random(40_000)],
    ['anywhere', 'source', random(60_000)],
  ]
}

/** Of the coordinator and of threads. */
const links = [0, 1, 2]

export function cuts(kind: 'cut' | 'silence', random: (below: number) => number): Fault[] {
  const group = kind === 'cut' ? 'connection cut' : 'connection falls silent, half open'
  return links.flatMap((link) =>
    phases(random).map(([name, end, after]) => {
      const where = typeof after === 'number' ? `byte ${after}` : `byte ${after.bytes} of ${after.from}`
      return onLink(
        group,
        `${name}, ${where}`,
        end,
        link,
        { kind, after },
        {
          survives: false,
          repeats: null,
          chance: true,
          meets: (cell) => end !== 'store' || (link === 0 && isTask(cell.mode)),
        },
      )
    }),
  )
}

/** Each reads its split again. */
const RETRIES = 8

/** Waits for locks are a second long at most in these runs. */
const locks: Fault[] = outsideCommit.flatMap((name) => [
  meanwhile(
    'lock held by others',
    'row of the run locked, longer than a lock is waited for',
    name,
    'middle',
    (scene) => heldAWhile(scene, "SELECT * FROM rowshift_checkpoint WHERE split = '' FOR UPDATE"),
    {
      meets: (cell, passes) =>
        !isTask(cell.mode) && cell.shape === 'plain' && cell.threads === 1 && (passes.get(name) ?? 0) > 2,
      survives: true,
      repeats: RETRIES,
    },
  ),
])

async function heldAWhile(scene: Scene, sql: string): Promise<() => Promise<void>> {
  const release = await hold(scene, sql)
  return async () => {
    const waits = `SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'`
    await until('somebody to wait', async () => (await scene.value(waits)) !== '0', 5).catch(() => {})
    await sleep(1500)
    await release()
  }
}

async function loop(over: () => boolean, most: number, once: () => Promise<number>): Promise<boolean> {
  let times = 0
  while (!over() && times < most) times += await once()
  return times > 0
}

const storms: Fault[] = [
  during(
    'KILL in a loop',
    'KILL QUERY',
    (scene, over) => loop(over, 12, () => killSessions(scene, 'QUERY')),
    { repeats: null },
  ),
  during('KILL in a loop', 'KILL CONNECTION', (scene, over) => loop(over, 8, () => killSessions(scene)), {
    repeats: null,
  }),
]

const ddl: Fault[] = [
  [
    'a column is added to the target',
    'ALTER TABLE dst ADD COLUMN w INT NULL',
    'ALTER TABLE dst DROP COLUMN w',
  ],
  [
    'an index is added to the source',
    'ALTER TABLE src ADD INDEX more (v)',
    'ALTER TABLE src DROP INDEX more',
  ],
  [
    'a column is added to the source',
    'ALTER TABLE src ADD COLUMN w INT NULL FIRST',
    'ALTER TABLE src DROP COLUMN w',
  ],
].map(([name, sql, undo]) =>
  meanwhile(
    'DDL during the copy',
    name!,
    'split-read',
    'middle',
    async (scene) => {
      // It may have to wait for a split that is being written.
      const altered = scene.query(sql!).catch(() => {})
      await Promise.race([altered, sleep(300)])
      return () => altered.then(() => {})
    },
    {
      meets: (cell, passes) =>
        cell.shape === 'plain' && cell.mode !== 'sync' && (passes.get('split-read') ?? 0) > 2,
      remedy: async (scene) => void (await scene.query(undo!).catch(() => {})),
      after: async (scene) => void (await scene.query(undo!).catch(() => {})),
      repeats: null,
    },
  ),
)

const rows: Fault[] = [
  meanwhile(
    'rows of others in the way',
    'a row with the new id of one that is to come',
    'split-read',
    'middle',
    async (scene) => void (await scene.query("INSERT INTO dst VALUES (1100, 1, 'in the way', 0)")),
    {
      meets: (cell) => cell.mode === 'insert' && cell.shape === 'ids' && cell.threads === 1,
      remedy: async (scene) => void (await scene.query("DELETE FROM dst WHERE v = 'in the way'")),
    },
  ),
  meanwhile(
    'DDL during the copy',
    'a column of the target gets too narrow',
    'split-read',
    'first',
    async (scene) => void (await scene.query('ALTER TABLE dst MODIFY v VARCHAR(65) NOT NULL')),
    {
      meets: ({ mode, shape, threads }) =>
        shape === 'plain' && threads === 1 && ['insert', 'append'].includes(mode),
      remedy: async (scene) => void (await scene.query('ALTER TABLE dst MODIFY v VARCHAR(200) NOT NULL')),
      repeats: null,
    },
  ),
]

export function faultsOf(random: (below: number) => number): Fault[] {
  return [
    ...names.flatMap((name) =>
      hits(name).map((hit) => at('kill -9 of the tool', 'kill', name, hit, repeats(name))),
    ),
    ...[...inSplit, ...resumed].map((name) =>
      at('kill -9, and again while it is resumed', 'kill', 'split-committed', 'middle', {
        later: [`${name}:1:kill`],
        meets: (cell, passes) => !isTask(cell.mode) && (passes.get('split-committed') ?? 0) > 2,
      }),
    ),
    ...names
      .filter((name) => points[name] !== 'resumed')
      .map((name) => at('unexpected fault in the tool', 'throw', name, 'first', repeats(name))),
    ...beforeCommit.map((name) =>
      at('split fails, to be tried again', 'lose', name, 'middle', { survives: true }),
    ),
    ...inThread.map((name) =>
      at('worker thread dies', 'die', name, 'middle', {
        survives: true,
        meets: (cell, passes) => cell.mode !== 'sync' && (passes.get(name) ?? 0) > 2,
      }),
    ),
    ...inSplit.map((name) =>
      meanwhile(
        'connections killed',
        'connections killed',
        name,
        'middle',
        async (scene) => void (await killSessions(scene)),
        { repeats: null },
      ),
    ),
    ...cuts('cut', random),
    ...cuts('silence', random),
    ...locks,
    ...storms,
    ...ddl,
    ...rows,
    ...[0, 0.3, 0.7, 0.99].map((part) => truncatedStore(part)),
    ...[0, 1, 12, 24, 48, 64].map((blocks) => fullStore(blocks)),
    ...inSplit.map((name) =>
      meanwhile(
        'server killed -9 and started again',
        'server killed',
        name,
        'middle',
        (scene) => scene.cell.server.restart(),
        { ownServer: true, repeats: null },
      ),
    ),
    ...inSplit.map((name) =>
      meanwhile(
        'server suspended for a while',
        'server suspended',
        name,
        'middle',
        async ({ cell: { server } }) => {
          server.signal('SIGSTOP')
          return () => sleep(2000).then(() => server.signal('SIGCONT'))
        },
        { ownServer: true, survives: true },
      ),
    ),
    ...outsideCommit.map((name) => killedTakeover('tool suspended, run taken over', name, 'middle')),
    ...inCommit.map((name) => contested('tool suspended, run taken over', name, 'middle')),
    ...(['planned', 'run-begun', ...inSplit, 'copied', 'finished'] as const).flatMap((name) =>
      (inSplit.includes(name) && !outsideCommit.includes(name) ? [true] : [false, true]).map((cut) =>
        takeover('tool suspended, run taken over', name, points[name] === 'often' ? 'middle' : 'first', {
          cut,
          repeats: null,
        }),
      ),
    ),
  ]
}
