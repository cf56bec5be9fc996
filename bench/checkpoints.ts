/**
 * What checkpoints cost: copies with and without them, alternately in one go, and the ratio of the medians. Without: by a user who may not
 * make their table, so that the run goes on without them.
 *
 *     npm run bench -- checkpoints [--server mysql|mariadb] [--rows 2000000] [--workers 4] [--rounds 7]
 */
import { parseArgs } from 'node:util'
import type { ServerKind } from '../test/support/servers.js'
import { startServer } from '../test/support/servers.js'
import { connect, copy } from './run.js'
import { createTable, fill } from './table.js'

const BUFFER_POOL = '--innodb-buffer-pool-size=4G'
const USER = { user: 'unmarked', password: 'Unmarked-1' }

const { values: options } = parseArgs({
  options: {
    server: { type: 'string', multiple: true, default: ['mariadb', 'mysql'] },
    rows: { type: 'string', default: '2000000' },
    workers: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '7' },
  },
})

for (const kind of options.server) await measure(kind as ServerKind)

async function measure(kind: ServerKind): Promise<void> {
  const server = await startServer(kind, { serverArgs: [BUFFER_POOL] })
  const rows = Number(options.rows)
  const params = { worker_num: Number(options.workers) }
  const { user, password } = USER
  const unmarked = {
    ...server,
    user,
    password,
    url: `mysql://${user}:${password}@${server.host}:${server.port}`,
  }
  const seconds = { with: [] as number[], without: [] as number[] }
  const connection = await connect(server)
  try {
    await connection.query('CREATE DATABASE bench')
    await connection.query('USE bench')
    await connection.query(createTable('source'))
    for (const sql of fill('source', rows)) await connection.query(sql)
    await connection.query('CREATE TABLE target LIKE source')
    await connection.query(`CREATE USER ${user} IDENTIFIED BY '${password}'`)
    await connection.query(`GRANT SELECT ON bench.source TO ${user}`)
    await connection.query(`GRANT SELECT, INSERT ON bench.target TO ${user}`)
    for (let round = 0; round < Number(options.rounds); round++) {
      for (const which of round % 2 === 0 ? (['with', 'without'] as const) : (['without', 'with'] as const)) {
        await connection.query('TRUNCATE TABLE target')
        await connection.query('DROP TABLE IF EXISTS rowshift_checkpoint')
        const { report, seconds: taken } = await copy(which === 'with' ? server : unmarked, params)
        const left = report.warnings.some((warning) => warning.includes('no checkpoints'))
        if (report.rowsWritten !== rows || left !== (which === 'without'))
          throw new Error(`a copy ${which} checkpoints was not one: ${JSON.stringify(report)}`)
        seconds[which].push(taken)
      }
    }
    const [marked, plain] = [median(seconds.with), median(seconds.without)]
    console.log(
      `${kind} ${server.version}, ${rows} rows, ${options.workers} threads, ${options.rounds} rounds: ` +
        `with checkpoints ${spread(seconds.with)} s, without ${spread(seconds.without)} s, ` +
        `cost ${((marked / plain - 1) * 100).toFixed(1)} % (goal: at most 2 %)`,
    )
  } finally {
    await connection.end()
    await server.stop()
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

function spread(values: readonly number[]): string {
  return `${median(values).toFixed(2)} (${Math.min(...values).toFixed(2)}–${Math.max(...values).toFixed(2)})`
}
