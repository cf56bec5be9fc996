/** How a connection is given, in a file or as a URL. */
import type { Connection } from '../../src/contract/plugin.js'
import type { ServerFields, ServerKind } from '../../src/sql/server-connection.js'
import { describeServer, serverFromUrl, serverSchema } from '../../src/sql/server-connection.js'

export interface ConnectionFields extends ServerFields {
  readonly server_public_key_path?: string
  readonly get_server_public_key?: boolean
}

export const DEFAULT_PORT = 3306

const kind: ServerKind = {
  scheme: 'mysql',
  port: DEFAULT_PORT,
  user: 'root',
  more: {
    server_public_key_path: {
      type: 'string',
      description:
        "File with the server's RSA key, PEM: logging in without TLS encrypts the password with it",
    },
    get_server_public_key: {
      type: 'boolean',
      description: 'true: log in without TLS by whatever RSA key the server sends (false)',
    },
    charset: { type: 'string', description: 'Accepted for old files; the connection is always utf8mb4' },
  },
}

export const connectionSchema = serverSchema(kind)

export function connectionFromUrl(url: URL): Connection {
  return serverFromUrl(kind, url)
}

/** Without secrets. */
export function describeConnection(connection: Connection): string {
  return describeServer(kind, connection)
}
