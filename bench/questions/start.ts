import type { Connection, RowDataPacket } from 'mysql2/promise'
import { copyByEngine } from '../../test/support/engine.js'
import { nameOf, withInstance } from '../instances.js'
import type { Instance } from '../instances.js'
import type { Line, Question } from '../question.js'
import { list } from '../question.js'
import { copy } from '../run.js'

const GOAL_SECONDS = 0.25
const GOAL_MILLISECONDS_EACH = 25

export const question: Question = {
  asks: 'What a copy takes that has next to nothing to copy: the command, and one table of many in one process',
  options: { server: 'mariadb,mysql', tables: '1000', rounds: '15' },
  quick: { tables: '200', rounds: '9' },
  answer: async (options) => {
    const [tables, rounds] = [Number(options['tables']), Number(options['rounds'])]
    const lines: Line[] = []
    for (const kind of list(options['server']!)) {
      await withInstance(kind, async (instance) => {
        lines.push(await command(instance, rounds))
        lines.push(await manyTables(instance, tables))
      })
    }
    return {
      settings: [
        'servers as they come, on one instance, tables of two rows; seconds from the start of the process to its end',
        `goals: ${GOAL_SECONDS} s for the command, ${GOAL_MILLISECONDS_EACH} ms for each of many tables`,
      ],
      lines,
    }
  },
}

async function command({ server, connection }: Instance, rounds: number): Promise<Line> {
  await createSmall(connection, 'source', 'target')
  const [seconds, cpu, peaks, questions] = [[], [], [], []] as [number[], number[], number[], number[]]
  for (let round = 0; round < rounds; round++) {
    await connection.query('DELETE FROM target')
    const before = await asked(connection)
    const run = await copy(server, {})
    questions.push((await asked(connection)) - before)
    seconds.push(run.seconds)
    cpu.push(run.cpuSeconds)
    peaks.push(run.peakMegabytes)
    await check(connection, 'target')
  }
  return {
    labels: { server: nameOf(server), run: 'rowshift copy, two rows' },
    figures: {
      seconds,
      'client CPU, s': cpu,
      'statements for the servers': Math.min(...questions),
      'peak memory, MB': Math.max(...peaks),
    },
  }
}

/** By the engine, one after the other, as a run of many tables does it. */
async function manyTables({ server, connection }: Instance, tables: number): Promise<Line> {
  for (let table = 0; table < tables; table++)
    await createSmall(connection, `source_${table}`, `target_${table}`)
  const seconds: number[] = []
  const cpu = process.cpuUsage()
  const url = (table: string) => `${server.url}/bench?table=${table}`
  for (let table = 0; table < tables; table++) {
    const started = performance.now()
    const { error } = await copyByEngine(url(`source_${table}`), url(`target_${table}`), {})
    if (error !== null) throw new Error(error.message)
    seconds.push((performance.now() - started) / 1000)
  }
  const { user, system } = process.cpuUsage(cpu)
  for (let table = 0; table < tables; table++) await check(connection, `target_${table}`)
  return {
    labels: { server: nameOf(server), run: `each of ${tables} tables of two rows, in one process` },
    figures: { seconds, 'client CPU, s': (user + system) / 1e6 / tables },
  }
}

async function createSmall(connection: Connection, source: string, target: string): Promise<void> {
  await connection.query(`CREATE TABLE ${source} (id INT PRIMARY KEY, name VARCHAR(20))`)
  await connection.query(`INSERT INTO ${source} VALUES (1, 'one'), (2, 'two')`)
  await connection.query(`CREATE TABLE ${target} LIKE ${source}`)
}

async function check(connection: Connection, table: string): Promise<void> {
  const source = table.replace('target', 'source')
  const [sums] = await connection.query<RowDataPacket[]>(`CHECKSUM TABLE ${source}, ${table}`)
  if (sums[0]!['Checksum'] !== sums[1]!['Checksum'])
    throw new Error(`CHECKSUM TABLE differs between ${source} and ${table}`)
}

/** How many statements the server has got, without this one. */
async function asked(connection: Connection): Promise<number> {
  const [rows] = await connection.query("SHOW GLOBAL STATUS LIKE 'Questions'")
  return Number((rows as { Value: string }[])[0]!.Value) - 1
}
