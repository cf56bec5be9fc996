/**
 * How a connection is kept from listeners, and a password from servers that only claim to be the one: TLS, and what is
 * given away without it. The rules and names are those of the mysql client.
 */
import { readFileSync } from 'node:fs'
import { BlockList, isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import tls from 'node:tls'
import mysql from 'mysql2'
import { RowshiftError } from '../../src/contract/plugin.js'
import type { ConnectionFields } from './connection-fields.js'
import type { WireConnection } from './driver.js'

/** TLS of one connection. */
export interface Encryption {
  /** null: the connection is plain. */
  readonly ssl: mysql.SslOptions | null
  /** A server without TLS gets a plain connection (`preferred`). */
  readonly optional: boolean
}

export const PLAIN: Encryption = { ssl: null, optional: false }

export function encryptionOf(fields: ConnectionFields): Encryption {
  const mode = fields.ssl_mode ?? defaultMode(fields)
  if (mode === 'disabled') return PLAIN
  // Only root could listen there, and TLS costs the client a sixth more CPU.
  if (mode === 'preferred' && staysHere(fields)) return PLAIN
  const ssl: mysql.SslOptions = {
    rejectUnauthorized: mode === 'verify_ca' || mode === 'verify_identity',
    verifyIdentity: mode === 'verify_identity',
  }
  if (fields.ssl_ca !== undefined) ssl.ca = readPem(fields.ssl_ca)
  if (fields.ssl_cert !== undefined) ssl.cert = readPem(fields.ssl_cert)
  if (fields.ssl_key !== undefined) ssl.key = readPem(fields.ssl_key)
  return { ssl, optional: mode === 'preferred' }
}

/** Whoever gives certificates wants them used. */
function defaultMode({ ssl_ca, ssl_cert }: ConnectionFields): NonNullable<ConnectionFields['ssl_mode']> {
  if (ssl_ca !== undefined) return 'verify_ca'
  return ssl_cert === undefined ? 'preferred' : 'required'
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** A unix socket or a loopback address: what is sent does not leave the machine. */
function staysHere({ socket, host = '127.0.0.1' }: ConnectionFields): boolean {
  if (socket !== undefined || host.toLowerCase() === 'localhost') return true
  const family = isIP(host)
  return family !== 0 && loopback.check(host, family === 4 ? 'ipv4' : 'ipv6')
}

/** Thrown inside mysql2, which gives every error in a login a code of its own. */
export class UntrustedKey extends Error {}

/**
 * The ways of logging in that send the password encrypted with a key which the server names: where anybody could be
 * the server, only with a key that is pinned, or with any key when the user says so.
 */
export function authPluginsOf(
  fields: ConnectionFields,
  encrypted: boolean,
): Pick<mysql.ConnectionOptions, 'authPlugins'> {
  if (encrypted || fields.socket !== undefined) return {}
  const pinned = fields.server_public_key_path
  if (pinned === undefined && (fields.get_server_public_key === true || staysHere(fields))) return {}
  const options =
    pinned === undefined ? { onServerPublicKey: refuseKey } : { serverPublicKey: readPem(pinned) }
  const { caching_sha2_password, sha256_password } = mysql.authPlugins
  return {
    authPlugins: {
      caching_sha2_password: caching_sha2_password(options),
      sha256_password: sha256_password(options),
    } as NonNullable<mysql.ConnectionOptions['authPlugins']>,
  }
}

function refuseKey(): never {
  throw new UntrustedKey('the server wants the password encrypted with a key that it names itself')
}

/**
 * mysql2 looks for the name "localhost" in the certificate of a server that is given by its address. Should mysql2 ever
 * not call this, it goes on doing so, and refuses.
 */
export function verifyAddress(connection: WireConnection, ssl: mysql.SslOptions, host: string): void {
  const { ca, cert, key } = ssl
  connection.startTLS = (onSecure) => {
    const socket = connection.stream as unknown as Duplex
    socket.removeAllListeners('data')
    let secured = false
    const secure = tls.connect({ ca, cert, key, socket, host } as tls.ConnectionOptions, () => {
      secured = true
      onSecure()
    })
    secure.on('error', (error) => (secured ? connection._handleNetworkError(error) : onSecure(error)))
    secure.on('data', (chunk: Buffer) => connection.packetParser.execute(chunk))
    connection.stream = secure
  }
}

/** Whether a connection failed for want of a TLS that both ends have. */
export function noTls(error: unknown): boolean {
  const { code = '' } = error as { code?: string }
  return code === 'HANDSHAKE_NO_SSL_SUPPORT' || code === 'HANDSHAKE_SSL_ERROR'
}

function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new RowshiftError('CONFIG_INVALID', `Cannot read the TLS file ${file}.`, { file }, error)
  }
}
