/** What users say in "session", on servers. */
import { RowshiftError } from '../contract/errors.js'
import type { SqlSession } from './session.js'

/** Runs statements one after another, naming the one that fails. */
export async function runStatements(
  session: Pick<SqlSession, 'query' | 'dialect'>,
  statements: readonly string[],
  what: string,
): Promise<void> {
  for (const [index, sql] of statements.entries()) {
    await session.query(sql).catch((thrown: unknown) => {
      throw session.dialect.error(thrown, `${what}[${index}]`)
    })
  }
}

/** What is wrong with a temporary table in the place of one that rows are read from or written to. */
export function hiddenBy(table: string): string {
  return `a temporary table hides table ${table}: each connection would have its own, which goes with it; give the temporary table another name`
}

/** Throws PARAMS_INVALID where statements of the user have changed what rowshift relies on. */
export function checkSessionFaults(faults: readonly string[]): void {
  if (faults.length === 0) return
  throw new RowshiftError(
    'PARAMS_INVALID',
    `params.session changes what every session relies on:\n  ${faults.join('\n  ')}\n` +
      'Leave that out; docs/sessions.md says what may be changed.',
    { faults },
  )
}
