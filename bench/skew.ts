/**
 * Copies tables whose keys are spread unevenly, and prints how evenly the threads were busy: the busiest one's time over
 * the mean. Also how soon the first rows of a large sparse table are written. Private servers, default settings apart
 * from the size of the buffer pool.
 *
 *     npm run bench -- skew [--server mysql|mariadb] [--rows 1000000] [--sparse-rows 10000000] [--workers 4]
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Connection } from 'mysql2/promise'
import type { ServerKind, TestServer } from '../test/support/servers.js'
import { startServer } from '../test/support/servers.js'
import { connect, copy } from './run.js'

const { values: options } = parseArgs({
  options: {
    server: { type: 'string', multiple: true, default: ['mariadb', 'mysql'] },
    rows: { type: 'string', default: '1000000' },
    'sparse-rows': { type: 'string', default: '10000000' },
    workers: { type: 'string', default: '4' },
  },
})
const rows = Number(options.rows)
const sparseRows = Number(options['sparse-rows'])
const workers = Number(options.workers)

/** Key columns, and what they are made of for row `n`, 0 to rows - 1. */
const TABLES: readonly (readonly [string, string, string])[] = [
  // Milliseconds in the high bits, a sequence in the low ones; nights are empty.
  [
    'snowflake ids',
    'id BIGINT PRIMARY KEY',
    '((1700000000000 + n * 40 + FLOOR(n / 100000) * 90000000) << 22) | (n % 4096)',
  ],
  [
    'one hot tenant in a composite key',
    'tenant INT, id BIGINT, PRIMARY KEY (tenant, id)',
    `IF(n % 10 < 9, 500, n % 1000), n`,
  ],
  [
    '90 % of rows in 1 % of the key space',
    'id BIGINT PRIMARY KEY',
    `IF(n < ${rows * 0.9}, n, ${rows} + (n - ${rows * 0.9}) * 900)`,
  ],
  ['a gap of 5 million', 'id INT PRIMARY KEY', `IF(n < ${rows / 2}, n, n + 5000000)`],
]

for (const kind of options.server) await benchServer(kind as ServerKind)

async function benchServer(kind: ServerKind): Promise<void> {
  const server = await startServer(kind, { serverArgs: ['--innodb-buffer-pool-size=4G'] })
  try {
    const connection = await connect(server)
    await connection.query('CREATE DATABASE bench')
    await connection.query('USE bench')
    console.log(`\n${kind} ${server.version}, ${rows} rows, ${workers} threads: busiest thread over the mean`)
    for (const [name, columns, key] of TABLES) {
      await fill(connection, columns, key, rows)
      const { report } = await copy(server, { worker_num: workers })
      const mean = report.busySeconds.reduce((sum, busy) => sum + busy, 0) / report.busySeconds.length
      const balance = Math.max(...report.busySeconds) / mean
      console.log(
        `  ${name.padEnd(40)} ${balance.toFixed(3)}   (${report.splits} splits, ${report.seconds.toFixed(1)} s)`,
      )
    }
    if (sparseRows > 0) await benchFirstRows(server, connection)
    await connection.end()
  } finally {
    await server.stop()
  }
}

/** The clock starts before the process does. */
async function benchFirstRows(server: TestServer, connection: Connection): Promise<void> {
  await fill(connection, 'id BIGINT PRIMARY KEY', 'n * 1000003', sparseRows)
  await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED')
  const started = performance.now()
  const whole = copy(server, { worker_num: workers })
  let first = 0
  while (first === 0) {
    const [found] = await connection.query('SELECT 1 FROM target LIMIT 1')
    if ((found as unknown[]).length > 0) first = performance.now() - started
    else await sleep(5)
  }
  const { report } = await whole
  console.log(
    `  sparse, ${sparseRows} rows: first rows written after ${(first / 1000).toFixed(2)} s, all after ${report.seconds.toFixed(1)} s`,
  )
}

async function fill(connection: Connection, columns: string, key: string, count: number): Promise<void> {
  const body = 'title VARCHAR(100) NOT NULL, created DATETIME NOT NULL'
  await connection.query('DROP TABLE IF EXISTS source, target, d')
  await connection.query('CREATE TABLE d (n INT NOT NULL PRIMARY KEY)')
  await connection.query(
    `INSERT INTO d WITH RECURSIVE q (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM q WHERE n < 999) SELECT n FROM q`,
  )
  await connection.query(
    `CREATE TABLE source (${columns.replace(/, PRIMARY/, `, ${body}, PRIMARY`)}${columns.includes(', PRIMARY') ? '' : `, ${body}`})`,
  )
  const names = columns.startsWith('tenant') ? 'tenant, id' : 'id'
  await connection.query(
    `INSERT INTO source (${names}, title, created)
     SELECT ${key}, CONCAT('title of row ', n, REPEAT('.', n % 60)), '2024-01-01' + INTERVAL n SECOND
     FROM (SELECT c.n * 1000000 + b.n * 1000 + a.n AS n FROM d c JOIN d b JOIN d a WHERE c.n <= ${Math.floor((count - 1) / 1e6)}) q WHERE n < ${count}`,
  )
  await connection.query('ANALYZE TABLE source')
  await connection.query('CREATE TABLE target LIKE source')
}
