/**
 * How a password is kept from servers that only claim to be the one, and what is given away without TLS. The rules and names are
 * those of the mysql client.
 */
import type { Duplex } from 'node:stream'
import tls from 'node:tls'
import mysql from 'mysql2'
import { readPem, staysHere } from '../../src/sql/encryption.js'
import type { ConnectionFields } from './connection-fields.js'
import type { LoginCommand, WireConnection } from './driver.js'

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

/** Flags of the protocol: a client that is not MariaDB's own, and COM_STMT_BULK_EXECUTE among those that only MariaDB has. */
const PLAIN_MYSQL = 1
const BULK_OPERATIONS = 4

/**
 * MariaDB takes bulk executions from clients that have announced them in the login, which mysql2 does not. Where the server
 * offers none, nothing is announced. Returns whether they were, once the connection is logged in.
 */
export function announceBulk({ _command }: WireConnection): () => boolean {
  const login = _command as LoginCommand
  const offered = () => (login.handshake.mariadbExtendedCapabilityFlags & BULK_OPERATIONS) !== 0
  for (const name of ['sendSSLRequest', 'sendCredentials'] as const) {
    const send = login[name].bind(login)
    login[name] = (connection) => {
      if (offered()) {
        login.clientFlags &= ~PLAIN_MYSQL
        login.mariadbExtendedClientFlags |= BULK_OPERATIONS
      }
      send(connection)
    }
  }
  return offered
}

/** Whether a connection failed for want of a TLS that both ends have. */
export function noTls(error: unknown): boolean {
  const { code = '' } = error as { code?: string }
  return code === 'HANDSHAKE_NO_SSL_SUPPORT' || code === 'HANDSHAKE_SSL_ERROR'
}
