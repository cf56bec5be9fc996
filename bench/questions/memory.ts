import { rowshift } from '../contenders.js'
import { nameOf, SETTINGS, withInstances } from '../instances.js'
import { Pair } from '../pair.js'
import type { Line, Question } from '../question.js'
import { list } from '../question.js'
import { figuresOf } from '../rounds.js'

const GOAL_MEGABYTES = 220

export const question: Question = {
  asks: 'Whether memory grows with the table',
  options: { server: 'mariadb,mysql', rows: '1000000,4000000,10000000', workers: '4' },
  quick: { server: 'mariadb', rows: '100000,1000000' },
  answer: async (options) => {
    const lines: Line[] = []
    const notes: string[] = []
    for (const kind of list(options['server']!)) {
      await withInstances(kind, 2, async ([source, target]) => {
        for (const rows of list(options['rows']!).map(Number)) {
          const pair = await Pair.prepare(source!, target!, { rows })
          const sample = await rowshift(pair, { worker_num: Number(options['workers']) })()
          const labels = { server: nameOf(source!.server), rows: String(rows) }
          if ((sample.peakMegabytes ?? 0) > GOAL_MEGABYTES)
            notes.push(`${labels.server}, ${rows} rows: more than the goal of ${GOAL_MEGABYTES} MB`)
          lines.push({ labels, figures: figuresOf([sample], rows) })
        }
      })
    }
    return { settings: [SETTINGS, `${options['workers']} threads, one run each`], lines, notes }
  },
}
