// All cases of the suite: every fault in every kind of run that it can happen to, and a choice of them.
import { startServer } from '../support/servers.js'
import type { Backend, Kind } from './backend.js'
import { KINDS } from './backend.js'
import { faultsOf } from './faults.js'
import { groupedBy } from './grouped.js'
import type { Passes } from './fault.js'
import { inFiles } from './file-backend.js'
import { StoreServer } from './other-store.js'
import type { Case, Result, Rig } from './play.js'
import { passesOf, play, titleOf } from './play.js'
import type { Cell } from './scene.js'
import { onServer } from './server-backend.js'
import { MODES, SHAPES } from './tables.js'

/** A choice takes so many of a group for one of each other. */
const WEIGHTS: Readonly<Record<string, number>> = {
  'kill -9 of the tool': 8,
  'unexpected fault in the tool': 3,
  'kill -9, and again while it is resumed': 2,
  'split fails, to be tried again': 2,
}

export type Random = (below: number) => number

/** mulberry32: the seed alone decides. */
export function randomOf(seed: number): Random {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

const MYSQL_ARGS = ['--innodb-flush-log-at-trx-commit=2', '--skip-log-bin']
const SERVER_ARGS = { mariadb: MYSQL_ARGS, mysql: MYSQL_ARGS, postgres: ['-c', 'max_connections=50'] }

/** One of each kind, which nobody else uses unless they are `given`. Only the machine may not fail here, so nothing need wait for its disk. */
export async function startBackends({
  given = false,
  kinds = KINDS,
}: { given?: boolean; kinds?: readonly Kind[] } = {}): Promise<Backend[]> {
  const stores = new StoreServer()
  const otherStore = () => stores.take()
  const starting = kinds.map(async (kind) => {
    if (kind === 'sqlite') return { ...inFiles(otherStore), stop: () => stores.stop() }
    return onServer(await startServer(kind, { serverArgs: given ? [] : SERVER_ARGS[kind] }), otherStore)
  })
  return Promise.all(starting)
}

export function cellsOn(backends: readonly Backend[]): Cell[] {
  return backends.flatMap((on) =>
    MODES.flatMap((mode) =>
      ([1, 4] as const).flatMap((threads): Cell[] => [
        ...SHAPES.map((shape) => ({ on, mode, shape, threads })),
        ...(on.server !== null && mode !== 'sync'
          ? [{ on, mode, shape: 'plain' as const, threads, inServer: true as const }]
          : []),
      ]),
    ),
  )
}

/** One of each mode and shape on MariaDB or MySQL, with either number of threads as often; and of the other databases one of each mode. Rows that stay in the server have cases of their own. */
export function someCells(cells: readonly Cell[]): Cell[] {
  return cells.filter(({ on, mode, shape, threads, inServer }) => {
    const [kind, ofMode, ofShape] = [KINDS.indexOf(on.kind), MODES.indexOf(mode), SHAPES.indexOf(shape)]
    const turn = (kind % 2) * 2 + (threads === 4 ? 1 : 0)
    if (inServer) return false
    if (on.type === 'mysql') return (ofMode * SHAPES.length + ofShape) % 4 === turn
    return ofShape === (ofMode + kind) % SHAPES.length && (ofMode + kind) % 2 === turn % 2
  })
}

/** What runs pass to which nothing happens: found out once for each cell. */
export class Baselines {
  readonly #rig: Omit<Rig, 'lane'>
  readonly #known = new Map<Cell, Passes>()

  constructor(rig: Omit<Rig, 'lane'>) {
    this.#rig = rig
  }

  async find(cells: readonly Cell[]): Promise<void> {
    const work = async (cell: Cell, lane: string) => {
      if (!this.#known.has(cell)) this.#known.set(cell, await passesOf(cell, { ...this.#rig, lane }))
    }
    await onEachBackend(cells, ({ on }) => on, work, { lanes: 2 })
  }

  of(cell: Cell): Passes {
    return this.#known.get(cell)!
  }
}

export function casesOf(cells: readonly Cell[], baselines: Baselines, random: Random): Case[] {
  const faults = faultsOf(random)
  return cells.flatMap((cell) =>
    faults.filter((fault) => fault.meets(cell, baselines.of(cell))).map((fault) => ({ fault, cell })),
  )
}

/** So many of them: of all groups in turn, of faults and cells that are not alike. */
export function choose(all: readonly Case[], most: number, random: Random): Case[] {
  const groups = groupedBy(shuffled(all, random), ({ fault }) => fault.group)
  const chosen: Case[] = []
  const used = new Map<string | Cell, number>()
  const cost = ({ fault, cell }: Case) => 8 * (used.get(keyOf(fault)) ?? 0) + (used.get(cell) ?? 0)
  while (chosen.length < most && groups.size > 0) {
    for (const [group, left] of groups) {
      for (let turns = WEIGHTS[group] ?? 1; turns > 0 && left.length > 0; turns--) {
        const best = left.reduce((a, b) => (cost(b) < cost(a) ? b : a))
        left.splice(left.indexOf(best), 1)
        for (const key of [keyOf(best.fault), best.cell]) used.set(key, (used.get(key) ?? 0) + 1)
        chosen.push(best)
      }
      if (left.length === 0) groups.delete(group)
    }
  }
  return chosen.slice(0, most)
}

export interface PlayOptions {
  /** Cases that are played on each server at a time (1). */
  readonly lanes?: number
  /** When it is aborted, no other case begins. */
  readonly signal?: AbortSignal
  readonly onResult?: (result: Result) => void
}

export async function playAll(
  cases: readonly Case[],
  baselines: Baselines,
  program: string,
  { lanes = 1, signal, onResult = () => {} }: PlayOptions = {},
): Promise<Result[]> {
  const results: Result[] = []
  const work = async (one: Case, lane: string) => {
    if (signal?.aborted) return
    const result = await play(one, baselines.of(one.cell), { program, lane })
    results.push(result)
    onResult(result)
  }
  await onEachBackend(cases, ({ cell }) => cell.on, work, {
    lanes,
    alone: ({ fault }) => lanes > 1 && fault.ownServer === true,
  })
  return results
}

/** In words, with what to run to see it again; null: nothing is wrong. */
export function complaintOf(result: Result): string | null {
  const { fault, problems, missed } = result
  if (problems.length === 0 && (!missed || fault.chance)) return null
  const what = [...(missed ? ['the fault did not happen'] : []), ...problems].join('\n    ')
  return `${titleOf(result)}\n    ${what}`
}

/** One lane, or several, for each: what needs a server for itself comes last. */
async function onEachBackend<T>(
  items: readonly T[],
  backendOf: (item: T) => Backend,
  work: (item: T, lane: string) => Promise<void>,
  { lanes = 1, alone = () => false }: { lanes?: number; alone?: (item: T) => boolean } = {},
): Promise<void> {
  await Promise.all(
    [...groupedBy(items, backendOf)].map(async ([{ kind }, own]) => {
      const together = own.filter((item) => !alone(item)).values()
      await Promise.all(
        Array.from({ length: lanes }, async (_, lane) => {
          for (const item of together) await work(item, `${kind}${lane}`)
        }),
      )
      for (const item of own.filter(alone)) await work(item, `${kind}0`)
    }),
  )
}

function keyOf({ group, key }: Case['fault']): string {
  return `${group} ${key}`
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const all = [...items]
  for (let i = all.length - 1; i > 0; i--) {
    const j = random(i + 1)
    ;[all[i], all[j]] = [all[j]!, all[i]!]
  }
  return all
}
