// The faults of the suite. To add one, add a line.
import type { Failpoint } from '../../src/failpoint.js'
import type { Fault, Hit } from './fault.js'
import { at, contested, killedTakeover, meanwhile, onServers, takeover } from './fault.js'
import { cuts } from './links.js'
import { changes, deadlocks, locks, storms } from './others.js'
import { restarts, storeRestarts, suspensions, timeouts } from './outages.js'
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
/** Where a run is when its task store is killed. */
const inStore = [
  ['history-begun', 'first'],
  ['split-written', 'middle'],
  ['store-writing', 'middle'],
  ['finished', 'first'],
  ['watermarks-saving', 'first'],
  ['watermarks-saved', 'first'],
  ['history-ended', 'first'],
] as const satisfies readonly (readonly [Failpoint, Hit])[]
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

export function faultsOf(random: (below: number) => number): Fault[] {
  return [
    ...names.flatMap((name) =>
      hits(name).map((hit) => at('kill -9 of the tool', 'kill', name, hit, repeats(name))),
    ),
    ...[...inSplit, ...resumed].map((name) =>
      at('kill -9, and again while it is resumed', 'kill', 'split-committed', 'middle', {
        later: [`${name}:1:kill`],
        meets: (cell, passes) =>
          !isTask(cell.mode) &&
          (passes.get('split-committed') ?? 0) > 2 &&
          (points[name] === 'resumed' || passes.has(name)),
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
        async (scene) => void (await scene.home.kill('CONNECTION')),
        { meets: (cell, passes) => onServers(cell) && (passes.get(name) ?? 0) > 2, repeats: null },
      ),
    ),
    ...cuts('cut', random),
    ...cuts('silence', random),
    ...locks(outsideCommit),
    ...deadlocks,
    ...storms,
    ...changes,
    ...[0, 0.3, 0.7, 0.99].map((part) => truncatedStore(part)),
    ...[0, 1, 12, 24, 48, 64].map((blocks) => fullStore(blocks)),
    ...restarts(inSplit),
    ...suspensions(inSplit),
    ...storeRestarts(inStore),
    ...timeouts(['split-read', 'split-handed', 'split-written']),
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
