// What servers and users may set differently does not change what a copy means.
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import mysql from '../../plugins/mysql/plugin.js'
import { SETTINGS } from '../../plugins/mysql/session-settings.js'
import type { RowshiftError } from '../../src/contract/plugin.js'
import { servers } from '../support/context.js'
import { expectRefusal, TestDatabase } from '../support/copying.js'

const TABLE =
  "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20)); INSERT INTO t VALUES (0, 'x\\\\y'), (1, '')"

/** What `session` says, and what the refusal names. */
const REFUSED: readonly (readonly [string, string])[] = [
  ["SET sql_mode = CONCAT(@@sql_mode, ',NO_BACKSLASH_ESCAPES')", 'NO_BACKSLASH_ESCAPES'],
  ["SET sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES')", 'ANSI_QUOTES'],
  ["SET sql_mode = CONCAT(@@sql_mode, ',PIPES_AS_CONCAT')", 'PIPES_AS_CONCAT'],
  ["SET sql_mode = CONCAT(@@sql_mode, ',HIGH_NOT_PRECEDENCE')", 'HIGH_NOT_PRECEDENCE'],
  ["SET sql_mode = CONCAT(@@sql_mode, ',IGNORE_SPACE')", 'IGNORE_SPACE'],
  ["SET sql_mode = CONCAT(@@sql_mode, ',PAD_CHAR_TO_FULL_LENGTH')", 'PAD_CHAR_TO_FULL_LENGTH'],
  ["SET sql_mode = ''", 'STRICT_ALL_TABLES, NO_AUTO_VALUE_ON_ZERO'],
  ["SET sql_mode = 'STRICT_ALL_TABLES'", 'NO_AUTO_VALUE_ON_ZERO'],
  ["SET time_zone = '+01:00'", 'time_zone'],
  ['SET NAMES latin1', 'character_set_client'],
  ["SET character_set_results = 'latin1'", 'character_set_results'],
  ['SET autocommit = 0', 'autocommit'],
  ['START TRANSACTION', 'a transaction is left open'],
  ['SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED', 'READ-UNCOMMITTED'],
  ['SET SESSION TRANSACTION READ ONLY', 'read_only'],
  ['SET sql_select_limit = 1', 'sql_select_limit'],
  ['SET sql_safe_updates = 1', 'sql_safe_updates'],
  ['SET sql_auto_is_null = 1', 'sql_auto_is_null'],
  ['SET completion_type = 1', 'completion_type'],
  ['SET max_sort_length = 64', 'max_sort_length'],
  ['SET sql_notes = 0', 'sql_notes'],
  ['LOCK TABLES t READ', 'LOCK TABLES t READ'],
  ['FLUSH TABLES t WITH READ LOCK', 'FLUSH TABLES'],
  ['USE information_schema', 'the current database is information_schema'],
]
const REFUSED_BY_MARIADB: typeof REFUSED = [
  ["SET sql_mode = CONCAT(@@sql_mode, ',EMPTY_STRING_IS_NULL')", 'EMPTY_STRING_IS_NULL'],
  ["SET sql_mode = CONCAT(@@sql_mode, ',ORACLE')", 'ORACLE'],
  ["SET system_versioning_asof = '2020-01-01 00:00:00'", 'system_versioning_asof'],
  ["SET old_mode = 'ZERO_DATE_TIME_CAST'", 'old_mode'],
  ["SET default_regex_flags = 'EXTENDED'", 'default_regex_flags'],
]

/** Settings that are the user's to choose, and another name for our modes. */
const ALLOWED = [
  'SET foreign_key_checks = 0',
  'SET unique_checks = 0',
  'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
  'SET innodb_lock_wait_timeout = 1, lock_wait_timeout = 2',
  "SET sql_mode = CONCAT(@@sql_mode, ',NO_ZERO_DATE,ONLY_FULL_GROUP_BY,ALLOW_INVALID_DATES')",
  'SET @from = 1',
  'SET net_read_timeout = 60, wait_timeout = 600',
]

async function refusalOf({ server, database }: TestDatabase, sql: string): Promise<RowshiftError> {
  const url = `${server.url}/${database}`
  const connection = mysql.connectionFromUrl(new URL(url), url)
  const reader = mysql.createReader!({ plugin: '', connection, session: [sql] })
  try {
    await reader.connect()
  } catch (thrown) {
    return thrown as RowshiftError
  } finally {
    await reader.close()
  }
  return expect.fail(`${server.kind} took ${sql}`)
}

describe('"session"', () => {
  it('is refused by name, before anything is written, where it changes what every session relies on', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server, `${TABLE}; CREATE TABLE d LIKE t`)
      const all = server.kind === 'mariadb' ? [...REFUSED, ...REFUSED_BY_MARIADB] : REFUSED
      for (const [sql, name] of all) {
        const error = await refusalOf(db, sql)
        expect(error.code, `${server.kind}: ${sql}: ${error.message}`).to.equal('PARAMS_INVALID')
        expect(error.message).to.include('params.session').and.to.include(name)
      }
      const outcome = await db.copy('t', 'd', { session: [REFUSED[0]![0]], write_path: 'insert' })
      expectRefusal(outcome, 2, 'PARAMS_INVALID', 'params.session', 'NO_BACKSLASH_ESCAPES')
    }
  })

  it('may not hide a table that is read or written', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server, `${TABLE}; CREATE TABLE d LIKE t`)
      for (const name of ['t', 'd']) {
        const session = [`CREATE TEMPORARY TABLE ${name} (id INT PRIMARY KEY)`]
        const outcome = await db.copy('t', 'd', { session })
        expectRefusal(outcome, 2, 'PARAMS_INVALID', `a temporary table hides table ${name}`)
      }
    }
  })

  it("may choose what is the user's to choose", async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server, `${TABLE}; CREATE TABLE d LIKE t`)
      const outcome = await db.copy('t', 'd', { session: ALLOWED, where: 'id >= @from - 1' })
      expect(outcome.code, outcome.stderr).to.equal(0)
      await db.expectEqual('t', 'd')
    }
  })
})

describe('docs/sessions.md', () => {
  const page = readFileSync(new URL('../../../docs/sessions.md', import.meta.url), 'utf8')

  it('has every setting with its value, and whether "session" may change it', () => {
    for (const { name, value, must } of SETTINGS) {
      const row = page.split('\n').find((line) => line.startsWith(`| \`${name}\``))
      expect(row, name).to.be.a('string')
      if (name === 'sql_mode') continue
      expect(row, name)
        .to.include(`\`${value}\``)
        .and.to.include(must === null ? 'yours' : 'fixed')
    }
  })
})
