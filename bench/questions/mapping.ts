import type { RowDataPacket } from 'mysql2/promise'
import { sampleOf } from '../contenders.js'
import { nameOf, serverCpu, SETTINGS, throughClient, withInstance } from '../instances.js'
import { Pair } from '../pair.js'
import type { Line, Question } from '../question.js'
import { list } from '../question.js'
import { alternately, figuresOf } from '../rounds.js'
import { copy } from '../run.js'

const MAPPED = {
  columns: [
    '*',
    { from: 'status', map: { 0: 1, 1: 0, 2: 12, 3: 13, 4: 14 } },
    { from: 'user_no', replace: { U: 'A' } },
    { from: 'modified', default: '1999-12-31 00:00:00' },
    { from: 'version', to: null },
    { to: 'version', value: 7 },
  ],
}
/** The same by the server: rows that are not what they should be. */
const WRONG = `SELECT COUNT(*) AS wrong FROM source s LEFT JOIN target t ON t.id = s.id
  WHERE NOT (t.status <=> CASE s.status WHEN 0 THEN 1 WHEN 1 THEN 0 ELSE s.status + 10 END AND t.version <=> 7
    AND t.user_no <=> REPLACE(s.user_no, 'U', 'A') AND t.modified <=> COALESCE(s.modified, '1999-12-31 00:00:00')
    AND t.note <=> s.note AND t.title <=> s.title AND t.amount <=> s.amount)`

export const question: Question = {
  asks: 'What declarative mapping costs: a copy as it is, and one with values that the source computes (a map, constants, a default, a replacement); goal 1.1',
  options: { server: 'mariadb,mysql', rows: '1000000', workers: '2', rounds: '5' },
  quick: { server: 'mariadb', rows: '300000', rounds: '1' },
  answer: async (options) => {
    const rows = Number(options['rows'])
    const lines: Line[] = []
    const notes: string[] = []
    for (const kind of list(options['server']!)) {
      await withInstance(kind, async (one) => {
        const pair = await Pair.prepare(one, one, { rows })
        const params = { worker_num: Number(options['workers']), ...throughClient(one.server) }
        const run = (more: object, check: () => Promise<void>) => async () => {
          await pair.empty()
          const copied = () => copy(one.server, { ...params, ...more })
          const { result, serverSeconds } = await serverCpu([one.server], copied)
          await check()
          return { ...sampleOf(result), serverSeconds }
        }
        const checkMapped = async () => {
          const [[found]] = await one.connection.query<RowDataPacket[]>(WRONG)
          if (found!['wrong'] !== 0)
            throw new Error(`${found!['wrong']} rows are not mapped as they should be`)
        }
        const contenders = { plain: run({}, () => pair.check('plain')), mapped: run(MAPPED, checkMapped) }
        const samples = await alternately(Number(options['rounds']), contenders, notes)
        for (const [name, own] of samples)
          lines.push({
            labels: { server: nameOf(one.server), copy: name },
            figures: figuresOf(own, rows, samples.get('plain')),
          })
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
