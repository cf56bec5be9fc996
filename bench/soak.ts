/**
 * One process copies a table again and again, in which rows of 64 MiB stand among small ones. Its memory is looked at twice a second: it
 * must not grow from one quarter of the time to the next.
 *
 *     npm run bench -- soak [--server mysql|mariadb] [--minutes 30] [--workers 4] [--rows 100000] [--large 4]
 */
import { parseArgs } from 'node:util'
import type { ServerKind } from '../test/support/servers.js'
import { startServer } from '../test/support/servers.js'
import { copyByEngine } from '../test/support/engine.js'
import { connect } from './run.js'

const LARGE_BYTES = (64 << 20) - 1024
const GOAL_MEGABYTES = 300
const LOOK_MS = 500

const { values: options } = parseArgs({
  options: {
    server: { type: 'string', multiple: true, default: ['mariadb'] },
    minutes: { type: 'string', default: '30' },
    workers: { type: 'string', default: '4' },
    rows: { type: 'string', default: '100000' },
    large: { type: 'string', default: '4' },
  },
})

for (const kind of options.server) await soak(kind as ServerKind)

async function soak(kind: ServerKind): Promise<void> {
  const server = await startServer(kind, {
    serverArgs: [
      '--max-allowed-packet=256M',
      '--innodb-log-file-size=1G',
      '--local-infile=ON',
      '--skip-log-bin',
    ],
  })
  const connection = await connect(server)
  const [rows, large] = [Number(options.rows), Number(options.large)]
  try {
    await connection.query('CREATE DATABASE bench')
    await connection.query('USE bench')
    await connection.query('CREATE TABLE source (id INT PRIMARY KEY AUTO_INCREMENT, v LONGBLOB NOT NULL)')
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
    const end = performance.now() + Number(options.minutes) * 60_000
    let copies = 0
    for (; performance.now() < end || copies < 4; copies++) {
      await connection.query('TRUNCATE TABLE target')
      const url = (table: string) => `${server.url}/bench?table=${table}`
      const params = { worker_num: Number(options.workers) }
      const { error } = await copyByEngine(url('source'), url('target'), params)
      if (error !== null) throw new Error(error.message)
    }
    clearInterval(timer)
    const quarters = [0, 1, 2, 3].map((i) =>
      Math.max(...looks.slice((looks.length * i) >> 2, (looks.length * (i + 1)) >> 2)),
    )
    console.log(
      `${kind} ${server.version}, ${rows} rows, ${large} of them of 64 MiB, ${options.workers} threads: ${copies} copies, ` +
        `peak RSS by quarters ${quarters.map((peak) => peak.toFixed(0)).join(', ')} MB (goal: at most ${GOAL_MEGABYTES})`,
    )
  } finally {
    await connection.end()
    await server.stop()
  }
}
