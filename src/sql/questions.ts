/** What SQL databases have alike when somebody asks how they are: questions with answers for people, and the speed of the line. */
import { RowshiftError } from '../contract/errors.js'
import type { Finding } from '../contract/inspection.js'
import type { SqlSession } from './session.js'

/** A question to the server, whose answer has one value in each row. */
export interface Question {
  readonly name: string
  readonly sql: string
  /** What there is to say of an answer; '': nothing. Default: nothing is ever said. */
  readonly advice?: (value: string) => string
}

const PINGS = 20
const LINE_MS = 1_500
const MOST_TEXTS = 200

/** The answers, and how fast the line is. A question that the user may not ask is answered with the reason. */
export async function inspect(
  session: SqlSession,
  questions: readonly Question[],
  /** SQL of a row with one text of 500,000 characters. */
  longText: string,
): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const question of questions) findings.push(await answer(session, question))
  return [...findings, await roundTrip(session), await throughput(session, longText)]
}

async function answer(session: SqlSession, { name, sql, advice }: Question): Promise<Finding> {
  try {
    const rows = await session.query(sql)
    const value = rows.map(([first]) => first ?? '').join('\n')
    const said = advice?.(value) ?? ''
    return { name, value, ...(said === '' ? {} : { advice: said }) }
  } catch (thrown) {
    const error = session.dialect.error(thrown, `asking for ${name}`)
    if (error.retryable) throw error
    return { name, value: 'unknown', advice: RowshiftError.from(error).message }
  }
}

async function roundTrip(session: SqlSession): Promise<Finding> {
  const times: number[] = []
  for (let i = 0; i < PINGS; i++) {
    const began = performance.now()
    await session.query('SELECT 1')
    times.push(performance.now() - began)
  }
  const median = times.toSorted((a, b) => a - b)[PINGS / 2]!
  const far = median > 20
  return {
    name: 'round trip',
    value: `${median.toFixed(2)} ms`,
    ...(far
      ? { advice: 'the server is far away: large splits and more threads (worker_num) make up for it' }
      : {}),
  }
}

async function throughput(session: SqlSession, longText: string): Promise<Finding> {
  let bytes = 0
  const began = performance.now()
  for (let i = 0; i < MOST_TEXTS && performance.now() - began < LINE_MS; i++) {
    const [row] = await session.query(longText)
    bytes += row![0]?.length ?? 0
  }
  const rate = bytes / 1e6 / ((performance.now() - began) / 1000)
  return { name: 'line', value: `${rate.toFixed(0)} MB/s over one connection` }
}
