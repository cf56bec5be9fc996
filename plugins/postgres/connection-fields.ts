/** How a connection is given, in a file or as a URL. */
import { readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import type { Connection } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import type { ServerFields, ServerKind } from '../../src/sql/server-connection.js'
import { describeServer, serverFromUrl, serverSchema } from '../../src/sql/server-connection.js'

export interface ConnectionFields extends ServerFields {
  readonly passfile?: string
}

export const DEFAULT_PORT = 5432
export const DEFAULT_USER = 'postgres'

const kind: ServerKind = {
  scheme: 'postgres',
  port: DEFAULT_PORT,
  user: DEFAULT_USER,
  more: {
    passfile: {
      type: 'string',
      minLength: 1,
      description:
        'File in the form of .pgpass ("~/.pgpass") that the password is taken from, where none is given',
    },
  },
}

export const connectionSchema = serverSchema(kind)

/** The names that other programs give to parameters of a URL. */
const ALIASES: Readonly<Record<string, string>> = {
  sslmode: 'ssl-mode',
  sslrootcert: 'ssl-ca',
  sslcert: 'ssl-cert',
  sslkey: 'ssl-key',
  host: 'socket',
}
const MODES: Readonly<Record<string, string>> = {
  disable: 'disabled',
  allow: 'preferred',
  prefer: 'preferred',
  require: 'required',
  'verify-ca': 'verify_ca',
  'verify-full': 'verify_identity',
}

export function connectionFromUrl(url: URL): Connection {
  const plain = new URL(url.href)
  plain.search = ''
  for (const [name, value] of url.searchParams) {
    const isAlias = Object.hasOwn(ALIASES, name) && (name !== 'host' || value.startsWith('/'))
    const known = isAlias ? ALIASES[name]! : name
    plain.searchParams.append(known, name === 'sslmode' ? (MODES[value] ?? value) : value)
  }
  return serverFromUrl(kind, plain)
}

/** Without secrets. */
export function describeConnection(connection: Connection): string {
  return describeServer(kind, connection)
}

/** The path of the server's socket; null: it is reached by TCP. */
export function socketPath({ socket, port = DEFAULT_PORT }: ConnectionFields): string | null {
  if (socket === undefined) return null
  return /\/\.s\.PGSQL\.\d+$/.test(socket) ? socket : `${socket.replace(/\/$/, '')}/.s.PGSQL.${port}`
}

/** Throws CONFIG_INVALID for a file of passwords that cannot be used. */
export function passwordOf(fields: ConnectionFields): string {
  const { password, passfile } = fields
  if (password !== undefined || passfile === undefined) return password ?? ''
  const path = passfile.replace(/^~(?=\/)/, homedir())
  const wanted = [
    fields.socket === undefined ? (fields.host ?? '127.0.0.1') : 'localhost',
    String(fields.port ?? DEFAULT_PORT),
    fields.db,
    fields.user ?? DEFAULT_USER,
  ]
  for (const line of readPasswords(path).split(/\r?\n/)) {
    if (line.startsWith('#')) continue
    const parts = [...line.matchAll(/((?:\\.|[^\\:])*)(?::|$)/g)].map(([, part]) =>
      part!.replaceAll(/\\(.)/g, '$1'),
    )
    if (parts.length > 4 && wanted.every((value, i) => parts[i] === '*' || parts[i] === value))
      return parts[4]!
  }
  const address = wanted.slice(0, 3).join(':')
  throw new RowshiftError(
    'CONFIG_INVALID',
    `The file ${path} ("passfile") has no password for ${address} and user ${wanted[3]}.`,
  )
}

function readPasswords(path: string): string {
  try {
    if ((statSync(path).mode & 0o077) === 0 || process.platform === 'win32') return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new RowshiftError(
      'CONFIG_INVALID',
      `Cannot read the file ${path} ("passfile").`,
      { file: path },
      cause,
    )
  }
  const message = `Others may read the file ${path} ("passfile"): take their rights away with chmod 600.`
  throw new RowshiftError('CONFIG_INVALID', message, { file: path })
}
