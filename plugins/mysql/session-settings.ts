/**
 * What every session is set to, so that neither the server's nor the user's defaults change what a copy means, and what of it `session`
 * may not change. docs/sessions.md lists these settings and those that are left alone, with the reasons; a test compares them.
 */
import type { TextRow } from './driver.js'
import { checkSessionFaults } from '../../src/sql/user-session.js'
import { mapError } from './errors.js'

/** A session that is being set up. */
interface Channel {
  query(sql: string): Promise<TextRow[]>
  send(payload: Buffer): Promise<{ readonly serverStatus: number }>
}

export interface Setting {
  readonly name: string
  /** SQL of the value. */
  readonly value: string
  /** What it must be after `session`; null: users may change it. */
  readonly must: string | null
  /** A value for servers that do not take the other, which is enough too. */
  readonly elsewhere?: string
  /** How the comment begins in which only some servers read it. */
  readonly only?: '!50708' | '!50720' | '!80000' | '!80011' | '!80030' | 'M!100601' | 'M!101101'
}

const MODES = [
  'STRICT_ALL_TABLES',
  'NO_AUTO_VALUE_ON_ZERO',
  'ERROR_FOR_DIVISION_BY_ZERO',
  'NO_ENGINE_SUBSTITUTION',
]
/** Without them bad values are changed, or ids of 0 are. */
const REQUIRED_MODES = ['STRICT_ALL_TABLES', 'NO_AUTO_VALUE_ON_ZERO']
/** Each changes how statements are read, what values are read or written, or what SHOW CREATE TABLE says. */
const FORBIDDEN_MODES = [
  'NO_BACKSLASH_ESCAPES',
  'ANSI_QUOTES',
  'PIPES_AS_CONCAT',
  'HIGH_NOT_PRECEDENCE',
  'IGNORE_SPACE',
  'REAL_AS_FLOAT',
  'PAD_CHAR_TO_FULL_LENGTH',
  'TIME_TRUNCATE_FRACTIONAL',
  'TIME_ROUND_FRACTIONAL',
  'EMPTY_STRING_IS_NULL',
  'NO_FIELD_OPTIONS',
  'NO_KEY_OPTIONS',
  'NO_TABLE_OPTIONS',
  'ORACLE',
  'MSSQL',
  'DB2',
  'MAXDB',
  'POSTGRESQL',
  'MYSQL323',
  'MYSQL40',
]

export const SETTINGS: readonly Setting[] = [
  { name: 'sql_mode', value: `'${MODES.join(',')}'`, must: null },
  { name: 'time_zone', value: "'+00:00'", must: '+00:00' },
  { name: 'autocommit', value: '1', must: '1' },
  { name: 'completion_type', value: '0', must: 'NO_CHAIN' },
  { name: 'sql_auto_is_null', value: '0', must: '0' },
  {
    name: 'sql_select_limit',
    value: '18446744073709551615',
    must: '18446744073709551615',
    elsewhere: '9223372036854775807',
  },
  { name: 'sql_big_selects', value: '1', must: '1' },
  { name: 'sql_safe_updates', value: '0', must: '0' },
  { name: 'sql_notes', value: '1', must: '1' },
  { name: 'sql_quote_show_create', value: '1', must: '1' },
  // Longer than any key, so that ORDER BY compares all of it.
  { name: 'max_sort_length', value: '8192', must: '8192' },
  { name: 'div_precision_increment', value: '4', must: null },
  { name: 'group_concat_max_len', value: '1073741824', must: null },
  { name: 'default_week_format', value: '0', must: null },
  { name: 'lc_time_names', value: "'en_US'", must: null },
  { name: 'foreign_key_checks', value: '1', must: null },
  { name: 'unique_checks', value: '1', must: null },
  { name: 'innodb_lock_wait_timeout', value: '50', must: null },
  { name: 'lock_wait_timeout', value: '3600', must: null },
  // How long the server waits for the next piece of a load: a client that is gone leaves its locks no longer than that.
  { name: 'net_read_timeout', value: '600', must: null },
  { name: 'net_write_timeout', value: '3600', must: null },
  { name: 'wait_timeout', value: '28800', must: null },
  { name: 'block_encryption_mode', value: "'aes-128-ecb'", must: null, only: '!50708' },
  { name: 'max_execution_time', value: '0', must: null, only: '!50708' },
  { name: 'information_schema_stats_expiry', value: '0', must: null, only: '!80000' },
  {
    name: 'show_gipk_in_create_table_and_information_schema',
    value: '1',
    must: '1',
    only: '!80030',
  },
  { name: 'show_create_table_verbosity', value: '0', must: '0', only: '!80011' },
  { name: 'max_statement_time', value: '0', must: null, only: 'M!100601' },
  { name: 'check_constraint_checks', value: '1', must: null, only: 'M!100601' },
  { name: 'explicit_defaults_for_timestamp', value: '1', must: null, only: '!80000' },
  { name: 'explicit_defaults_for_timestamp', value: '1', must: null, only: 'M!101101' },
  { name: 'max_error_count', value: '65535', must: null, only: 'M!100601' },
  { name: 'old_mode', value: "'UTF8_IS_UTF8MB3'", must: 'UTF8_IS_UTF8MB3', only: 'M!100601' },
  { name: 'default_regex_flags', value: "''", must: '', only: 'M!100601' },
  { name: 'system_versioning_asof', value: 'DEFAULT', must: 'DEFAULT', only: 'M!100601' },
  // A client that is gone between two statements of a transaction.
  { name: 'idle_write_transaction_timeout', value: '600', must: null, only: 'M!100601' },
]

