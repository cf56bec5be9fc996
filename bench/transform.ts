/**
 * What a JavaScript transform costs, and what threads gain by it. The table of every benchmark is copied as it is and with a
 * function that returns each row as it came; then with one that hashes for some 20 µs per row, on one and on two threads, and by
 * a plain loop of mysql2 with the same function beside it; and with one that hashes for some 90 µs and keeps a row in 256, so
 * that the server, which has the same cores, does little beside it, and by bare threads that do nothing else than that hashing.
 * All alternately in one go.
 *
 *     npm run bench -- transform [--server mariadb] [--rows 500000] [--rounds 5]
 */
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { createConnection } from 'mysql2'
import type { Connection, RowDataPacket } from 'mysql2/promise'
import type { ServerKind, TestServer } from '../test/support/servers.js'
import { startServer } from '../test/support/servers.js'
import { pseudonym } from './hash-transform.js'
import type { Measured } from './run.js'
import { connect, copy } from './run.js'
import { createTable, fill } from './table.js'

const BUFFER_POOL = '--innodb-buffer-pool-size=4G'
const LOOP_ROWS = 1000

const { values: options } = parseArgs({
  options: {
    server: { type: 'string', multiple: true, default: ['mariadb', 'mysql'] },
    rows: { type: 'string', default: '500000' },
    rounds: { type: 'string', default: '5' },
  },
})
const rows = Number(options.rows)

const IDENTITY = fileURLToPath(new URL('identity-transform.js', import.meta.url))
const HASH = fileURLToPath(new URL('hash-transform.js', import.meta.url))
const SIEVE = fileURLToPath(new URL('sieve-transform.js', import.meta.url))
const COLUMNS = 'id, user_no, status, amount, ratio, title, note, version, created, modified'
/** Rows that are not as they should be; the hash is checked by the loop's own copy. */
const DIFFERENT = `SELECT COUNT(*) FROM source s JOIN target t ON t.id = s.id
  WHERE NOT (t.status <=> s.status AND t.amount <=> s.amount AND t.ratio <=> s.ratio AND t.title <=> s.title AND t.note <=> s.note
    AND t.version <=> s.version AND t.created <=> s.created AND t.modified <=> s.modified)`

const runs = {
  'plain copy, 1 thread': (server: TestServer) => copy(server, { worker_num: 1 }),
  'identity, 1 thread': (server: TestServer) => copy(server, { worker_num: 1, transform: IDENTITY }),
  'hashing, 1 thread': (server: TestServer) => copy(server, { worker_num: 1, transform: HASH }),
  'hashing, 2 threads': (server: TestServer) => copy(server, { worker_num: 2, transform: HASH }),
  'hashing, a loop of mysql2': loop,
  'sieve, 1 thread': (server: TestServer) => copy(server, { worker_num: 1, transform: SIEVE }),
  'sieve, 2 threads': (server: TestServer) => copy(server, { worker_num: 2, transform: SIEVE }),
  'its hashing alone, 1 thread': () => hashAlone(1),
  'its hashing alone, 2 threads': () => hashAlone(2),
} satisfies Record<string, (server: TestServer) => Promise<Pick<Measured, 'seconds' | 'cpuSeconds'>>>

type Run = keyof typeof runs

for (const kind of options.server) await benchServer(kind as ServerKind)

async function benchServer(kind: ServerKind): Promise<void> {
  const server = await startServer(kind, { serverArgs: [BUFFER_POOL] })
  try {
    const connection = await connect(server)
    await connection.query('CREATE DATABASE bench')
    await connection.query('USE bench')
    await connection.query(createTable('source'))
    for (const sql of fill('source', rows)) await connection.query(sql)
    await connection.query('CREATE TABLE target LIKE source')
    const measured = new Map<Run, Pick<Measured, 'seconds' | 'cpuSeconds'>[]>()
    for (let round = 0; round < Number(options.rounds); round++) {
      for (const name of Object.keys(runs) as Run[]) {
        await connection.query('TRUNCATE TABLE target')
        measured.set(name, [...(measured.get(name) ?? []), await runs[name](server)])
        if (!name.includes('alone')) await check(connection, name)
      }
    }
    console.log(`\n${kind} ${server.version}, ${rows} rows, ${options.rounds} rounds, medians`)
    print(measured)
    await connection.end()
  } finally {
    await server.stop()
  }
}

