/**
 * What declarative mapping costs: the table of every benchmark copied as it is, and with values that the source computes
 * (a map, constants, a default, a replacement), alternately in one go, and the ratio of the medians.
 *
 *     npm run bench -- mapping [--server mariadb] [--rows 1000000] [--workers 2] [--rounds 5]
 */
import { parseArgs } from 'node:util'
import type { Connection } from 'mysql2/promise'
import type { ServerKind } from '../test/support/servers.js'
import { startServer } from '../test/support/servers.js'
import type { Measured } from './run.js'
import { connect, copy } from './run.js'
import { createTable, fill } from './table.js'

const BUFFER_POOL = '--innodb-buffer-pool-size=4G'

const { values: options } = parseArgs({
  options: {
    server: { type: 'string', multiple: true, default: ['mariadb', 'mysql'] },
    rows: { type: 'string', default: '1000000' },
    workers: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '5' },
  },
})

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
const WRONG = `SELECT COUNT(*) FROM source s LEFT JOIN target t ON t.id = s.id
  WHERE NOT (t.status <=> CASE s.status WHEN 0 THEN 1 WHEN 1 THEN 0 ELSE s.status + 10 END AND t.version <=> 7
    AND t.user_no <=> REPLACE(s.user_no, 'U', 'A') AND t.modified <=> COALESCE(s.modified, '1999-12-31 00:00:00')
    AND t.note <=> s.note AND t.title <=> s.title AND t.amount <=> s.amount)`

for (const kind of options.server) await benchServer(kind as ServerKind)

async function benchServer(kind: ServerKind): Promise<void> {
  const server = await startServer(kind, { serverArgs: [BUFFER_POOL] })
  try {
    const connection = await connect(server)
    await connection.query('CREATE DATABASE bench')
    await connection.query('USE bench')
    await connection.query(createTable('source'))
    for (const sql of fill('source', Number(options.rows))) await connection.query(sql)
    await connection.query('CREATE TABLE target LIKE source')
    const plain: Measured[] = []
    const mapped: Measured[] = []
    for (let round = 0; round < Number(options.rounds); round++) {
      plain.push(await once(connection, () => copy(server, { worker_num: Number(options.workers) })))
      mapped.push(
        await once(connection, () => copy(server, { worker_num: Number(options.workers), ...MAPPED })),
      )
      const [[wrong]] = (await connection.query({ sql: WRONG, rowsAsArray: true })) as unknown as [[[number]]]
      if (wrong[0] !== 0) throw new Error(`${wrong[0]} rows are not mapped as they should be`)
    }
    console.log(
      `\n${kind} ${server.version}, ${options.rows} rows, ${options.workers} threads, ${options.rounds} rounds`,
    )
    print('plain copy', plain, plain)
    print('mapped    ', mapped, plain)
    await connection.end()
  } finally {
    await server.stop()
  }
}

async function once(connection: Connection, run: () => Promise<Measured>): Promise<Measured> {
  await connection.query('TRUNCATE TABLE target')
  const measured = await run()
  const { rowsWritten } = measured.report
  if (rowsWritten !== Number(options.rows)) throw new Error(`rowshift wrote ${rowsWritten} rows`)
  return measured
}

function print(what: string, runs: readonly Measured[], base: readonly Measured[]): void {
  const seconds = median(runs.map((run) => run.seconds))
  const cpu = median(runs.map(({ cpuSeconds }) => (cpuSeconds / Number(options.rows)) * 1e6))
  const ratio = seconds / median(base.map((run) => run.seconds))
  console.log(
    `  ${what}  ${seconds.toFixed(2)} s   ratio ${ratio.toFixed(2)}   client CPU per million rows ${cpu.toFixed(2)} s`,
  )
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