/** As few statements as possible: each is a round trip, for every connection. */
export const SET_UP: readonly string[] = [
  `SET NAMES utf8mb4${SETTINGS.map(({ name, value, only }) => {
    const assignment = `, ${name} = ${value}`
    return only === undefined ? assignment : ` /*${only} ${assignment} */`
  }).join('')}`,
  // The variables have other names in other versions.
  'SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE',
]

const UNKNOWN_VARIABLE = 1193
const WRONG_VALUE = 1231

export async function setUpSession(session: Channel): Promise<void> {
  try {
    for (const sql of SET_UP) await session.query(sql)
  } catch (error) {
    const { errno } = error as { errno?: number }
    const otherServer = errno === UNKNOWN_VARIABLE || errno === WRONG_VALUE
    await (otherServer ? setUpOneByOne(session) : Promise.reject(error as Error)).catch((thrown: unknown) => {
      throw mapError(thrown, 'session set-up')
    })
  }
}

/** Servers that speak MySQL's protocol lack some variables, whatever version they claim, and take other values for some. */
async function setUpOneByOne(session: Channel): Promise<void> {
  const [, isolation] = SET_UP
  await session.query('SET NAMES utf8mb4')
  for (const { name, value, elsewhere } of SETTINGS) {
    await session.query(`SET ${name} = ${value}`).catch((error: unknown) => {
      const { errno } = error as { errno?: number }
      if (errno === UNKNOWN_VARIABLE) return []
      if (errno === WRONG_VALUE && elsewhere !== undefined) return session.query(`SET ${name} = ${elsewhere}`)
      throw error
    })
  }
  await session.query(isolation!)
}

/** What is looked at after `session` although it was not set by name. */
const LOOKED_AT: readonly Omit<Setting, 'value'>[] = [
  { name: 'character_set_client', must: 'utf8mb4' },
  { name: 'character_set_connection', must: 'utf8mb4' },
  { name: 'character_set_results', must: 'utf8mb4' },
  { name: 'transaction_isolation', must: null, only: '!50720' },
  { name: 'transaction_read_only', must: '0', only: '!50720' },
  { name: 'tx_isolation', must: null, only: 'M!100601' },
  { name: 'tx_read_only', must: '0', only: 'M!100601' },
]
/** Flag of the protocol: a transaction is under way. */
const IN_TRANSACTION = 1

/** After the user's `session`: throws PARAMS_INVALID for everything that rowshift relies on and no longer finds. */
export async function checkSession(
  session: Channel,
  database: string,
  statements: readonly string[],
): Promise<void> {
  const { serverStatus } = await session.send(Buffer.from('DO 0'))
  const [current, ...values] = (await askRow(session)) ?? []
  const faults = [
    ...(current === undefined ? ['sql_select_limit is 0'] : settingFaults(values)),
    ...(current?.toLowerCase() === database.toLowerCase()
      ? []
      : [`the current database is ${current ?? 'none'} instead of ${database}`]),
    ...((serverStatus & IN_TRANSACTION) === 0 ? [] : ['a transaction is left open']),
    ...statements.flatMap((sql) =>
      LOCKS.test(sql) ? [`${sql.trim()}: all connections would take that lock, and wait for each other`] : [],
    ),
  ]
  checkSessionFaults(faults)
}

const LOCKS = /^\s*(LOCK|FLUSH)\s+(NO_WRITE_TO_BINLOG\s+|LOCAL\s+)?(TABLES?|INSTANCE)\b/i
const CHECKED = [...SETTINGS.filter(({ name, must }) => must !== null || name === 'sql_mode'), ...LOOKED_AT]

/** The database, then name and value of each setting that the server has. SHOW VARIABLES would obey sql_select_limit. */
async function askRow(session: Channel): Promise<TextRow | undefined> {
  const cells = CHECKED.map(({ name, only }) => {
    const cell = `, '${name}', @@SESSION.${name}`
    return only === undefined ? cell : ` /*${only} ${cell} */`
  })
  const rows = await session.query(`SELECT DATABASE()${cells.join('')}`).catch((error: unknown) => {
    throw mapError(error, 'checking the session after "session"')
  })
  return rows[0]
}

function settingFaults(cells: TextRow): string[] {
  return cells.flatMap((value, i) => (i % 2 === 0 ? [] : settingFault(cells[i - 1]!, value ?? 'NULL')))
}

function settingFault(name: string, value: string): string[] {
  if (name === 'sql_mode') return modeFaults(value.split(','))
  const { must, elsewhere } = CHECKED.find((setting) => setting.name === name)!
  if (must === null)
    return value === 'READ-UNCOMMITTED'
      ? [`${name} is ${value}: rows that are not committed would be copied`]
      : []
  const hint = name === 'time_zone' ? '; the param "time_zone" is for your SQL' : ''
  return value === must || value === elsewhere ? [] : [`${name} is "${value}" instead of "${must}"${hint}`]
}

function modeFaults(modes: readonly string[]): string[] {
  const missing = REQUIRED_MODES.filter((mode) => !modes.includes(mode))
  const forbidden = FORBIDDEN_MODES.filter((mode) => modes.includes(mode))
  const hint = `begin from the modes that are set: SET sql_mode = CONCAT(@@sql_mode, ',…')`
  return [
    ...(missing.length === 0 ? [] : [`sql_mode lacks ${missing.join(', ')}; ${hint}`]),
    ...(forbidden.length === 0 ? [] : [`sql_mode has ${forbidden.join(', ')}`]),
  ]
}
