/**
 * Copies a table with rowshift and with the server's own two-connection `INSERT … SELECT`, alternately in one go, on
 * private servers with default settings apart from the size of the buffer pool, and prints medians and their ratio.
 *
 *     npm run bench -- copy [--server mysql|mariadb] [--rows 2000000] [--workers 2,4] [--rounds 5] [--path auto]
 */
import { parseArgs } from 'node:util'
import type { Connection } from 'mysql2/promise'
import type { ServerKind, TestServer } from '../test/support/servers.js'
import { startServer } from '../test/support/servers.js'
import type { Measured } from './run.js'
import { connect, copy } from './run.js'
import { costs, median, spread } from './spread.js'
import { createTable, fill } from './table.js'

const BUFFER_POOL = '--innodb-buffer-pool-size=4G'

const { values: options } = parseArgs({
  options: {
    server: { type: 'string', multiple: true, default: ['mariadb', 'mysql'] },
    rows: { type: 'string', default: '2000000' },
    workers: { type: 'string', default: '2,4' },
    rounds: { type: 'string', default: '5' },
    path: { type: 'string', default: 'auto' },
  },
})

for (const kind of options.server) await benchServer(kind as ServerKind)

async function benchServer(kind: ServerKind): Promise<void> {
  const server = await startServer(kind, { serverArgs: [BUFFER_POOL] })
  try {
    const rows = Number(options.rows)
    const connection = await connect(server)
    await prepare(connection, rows)
    console.log(
      `\n${kind} ${server.version}, ${rows} rows, ${options.rounds} rounds, seconds as median (min–max)`,
    )
    await rounds(server, connection, rows)
    await connection.end()
  } finally {
    await server.stop()
  }
}

async function prepare(connection: Connection, rows: number): Promise<void> {
  await connection.query('CREATE DATABASE bench')
  await connection.query('USE bench')
  await connection.query(createTable('source'))
  for (const sql of fill('source', rows)) await connection.query(sql)
  await connection.query('CREATE TABLE target LIKE source')
}

async function rounds(server: TestServer, connection: Connection, rows: number): Promise<void> {
  const floor: number[] = []
  const workers = options.workers.split(',').map(Number)
  const measured = new Map(workers.map((count) => [count, [] as Measured[]]))
  for (let round = 0; round < Number(options.rounds); round++) {
    floor.push(await inServer(server, connection, rows))
    for (const count of workers) measured.get(count)!.push(await rowshift(server, connection, count, rows))
  }
  console.log(`  INSERT … SELECT in the server, two connections   ${spread(floor)}`)
  for (const [count, runs] of measured) {
    const ratio = median(runs.map(({ seconds }) => seconds)) / median(floor)
    console.log(
      `  rowshift, worker_num ${count}, ${runs[0]!.report.writePath!.padEnd(9)}   ${spread(runs.map(({ seconds }) => seconds))}` +
        `   ratio ${ratio.toFixed(2)}   ${costs(runs, rows)}`,
    )
  }
}

/** The floor: halves of the key range, one connection each. */
async function inServer(server: TestServer, connection: Connection, rows: number): Promise<number> {
  await connection.query('TRUNCATE TABLE target')
  const halves = [await connect(server, 'bench'), await connect(server, 'bench')] as const
  const middle = Math.floor(rows / 2)
  const started = performance.now()
  await Promise.all([
    halves[0].query(`INSERT INTO target SELECT * FROM source WHERE id <= ${middle}`),
    halves[1].query(`INSERT INTO target SELECT * FROM source WHERE id > ${middle}`),
  ])
  const seconds = (performance.now() - started) / 1000
  await Promise.all(halves.map((half) => half.end()))
  return seconds
}

async function rowshift(
  server: TestServer,
  connection: Connection,
  workers: number,
  rows: number,
): Promise<Measured> {
  await connection.query('TRUNCATE TABLE target')
  const measured = await copy(server, { worker_num: workers, write_path: options.path })
  const { rowsWritten } = measured.report
  if (rowsWritten !== rows) throw new Error(`rowshift wrote ${rowsWritten} rows instead of ${rows}`)
  await checkEqual(connection)
  return measured
}

async function checkEqual(connection: Connection): Promise<void> {
  const [rows] = await connection.query('CHECKSUM TABLE source, target')
  const [source, target] = rows as { Checksum: string }[]
  if (source!.Checksum !== target!.Checksum)
    throw new Error('CHECKSUM TABLE differs between source and target')
}
