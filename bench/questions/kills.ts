import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Connection } from 'mysql2/promise'
import type { Instance } from '../instances.js'
import { nameOf, throughClient, withInstance } from '../instances.js'
import { Pair } from '../pair.js'
import type { Line, Options, Question } from '../question.js'
import { list } from '../question.js'
import { CLI, untilRows } from '../run.js'

/** Each kill repeats the splits in flight at most. */
const MOST_READ = 1.15
/** So that those of 4 threads are less than that, 30 times: 1,000 rows of 2 M. */
const SPLITS = 2_000
/** Of the time that is left for each kill that is left: copies may be faster than the first one was. */
const SHARE = 0.6
/** In a row; a plan that is refused more often will be so for ever. */
const MOST_REFUSED = 20

/** What the program is told. */
interface Commands {
  readonly begin: readonly string[]
  readonly goOn: readonly string[]
}

export const question: Question = {
  asks: 'Whether a copy, or a stored task, that is killed (kill -9) at random moments and resumed each time is exact, and how much more the source sends for it',
  options: {
    server: 'mariadb,mysql',
    rows: '2000000',
    kills: '30',
    workers: '4',
    seed: '1',
    task: 'no',
  },
  quick: null,
  answer: async (options) => {
    const lines: Line[] = []
    for (const kind of list(options['server']!)) {
      const folder = mkdtempSync(join(tmpdir(), 'rowshift-bench-'))
      try {
        const line = await withInstance(kind, (one) => killed(one, options, folder), [
          '--max-connections=200',
          '--local-infile=ON',
        ])
        if (line.figures['good'] !== 'yes') process.exitCode = 1
        lines.push(line)
      } finally {
        rmSync(folder, { recursive: true })
      }
    }
    const { rows, workers, seed, task } = options
    const what = task === 'yes' ? 'a stored task' : 'a copy'
    return {
      settings: [
        `${what}, ${rows} rows, ${workers} threads, seed ${seed}; goal: the source sends at most ${MOST_READ} times what one copy takes`,
      ],
      lines,
    }
  },
}

async function killed(one: Instance, options: Options, folder: string): Promise<Line> {
  const { server, connection } = one
  const [rows, most] = [Number(options['rows']), Number(options['kills'])]
  const task = options['task'] === 'yes'
  const pair = await Pair.prepare(one, one, { rows })
  const commands = task ? await storeTask(one, options, folder) : copyOf(one, options)
  const whole = await uninterrupted(commands.begin, connection)
  await pair.empty()

  const before = await bytesSent(connection)
  const random = randomNumbers(Number(options['seed']))
  let kills = 0
  let attempts = 0
  let refused = 0
  let command = commands.begin
  for (let code: number | null = null; code !== 0; attempts++) {
    // The process takes a part of it to begin.
    const left = (rows - (await rowsIn(connection))) / rows
    const share = (2 * SHARE * left * whole.copyMs) / (most - kills)
    const milliseconds = kills < most && left > 0 ? whole.startMs + random() * share : null
    code = await run(command, milliseconds)
    refused = code === 3 ? refused + 1 : 0
    if (code === null) kills++
    else if (code === 3 && refused <= MOST_REFUSED) command = commands.begin
    else if (code !== 0) throw new Error(`${command[0]} ended with ${code}`)
    // The next run of a task goes on by itself.
    if (code === null) command = task && kills % 2 === 0 ? commands.begin : commands.goOn
  }
  const read = ((await bytesSent(connection)) - before) / whole.bytes
  const [kept] = await connection.query('SELECT COUNT(*) AS marks FROM rowshift_checkpoint')
  const { marks } = (kept as { marks: number }[])[0]!
  const equal = await pair.isExact()
  return {
    labels: { server: nameOf(server) },
    figures: {
      kills: String(kills),
      attempts: String(attempts),
      tables: equal ? 'equal' : '**DIFFER**',
      'checkpoints left': String(marks),
      'source sent, times one copy': read,
      good: equal && marks === 0 && read <= MOST_READ ? 'yes' : '**no**',
    },
  }
}

