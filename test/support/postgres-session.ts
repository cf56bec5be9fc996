import postgres from '../../plugins/postgres/plugin.js'
import type { Endpoint, RowshiftError } from '../../src/contract/plugin.js'
import { query } from './context.js'
import type { TestServer } from './servers.js'

/** A database whose texts are of this encoding, and sorted by their bytes. */
export async function createEncoded(at: TestServer, name: string, encoding: string): Promise<void> {
  const [[version] = []] = await query(at, 'SHOW server_version_num')
  const provider = Number(version) < 150_000 ? '' : ' LOCALE_PROVIDER libc'
  const like = `TEMPLATE template0 ENCODING '${encoding}' LC_COLLATE 'C' LC_CTYPE 'C'${provider}`
  await query(at, `CREATE DATABASE ${name} ${like}`)
}

/** The error of a session of PostgreSQL that is opened so; null: there is none. */
export async function openingError(
  url: string,
  options: Partial<Pick<Endpoint, 'session' | 'timeZone'>> = {},
): Promise<RowshiftError | null> {
  const connection = postgres.connectionFromUrl(new URL(url), url)
  const reader = postgres.createReader!({ plugin: '', connection, session: [], ...options })
  try {
    await reader.connect()
    return null
  } catch (thrown) {
    return thrown as RowshiftError
  } finally {
    await reader.close()
  }
}
