import type { Connection, RowDataPacket } from 'mysql2/promise'
import { NOT_EXACT, ofDatabase } from '../contenders.js'
import type { Instance } from '../instances.js'
import { nameOf, serverCpu, SETTINGS, withInstances } from '../instances.js'
import type { Line, Question } from '../question.js'
import { list } from '../question.js'
import type { Sample } from '../rounds.js'
import { alternately, figuresOf } from '../rounds.js'
import { copyDatabase } from '../run.js'
import { createTable, fill } from '../tables.js'

const GOAL_BUSIEST = 1.15
const ROWSHIFT = 'rowshift'
const BIG = 'big'

export const question: Question = {
  asks: 'What a database of many small tables takes, and how evenly threads are busy with a large table and many small ones',
  options: {
    server: 'mariadb',
    tables: '2000',
    rows: '100',
    small: '200',
    'big-rows': '2000000',
    workers: '4',
    rounds: '3',
  },
  quick: { tables: '300', 'big-rows': '300000', rounds: '1' },
  answer: async (options) => {
    const lines: Line[] = []
    const notes: string[] = []
    for (const kind of list(options['server']!)) {
      await withInstances(kind, 2, async ([source, target]) => {
        const pair = { source: source!, target: target! }
        lines.push(...(await many(pair, options, notes)))
        lines.push(...(await mixed(pair, options, notes)))
      })
    }
    return {
      settings: [
        SETTINGS,
        'two instances; the target database is empty, and tables are made by whoever copies them; a ratio is seconds over those of rowshift',
        `${options['workers']} threads for the large table and the small ones; goal: the busiest thread at most ${GOAL_BUSIEST} of the mean`,
      ],
      lines,
      notes,
    }
  },
}

interface Pair {
  readonly source: Instance
  readonly target: Instance
}

async function many(pair: Pair, options: Readonly<Record<string, string>>, notes: string[]): Promise<Line[]> {
  const [tables, rows] = [Number(options['tables']), Number(options['rows'])]
  const names = Array.from({ length: tables }, (_, i) => `t${i}`)
  await refill(pair.source.connection, names, rows)
  const work = async (): Promise<Sample> => {
    await refill(pair.target.connection)
    const servers = [pair.source.server, pair.target.server]
    const { result, serverSeconds } = await serverCpu(servers, () =>
      copyDatabase(pair.source.server, pair.target.server, {}, ['--create']),
    )
    if ((await exactness(pair, names)) === NOT_EXACT) throw new Error('the copy of rowshift is not exact')
    const { seconds, cpuSeconds, peakMegabytes } = result
    return { seconds, cpuSeconds, peakMegabytes, serverSeconds, word: 'exact' }
  }
  const tools = ofDatabase(
    { ...pair, empty: () => refill(pair.target.connection), exactness: () => exactness(pair, names) },
    notes,
  )
  const samples = await alternately(Number(options['rounds']), { [ROWSHIFT]: work, ...tools }, notes)
  const base = samples.get(ROWSHIFT) ?? []
  return [...samples].map(([name, found]) => ({
    labels: {
      server: nameOf(pair.source.server),
      tables: `${tables} of ${rows} rows`,
      contender: name,
    },
    figures: { ...figuresOf(found, tables * rows, base), word: found.at(-1)?.word ?? '' },
  }))
}

async function mixed(
  pair: Pair,
  options: Readonly<Record<string, string>>,
  notes: string[],
): Promise<Line[]> {
  const [small, rows, big] = ['small', 'rows', 'big-rows'].map((name) => Number(options[name]))
  const names = Array.from({ length: small! }, (_, i) => `t${i}`)
  await refill(pair.source.connection, names, rows)
  await pair.source.connection.query(createTable(BIG))
  for (const sql of fill(BIG, big!)) await pair.source.connection.query(sql)
  await pair.source.connection.query('DROP TABLE numbers')
  await refill(pair.target.connection)
  const params = { worker_num: Number(options['workers']) }
  const { report, seconds } = await copyDatabase(pair.source.server, pair.target.server, params, ['--create'])
  const word = await exactness(pair, [...names, BIG])
  const { busySeconds } = report
  const mean = busySeconds.reduce((sum, busy) => sum + busy, 0) / busySeconds.length
  const ratio = Math.max(...busySeconds) / mean
  if (ratio > GOAL_BUSIEST) notes.push(`goal missed: the busiest thread is ${ratio.toFixed(2)} of the mean`)
  return [
    {
      labels: {
        server: nameOf(pair.source.server),
        tables: `one of ${big} rows and ${small} of ${rows}`,
        contender: ROWSHIFT,
      },
      figures: { seconds, 'busiest thread over the mean': ratio, word },
    },
  ]
}

/** Makes the database anew, with so many tables; none: it is empty. */
async function refill(connection: Connection, names: readonly string[] = [], rows = 0): Promise<void> {
  await connection.query('DROP DATABASE bench')
  await connection.query('CREATE DATABASE bench')
  await connection.query('USE bench')
  const [first, ...others] = names
  if (first === undefined) return
  await connection.query(createTable(first))
  for (const sql of fill(first, rows)) await connection.query(sql)
  await connection.query('DROP TABLE numbers')
  for (const name of others) {
    await connection.query(createTable(name))
    await connection.query(`INSERT INTO ${name} SELECT * FROM ${first}`)
    await connection.query(`ANALYZE TABLE ${name}`)
  }
}

/** By the servers. */
async function exactness({ source, target }: Pair, names: readonly string[]): Promise<string> {
  const [a, b] = [await checksums(source.connection, names), await checksums(target.connection, names)]
  return a.includes(null) || a.join(' ') !== b.join(' ') ? NOT_EXACT : 'exact'
}

async function checksums(connection: Connection, names: readonly string[]): Promise<(string | null)[]> {
  const [rows] = await connection.query<RowDataPacket[]>(`CHECKSUM TABLE ${names.join(', ')}`)
  return rows.map((row) => (row['Checksum'] === null ? null : String(row['Checksum'])))
}
