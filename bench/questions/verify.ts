import { rowshift, sampleOf } from '../contenders.js'
import { nameOf, serverCpu, SETTINGS, withInstances } from '../instances.js'
import { Pair } from '../pair.js'
import type { Line, Question } from '../question.js'
import { list } from '../question.js'
import type { Sample } from '../rounds.js'
import { figuresOf } from '../rounds.js'
import { verify } from '../run.js'

export const question: Question = {
  asks: 'What a comparison of equal tables takes beside the copy of them',
  options: { server: 'mariadb,mysql', rows: '2000000', workers: '2', rounds: '3' },
  quick: { rows: '400000', rounds: '1' },
  answer: async (options) => {
    const [rows, workers] = [Number(options['rows']), Number(options['workers'])]
    const lines: Line[] = []
    for (const kind of list(options['server']!)) {
      await withInstances(kind, 2, async ([source, target]) => {
        const pair = await Pair.prepare(source!, target!, { rows })
        const servers = [source!.server, target!.server]
        const copied: Sample[] = []
        const compared: Sample[] = []
        const copying = rowshift(pair, { worker_num: workers })
        for (let round = 0; round < Number(options['rounds']); round++) {
          copied.push(await copying())
          const run = () => verify(servers[0]!, { worker_num: workers }, servers[1])
          const { result, serverSeconds } = await serverCpu(servers, run)
          if (result.report.rowsRead !== rows)
            throw new Error(`verify compared ${result.report.rowsRead} rows instead of ${rows}`)
          compared.push({ ...sampleOf(result), serverSeconds })
        }
        const server = nameOf(source!.server)
        lines.push({ labels: { server, run: 'copy' }, figures: figuresOf(copied, rows) })
        lines.push({ labels: { server, run: 'verify' }, figures: figuresOf(compared, rows, copied) })
      })
    }
    return {
      settings: [SETTINGS, `${rows} rows, ${workers} threads, ${options['rounds']} rounds by turns`],
      lines,
    }
  },
}
