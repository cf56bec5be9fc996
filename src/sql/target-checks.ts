import { RowshiftError } from '../contract/errors.js'
import type { Message } from '../contract/message.js'
import type { WritePlan, WriteSpec } from '../contract/write.js'
import type { SqlSession } from './session.js'

/** What is looked at of a table that is there before rows are written to it. Throws where the user may not write to it. Changes nothing. */
export async function checkTarget(
  session: SqlSession,
  spec: WriteSpec,
): Promise<Pick<WritePlan, 'warnings' | 'triggers' | 'emptiedBy'>> {
  const { table } = spec.table
  const { dialect, where } = session
  await checkPrivileges(session, spec)
  const names = async (doing: string, sql: string) => {
    const rows = await session.query(sql).catch((thrown: unknown) => {
      throw dialect.error(thrown, `${doing} of table ${table} of ${where}`, { table })
    })
    return rows.map(([name]) => name!)
  }
  const triggers = await names('looking for triggers', dialect.writeTriggers(table, spec.writeMode))
  if (spec.writeMode === 'replace') {
    const [key] = await names('looking for references', dialect.deletingKeys(table))
    if (key !== undefined) throw deletingKey(table, key)
  }
  const parents = await names('looking for foreign keys', dialect.parentTables(table))
  return {
    warnings: parents.length === 0 ? [] : [parentWarning(parents)],
    triggers,
    ...((await holdsRows(session, table)) === true ? { emptiedBy: `${dialect.emptyTable} @table` } : {}),
  }
}

async function checkPrivileges(session: SqlSession, spec: WriteSpec): Promise<void> {
  const { dialect, where } = session
  const { table } = spec.table
  const name = dialect.table(table)
  const columns = spec.columns.map(({ target }) => dialect.identifier(target.name)).join(', ')
  const nothing = `SELECT ${spec.columns.map(() => 'NULL').join(', ')} FROM (SELECT 1 AS one) AS rowshift_none WHERE 1 = 0`
  const check = async (doing: string, sql: string) => {
    await session.check(sql).catch((thrown: unknown) => {
      throw dialect.error(thrown, `${doing} table ${table} of ${where}`)
    })
  }
  await check('writing to', `INSERT INTO ${name} (${columns})${dialect.overriding ?? ''} ${nothing}`)
  if (spec.deletes) await check('deleting rows of', `DELETE FROM ${name} WHERE 1 = 0`)
}

function deletingKey(table: string, key: string): RowshiftError {
  const message = `"write_mode": "replace" deletes rows of ${table} before it inserts them, and ${key} would delete or change rows that refer to them. Use "upsert", which changes rows in place. Nothing was written.`
  return new RowshiftError('LOSSY', message, { table })
}

function parentWarning(parents: readonly string[]): Message {
  return {
    text: 'target {table} refers to {parents}: a row whose parent is not there yet fails the run',
    slots: { parents: parents.join(', ') },
  }
}

/** Who may write a table need not be allowed to read it; then nobody knows: null. */
export async function holdsRows(session: SqlSession, table: string): Promise<boolean | null> {
  const from = session.dialect.table(table)
  const rows = await session.search({ select: ['1'], from, where: [], tail: ' LIMIT 1' }).catch(() => null)
  return rows && rows.length > 0
}
