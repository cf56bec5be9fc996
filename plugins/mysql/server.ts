import type { Session } from './connection.js'
import { mapError } from './errors.js'
import { charsetOf } from './collations.js'

/** Which server it is. */
export interface ServerVersion {
  readonly mariadb: boolean
  /** What `VERSION()` says. */
  readonly release: string
  /** `8.0.36` is 80036. */
  readonly version: number
}

/** What a server says of itself; asked once per session, and nowhere else. */
export interface ServerFacts extends ServerVersion {
  /** `@@version_comment`: who made it. */
  readonly comment: string
  /** Of this session: a change for all sessions is for new ones. */
  readonly maxAllowedPacket: number
}

/** What a server knows that a table may be made of. */
export interface Dialect extends ServerVersion {
  readonly collations: ReadonlySet<string>
  readonly charsets: ReadonlySet<string>
  /** In lower case. */
  readonly engines: ReadonlySet<string>
}

const known = new WeakMap<Session, Promise<ServerFacts>>()

export function serverFacts(session: Session): Promise<ServerFacts> {
  const facts = known.get(session) ?? askServer(session)
  known.set(session, facts)
  return facts
}

async function askServer(session: Session): Promise<ServerFacts> {
  const rows = await session
    .query('SELECT VERSION(), @@version_comment, @@max_allowed_packet')
    .catch((error: unknown) => {
      throw mapError(error, `asking ${session.where} what server it is`)
    })
  const [version, comment, maxAllowedPacket] = rows[0]!
  return {
    ...versionOf(version!),
    comment: comment ?? '',
    maxAllowedPacket: Number(maxAllowedPacket),
  }
}

const dialects = new WeakMap<Session, Dialect>()

/** Asked once per session, too. */
export async function askDialect(session: Session): Promise<Dialect> {
  const dialect = dialects.get(session) ?? (await askWhatIsMade(session))
  dialects.set(session, dialect)
  return dialect
}

async function askWhatIsMade(session: Session): Promise<Dialect> {
  const ask = (sql: string) =>
    session.query(sql).catch((error: unknown) => {
      throw mapError(error, `asking ${session.where} what tables it can make`)
    })
  const { mariadb, release, version } = await serverFacts(session)
  const collations = await ask(
    `SELECT COLLATION_NAME /*M!101001 , FULL_COLLATION_NAME */
     FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY`,
  )
  const engines = await ask(
    "SELECT ENGINE FROM information_schema.ENGINES WHERE SUPPORT IN ('YES', 'DEFAULT')",
  )
  const names = collations.map((row) => row.at(-1)!)
  return {
    mariadb,
    release,
    version,
    collations: new Set(names),
    charsets: new Set(names.map(charsetOf)),
    engines: new Set(engines.map(([name]) => name!.toLowerCase())),
  }
}

/** Of what `VERSION()` says. */
export function versionOf(text: string): ServerVersion {
  const [, major, minor, patch] = /^(?:5\.5\.5-)?(\d+)\.(\d+)\.(\d+)/.exec(text) ?? []
  return {
    mariadb: /mariadb/i.test(text),
    release: text,
    version: Number(major) * 10_000 + Number(minor) * 100 + Number(patch),
  }
}