async function check(connection: Connection, name: Run): Promise<void> {
  const [[found]] = (await connection.query({ sql: DIFFERENT, rowsAsArray: true })) as unknown as [[[number]]]
  if (found[0] !== 0) throw new Error(`${name}: ${found[0]} rows are not as they should be`)
  const [[copied]] = (await connection.query({
    sql: 'SELECT COUNT(*) FROM target',
    rowsAsArray: true,
  })) as unknown as [[[number]]]
  if (name.startsWith('sieve') ? copied[0] === 0 || copied[0] > rows / 100 : copied[0] !== rows)
    throw new Error(`${name}: ${copied[0]} rows of ${rows}`)
  const [changed] = await connection.query<RowDataPacket[]>(
    'SELECT s.user_no AS was, t.user_no AS now, t.note FROM source s JOIN target t USING (id) WHERE id % 9973 = 1',
  )
  for (const { was, now, note } of changed as { was: string; now: string; note: string }[])
    if (now !== (name.startsWith('hashing') ? pseudonym(note) : was))
      throw new Error(`${name}: user_no is ${now}`)
}

/** What somebody would write: one thread, rows as objects, many of them per statement. */
async function loop(server: TestServer): Promise<Pick<Measured, 'seconds' | 'cpuSeconds'>> {
  const started = performance.now()
  const cpu = process.cpuUsage()
  const { host, port, user, password } = server
  const settings = { dateStrings: true, supportBigNumbers: true, bigNumberStrings: true }
  const from = createConnection({ host, port, user, password, database: 'bench', ...settings })
  const to = await connect(server, 'bench')
  let batch: unknown[][] = []
  const write = async () => {
    await to.query(`INSERT INTO target (${COLUMNS}) VALUES ?`, [batch])
    batch = []
  }
  await to.query('START TRANSACTION')
  const stream = from.query(`SELECT ${COLUMNS} FROM source ORDER BY id`).stream()
  for await (const row of stream as AsyncIterable<Record<string, unknown>>) {
    batch.push(Object.values({ ...row, user_no: pseudonym(String(row['note'])) }))
    if (batch.length === LOOP_ROWS) await write()
  }
  if (batch.length > 0) await write()
  await to.query('COMMIT')
  from.destroy()
  await to.end()
  const usage = process.cpuUsage(cpu)
  return { seconds: (performance.now() - started) / 1000, cpuSeconds: (usage.user + usage.system) / 1e6 }
}

async function hashAlone(threads: number): Promise<Pick<Measured, 'seconds' | 'cpuSeconds'>> {
  const started = performance.now()
  const cpu = process.cpuUsage()
  const running = Array.from({ length: threads }, () => {
    const worker = new Worker(new URL('hash-loop.js', import.meta.url), { workerData: rows / threads })
    return once(worker, 'exit')
  })
  await Promise.all(running)
  const usage = process.cpuUsage(cpu)
  return { seconds: (performance.now() - started) / 1000, cpuSeconds: (usage.user + usage.system) / 1e6 }
}

function print(measured: ReadonlyMap<Run, readonly Pick<Measured, 'seconds' | 'cpuSeconds'>[]>): void {
  const seconds = (name: Run) => median(measured.get(name)!.map((run) => run.seconds))
  const cpu = (name: Run) => (median(measured.get(name)!.map((run) => run.cpuSeconds)) / rows) * 1e6
  for (const name of measured.keys())
    console.log(
      `  ${name.padEnd(28)} ${seconds(name).toFixed(2)} s   client CPU per row ${cpu(name).toFixed(2)} µs`,
    )
  const above = (name: Run) => (cpu(name) - cpu('plain copy, 1 thread')).toFixed(2)
  console.log(`  identity above the plain copy: ${above('identity, 1 thread')} µs CPU per row`)
  console.log(`  hashing above the plain copy: ${above('hashing, 1 thread')} µs CPU per row`)
  // Of neighbours, since the machine is not equally fast all the time.
  const scale = (a: Run, b: Run) =>
    median(measured.get(a)!.map((run, round) => run.seconds / measured.get(b)![round]!.seconds)).toFixed(2)
  console.log(`  hashing, 1 to 2 threads: ${scale('hashing, 1 thread', 'hashing, 2 threads')} times as fast`)
  console.log(`  sieve, 1 to 2 threads: ${scale('sieve, 1 thread', 'sieve, 2 threads')} times as fast`)
  const alone = scale('its hashing alone, 1 thread', 'its hashing alone, 2 threads')
  console.log(`  its hashing alone, 1 to 2 threads: ${alone} times as fast`)
  console.log(
    `  hashing, loop to 2 threads: ${scale('hashing, a loop of mysql2', 'hashing, 2 threads')} times as fast`,
  )
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
