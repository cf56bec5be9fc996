import type { Connection, RowDataPacket } from 'mysql2/promise'
import { nameOf, SETTINGS, throughClient, withInstance } from '../instances.js'
import type { Instance } from '../instances.js'
import type { Line, Question } from '../question.js'
import { list } from '../question.js'
import { copy, untilRows } from '../run.js'

/** Key columns, and what they are made of for row `n`, 0 to rows - 1. */
const tables = (rows: number): readonly (readonly [string, string, string])[] => [
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

export const question: Question = {
  asks: 'How evenly threads are busy where keys are spread unevenly, and how soon the first rows of a large sparse table are written',
  options: { server: 'mariadb,mysql', rows: '1000000', 'sparse-rows': '10000000', workers: '4' },
  quick: { server: 'mariadb', rows: '200000', 'sparse-rows': '0' },
  answer: async (options) => {
    const [rows, sparse, workers] = ['rows', 'sparse-rows', 'workers'].map((name) =>
      Number(options[name]),
    ) as [number, number, number]
    const lines: Line[] = []
    for (const kind of list(options['server']!)) {
      await withInstance(kind, async (one) => {
        const server = nameOf(one.server)
        for (const [keys, columns, key] of tables(rows)) {
          await fill(one.connection, columns, key, rows)
          const { report } = await copy(one.server, { worker_num: workers, ...throughClient(one.server) })
          await check(one.connection)
          const mean = report.busySeconds.reduce((sum, busy) => sum + busy, 0) / report.busySeconds.length
          const figures = {
            'busiest thread over the mean': Math.max(...report.busySeconds) / mean,
            splits: String(report.splits),
            seconds: report.seconds,
          }
          lines.push({ labels: { server, keys }, figures })
        }
        if (sparse > 0) lines.push(await firstRows(one, sparse, workers))
      })
    }
    return { settings: [SETTINGS, `${rows} rows, ${workers} threads, one run each`], lines }
  },
}

/** The clock starts before the process does. */
async function firstRows({ server, connection }: Instance, rows: number, workers: number): Promise<Line> {
  await fill(connection, 'id BIGINT PRIMARY KEY', 'n * 1000003', rows)
  await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED')
  const started = performance.now()
  const ended = new AbortController()
  const whole = copy(server, { worker_num: workers, ...throughClient(server) }).finally(() => ended.abort())
  const [{ report }, first] = await Promise.all([whole, untilRows(connection, started, ended.signal)])
  await check(connection)
  return {
    labels: { server: nameOf(server), keys: `a million apart, ${rows} rows` },
    figures: { splits: String(report.splits), seconds: report.seconds, 'first rows after, s': first / 1000 },
  }
}

async function check(connection: Connection): Promise<void> {
  const [sums] = await connection.query<RowDataPacket[]>('CHECKSUM TABLE source, target')
  if (sums[0]!['Checksum'] !== sums[1]!['Checksum'])
    throw new Error('CHECKSUM TABLE differs between source and target')
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
