import { nameOf, SETTINGS, throughClient, withInstances } from '../instances.js'
import { Pair } from '../pair.js'
import type { Line, Question } from '../question.js'
import { list } from '../question.js'
import type { Measured } from '../run.js'
import { copy } from '../run.js'

export const question: Question = {
  asks: 'What a split costs the client beside its rows: the same rows in few splits and in many',
  options: { server: 'mariadb,mysql', rows: '100000', splits: '20,2000', workers: '2', rounds: '5' },
  quick: { rounds: '3', rows: '50000', splits: '10,1000' },
  answer: async (options) => {
    const [rows, workers] = [Number(options['rows']), Number(options['workers'])]
    const counts = list(options['splits']!).map(Number)
    const lines: Line[] = []
    for (const kind of list(options['server']!)) {
      await withInstances(kind, 1, async ([one]) => {
        const pair = await Pair.prepare(one!, one!, { rows })
        const runs = new Map<number, Measured[]>(counts.map((count) => [count, []]))
        for (let round = 0; round < Number(options['rounds']); round++) {
          for (const count of counts) {
            await pair.empty()
            const params = { worker_num: workers, read_batch: Math.ceil(rows / count) }
            runs.get(count)!.push(await copy(one!.server, { ...params, ...throughClient(one!.server) }))
            await pair.check(`${count} splits`)
          }
        }
        const [few] = counts
        for (const [count, own] of runs) {
          const more = (of: (run: Measured) => number) =>
            own.map((run, round) => ((of(run) - of(runs.get(few!)![round]!)) * 1000) / (count - few!))
          lines.push({
            labels: { server: nameOf(one!.server), splits: String(own[0]!.report.splits) },
            figures: {
              seconds: own.map(({ seconds }) => seconds),
              'client CPU, s': own.map(({ cpuSeconds }) => cpuSeconds),
              'coordinator CPU, s': own.map(({ mainSeconds }) => mainSeconds ?? 0),
              ...(count !== few && {
                'client CPU per further split, ms': more(({ cpuSeconds }) => cpuSeconds),
                'coordinator CPU per further split, ms': more(({ mainSeconds }) => mainSeconds ?? 0),
              }),
            },
          })
        }
      })
    }
    return {
      settings: [SETTINGS, `${rows} rows, ${workers} threads, ${options['rounds']} rounds by turns`],
      lines,
    }
  },
}
