// Whatever a server has as defaults: a created table is the same, and so are its rows, by every way of writing.
import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { SET_UP } from '../../plugins/mysql/session-settings.js'
import { query, runCli } from '../support/context.js'
import { copyInThisThread } from '../support/engine.js'
import { withGlobals } from '../support/globals.js'
import { startServer, type MysqlKind, type TestServer } from '../support/servers.js'

type Settings = Readonly<Record<string, string>>

/** Settings that a server may have, each of which changed or broke something, or might. */
const BOTH: Settings = {
  sql_mode:
    "'ANSI,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH,NO_ZERO_DATE,NO_ZERO_IN_DATE,STRICT_ALL_TABLES'",
  time_zone: "'-03:30'",
  autocommit: '0',
  completion_type: '1',
  transaction_isolation: "'READ-UNCOMMITTED'",
  transaction_read_only: '1',
  sql_auto_is_null: '1',
  sql_select_limit: '1',
  sql_big_selects: '0',
  max_join_size: '1',
  sql_safe_updates: '1',
  sql_notes: '0',
  sql_warnings: '1',
  sql_quote_show_create: '0',
  max_sort_length: '64',
  max_error_count: '0',
  div_precision_increment: '0',
  group_concat_max_len: '4',
  default_week_format: '6',
  lc_time_names: "'de_DE'",
  foreign_key_checks: '0',
  unique_checks: '0',
  innodb_lock_wait_timeout: '1',
  lock_wait_timeout: '1',
  net_read_timeout: '1',
  net_write_timeout: '1',
  wait_timeout: '1',
  interactive_timeout: '1',
  explicit_defaults_for_timestamp: '0',
  default_storage_engine: "'MyISAM'",
  innodb_strict_mode: '0',
  collation_connection: "'latin1_swedish_ci'",
  character_set_client: "'latin1'",
  character_set_results: "'gbk'",
  character_set_connection: "'latin1'",
  character_set_server: "'gbk'",
  character_set_database: "'gbk'",
  collation_database: "'gbk_bin'",
  auto_increment_increment: '7',
  auto_increment_offset: '3',
  updatable_views_with_limit: '0',
  low_priority_updates: '1',
  big_tables: '1',
  end_markers_in_json: '1',
  eq_range_index_dive_limit: '1',
  optimizer_search_depth: '1',
  max_heap_table_size: '16384',
  tmp_table_size: '1024',
  log_bin_trust_function_creators: '0',
}
const OWN: Readonly<Record<MysqlKind, Settings>> = {
  mysql: {
    sql_require_primary_key: '1',
    sql_generate_invisible_primary_key: '1',
    show_gipk_in_create_table_and_information_schema: '0',
    show_create_table_verbosity: '1',
    max_execution_time: '1',
    block_encryption_mode: "'aes-256-cbc'",
    default_tmp_storage_engine: "'MyISAM'",
    default_collation_for_utf8mb4: "'utf8mb4_general_ci'",
    explain_format: "'TREE'",
    print_identified_with_as_hex: '1',
    information_schema_stats_expiry: '86400',
    windowing_use_high_precision: '0',
  },
  mariadb: {
    max_statement_time: '0.001',
    old_mode: "'ZERO_DATE_TIME_CAST,NO_DUP_KEY_WARNINGS_WITH_IGNORE,COMPAT_5_1_CHECKSUM'",
    default_regex_flags: "'EXTENDED,DOTALL'",
    system_versioning_asof: "'2020-01-01 00:00:00'",
    check_constraint_checks: '0',
    note_verbosity: "'basic,explain,unusable_keys'",
    idle_transaction_timeout: '1',
    optimizer_switch: "'derived_merge=off,index_merge=off'",
    default_week_format: '3',
  },
}
/** What MariaDB calls some of them; null: it does not have it. */
const MARIADB: Readonly<Record<string, string | null>> = {
  end_markers_in_json: null,
  transaction_isolation: 'tx_isolation',
  transaction_read_only: 'tx_read_only',
}

const SOURCE = `
  SET time_zone = '+00:00', sql_mode = 'NO_AUTO_VALUE_ON_ZERO';
  CREATE TABLE s (
    id INT AUTO_INCREMENT PRIMARY KEY, u VARCHAR(40) NOT NULL UNIQUE, a TIMESTAMP NOT NULL, b TIMESTAMP NULL,
    d DATETIME NOT NULL DEFAULT '0000-00-00 00:00:00', c CHAR(5) NOT NULL DEFAULT 'x', t TEXT, n DECIMAL(9,2), j BLOB,
    e SET('a','','b',''), g INT GENERATED ALWAYS AS (CHAR_LENGTH(u)) STORED, KEY (d), CHECK (u <> 'never')
  ) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
  INSERT INTO s (id, u, a, b, t, n, j, e) VALUES
    (0, 'x\\\\y', '2024-03-10 02:30:00', NULL, 'é中😀', 1.10, x'00ff5c27', 1),
    (1, '', '2024-10-27 00:30:00', '2024-10-27 01:30:00', NULL, NULL, NULL, 4),
    (2, ' ''"', '1999-01-01 00:00:00', '2038-01-19 03:14:07', REPEAT('long ', 60), -7, '', NULL);
  CREATE TABLE keyed LIKE s`
