/** How a connection to a server is kept from listeners. */
import { readFileSync } from 'node:fs'
import { BlockList, isIP } from 'node:net'
import { RowshiftError } from '../contract/errors.js'

/** The fields of a connection that decide about it. */
export interface ServerEncryption {
  readonly host?: string
  readonly socket?: string
  readonly ssl_mode?: 'disabled' | 'preferred' | 'required' | 'verify_ca' | 'verify_identity'
  readonly ssl_ca?: string
  readonly ssl_cert?: string
  readonly ssl_key?: string
}

/** TLS of one connection. */
export interface Encryption {
  /** null: the connection is plain. */
  readonly ssl: SslOptions | null
  /** A server without TLS gets a plain connection (`preferred`). */
  readonly optional: boolean
}

export interface SslOptions {
  readonly rejectUnauthorized: boolean
  /** The name in the certificate must be that of the host. */
  readonly verifyIdentity: boolean
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

export const PLAIN: Encryption = { ssl: null, optional: false }

/** Throws CONFIG_INVALID for a file that cannot be read. */
export function encryptionOf(fields: ServerEncryption): Encryption {
  const mode = fields.ssl_mode ?? defaultMode(fields)
  if (mode === 'disabled') return PLAIN
  // Only root could listen there, and TLS costs the client a sixth more CPU.
  if (mode === 'preferred' && staysHere(fields)) return PLAIN
  const { ssl_ca: ca, ssl_cert: cert, ssl_key: key } = fields
  const ssl = {
    rejectUnauthorized: mode === 'verify_ca' || mode === 'verify_identity',
    verifyIdentity: mode === 'verify_identity',
    ...(ca === undefined ? {} : { ca: readPem(ca) }),
    ...(cert === undefined ? {} : { cert: readPem(cert) }),
    ...(key === undefined ? {} : { key: readPem(key) }),
  }
  return { ssl, optional: mode === 'preferred' }
}

/** Whoever gives certificates wants them used. */
function defaultMode({ ssl_ca, ssl_cert }: ServerEncryption): NonNullable<ServerEncryption['ssl_mode']> {
  if (ssl_ca !== undefined) return 'verify_ca'
  return ssl_cert === undefined ? 'preferred' : 'required'
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** A unix socket or a loopback address: what is sent does not leave the machine. */
export function staysHere({ socket, host = '127.0.0.1' }: ServerEncryption): boolean {
  if (socket !== undefined || host.toLowerCase() === 'localhost') return true
  const family = isIP(host)
  return family !== 0 && loopback.check(host, family === 4 ? 'ipv4' : 'ipv6')
}

export function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new RowshiftError('CONFIG_INVALID', `Cannot read the TLS file ${file}.`, { file }, error)
  }
}
