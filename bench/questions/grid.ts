import { rowshift } from '../contenders.js'
import { nameOf, SETTINGS, withInstances } from '../instances.js'
import type { Instance } from '../instances.js'
import { Pair } from '../pair.js'
import type { Line, Options, Question } from '../question.js'
import { list } from '../question.js'
import type { Sample } from '../rounds.js'
import { alternately, figuresOf } from '../rounds.js'
import { median } from '../spread.js'
import { shapeOf } from '../tables.js'

const AUTOMATIC = 'without params'
/** A goal of the project. */
const MOST_TIMES_THE_BEST = 1.1
/** Of each grid, those that were fastest once are measured again: one round tells little of cells that lie so close. */
const FINALISTS = 3

export const question: Question = {
  asks: 'What a copy chooses without params, beside the best of a grid of threads, sizes of splits and write paths',
  options: {
    server: 'mariadb,mysql',
    servers: 'two',
    table: 'ten,narrow,wide,blob',
    path: 'load-data,insert,bulk,in-server',
    workers: '1,2,4,8',
    split: '5000,80000',
    rows: '400000',
    rounds: '5',
  },
  quick: { rows: '200000', rounds: '3', workers: '1,2,4' },
  answer: async (options) => {
    const notes: string[] = []
    const lines: Line[] = []
    for (const kind of list(options['server']!)) {
      await withInstances(kind, options['servers'] === 'two' ? 2 : 1, async (instances) => {
        for (const table of list(options['table']!))
          lines.push(...(await linesOf({ kind, table }, instances, options, notes)))
      })
    }
    return {
      settings: [
        SETTINGS,
        `${options['rows']} rows of table "ten" and as much data of the others, indexes in place`,
        `the whole grid once, then its best ${FINALISTS} cells and the automatic copy for ${options['rounds']} rounds by turns, median (min–max)`,
      ],
      lines,
      notes: [...new Set(notes)],
    }
  },
}

async function linesOf(
  { kind, table }: { readonly kind: string; readonly table: string },
  instances: readonly Instance[],
  options: Options,
  notes: string[],
): Promise<Line[]> {
  const shape = shapeOf(table)
  const rows = Math.round(Number(options['rows']) * shape.share)
  const [source, target = source] = instances as [Instance, Instance?]
  const pair = await Pair.prepare(source, target, { rows, shape })
  process.stderr.write(`${kind}, ${table}, ${rows} rows\n`)
  // Ways to write that this server does not have are no news.
  const grid = await alternately(1, gridOf(pair, options), [])
  const seconds = (name: string) => grid.get(name)![0]!.seconds
  const best = [...grid.keys()].sort((a, b) => seconds(a) - seconds(b)).slice(0, FINALISTS)
  const contenders = Object.fromEntries(best.map((name) => [name, gridOf(pair, options)[name]!]))
  const samples = await alternately(
    Number(options['rounds']),
    { [AUTOMATIC]: rowshift(pair, {}), ...contenders },
    notes,
  )
  const middle = (own: readonly Sample[]) => median(own.map((sample) => sample.seconds))
  const fastest = [...samples.values()].toSorted((a, b) => middle(a) - middle(b))[0] ?? []
  const automatic = samples.get(AUTOMATIC)
  const ratio = automatic ? middle(automatic) / middle(fastest) : 0
  if (ratio > MOST_TIMES_THE_BEST)
    notes.push(
      `${nameOf(source.server)}, ${table}: without params ${ratio.toFixed(2)} times the best of the grid`,
    )
  return [...samples].map(([name, own]) => ({
    labels: {
      server: nameOf(source.server),
      table: `${table}, ${rows} rows`,
      contender: `${name} (${own[0]!.word})`,
    },
    figures: figuresOf(own, rows, fastest),
  }))
}

/** Each way to write with each number of threads, by splits as they are chosen; each number of threads with other splits. */
function gridOf(pair: Pair, options: Options): Record<string, () => Promise<Sample>> {
  const grid: Record<string, () => Promise<Sample>> = {}
  for (const workers of list(options['workers']!)) {
    const threads = { worker_num: Number(workers) }
    const name = workers === '1' ? '1 thread' : `${workers} threads`
    for (const path of list(options['path']!))
      grid[`${name}, ${path}`] = rowshift(pair, { ...threads, write_path: path })
    for (const split of list(options['split']!))
      grid[`${name}, splits of ${split} rows`] = rowshift(pair, { ...threads, read_batch: Number(split) })
  }
  return grid
}
