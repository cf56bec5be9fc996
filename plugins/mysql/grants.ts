/** What SHOW GRANTS says of the user of a connection. */
import type { Session } from './connection.js'

interface DatabaseGrants {
  /** Privileges that hold for the whole database. */
  readonly given: readonly string[]
  /** Others may come with roles, whose privileges each server shows in its own way. */
  readonly hasRoles: boolean
}

/** A user who has one of these for the whole database is shown all of its tables. */
const SHOWS_TABLES =
  /^(ALL PRIVILEGES|SELECT|INSERT|UPDATE|DELETE|CREATE|DROP|REFERENCES|INDEX|ALTER|CREATE VIEW|SHOW VIEW|TRIGGER)$/

export async function grantsOnDatabase(session: Session): Promise<DatabaseGrants> {
  const [own] = await session.query('SELECT DATABASE()')
  const grants = await session.query('SHOW GRANTS')
  const lines = grants.map(([line]) => line ?? '')
  const given = lines.flatMap((line) => {
    const [, privileges, all, pattern] = /^GRANT (.*?) ON (?:(\*)|`((?:[^`]|``)*)`)\.\* TO /.exec(line) ?? []
    const isOurs = all !== undefined || (pattern !== undefined && covers(pattern, own![0]!))
    return isOurs ? privileges!.split(', ') : []
  })
  return { given, hasRoles: lines.some((line) => !/ ON .* TO /.test(line)) }
}

/** Whether the server lists every table for this user; true also where that is not known. */
export async function seesAllTables(session: Session): Promise<boolean> {
  const { given, hasRoles } = await grantsOnDatabase(session)
  return hasRoles || given.some((privilege) => SHOWS_TABLES.test(privilege))
}

/** As LIKE does. */
function covers(pattern: string, database: string): boolean {
  const parts = pattern.replaceAll('``', '`').match(/\\?[^]/g) ?? []
  const source = parts.map((part) =>
    part === '%' ? '[^]*' : part === '_' ? '[^]' : part.at(-1)!.replace(/[.*+?^${}()|[\]\\/]/, '\\$&'),
  )
  return new RegExp(`^${source.join('')}$`, 'iu').test(database)
}
