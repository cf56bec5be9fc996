import type { Session } from './connection.js'
import { mapError } from './errors.js'
import { charsetOf } from './collations.js'

/** What a server knows that a table may be made of. */
export interface Dialect {
  readonly mariadb: boolean
  /** What `VERSION()` says. */
  readonly release: string
  /** `8.0.36` is 80036. */
  readonly version: number
  readonly collations: ReadonlySet<string>
  readonly charsets: ReadonlySet<string>
  /** In lower case. */
  readonly engines: ReadonlySet<string>
}

export async function askDialect(session: Session): Promise<Dialect> {
  const ask = (sql: string) =>
    session.query(sql).catch((error: unknown) => {
      throw mapError(error, `asking ${session.where} what tables it can make`)
    })
  const [version] = (await ask('SELECT VERSION()'))[0]!
  const collations = await ask(
    `SELECT COLLATION_NAME /*M!101001 , FULL_COLLATION_NAME */
     FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY`,
  )
  const engines = await ask(
    "SELECT ENGINE FROM information_schema.ENGINES WHERE SUPPORT IN ('YES', 'DEFAULT')",
  )
  const names = collations.map((row) => row.at(-1)!)
  return {
    ...versionOf(version!),
    collations: new Set(names),
    charsets: new Set(names.map(charsetOf)),
    engines: new Set(engines.map(([name]) => name!.toLowerCase())),
  }
}

/** Of what `VERSION()` says. */
export function versionOf(text: string): Pick<Dialect, 'mariadb' | 'release' | 'version'> {
  const [, major, minor, patch] = /^(?:5\.5\.5-)?(\d+)\.(\d+)\.(\d+)/.exec(text) ?? []
  return {
    mariadb: /mariadb/i.test(text),
    release: text,
    version: Number(major) * 10_000 + Number(minor) * 100 + Number(patch),
  }
}
