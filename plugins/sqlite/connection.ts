import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Connection, Endpoint } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import { Database, requireDriver } from './driver.js'
import { sqliteCode, sqliteError } from './errors.js'
import { untilFree } from './waiting.js'

const PATH_DESCRIPTION = 'Path of the database file, relative to the working directory or absolute.'

export const connectionSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'SQLite connection',
  type: 'object',
  additionalProperties: false,
  properties: {
    path: { type: 'string', minLength: 1, description: PATH_DESCRIPTION },
    db: { type: 'string', minLength: 1, description: `Another name for "path". ${PATH_DESCRIPTION}` },
  },
  oneOf: [{ required: ['path'] }, { required: ['db'] }],
} as const

export function connectionFromUrl(url: URL): Connection {
  if (url.host !== '' || url.username !== '' || url.password !== '') {
    throw usage('has no host and no user; write sqlite:relative/path.db or sqlite:///absolute/path.db')
  }
  if (url.hash !== '') throw usage('ends at "#"; write %23 for a "#" in a file name')
  const unknown = [...url.searchParams.keys()].filter((name) => name !== 'table')
  if (unknown.length > 0) throw usage(`takes no parameter but "table"; found "${unknown.join('", "')}"`)
  const path = decodePath(url.pathname)
  if (path === '') throw usage('names no file; write sqlite:path.db?table=name')
  return { path }
}

function decodePath(pathname: string): string {
  try {
    return decodeURIComponent(pathname)
  } catch {
    throw usage(`has a malformed percent escape in "${pathname}"; write %25 for a "%"`)
  }
}

function usage(fault: string): RowshiftError {
  return new RowshiftError('USAGE', `A sqlite URL ${fault}`)
}

function pathOf(connection: Connection): string {
  const path = connection['path'] ?? connection['db']
  if (typeof path === 'string' && path !== '') return path
  throw new RowshiftError('CONFIG_INVALID', 'A SQLite connection needs "path", the database file')
}

export function describeConnection(connection: Connection): string {
  return `sqlite:${pathOf(connection)}`
}

/** The file as an absolute path: SQLite would take a name that begins with `file:` for a URI. */
export function fileOf(connection: Connection): string {
  return resolve(pathOf(connection))
}

/** SQLite's own 2000 are few for a transaction that changes many pages. */
const CACHE_KIB = 16_000

export type Access = 'read' | 'write' | 'create'

/** Opens the database and runs the endpoint's session statements. Only `create` makes a file that is missing. */
export async function open(
  endpoint: Pick<Endpoint, 'connection' | 'session'>,
  access: Access,
  signal?: AbortSignal,
): Promise<Database> {
  const file = fileOf(endpoint.connection)
  requireDriver()
  if (access !== 'create') checkFile(file, access)
  let database: Database | null = null
  try {
    const opened = new Database(urlOf(file, access), { readOnly: access === 'read' })
    database = opened
    // The first look at the file: opening alone does not read it.
    await untilFree(database, signal, () => opened.exec('PRAGMA schema_version'))
    if (access !== 'read') database.exec('PRAGMA synchronous = FULL')
    database.exec(`PRAGMA foreign_keys = ON; PRAGMA cache_size = -${CACHE_KIB}`)
  } catch (thrown) {
    database?.close()
    throw openError(thrown, file)
  }
  runSession(database, endpoint.session, file)
  return database
}

/** Without a mode, SQLite would make a file that has gone since it was looked at. */
function urlOf(file: string, access: Access): URL {
  const url = pathToFileURL(file)
  url.searchParams.set('mode', { read: 'ro', write: 'rw', create: 'rwc' }[access])
  return url
}

/** Throws unless there is such a file, which may be read or written. */
export function checkFile(file: string, access: Access): void {
  const facts = statSync(file, { throwIfNoEntry: false })
  if (!facts?.isFile()) {
    const fault = facts ? 'is not a file' : 'does not exist'
    throw new RowshiftError('TABLE_NOT_FOUND', `The SQLite database ${file} ${fault}; check the path`, {
      file,
    })
  }
  try {
    accessSync(file, access === 'read' ? constants.R_OK : constants.R_OK | constants.W_OK)
  } catch (cause) {
    const message = `The SQLite database ${file} may not be ${access === 'read' ? 'read' : 'written'}; check its permissions`
    throw new RowshiftError('ACCESS_DENIED', message, { file }, cause)
  }
}

function openError(thrown: unknown, file: string): RowshiftError {
  const code = sqliteCode(thrown)
  if (code?.startsWith('SQLITE_NOTADB')) {
    return new RowshiftError('CONFIG_INVALID', `${file} is not a SQLite database`, { file }, thrown)
  }
  if (code?.startsWith('SQLITE_CANTOPEN') && !existsSync(dirname(file))) return folderMissing(file, thrown)
  if (code?.startsWith('SQLITE_CANTOPEN')) {
    const message = `The SQLite database ${file} cannot be opened; check that its directory exists and its permissions`
    return new RowshiftError('ACCESS_DENIED', message, { file }, thrown)
  }
  return sqliteError(thrown, `opening ${file}`, { file })
}

export function folderMissing(file: string, cause?: unknown): RowshiftError {
  const message = `The directory of the SQLite database ${file} does not exist; create it, or correct the path`
  return new RowshiftError('CONFIG_INVALID', message, { file }, cause)
}

function runSession(database: Database, session: readonly string[], file: string): void {
  try {
    for (const statement of session) database.exec(statement)
  } catch (thrown) {
    database.close()
    throw sqliteError(thrown, `running the session statements on ${file}`, { file })
  }
}
