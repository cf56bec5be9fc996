/** Numbers that are handed out once, in a small table. */
import { RowshiftError } from '../contract/errors.js'
import type { SequencesSkill } from '../contract/skills.js'
import type { Sequence } from '../contract/write.js'
import type { SqlSession } from './session.js'
import { createOwn, inTransaction } from './transaction.js'

const NAME = 'rowshift_sequence'

/** `reserving`: runs work in a session. */
export function sequencesSkill(
  reserving: <T>(sequence: Sequence, work: (session: SqlSession) => Promise<T>) => Promise<T>,
): SequencesSkill {
  return {
    open: (sequence) =>
      reserving(sequence, async (session) => {
        await createSequences(session)
        await inTransaction(session, () => openSequence(session, sequence))
      }),
    take: (sequence, count) =>
      reserving(sequence, (session) => inTransaction(session, () => takeBlock(session, sequence, count))),
  }
}

/** Makes the table. Outside a transaction, which some databases would end here. */
async function createSequences(session: SqlSession): Promise<void> {
  const { dialect } = session
  const columns = [
    `name ${dialect.ownType(255)} NOT NULL PRIMARY KEY`,
    `next_value ${dialect.ownType('integer')} NOT NULL`,
  ]
  await createOwn(
    session,
    NAME,
    `CREATE TABLE IF NOT EXISTS ${dialect.identifier(NAME)} (${columns.join(', ')})${dialect.ownOptions('rowshift: the next id of each sequence')}`,
  )
}

/** Inside a transaction: makes the sequence, or moves it above what the tables hold; it never goes back. */
async function openSequence(session: SqlSession, { name, above }: Sequence): Promise<void> {
  const { dialect } = session
  let next = 1n
  for (const { table, column } of above) {
    const sql = `SELECT MAX(${dialect.identifier(column)}) FROM ${dialect.table(table)}`
    const [row] = await session.query(sql)
    const first = integer(session, `the highest ${column} of ${table}`, row?.[0] ?? '0') + 1n
    if (first > next) next = first
  }
  const table = dialect.identifier(NAME)
  const old = `${table}.next_value`
  const later = `CASE WHEN ${old} < ${next} THEN ${next} ELSE ${old} END`
  await session.run(
    `INSERT INTO ${table} (name, next_value) VALUES (${dialect.text(name)}, ${next})${dialect.upsert(['name'], { next_value: later })}`,
  )
}

/** Inside a transaction: the first of `count` numbers in a row. */
async function takeBlock(session: SqlSession, { name }: Sequence, count: number): Promise<string> {
  const { dialect } = session
  const table = dialect.identifier(NAME)
  const own = `WHERE name = ${dialect.text(name)}`
  // The row is locked from here on.
  await session.run(`UPDATE ${table} SET next_value = next_value + ${count} ${own}`)
  const [row] = await session.query(`SELECT next_value FROM ${table} ${own}`)
  return String(integer(session, `the next number of sequence ${name}`, row?.[0] ?? '') - BigInt(count))
}

/** Of a decimal number: its whole part. */
function integer(session: SqlSession, what: string, value: string): bigint {
  const [, whole] = /^(-?\d{1,40})(?:\.\d*)?$/.exec(value) ?? []
  if (whole !== undefined) return BigInt(whole)
  throw new RowshiftError(
    'SERVER_ERROR',
    `${session.where} says that ${what} is ${JSON.stringify(value.slice(0, 60))}, which is not an integer.`,
  )
}
