import { inServer, loop, NOT_EXACT, NOT_HERE, others, rowshift } from '../contenders.js'
import { nameOf, SETTINGS, withInstances } from '../instances.js'
import type { Instance } from '../instances.js'
import { Pair } from '../pair.js'
import type { Line, Options, Question } from '../question.js'
import { list } from '../question.js'
import type { Sample } from '../rounds.js'
import { alternately, figuresOf } from '../rounds.js'
import { shapeOf } from '../tables.js'

const FLOOR = 'in the server: INSERT … SELECT, two connections'

/** What a table is copied in, and by whom. */
interface Field {
  readonly kind: string
  readonly servers: string
  readonly table: string
  readonly indexes: string
}

export const question: Question = {
  asks: "A full copy into an empty table, beside the server's own INSERT … SELECT on the target's instance and other tools",
  options: {
    server: 'mariadb,mysql',
    servers: 'two,one',
    table: 'ten',
    indexes: 'with',
    path: 'auto',
    workers: '2,4',
    rows: '2000000',
    rounds: '5',
    created: 'yes',
    others: 'yes',
  },
  quick: { rows: '250000', rounds: '3' },
  answer: async (options) => {
    const notes: string[] = [NOT_HERE]
    const lines: Line[] = []
    for (const kind of list(options['server']!)) {
      for (const servers of list(options['servers']!)) {
        await withInstances(kind, servers === 'two' ? 2 : 1, async (instances) => {
          for (const table of list(options['table']!))
            for (const indexes of list(options['indexes']!))
              lines.push(...(await linesOf({ kind, servers, table, indexes }, instances, options, notes)))
        })
      }
    }
    const tables = list(options['table']!).map((table) => `table "${table}": ${shapeOf(table).describes}`)
    return {
      settings: [SETTINGS, ...tables, `${options['rounds']} rounds by turns, median (min–max)`],
      lines,
      notes: [...new Set(notes)],
    }
  },
}

async function linesOf(
  { kind, servers, table, indexes }: Field,
  instances: readonly Instance[],
  options: Options,
  notes: string[],
): Promise<Line[]> {
  const shape = shapeOf(table)
  const rows = Math.round(Number(options['rows']) * shape.share)
  const indexed = indexes === 'with'
  const [source, target = source] = instances as [Instance, Instance?]
  const pair = await Pair.prepare(source, target, { rows, shape, indexed })
  process.stderr.write(`${kind}, ${servers}, ${table}, ${rows} rows, indexes: ${indexes}\n`)
  const contenders: Record<string, () => Promise<Sample>> = { [FLOOR]: inServer(pair) }
  for (const path of list(options['path']!))
    for (const workers of list(options['workers']!))
      contenders[`rowshift, ${workers} threads${path === 'auto' ? '' : `, ${path}`}`] = rowshift(pair, {
        worker_num: Number(workers),
        write_path: path,
      })
  if (options['created'] === 'yes')
    for (const workers of list(options['workers']!))
      contenders[`rowshift, ${workers} threads, creates the table, indexes last`] = rowshift(
        pair,
        { worker_num: Number(workers), defer_indexes: true },
        { creates: true },
      )
  if (options['others'] === 'yes') {
    contenders['a loop of mysql2, 4 connections'] = loop(pair, 4)
    Object.assign(contenders, others(pair, notes))
  }
  const samples = await alternately(Number(options['rounds']), contenders, notes)
  return [...samples].map(([name, own]) => ({
    labels: {
      server: nameOf(source.server),
      instances: servers,
      table: `${table}, ${rows} rows, ${indexes === 'with' ? 'indexed' : 'no index'}`,
      contender: name.startsWith('rowshift') ? `${name} (${own[0]!.word})` : name,
    },
    figures: {
      ...figuresOf(own, rows, name === FLOOR ? [] : samples.get(FLOOR)),
      // A copy of rowshift that is not exact has failed and is not here.
      exact: own.some(({ word }) => word === NOT_EXACT) ? '**no**' : 'yes',
    },
  }))
}
