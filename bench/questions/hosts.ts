import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { RedisServer } from '../../test/support/redis.js'
import type { TestServer } from '../../test/support/servers.js'
import { sampleOf } from '../contenders.js'
import { nameOf, SETTINGS, throughClient, withInstance } from '../instances.js'
import { Pair } from '../pair.js'
import type { Line, Question } from '../question.js'
import { list } from '../question.js'
import { alternately, figuresOf } from '../rounds.js'
import { CLI, copy } from '../run.js'
import { median } from '../spread.js'

const GOAL = 1.1
const WORKERS = 2
const HASHING = fileURLToPath(new URL('../transforms/hash.js', import.meta.url))

export const question: Question = {
  asks: 'What the way over a queue costs: the same copy by two threads of one process, and by two workers of one thread, on one machine; plain, and through a transform that computes',
  options: { server: 'mariadb,mysql', rows: '2000000', rounds: '5' },
  quick: null,
  answer: async (options) => {
    const rows = Number(options['rows'])
    const lines: Line[] = []
    const notes: string[] = []
    const redis = await RedisServer.start()
    try {
      for (const kind of list(options['server']!)) {
        await withInstance(kind, async (one) => {
          const pair = await Pair.prepare(one, one, { rows })
          const run = (params: object, more: readonly string[]) => async () => {
            await pair.empty()
            const measured = await copy(
              one.server,
              { worker_num: 2, ...params, ...throughClient(one.server) },
              one.server,
              more,
            )
            if (measured.report.rowsWritten !== rows)
              throw new Error(`a copy of ${measured.report.rowsWritten} rows`)
            if (!('transform' in params)) await pair.check('copy')
            return sampleOf(measured)
          }
          const hosts = ['--workers', redis.url()]
          const contenders = {
            'plain, 2 threads': run({}, []),
            'plain, 2 workers': run({}, hosts),
            'hashing, 2 threads': run({ transform: HASHING }, []),
            'hashing, 2 workers': run({ transform: HASHING }, hosts),
          }
          const samples = await withWorkers(one.server, redis.url(), () =>
            alternately(Number(options['rounds']), contenders, notes),
          )
          for (const [name, own] of samples)
            lines.push({ labels: { server: nameOf(one.server), copy: name }, figures: figuresOf(own, rows) })
          for (const what of ['plain', 'hashing']) {
            const [local, over] = ['threads', 'workers'].map((who) => samples.get(`${what}, 2 ${who}`))
            if (!local || !over) continue
            const ratio = median(over.map(({ seconds }, round) => seconds / local[round]!.seconds))
            notes.push(
              `${nameOf(one.server)}: ${what}, by workers ${ratio.toFixed(2)} times as long (goal: at most ${GOAL})`,
            )
          }
        })
      }
    } finally {
      await redis.stop()
    }
    return { settings: [SETTINGS, `${rows} rows, ${options['rounds']} rounds by turns`], lines, notes }
  },
}

/** Their configuration has the server, since the password of a URL does not travel. */
async function withWorkers<T>(
  { host, port, user, password }: TestServer,
  queue: string,
  use: () => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'rowshift-bench-'))
  const connection = { host, port, user, password, db: 'bench' }
  writeFileSync(join(folder, 'local.json'), JSON.stringify({ from: { mysql: { bench_bench: connection } } }))
  const args = ['worker', '--connect', queue, '--threads', '1', '-c', folder]
  const workers: ChildProcess[] = Array.from({ length: WORKERS }, () =>
    spawn(process.execPath, [CLI, ...args], { stdio: 'ignore' }),
  )
  try {
    return await use()
  } finally {
    for (const worker of workers) worker.kill('SIGKILL')
    rmSync(folder, { recursive: true })
  }
}
