/**
 * What every session is set to, so that neither the server's nor the user's or the database's defaults change what a copy means, and what
 * of it `session` may not change. docs/sessions.md lists these settings with the reasons; a test compares them.
 */
import { RowshiftError } from '../../src/contract/plugin.js'
import type { Ask } from '../../src/sql/server-side.js'
import { postgresError } from './errors.js'
import { checkSessionFaults } from '../../src/sql/user-session.js'
import { text } from './sql.js'

export interface Setting {
  readonly name: string
  readonly value: string
  /** `session` may not change it. */
  readonly fixed: boolean
}

const fixed = (name: string, value: string): Setting => ({ name, value, fixed: true })
const yours = (name: string, value: string): Setting => ({ name, value, fixed: false })

/** Servers that do not have one of them go without it. */
export const SETTINGS: readonly Setting[] = [
  fixed('client_encoding', 'UTF8'),
  fixed('standard_conforming_strings', 'on'),
  fixed('backslash_quote', 'safe_encoding'),
  fixed('DateStyle', 'ISO, YMD'),
  fixed('IntervalStyle', 'postgres'),
  fixed('TimeZone', 'UTC'),
  fixed('bytea_output', 'hex'),
  fixed('extra_float_digits', '3'),
  fixed('xmlbinary', 'base64'),
  fixed('xmloption', 'content'),
  fixed('lc_numeric', 'C'),
  fixed('array_nulls', 'on'),
  fixed('transform_null_equals', 'off'),
  fixed('gin_fuzzy_search_limit', '0'),
  fixed('quote_all_identifiers', 'off'),
  fixed('default_transaction_deferrable', 'off'),
  // A query that would be given some of the rows only is an error.
  yours('row_security', 'off'),
  yours('default_transaction_isolation', 'read committed'),
  yours('statement_timeout', '0'),
  yours('lock_timeout', '60000'),
  yours('transaction_timeout', '0'),
  yours('idle_session_timeout', '0'),
  // A client that is gone between two statements of a transaction leaves its locks no longer than that.
  yours('idle_in_transaction_session_timeout', '600000'),
  yours('tcp_keepalives_idle', '60'),
  yours('tcp_keepalives_interval', '10'),
  yours('tcp_keepalives_count', '6'),
  yours('client_min_messages', 'warning'),
  yours('jit', 'off'),
  // Of a table without statistics, a planner sorts all rows that are left for each bound of a split.
  yours('enable_sort', 'off'),
]

const SET_UP =
  'SELECT pg_catalog.set_config(s.name, v.value, false) ' +
  `FROM (VALUES ${SETTINGS.map(({ name, value }) => `(${text(name)}, ${text(value)})`).join(', ')}) AS v (name, value) ` +
  'JOIN pg_catalog.pg_settings AS s ON s.name OPERATOR(pg_catalog.=) v.name'

/** The schemas that the user's own search path leads to, and temporary tables last: nobody puts one in the place of another. */
const SET_PATH =
  "SELECT pg_catalog.set_config('search_path', pg_catalog.concat(" +
  "(SELECT pg_catalog.string_agg(pg_catalog.concat(pg_catalog.quote_ident(s), ', '), '') " +
  "FROM pg_catalog.unnest(pg_catalog.current_schemas(false)) AS s WHERE s OPERATOR(pg_catalog.<>) 'pg_catalog'), 'pg_temp'), false)"

export async function setUpSession(ask: Ask): Promise<void> {
  try {
    // The next statements would have to be quicker.
    await ask('SET statement_timeout = 0')
    await ask(SET_PATH)
    await ask(SET_UP)
  } catch (thrown) {
    throw postgresError(thrown, 'session set-up')
  }
}

/** After the user's `session`: throws PARAMS_INVALID for everything that rowshift relies on and no longer finds. */
export async function checkSession(ask: Ask): Promise<void> {
  const names = SETTINGS.map(({ name }) => text(name)).join(', ')
  const rows = await ask(
    `SELECT name, setting, now() < statement_timestamp() FROM pg_catalog.pg_settings WHERE name IN (${names})`,
  ).catch((thrown: unknown) => {
    throw postgresError(thrown, 'checking the session after "session"')
  })
  const faults = rows.flatMap(([name, value]) => {
    const setting = SETTINGS.find((known) => known.name === name)!
    if (!setting.fixed || value === setting.value) return []
    const hint = name === 'TimeZone' ? '; the param "time_zone" is for your SQL' : ''
    return [`${name} is "${value}" instead of "${setting.value}"${hint}`]
  })
  if (rows.some((row) => row[2] === 't')) faults.push('a transaction is left open')
  checkSessionFaults(faults)
}

const UNKNOWN_VALUE = '22023'

/** The session's idea of time is another zone than UTC; values are read in UTC all the same. Throws PARAMS_INVALID. */
export async function setZone(ask: Ask, zone: string, where: string): Promise<void> {
  // As a text, an offset would count the other way round.
  const value = /^[+-]/.test(zone) ? `INTERVAL ${text(zone)} HOUR TO MINUTE` : text(zone)
  await ask(`SET TIME ZONE ${value}`).catch((thrown: unknown) => {
    if (!['22', UNKNOWN_VALUE].some((state) => String((thrown as { code?: string }).code).startsWith(state)))
      throw postgresError(thrown, 'setting the time zone')
    throw new RowshiftError(
      'PARAMS_INVALID',
      `params.time_zone: ${where} does not know the time zone ${JSON.stringify(zone)}. Give an offset like "+02:00", or a name of pg_timezone_names.`,
    )
  })
}
