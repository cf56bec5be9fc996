import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RowDataPacket } from 'mysql2/promise'
import type { RunReport } from '../../src/index.js'
import { ConsoleServer, OPERATOR } from '../../test/support/console.js'
import { runCli } from '../../test/support/context.js'
import type { Instance } from '../instances.js'
import { nameOf, SETTINGS, throughClient, withInstance } from '../instances.js'
import { Pair } from '../pair.js'
import type { Line, Question } from '../question.js'
import { list } from '../question.js'
import type { Sample } from '../rounds.js'
import { alternately, figuresOf } from '../rounds.js'
import { median } from '../spread.js'

const GOAL = 0.98
const LOOK_MS = 100
/** As long as the page waits for what else has changed in the same moment. */
const TOGETHER_MS = 200
const MOST_MS = 1_200_000

export const question: Question = {
  asks: 'What it costs a run to be watched: the same copy, started by the console, alone and with somebody who has its page open',
  options: { server: 'mariadb,mysql', rows: '2000000', workers: '2', rounds: '7' },
  quick: null,
  answer: async (options) => {
    const rows = Number(options['rows'])
    const lines: Line[] = []
    const notes: string[] = []
    for (const kind of list(options['server']!)) {
      await withInstance(kind, async (one) => {
        const pair = await Pair.prepare(one, one, { rows })
        const params = { worker_num: Number(options['workers']), ...throughClient(one.server) }
        const samples = await withConsole(one, params, (console, task) => {
          const run = (isWatched: boolean) => async () => {
            await pair.empty()
            const sample = await runOf(one, console, task, isWatched)
            await pair.check('the run')
            return sample
          }
          return alternately(Number(options['rounds']), { alone: run(false), watched: run(true) }, notes)
        })
        const [alone, watched] = ['alone', 'watched'].map((name) => samples.get(name) ?? [])
        for (const [name, own] of samples)
          lines.push({
            labels: { server: nameOf(one.server), run: name },
            figures: figuresOf(own, rows, alone),
          })
        const ratio = median(watched!.map(({ seconds }, round) => alone![round]!.seconds / seconds))
        notes.push(
          `${nameOf(one.server)}: a run that is watched is ${ratio.toFixed(3)} times as fast (goal: at least ${GOAL})`,
        )
      })
    }
    return {
      settings: [
        SETTINGS,
        `${rows} rows, ${options['workers']} threads, ${options['rounds']} rounds by turns; seconds of the run by its own report`,
      ],
      lines,
      notes,
    }
  },
}

/** A console over a task that copies `source` into `target`. */
async function withConsole<T>(
  { server, connection }: Instance,
  params: object,
  use: (console: ConsoleServer, task: number) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'rowshift-bench-'))
  const { host, port, user, password } = server
  const at = (db: string) => ({ host, port, user, password, db })
  const write = (name: string, value: object) => writeFileSync(join(folder, name), JSON.stringify(value))
  const side = { mysql: { app_bench: at('bench') } }
  write('local.json', { task_meta: at('tasks') })
  write('db_global.json', { from: side, to: side })
  await connection.query('CREATE DATABASE tasks')
  const { code, stderr } = await runCli(['init', '-c', folder])
  if (code !== 0) throw new Error(stderr)
  const console = await ConsoleServer.start(folder)
  try {
    const end = (name: string, table: string) => ({
      [`${name}_db_type`]: 'mysql',
      [`${name}_app`]: 'app',
      [`${name}_db`]: 'bench',
      [`${name}_table`]: table,
    })
    const task = { ...end('from', 'source'), ...end('to', 'target'), params, online_status: 1 }
    const { id } = await console.api<{ readonly id: number }>('POST', '/tasks', task)
    return await use(console, id)
  } finally {
    await console.stop()
    rmSync(folder, { recursive: true })
  }
}

async function runOf(
  { connection }: Instance,
  console: ConsoleServer,
  task: number,
  isWatched: boolean,
): Promise<Sample> {
  const { runId } = await console.api<{ readonly runId: string }>('POST', `/tasks/${task}/run`, {})
  const closed = isWatched ? watch(console, runId) : async () => 1
  let moved = 0
  const { seconds, error } = await reportOf(connection, runId).finally(async () => (moved = await closed()))
  if (error !== null) throw new Error(error.message)
  if (moved === 0) throw new Error('nothing was seen of the run')
  return { seconds }
}

/** Asked of the server, since whoever asks the console has it work. */
async function reportOf(connection: Instance['connection'], runId: string): Promise<RunReport> {
  for (const end = performance.now() + MOST_MS; performance.now() < end; await sleep(LOOK_MS)) {
    const [[row]] = await connection.query<RowDataPacket[]>(
      `SELECT report FROM tasks.rowshift_run WHERE run_id = '${runId}' AND status <> 'running'`,
    )
    if (row) return JSON.parse(String(row['report'])) as RunReport
  }
  throw new Error(`run ${runId} has not ended`)
}

/** As the page of a run does it: hears what moves, and asks for the page again when something has changed. The result closes it, and resolves to how often the run moved. */
function watch(console: ConsoleServer, runId: string): () => Promise<number> {
  const stop = new AbortController()
  const page = () => console.ask('GET', `/runs/${runId}`)
  const seen = async () => {
    await page()
    let moved = 0
    try {
      const { body } = await fetch(new URL('/api/v1/events', console.url), {
        headers: { authorization: `Bearer ${OPERATOR}` },
        signal: stop.signal,
      })
      const decoder = new TextDecoder()
      for await (const part of body!) {
        const text = decoder.decode(part as Uint8Array, { stream: true })
        moved += text.split('event: run\n').length - 1
        if (!text.includes('event: changed\n')) continue
        await sleep(TOGETHER_MS, undefined, { signal: stop.signal })
        await page()
      }
    } catch (thrown) {
      if (!stop.signal.aborted) throw thrown
    }
    return moved
  }
  const done = seen()
  return () => {
    stop.abort()
    return done
  }
}
