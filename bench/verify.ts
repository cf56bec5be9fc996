/**
 * Copies the benchmark table with rowshift and verifies the copy, alternately in one go, on private servers with default
 * settings apart from the size of the buffer pool, and prints medians and their ratio.
 *
 *     npm run bench -- verify [--server mysql|mariadb] [--rows 2000000] [--workers 2] [--rounds 3]
 */
import { parseArgs } from 'node:util'
import type { ServerKind } from '../test/support/servers.js'
import { startServer } from '../test/support/servers.js'
import { connect, copy, verify } from './run.js'
import { createTable, fill } from './table.js'

const BUFFER_POOL = '--innodb-buffer-pool-size=4G'

const { values: options } = parseArgs({
  options: {
    server: { type: 'string', multiple: true, default: ['mariadb', 'mysql'] },
    rows: { type: 'string', default: '2000000' },
    workers: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
  },
})

for (const kind of options.server) await benchServer(kind as ServerKind)

async function benchServer(kind: ServerKind): Promise<void> {
  const server = await startServer(kind, { serverArgs: [BUFFER_POOL] })
  try {
    const rows = Number(options.rows)
    const params = { worker_num: Number(options.workers) }
    const connection = await connect(server)
    await connection.query('CREATE DATABASE bench')
    await connection.query('USE bench')
    await connection.query(createTable('source'))
    for (const sql of fill('source', rows)) await connection.query(sql)
    await connection.query('CREATE TABLE target LIKE source')
    const copied: number[] = []
    const verified: number[] = []
    for (let round = 0; round < Number(options.rounds); round++) {
      await connection.query('TRUNCATE TABLE target')
      copied.push((await copy(server, params)).seconds)
      const { seconds, report } = await verify(server, params)
      if (report.rowsRead !== rows)
        throw new Error(`verify compared ${report.rowsRead} rows instead of ${rows}`)
      verified.push(seconds)
    }
    console.log(
      `${kind} ${server.version}, ${rows} rows, ${options.workers} threads, ${options.rounds} rounds: ` +
        `copy ${median(copied).toFixed(2)} s, verify ${median(verified).toFixed(2)} s, ratio ${(median(verified) / median(copied)).toFixed(2)}`,
    )
    await connection.end()
  } finally {
    await server.stop()
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}
