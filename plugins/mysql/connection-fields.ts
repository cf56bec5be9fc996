/** How a connection is given, in a file or as a URL. */
import type { Connection } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'

/** Checked against `connectionSchema` before it gets here. */
export interface ConnectionFields {
  readonly host?: string
  readonly port?: number | string
  readonly socket?: string
  readonly user?: string
  readonly password?: string
  readonly db: string
  readonly ssl_mode?: 'disabled' | 'preferred' | 'required' | 'verify_ca' | 'verify_identity'
  readonly ssl_ca?: string
  readonly ssl_cert?: string
  readonly ssl_key?: string
  readonly server_public_key_path?: string
  readonly get_server_public_key?: boolean
  readonly stall_timeout?: number | string
}

export const DEFAULT_PORT = 3306

const STALL_SECONDS = 60

/** How long a server that is gone is waited for. */
export function stallMs({ stall_timeout }: Pick<ConnectionFields, 'stall_timeout'>): number {
  return Number(stall_timeout ?? STALL_SECONDS) * 1000
}

/** Without secrets. */
export function describeConnection(connection: Connection): string {
  const fields = connection as unknown as ConnectionFields
  const host = fields.host ?? '127.0.0.1'
  const address = host.includes(':') ? `[${host}]` : host
  const place = fields.socket ?? `${address}:${fields.port ?? DEFAULT_PORT}`
  return `mysql://${fields.user ?? 'root'}@${place}/${fields.db}`
}

export function databaseOf(connection: Connection): string {
  return (connection as unknown as ConnectionFields).db
}

export const connectionSchema = {
  type: 'object',
  required: ['db'],
  additionalProperties: false,
  properties: {
    host: { type: 'string', description: 'Host name or address (127.0.0.1)' },
    port: {
      type: ['integer', 'string'],
      pattern: '^[0-9]+$',
      minimum: 1,
      maximum: 65535,
      description: '3306',
    },
    socket: { type: 'string', description: 'Unix socket; used instead of host and port' },
    user: { type: 'string', description: 'User (root)' },
    password: { type: 'string' },
    db: { type: 'string', minLength: 1, description: 'Database' },
    charset: { type: 'string', description: 'Accepted for old files; the connection is always utf8mb4' },
    ssl_mode: {
      enum: ['disabled', 'preferred', 'required', 'verify_ca', 'verify_identity'],
      description:
        'TLS (preferred: used where the server has it, not on this machine itself, and not verified; required when ssl_cert is given, verify_ca when ssl_ca is)',
    },
    ssl_ca: { type: 'string', description: 'File with the certificate authority, PEM' },
    ssl_cert: { type: 'string', description: 'File with the client certificate, PEM' },
    ssl_key: { type: 'string', description: 'File with the client key, PEM' },
    server_public_key_path: {
      type: 'string',
      description:
        "File with the server's RSA key, PEM: logging in without TLS encrypts the password with it",
    },
    get_server_public_key: {
      type: 'boolean',
      description: 'true: log in without TLS by whatever RSA key the server sends (false)',
    },
    stall_timeout: {
      type: ['integer', 'string'],
      pattern: '^[1-9][0-9]{0,5}$',
      minimum: 1,
      maximum: 999999,
      description:
        'Seconds after which a server that says nothing is given up, unless a second connection shows that it works (60)',
    },
  },
}

const URL_PARAMETERS = new Set([
  'socket',
  'ssl_mode',
  'ssl_ca',
  'ssl_cert',
  'ssl_key',
  'server_public_key_path',
  'get_server_public_key',
  'stall_timeout',
  'charset',
])

/** `mysql://user:password@host:port/db?socket=…` */
export function connectionFromUrl(url: URL): Connection {
  const fields: Record<string, string | boolean> = {}
  if (url.hostname !== '') fields['host'] = decode(url.hostname.replace(/^\[|\]$/g, ''))
  if (url.port !== '') fields['port'] = url.port
  if (url.username !== '') fields['user'] = decode(url.username)
  if (url.password !== '') fields['password'] = decode(url.password)
  fields['db'] = databaseIn(url)
  for (const [key, value] of url.searchParams) {
    const name = key.replaceAll('-', '_')
    if (!URL_PARAMETERS.has(name)) {
      const known = [...URL_PARAMETERS].map((known) => known.replaceAll('_', '-')).join(', ')
      throw new RowshiftError(
        'USAGE',
        `The URL has an unknown parameter "${key}"; known ones are table, ${known}.`,
      )
    }
    fields[name] = valueOf(name, value)
  }
  return fields
}

/** What is neither true nor false is left for the schema to refuse. */
function valueOf(name: string, text: string): string | boolean {
  const lower = text.toLowerCase()
  if (name === 'get_server_public_key') {
    if (['', '1', 'true', 'on'].includes(lower)) return true
    return ['0', 'false', 'off'].includes(lower) ? false : text
  }
  return name === 'ssl_mode' ? lower : text
}

/** Never shows the text: without the two slashes, user and password would be taken for the database. */
function databaseIn(url: URL): string {
  const [, database] = /^\/([^/]+)$/.exec(url.pathname) ?? []
  if (database !== undefined) return decode(database)
  throw new RowshiftError(
    'USAGE',
    'The URL names no database. It has the form mysql://user:password@host:port/db?table=name.',
  )
}

/** Never shows the text: it may be the password. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw new RowshiftError(
      'USAGE',
      'The URL holds a "%" that starts no valid escape; write a "%" itself as %25.',
    )
  }
}
