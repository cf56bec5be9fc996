import type { Connection } from 'mysql2/promise'
import { createConnection } from 'mysql2/promise'
import { Proxy } from '../../test/support/proxy.js'
import { rowshift } from '../contenders.js'
import { nameOf, SETTINGS, withInstances } from '../instances.js'
import { Pair } from '../pair.js'
import type { Line, Question } from '../question.js'
import { list } from '../question.js'
import { alternately, figuresOf } from '../rounds.js'
import { median } from '../spread.js'

const GOAL = 1.2
const GOAL_MILLISECONDS = 10
const ROUND_TRIPS = 21

export const question: Question = {
  asks: 'What the way to the source costs: a copy through a proxy that holds back every packet',
  options: { server: 'mariadb,mysql', milliseconds: '0,1,10,50', rows: '500000', workers: '4', rounds: '3' },
  quick: { rows: '200000', rounds: '1' },
  answer: async (options) => {
    const [rows, workers] = [Number(options['rows']), Number(options['workers'])]
    const lines: Line[] = []
    const notes: string[] = []
    for (const kind of list(options['server']!)) {
      await withInstances(kind, 2, async ([source, target]) => {
        const pair = await Pair.prepare(source!, target!, { rows })
        const delays = list(options['milliseconds']!).map(Number)
        const trips = new Map<number, number>()
        const proxies = await Promise.all(
          delays.map((delay) =>
            // Each way takes half of it; timers take a millisecond at least.
            Proxy.to(source!.server, (link) => (link.delay = delay / 2)),
          ),
        )
        const contenders = Object.fromEntries(
          delays.map((delay, index) => {
            const url = proxies[index]!.url(`${source!.server.url}/`).replace(/\/$/, '')
            const run = rowshift(pair, { worker_num: workers }, { through: { url } })
            return [`${delay} ms`, run] as const
          }),
        )
        for (const [index, delay] of delays.entries())
          trips.set(delay, await roundTrip({ ...source!.server, port: proxies[index]!.port }))
        const samples = await alternately(Number(options['rounds']), contenders, notes)
        const base = samples.get(`${delays[0]} ms`)
        for (const [index, delay] of delays.entries()) {
          proxies[index]!.close()
          const own = samples.get(`${delay} ms`)
          if (!own) continue
          const figures: Line['figures'] = {
            'round trip, ms': trips.get(delay)!,
            ...figuresOf(own, rows, base),
          }
          lines.push({ labels: { server: nameOf(source!.server), latency: `${delay} ms` }, figures })
          if (delay === GOAL_MILLISECONDS && Number(figures['ratio']) > GOAL)
            notes.push(`${nameOf(source!.server)}: ${delay} ms cost more than the goal of ${GOAL}`)
        }
      })
    }
    return {
      settings: [SETTINGS, `${rows} rows, ${workers} threads, ${options['rounds']} rounds by turns`],
      lines,
      notes,
    }
  },
}

/** As it was found, of a `SELECT 1`. */
async function roundTrip(at: {
  host: string
  port: number
  user: string
  password: string
}): Promise<number> {
  const { port, user, password } = at
  const connection: Connection = await createConnection({ host: '127.0.0.1', port, user, password })
  const times: number[] = []
  for (let trip = 0; trip < ROUND_TRIPS; trip++) {
    const started = performance.now()
    await connection.query('SELECT 1')
    times.push(performance.now() - started)
  }
  connection.destroy()
  return median(times)
}