/** Rows of which those of `s` are updates, under two unique keys. */
const OLD = `TRUNCATE keyed; INSERT INTO keyed (id, u, a) VALUES (1, 'old', '2000-01-01'), (9, 'nine', '2000-01-01')`
const COMPUTED = {
  columns: [
    'id',
    { to: 'third', sql: 'id / 3' },
    { to: 'words', sql: '(SELECT GROUP_CONCAT(o.u ORDER BY o.id) FROM s o)' },
    { to: 'month', sql: "DATE_FORMAT(a, '%M %a')" },
    { to: 'week', sql: 'WEEK(a)' },
    { to: 'moment', from: 'a', cast: 'text' },
    { to: 'grown', from: 'n', cast: 'decimal(10,3)' },
  ],
  where: "id IS NULL OR u >= '' OR 1 = 1",
}
const COMPUTED_TABLE =
  'CREATE TABLE computed (id INT PRIMARY KEY, third DECIMAL(20,10), words TEXT, month VARCHAR(60), week INT, moment VARCHAR(60), grown DECIMAL(10,3)) CHARACTER SET utf8mb4'

const GROUP = 8

function groups(kind: MysqlKind): Settings[] {
  const all = Object.entries({ ...BOTH, ...OWN[kind] }).flatMap(([setting, value]) => {
    const name = kind === 'mariadb' && setting in MARIADB ? MARIADB[setting]! : setting
    return name === null ? [] : [[name, value] as const]
  })
  return Array.from({ length: Math.ceil(all.length / GROUP) }, (_, i) =>
    Object.fromEntries(all.slice(i * GROUP, (i + 1) * GROUP)),
  )
}

/** What there is to see of all tables after the copies. */
async function outcome(server: TestServer<MysqlKind>): Promise<string> {
  const url = (table: string) => `${server.url}/d?table=${table}`
  const run = async (to: string, params: object) => {
    const { error } = await copyInThisThread(url('s'), url(to), { worker_num: 1, read_batch: 2, ...params })
    if (error !== null) throw new Error(`${to}: ${error.code}: ${error.message}`)
  }
  const ask = (sql: string) => query(server, [...SET_UP, sql].join(';'), 'd')
  await ask(OLD)
  await ask('TRUNCATE computed')
  await run('made', { schema_save_mode: 'recreate' })
  await run('keyed', { write_mode: 'upsert' })
  await run('computed', COMPUTED)
  const seen: unknown[] = []
  for (const table of ['made', 'keyed', 'computed']) {
    seen.push(await ask(`SHOW CREATE TABLE ${table}`), await ask(`SELECT * FROM ${table} ORDER BY id`))
  }
  return JSON.stringify(seen, null, 1)
}

for (const kind of ['mysql', 'mariadb'] as const) {
  describe(`settings of a ${kind} server`, () => {
    let server: TestServer<MysqlKind>
    let expected: string

    before(async () => {
      server = await startServer(kind, { serverArgs: ['--local-infile=ON'] })
      await query(server, 'CREATE DATABASE d CHARACTER SET utf8mb4')
      await query(server, `${SOURCE}; ${COMPUTED_TABLE}`, 'd')
      expected = await outcome(server)
    })
    after(() => server.stop())

    for (const group of groups(kind)) {
      it(Object.keys(group).join(', '), async () => {
        if (await makesNoDifference(group)) return
        for (const [name, value] of Object.entries(group)) {
          expect(await makesNoDifference({ [name]: value }), `${name} = ${value}`).to.equal(true)
        }
        expect.fail('only together they make a difference')
      })
    }

    it('verify says equal under all of them', async () => {
      const restore = await withGlobals([server], Object.assign({}, ...groups(kind)) as Settings)
      try {
        const endpoints = ['--from', `${server.url}/d?table=s`, '--to', `${server.url}/d?table=made`]
        const { code, stderr } = await runCli(['verify', ...endpoints])
        expect(code, stderr).to.equal(0)
      } finally {
        await restore()
      }
    })

    it('a table without a key can be created', async () => {
      await query(server, 'CREATE TABLE k (a INT, b INT); INSERT INTO k VALUES (1, 2), (1, 2)', 'd')
      const restore = await withGlobals(
        [server],
        kind === 'mysql' ? { sql_generate_invisible_primary_key: '1' } : {},
      )
      try {
        const endpoints = ['--from', `${server.url}/d?table=k`, '--to', `${server.url}/d?table=k2`]
        const { code, stderr } = await runCli(['copy', ...endpoints, '--create'])
        expect(code, stderr).to.equal(0)
        expect(await query(server, 'SELECT a, b FROM k2', 'd')).to.have.length(2)
        const verified = await runCli(['verify', ...endpoints])
        expect(verified.code, verified.stderr).to.equal(0)
      } finally {
        await restore()
      }
    })

    async function makesNoDifference(settings: Settings): Promise<boolean> {
      const restore = await withGlobals([server], settings)
      try {
        return (await outcome(server)) === expected
      } catch (thrown) {
        if (Object.keys(settings).length === 1) throw thrown
        return false
      } finally {
        await restore()
      }
    }
  })
}
