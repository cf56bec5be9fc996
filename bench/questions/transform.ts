import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { RowDataPacket } from 'mysql2/promise'
import { loop, sampleOf } from '../contenders.js'
import { nameOf, serverCpu, SETTINGS, throughClient, withInstance } from '../instances.js'
import type { Instance } from '../instances.js'
import { Pair } from '../pair.js'
import type { Line, Question } from '../question.js'
import { list } from '../question.js'
import type { Sample } from '../rounds.js'
import { alternately, figuresOf, timed } from '../rounds.js'
import { copy } from '../run.js'
import { median } from '../spread.js'
import { pseudonym } from '../transforms/hash.js'

const transformOf = (name: string) => fileURLToPath(new URL(`../transforms/${name}.js`, import.meta.url))
/** Rows whose other columns are not as they were. */
const DIFFERENT = `SELECT COUNT(*) AS n FROM source s JOIN target t ON t.id = s.id
  WHERE NOT (t.status <=> s.status AND t.amount <=> s.amount AND t.ratio <=> s.ratio AND t.title <=> s.title AND t.note <=> s.note
    AND t.version <=> s.version AND t.created <=> s.created AND t.modified <=> s.modified)`
const GOAL = 1.8

export const question: Question = {
  asks:
    'What a JavaScript transform costs, and what threads gain by it: identity; hashing, some 20 µs per row; a sieve, some 90 µs per row that keeps a row in 256, ' +
    'so that the server does little beside it; and threads that do nothing but its hashing',
  options: { server: 'mariadb,mysql', rows: '500000', rounds: '5' },
  quick: { server: 'mariadb', rows: '60000', rounds: '1' },
  answer: async (options) => {
    const rows = Number(options['rows'])
    const lines: Line[] = []
    const notes: string[] = []
    for (const kind of list(options['server']!)) {
      await withInstance(kind, async (one) => {
        const pair = await Pair.prepare(one, one, { rows })
        const samples = await alternately(Number(options['rounds']), contendersOf(pair, one), notes)
        for (const [name, own] of samples)
          lines.push({ labels: { server: nameOf(one.server), run: name }, figures: figuresOf(own, rows) })
        for (const what of ['hashing', 'sieve', 'its hashing alone']) {
          const [one1, two] = [samples.get(`${what}, 1 thread`), samples.get(`${what}, 2 threads`)]
          if (!one1 || !two) continue
          // Of neighbours, since the machine is not equally fast all the time.
          const gain = median(one1.map(({ seconds }, round) => seconds / two[round]!.seconds))
          const goal = what === 'sieve' ? ` (goal: ${GOAL})` : ''
          notes.push(
            `${nameOf(one.server)}: ${what}, 1 to 2 threads: ${gain.toFixed(2)} times as fast${goal}`,
          )
        }
      })
    }
    return { settings: [SETTINGS, `${rows} rows, ${options['rounds']} rounds by turns`], lines, notes }
  },
}

function contendersOf(pair: Pair, one: Instance): Record<string, () => Promise<Sample>> {
  const run = (what: string, params: object) => async () => {
    await pair.empty()
    const copied = () => copy(one.server, { ...params, ...throughClient(one.server) })
    const { result, serverSeconds } = await serverCpu([one.server], copied)
    await check(pair, what)
    return { ...sampleOf(result), serverSeconds }
  }
  const hashed = (row: Record<string, unknown>) => ({ ...row, user_no: pseudonym(String(row['note'])) })
  return {
    'plain copy, 1 thread': run('plain', { worker_num: 1 }),
    'identity, 1 thread': run('identity', { worker_num: 1, transform: transformOf('identity') }),
    'hashing, 1 thread': run('hashing', { worker_num: 1, transform: transformOf('hash') }),
    'hashing, 2 threads': run('hashing', { worker_num: 2, transform: transformOf('hash') }),
    'hashing, a loop of mysql2': loop(pair, 1, hashed),
    'sieve, 1 thread': run('sieve', { worker_num: 1, transform: transformOf('sieve') }),
    'sieve, 2 threads': run('sieve', { worker_num: 2, transform: transformOf('sieve') }),
    'its hashing alone, 1 thread': () => timed(() => hashAlone(1, pair.rows)),
    'its hashing alone, 2 threads': () => timed(() => hashAlone(2, pair.rows)),
  }
}

async function check({ target: { connection }, rows }: Pair, what: string): Promise<void> {
  const count = async (sql: string) => (await connection.query<RowDataPacket[]>(sql))[0][0]!['n'] as number
  const different = await count(DIFFERENT)
  if (different !== 0) throw new Error(`${what}: ${different} rows are not as they should be`)
  const copied = await count('SELECT COUNT(*) AS n FROM target')
  if (what === 'sieve' ? copied === 0 || copied > rows / 100 : copied !== rows)
    throw new Error(`${what}: ${copied} rows of ${rows}`)
  const [changed] = await connection.query<RowDataPacket[]>(
    'SELECT s.user_no AS was, t.user_no AS now, t.note FROM source s JOIN target t USING (id) WHERE id % 9973 = 1',
  )
  for (const { was, now, note } of changed as { was: string; now: string; note: string }[])
    if (now !== (what === 'hashing' ? pseudonym(note) : was)) throw new Error(`${what}: user_no is ${now}`)
}

async function hashAlone(threads: number, rows: number): Promise<void> {
  const running = Array.from({ length: threads }, () => {
    const url = new URL('../transforms/hash-loop.js', import.meta.url)
    return once(new Worker(url, { workerData: rows / threads }), 'exit')
  })
  await Promise.all(running)
}
