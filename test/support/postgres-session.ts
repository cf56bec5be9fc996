import postgres from '../../plugins/postgres/plugin.js'
import type { Endpoint, RowshiftError } from '../../src/contract/plugin.js'

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
