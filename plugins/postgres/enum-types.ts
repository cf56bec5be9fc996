/** Enumerations of a source that its tables bring along, several of them the same one. */
import type { PostgresSession } from './session.js'
import { sqlState } from './errors.js'
import { text } from './sql.js'

const CREATE_ENUM = /^CREATE TYPE ("(?:[^"]|"")+"|[^"\s]+) AS ENUM \((.*)\)$/s

/** It is there; or another session has made it while this one waited. */
const TAKEN = new Set(['42710', '23505'])

/** `name` and `labels` are SQL. */
export function enumSql(name: string, labels: string): string {
  return `CREATE TYPE ${name} AS ENUM (${labels})`
}

/** Runs a statement that makes a table, in a transaction where it makes a type: one with the same labels may have come with another table since. */
export async function runDdl(session: PostgresSession, sql: string): Promise<void> {
  const [, name, labels] = CREATE_ENUM.exec(sql) ?? []
  if (name === undefined) return void (await session.run(sql))
  await session.query('SAVEPOINT rowshift_type')
  try {
    await session.query(sql)
  } catch (error) {
    if (!TAKEN.has(sqlState(error) ?? '')) throw error
    await session.query('ROLLBACK TO SAVEPOINT rowshift_type')
    const [row] = await session.query(
      `SELECT (ARRAY(SELECT enumlabel::text FROM pg_enum WHERE enumtypid = t.oid ORDER BY enumsortorder) = ARRAY[${labels}]::text[])::int
       FROM pg_type t WHERE oid = to_regtype(${text(name)}) AND typtype = 'e'`,
    )
    if (row?.[0] !== '1') throw error
  }
}
