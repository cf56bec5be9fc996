import type { Sequence } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import type { Session } from './connection.js'
import { mapError } from './errors.js'
import { identifier, text } from './sql.js'

const TABLE = identifier('rowshift_sequence')

const CREATE = `CREATE TABLE IF NOT EXISTS ${TABLE} (
  name VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,
  next_value BIGINT UNSIGNED NOT NULL
) ENGINE=InnoDB COMMENT='rowshift: the next id of each sequence'`

/** Makes the sequence, or moves it above what the tables hold; it never goes back. */
export async function openSequence(session: Session, sequence: Sequence): Promise<void> {
  const { name, above } = sequence
  await ask(session, sequence, CREATE)
  let next = 1n
  for (const { table, column } of above) {
    const sql = `SELECT MAX(${identifier(column)}) FROM ${identifier(table)}`
    const [row] = await ask(session, sequence, sql)
    const highest = row?.[0] ?? '0'
    if (!/^-?\d{1,40}$/.test(highest)) throw notInteger(session, `the highest ${column} of ${table}`, highest)
    const first = BigInt(highest) + 1n
    if (first > next) next = first
  }
  await ask(
    session,
    sequence,
    `INSERT INTO ${TABLE} (name, next_value) VALUES (${text(name)}, ${next})
     ON DUPLICATE KEY UPDATE next_value = GREATEST(next_value, ${next})`,
  )
}

/** One statement, committed by itself, in which LAST_INSERT_ID remembers the first number for this session. */
export async function takeBlock(session: Session, sequence: Sequence, count: number): Promise<string> {
  const name = text(sequence.name)
  const sql = `UPDATE ${TABLE} SET next_value = LAST_INSERT_ID(next_value) + ${count} WHERE name = ${name}`
  await ask(session, sequence, sql)
  const [row] = await ask(session, sequence, 'SELECT LAST_INSERT_ID()')
  const [first] = row!
  if (!/^\d{1,40}$/.test(first!))
    throw notInteger(session, `the next number of sequence ${sequence.name}`, first!)
  return first!
}

function notInteger(session: Session, what: string, value: string): RowshiftError {
  return new RowshiftError(
    'SERVER_ERROR',
    `${session.where} says that ${what} is ${JSON.stringify(value.slice(0, 60))}, which is not an integer.`,
  )
}

function ask(session: Session, { name }: Sequence, sql: string) {
  return session.query(sql).catch((error: unknown) => {
    throw mapError(error, `reserving ids of sequence ${name} in table rowshift_sequence of ${session.where}`)
  })
}
