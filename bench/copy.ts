/**
 * Copies a table with rowshift and with the server's own two-connection `INSERT … SELECT`, alternately in one go, on
 * private servers with default settings apart from the size of the buffer pool, and prints medians and their ratio.
 *
 *     npm run bench -- [--server mysql|mariadb] [--rows 2000000] [--workers 2,4] [--rounds 5] [--path auto]
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Connection } from 'mysql2/promise'
import { createConnection } from 'mysql2/promise'
import type { ServerKind, TestServer } from '../test/support/servers.js'
import { startServer } from '../test/support/servers.js'
import { createTable, fill } from './table.js'

const BUFFER_POOL = '--innodb-buffer-pool-size=4G'
const CLI = fileURLToPath(new URL('../src/cli/main.js', import.meta.url))
const USAGE = new URL('usage.js', import.meta.url).href

interface Measured {
  readonly seconds: number
  readonly cpuSeconds: number
  readonly peakMegabytes: number
  readonly writePath: string
}

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
    const cpu = runs.map(({ cpuSeconds }) => (cpuSeconds / rows) * 1e6)
    console.log(
      `  rowshift, worker_num ${count}, ${runs[0]!.writePath.padEnd(9)}   ${spread(runs.map(({ seconds }) => seconds))}` +
        `   ratio ${ratio.toFixed(2)}   client CPU per million rows ${spread(cpu)}` +
        `   peak RSS ${Math.max(...runs.map(({ peakMegabytes }) => peakMegabytes)).toFixed(0)} MB`,
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
  const folder = mkdtempSync(join(tmpdir(), 'rowshift-bench-'))
  const report = join(folder, 'report.json')
  const usage = join(folder, 'usage.json')
  const url = (table: string) => `${server.url}/bench?table=${table}`
  const args = ['copy', '--from', url('source'), '--to', url('target'), '--report', report]
  const params = ['--param', `worker_num=${workers}`, '--param', `write_path=${options.path}`]
  try {
    const started = performance.now()
    await run(['--import', USAGE, CLI, ...args, ...params], { ROWSHIFT_BENCH_USAGE: usage })
    const seconds = (performance.now() - started) / 1000
    const { rowsWritten, writePath } = readJson(report) as { rowsWritten: number; writePath: string }
    if (rowsWritten !== rows) throw new Error(`rowshift wrote ${rowsWritten} rows instead of ${rows}`)
    await checkEqual(connection)
    const { cpuSeconds, peakMegabytes } = readJson(usage) as Pick<Measured, 'cpuSeconds' | 'peakMegabytes'>
    return { seconds, writePath, cpuSeconds, peakMegabytes }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function checkEqual(connection: Connection): Promise<void> {
  const [rows] = await connection.query('CHECKSUM TABLE source, target')
  const [source, target] = rows as { Checksum: string }[]
  if (source!.Checksum !== target!.Checksum)
    throw new Error('CHECKSUM TABLE differs between source and target')
}

function run(args: readonly string[], env: Record<string, string>): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let errors = ''
    child.stderr.on('data', (text: Buffer) => (errors += text.toString()))
    child.on('error', reject)
    child.on('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`rowshift ended with ${code}: ${errors}`)),
    )
  })
}

function connect(server: TestServer, database?: string): Promise<Connection> {
  const { host, port, user, password } = server
  return createConnection({ host, port, user, password, ...(database === undefined ? {} : { database }) })
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'))
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

function spread(values: readonly number[]): string {
  return `${median(values).toFixed(2)} (${Math.min(...values).toFixed(2)}–${Math.max(...values).toFixed(2)})`
}
