/** How a connection to a database server is given, in a file or as a URL: what all servers have in common. */
import type { Connection } from '../contract/endpoint.js'
import { RowshiftError } from '../contract/errors.js'
import type { ServerEncryption } from './encryption.js'

/** Checked against the schema before it gets here. */
export interface ServerFields extends ServerEncryption {
  readonly port?: number | string
  readonly user?: string
  readonly password?: string
  readonly db: string
  readonly stall_timeout?: number | string
}

/** What differs from one server to another. */
export interface ServerKind {
  /** Of its URLs. */
  readonly scheme: string
  readonly port: number
  readonly user: string
  /** JSON schemas of more fields; each is a parameter of the URL too, with dashes for underscores. */
  readonly more: Readonly<Record<string, FieldSchema>>
}

interface FieldSchema {
  readonly type?: string | readonly string[]
  readonly enum?: readonly string[]
  readonly description?: string
  readonly [keyword: string]: unknown
}

const STALL_SECONDS = 60

/** For how many milliseconds a server that says nothing is waited for. */
export function stallMs({ stall_timeout }: Pick<ServerFields, 'stall_timeout'>): number {
  return Number(stall_timeout ?? STALL_SECONDS) * 1000
}

export function fieldsOf<Fields extends ServerFields>(connection: Connection): Fields {
  return connection as unknown as Fields
}

/** Without secrets. */
export function describeServer({ scheme, port, user }: ServerKind, connection: Connection): string {
  const fields = fieldsOf(connection)
  const host = fields.host ?? '127.0.0.1'
  const address = host.includes(':') ? `[${host}]` : host
  const location = fields.socket ?? `${address}:${fields.port ?? port}`
  return `${scheme}://${fields.user ?? user}@${location}/${fields.db}`
}

/** The JSON schema of a connection. */
export function serverSchema({ port, user, more }: ServerKind) {
  return {
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
        description: String(port),
      },
      user: { type: 'string', description: `User (${user})` },
      password: { type: 'string' },
      db: { type: 'string', minLength: 1, description: 'Database' },
      ...parameters,
      ...more,
    },
  }
}

/** Those of all servers that a URL has behind its question mark. */
const parameters: Readonly<Record<string, FieldSchema>> = {
  socket: { type: 'string', description: 'Unix socket; used instead of host and port' },
  ssl_mode: {
    enum: ['disabled', 'preferred', 'required', 'verify_ca', 'verify_identity'],
    description:
      'TLS (preferred: used where the server has it, not on this machine itself, and not verified; required when ssl_cert is given, verify_ca when ssl_ca is)',
  },
  ssl_ca: { type: 'string', description: 'File with the certificate authority, PEM' },
  ssl_cert: { type: 'string', description: 'File with the client certificate, PEM' },
  ssl_key: { type: 'string', description: 'File with the client key, PEM' },
  stall_timeout: {
    type: ['integer', 'string'],
    pattern: '^[1-9][0-9]{0,5}$',
    minimum: 1,
    maximum: 999999,
    description:
      'Seconds after which a server that says nothing is given up, unless a second connection shows that it works (60)',
  },
}

/** `scheme://user:password@host:port/db?socket=…` */
export function serverFromUrl({ scheme, more }: ServerKind, url: URL): Connection {
  const known = { ...parameters, ...more }
  const fields: Record<string, string | boolean> = {}
  if (url.hostname !== '') fields['host'] = decode(url.hostname.replace(/^\[|\]$/g, ''))
  if (url.port !== '') fields['port'] = url.port
  if (url.username !== '') fields['user'] = decode(url.username)
  if (url.password !== '') fields['password'] = decode(url.password)
  fields['db'] = databaseIn(scheme, url)
  for (const [key, value] of url.searchParams) {
    const name = key.replaceAll('-', '_')
    if (!Object.hasOwn(known, name)) {
      const names = Object.keys(known).map((known) => known.replaceAll('_', '-'))
      throw usage(`The URL has an unknown parameter "${key}"; known ones are table, ${names.join(', ')}.`)
    }
    fields[name] = valueOf(known[name]!, value)
  }
  return fields
}

/** What is not one of a schema's values is left for the schema to refuse. */
function valueOf(schema: FieldSchema, text: string): string | boolean {
  const lower = text.toLowerCase()
  if (schema.type !== 'boolean') return schema.enum === undefined ? text : lower
  if (['', '1', 'true', 'on'].includes(lower)) return true
  return ['0', 'false', 'off'].includes(lower) ? false : text
}

/** Never shows the text: without the two slashes, user and password would be taken for the database. */
function databaseIn(scheme: string, url: URL): string {
  const [, database] = /^\/([^/]+)$/.exec(url.pathname) ?? []
  if (database !== undefined) return decode(database)
  throw usage(`The URL names no database. It has the form ${scheme}://user:password@host:port/db?table=name.`)
}

/** Never shows the text: it may be the password. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw usage('The URL holds a "%" that starts no valid escape; write a "%" itself as %25.')
  }
}

function usage(message: string): RowshiftError {
  return new RowshiftError('USAGE', message)
}
