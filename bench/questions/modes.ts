import { sampleOf } from '../contenders.js'
import { nameOf, serverCpu, SETTINGS, withInstances } from '../instances.js'
import { Pair } from '../pair.js'
import type { Line, Question } from '../question.js'
import { list } from '../question.js'
import type { Sample } from '../rounds.js'
import { figuresOf } from '../rounds.js'
import { copy } from '../run.js'

/** Rows that `append` finds: a twentieth of the table. */
const NEW = 20

export const question: Question = {
  asks: 'What the other ways to write take: an upsert of rows that are all there, an append, and an increment that finds nothing new',
  options: { server: 'mariadb,mysql', rows: '1000000', workers: '2', rounds: '3' },
  quick: { rows: '300000', rounds: '1' },
  answer: async (options) => {
    const [rows, workers] = [Number(options['rows']), Number(options['workers'])]
    const lines: Line[] = []
    for (const kind of list(options['server']!)) {
      await withInstances(kind, 2, async ([source, target]) => {
        const pair = await Pair.prepare(source!, target!, { rows })
        const samples = new Map<string, Sample[]>()
        const run = async (
          name: string,
          params: object,
          more: readonly string[],
          wrote: (n: number) => boolean,
        ) => {
          const from = source!.server
          const copied = () => copy(from, { worker_num: workers, ...params }, target!.server, more)
          const { result, serverSeconds } = await serverCpu([from, target!.server], copied)
          if (!wrote(result.report.rowsWritten))
            throw new Error(`${name} wrote ${result.report.rowsWritten} rows`)
          await pair.check(name)
          samples.set(name, [...(samples.get(name) ?? []), { ...sampleOf(result), serverSeconds }])
        }
        for (let round = 0; round < Number(options['rounds']); round++) {
          await pair.empty()
          await run('init', {}, [], (wrote) => wrote === rows)
          await run('upsert of rows that are all the same', { write_mode: 'upsert' }, [], () => true)
          await target!.connection.query(`DELETE FROM target WHERE id > ${rows - rows / NEW}`)
          await run(
            'append of a twentieth',
            { mode: 'append' },
            ['--from-target'],
            (wrote) => wrote === rows / NEW,
          )
          await run(
            'append that finds nothing new',
            { mode: 'append' },
            ['--from-target'],
            (wrote) => wrote === 0,
          )
          await run(
            'increment that finds nothing new',
            { mode: 'increment', diff_column: 'created' },
            ['--from-target'],
            () => true,
          )
        }
        for (const [name, own] of samples)
          lines.push({
            labels: { server: nameOf(source!.server), mode: name },
            figures: figuresOf(own, rows),
          })
      })
    }
    return {
      settings: [
        SETTINGS,
        `${rows} rows, ${workers} threads, ${options['rounds']} rounds; goal of a run that finds nothing new: 0.4 s`,
      ],
      lines,
    }
  },
}
