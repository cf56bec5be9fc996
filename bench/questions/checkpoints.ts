import { nameOf, SETTINGS, throughClient, withInstance } from '../instances.js'
import { Pair } from '../pair.js'
import type { Line, Question } from '../question.js'
import { list } from '../question.js'
import { alternately, figuresOf } from '../rounds.js'
import { sampleOf } from '../contenders.js'
import { copy } from '../run.js'
import { median } from '../spread.js'

const USER = { user: 'unmarked', password: 'Unmarked-1' }
const GOAL_PERCENT = 2

export const question: Question = {
  asks: 'What checkpoints cost: copies with them, and by a user who may not make their table, so that the run goes on without',
  options: { server: 'mariadb,mysql', rows: '2000000', workers: '4', rounds: '7' },
  quick: null,
  answer: async (options) => {
    const rows = Number(options['rows'])
    const lines: Line[] = []
    const notes: string[] = []
    for (const kind of list(options['server']!)) {
      await withInstance(kind, async (one) => {
        const pair = await Pair.prepare(one, one, { rows })
        const { server, connection } = one
        const params = { worker_num: Number(options['workers']), ...throughClient(server) }
        const { user, password } = USER
        await connection.query(`CREATE USER ${user} IDENTIFIED BY '${password}'`)
        await connection.query(`GRANT SELECT ON bench.source TO ${user}`)
        await connection.query(`GRANT SELECT, INSERT ON bench.target TO ${user}`)
        const unmarked = { url: `mysql://${user}:${password}@${server.host}:${server.port}` }
        const run = (by: { url: string }, without: boolean) => async () => {
          await pair.empty()
          await connection.query('DROP TABLE IF EXISTS rowshift_checkpoint')
          const measured = await copy(by, params)
          const { rowsWritten, warnings } = measured.report
          const lacks = warnings.some((warning) => warning.includes('no checkpoints'))
          if (rowsWritten !== rows || lacks !== without)
            throw new Error(`a copy of ${rowsWritten} rows, checkpoints: ${!lacks}`)
          await pair.check(without ? 'without checkpoints' : 'with checkpoints')
          return sampleOf(measured)
        }
        const contenders = { 'with checkpoints': run(server, false), 'without them': run(unmarked, true) }
        const samples = await alternately(Number(options['rounds']), contenders, notes)
        const without = samples.get('without them') ?? []
        for (const [name, own] of samples)
          lines.push({
            labels: { server: nameOf(server), copy: name },
            figures: figuresOf(own, rows, without),
          })
        const [marked, plain] = [...samples.values()].map((own) => median(own.map(({ seconds }) => seconds)))
        if (marked !== undefined && plain !== undefined)
          notes.push(
            `${nameOf(server)}: ${((marked / plain - 1) * 100).toFixed(1)} % (goal: at most ${GOAL_PERCENT})`,
          )
      })
    }
    return {
      settings: [
        SETTINGS,
        `${rows} rows, ${options['workers']} threads, ${options['rounds']} rounds by turns`,
      ],
      lines,
      notes,
    }
  },
}
