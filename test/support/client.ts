// Sessions of tests, by drivers that the plugins have no part in: every value is the text that the server sent.
import { isUtf8 } from 'node:buffer'
import { createConnection } from 'mysql2/promise'
import pg from 'pg'

/** They speak one protocol, and most tests run on both. */
export type MysqlKind = 'mariadb' | 'mysql'
export type ServerKind = MysqlKind | 'postgres'

export type Row = (string | null)[]

export interface Client {
  /** Runs one or more statements; resolves to the rows of the last one that has any. */
  query(sql: string): Promise<Row[]>
  end(): Promise<void>
}

export interface ClientOptions {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database?: string | undefined
}

/** For a busy machine: one that is not there refuses at once. */
const CONNECT_MS = 60_000

export function connect(kind: ServerKind, options: ClientOptions): Promise<Client> {
  return kind === 'postgres' ? connectPostgres(options) : connectMysql(options)
}

async function connectMysql({ database, ...address }: ClientOptions): Promise<Client> {
  const connection = await createConnection({
    ...address,
    ...(database === undefined ? {} : { database }),
    connectTimeout: CONNECT_MS,
    charset: 'utf8mb4',
    multipleStatements: true,
    rowsAsArray: true,
    typeCast: (field) => asText(field.buffer()),
  })
  return {
    query: async (sql) => {
      const [result, fields] = await connection.query(sql)
      const several =
        Array.isArray(fields) && fields.some((entry) => entry === undefined || Array.isArray(entry))
      const results = (several ? result : [result]) as unknown[]
      return (results.findLast((entry) => Array.isArray(entry)) ?? []) as Row[]
    },
    end: () => connection.end(),
  }
}

/** Bytes that are not UTF-8 come as 0x…. */
function asText(bytes: Buffer | null): string | null {
  if (bytes === null) return null
  return isUtf8(bytes) ? bytes.toString() : `0x${bytes.toString('hex')}`
}

async function connectPostgres({ database = 'postgres', ...address }: ClientOptions): Promise<Client> {
  const client = new pg.Client({
    ...address,
    database,
    connectionTimeoutMillis: CONNECT_MS,
    types: { getTypeParser: () => (text: string) => text },
  })
  // A server that is killed while nobody waits for an answer; the next query fails.
  client.on('error', () => {})
  await client.connect()
  return {
    query: async (text) => {
      const result = (await client.query({ text, rowMode: 'array' })) as unknown
      const results = (Array.isArray(result) ? result : [result]) as pg.QueryArrayResult<Row>[]
      return results.findLast(({ fields }) => fields.length > 0)?.rows ?? []
    },
    end: () => client.end(),
  }
}