function paramsOf({ server }: Instance, options: Options): string {
  const read_batch = Math.ceil(Number(options['rows']) / SPLITS)
  return JSON.stringify({ worker_num: Number(options['workers']), read_batch, ...throughClient(server) })
}

function copyOf(one: Instance, options: Options): Commands {
  const { url } = one.server
  const table = (name: string) => `${url}/bench?table=${name}`
  const copy = ['--from', table('source'), '--to', table('target'), '--params', paramsOf(one, options)]
  return { begin: ['copy', ...copy], goOn: ['resume', 'latest', ...copy] }
}

/** The same as task 1, in a store on the same server. */
async function storeTask(one: Instance, options: Options, folder: string): Promise<Commands> {
  const { server, connection } = one
  const { host, port, user, password } = server
  const of = (db: string) => ({ host, port, user, password, db })
  const side = { mysql: { app_bench: of('bench') } }
  const write = (file: string, content: object) =>
    writeFileSync(join(folder, file), JSON.stringify(content), { mode: 0o600 })
  write('local.json', { task_meta: { db_type: 'mysql', ...of('bench_store') } })
  write('db_global.json', { from: side, to: side })
  await connection.query('CREATE DATABASE bench_store')
  const config = ['-c', folder]
  const code = await run(['init', ...config], null)
  if (code !== 0) throw new Error(`init ended with ${code}`)
  await connection.query(
    `INSERT INTO bench_store.task_def_sync_manager
       (id, from_app, from_db_type, from_db, from_table, to_app, to_db_type, to_db, to_table, params, online_status, task_status, create_time, update_time)
     VALUES (1, 'app', 'mysql', 'bench', 'source', 'app', 'mysql', 'bench', 'target', ?, 1, '1', NOW(), NOW())`,
    [paramsOf(one, options)],
  )
  return { begin: ['run', '1', ...config], goOn: ['resume', 'latest', ...config] }
}

interface Whole {
  readonly bytes: number
  readonly startMs: number
  readonly copyMs: number
}

/** A copy that nobody kills: what it takes. */
async function uninterrupted(begin: readonly string[], connection: Connection): Promise<Whole> {
  const before = await bytesSent(connection)
  const started = performance.now()
  const ended = new AbortController()
  const running = run(begin, null).finally(() => ended.abort())
  const [code, startMs] = await Promise.all([running, untilRows(connection, started, ended.signal)])
  if (code !== 0) throw new Error(`${begin[0]} ended with ${code}`)
  return {
    bytes: (await bytesSent(connection)) - before,
    startMs,
    copyMs: performance.now() - started - startMs,
  }
}

async function rowsIn(connection: Connection): Promise<number> {
  // What a killed process had not committed is rolled back meanwhile, and whoever may not see it is kept waiting by old versions.
  await connection.query('SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED')
  const [found] = await connection.query('SELECT COUNT(*) AS there FROM target')
  return (found as { there: number }[])[0]!.there
}

/** Resolves to the exit code; null: it was killed after so many milliseconds. */
async function run(args: readonly string[], milliseconds: number | null): Promise<number | null> {
  const child = spawn(process.execPath, [CLI, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let errors = ''
  child.stderr.on('data', (text: Buffer) => (errors = (errors + text.toString()).slice(-2_000)))
  const timer = milliseconds === null ? undefined : setTimeout(() => child.kill('SIGKILL'), milliseconds)
  const [code] = (await once(child, 'close')) as [number | null]
  clearTimeout(timer)
  if (code !== null && code !== 0) console.error(errors)
  return code
}

async function bytesSent(connection: Connection): Promise<number> {
  const [rows] = await connection.query("SHOW GLOBAL STATUS LIKE 'Bytes_sent'")
  return Number((rows as { Value: string }[])[0]!.Value)
}

/** The same for the same seed: mulberry32. */
function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
