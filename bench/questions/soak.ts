import { copyByEngine } from '../../test/support/engine.js'
import { nameOf, withInstance } from '../instances.js'
import type { Line, Question } from '../question.js'
import { list } from '../question.js'

const LARGE_BYTES = (64 << 20) - 1024
const GOAL_MEGABYTES = 300
const LOOK_MS = 500
const ARGUMENTS = [
  '--max-allowed-packet=256M',
  '--innodb-log-file-size=1G',
  '--local-infile=ON',
  '--skip-log-bin',
]

export const question: Question = {
  asks: 'Whether memory grows while one process copies a table again and again in which rows of 64 MiB stand among small ones',
  options: { server: 'mariadb', minutes: '30', workers: '4', rows: '100000', large: '4' },
  quick: null,
  answer: async (options) => {
    const [rows, large] = [Number(options['rows']), Number(options['large'])]
    const lines: Line[] = []
    for (const kind of list(options['server']!)) {
      await withInstance(
        kind,
        async ({ server, connection }) => {
          await connection.query(
            'CREATE TABLE source (id INT PRIMARY KEY AUTO_INCREMENT, v LONGBLOB NOT NULL)',
          )
          await connection.query("INSERT INTO source (v) VALUES (REPEAT('x', 200))")
          for (let there = 1; there < rows; there *= 2)
            await connection.query(
              `INSERT INTO source (v) SELECT v FROM source LIMIT ${Math.min(there, rows - there)}`,
            )
          const every = Math.floor(rows / large)
          for (let i = 0; i < large; i++)
            await connection.query(
              `UPDATE source SET v = REPEAT('y', ${LARGE_BYTES}) WHERE id > ${i * every} ORDER BY id LIMIT 1`,
            )
          await connection.query('ANALYZE TABLE source')
          await connection.query('CREATE TABLE target LIKE source')

          const looks: number[] = []
          const timer = setInterval(() => looks.push(process.memoryUsage.rss() / 2 ** 20), LOOK_MS)
          const end = performance.now() + Number(options['minutes']) * 60_000
          let copies = 0
          for (; performance.now() < end || copies < 4; copies++) {
            await connection.query('TRUNCATE TABLE target')
            const url = (table: string) => `${server.url}/bench?table=${table}`
            const params = { worker_num: Number(options['workers']) }
            const { error } = await copyByEngine(url('source'), url('target'), params)
            if (error !== null) throw new Error(error.message)
          }
          clearInterval(timer)
          const quarter = (i: number) =>
            Math.max(...looks.slice((looks.length * i) >> 2, (looks.length * (i + 1)) >> 2))
          const quarters = [0, 1, 2, 3].map((i) => [`peak in quarter ${i + 1}, MB`, quarter(i)] as const)
          lines.push({
            labels: { server: nameOf(server) },
            figures: { copies: String(copies), ...Object.fromEntries(quarters) },
          })
        },
        ARGUMENTS,
      )
    }
    return {
      settings: [
        `${rows} rows, ${large} of them of 64 MiB, ${options['workers']} threads; goal: ${GOAL_MEGABYTES} MB`,
      ],
      lines,
    }
  },
}
