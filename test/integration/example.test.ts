// examples/account-migration, smaller: what it leaves in the servers is looked at in SQL.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { query, ready, servers } from '../support/context.js'
import type { TestServer } from '../support/servers.js'

const EXAMPLE = fileURLToPath(new URL('../../../examples/account-migration/run.mjs', import.meta.url))
const ACCOUNTS = 3_000
const LOGS = 20_000

const OLD = 'rowshift_example_old'
const NEW = 'rowshift_example_new'

/** All shards, and which one a row stands in. */
const SHARDS = Array.from(
  { length: 16 },
  (_, i) => `SELECT ${i} AS shard, a.* FROM ${NEW}.t_target_account_info_${i} a`,
).join(' UNION ALL ')

describe('the account migration example', () => {
  it('ends with every account and every log row in its place', async function () {
    this.timeout(240_000)
    for (const server of servers()) {
      await ready(server)
      const output = await runExample(server)
      const value = async (sql: string) => (await query(server, sql))[0]![0]
      const accounts = Number(await value(`SELECT COUNT(*) FROM ${OLD}.t_source_account_info`))
      expect(accounts, output).to.be.above(ACCOUNTS)
      expect(await value(`SELECT COUNT(*) FROM (${SHARDS}) t`)).to.equal(String(accounts))
      const right = `SELECT COUNT(*) FROM ${OLD}.t_source_account_info s JOIN (${SHARDS}) t ON t.user_no = s.user_no
        JOIN ${NEW}.account_id_map m ON m.old_id = s.user_no AND m.new_id = t.id
        JOIN ${NEW}.account_public_id_map p ON p.old_id = s.user_no AND p.new_id = t.public_id
        JOIN ${NEW}.account_number_map n ON n.old_id = s.user_no AND n.new_id = t.account_number
        WHERE t.shard = CRC32(s.user_no) % 16 AND t.status = 1 - s.status AND t.source = 'old' AND t.creator = 'rowshift'
          AND t.create_time = COALESCE(s.create_time, '1970-01-01') AND t.modify_time = COALESCE(s.modify_time, '1970-01-01')`
      expect(await value(right)).to.equal(String(accounts))
      const distinct = `SELECT COUNT(DISTINCT id), COUNT(DISTINCT public_id), COUNT(DISTINCT account_number),
        SUM(SUBSTR(HEX(public_id), 13, 1) = '7'), MIN(account_number) FROM (${SHARDS}) t`
      expect(await query(server, distinct)).to.deep.equal([
        [...Array.from({ length: 4 }, () => String(accounts)), '1'],
      ])
      const types = `SELECT TABLE_NAME, DATA_TYPE, CHARACTER_OCTET_LENGTH FROM information_schema.COLUMNS
        WHERE TABLE_SCHEMA = '${NEW}' AND TABLE_NAME LIKE 'account%map' AND COLUMN_NAME = 'new_id' ORDER BY 1`
      expect(await query(server, types)).to.deep.equal([
        ['account_id_map', 'bigint', null],
        ['account_number_map', 'int', null],
        ['account_public_id_map', 'binary', '16'],
      ])
      const logs = Number(await value(`SELECT COUNT(*) FROM ${OLD}.t_account_log`))
      expect(logs).to.be.above(LOGS)
      expect(await value(`SELECT COUNT(*) FROM ${NEW}.t_account_log`)).to.equal(String(logs))
      const moved = `SELECT COUNT(*) FROM ${OLD}.t_account_log s JOIN ${NEW}.t_account_log t ON t.id = s.id
        JOIN (${SHARDS}) a ON a.user_no = s.user_id
          AND a.id = t.account_id AND a.public_id = t.account_public_id AND a.account_number = t.account_number
        WHERE t.amount = s.amount AND t.remark <=> s.remark AND t.create_time = s.create_time`
      expect(await value(moved)).to.equal(String(logs))
      // The runs after the first ones, when nothing had changed yet: an increment and a sync of each task.
      const idle = `SELECT rows_written FROM (SELECT rows_written, ROW_NUMBER() OVER (PARTITION BY task_id ORDER BY start_time, run_id) AS nth
        FROM rowshift_example_etl.rowshift_run) r WHERE nth IN (2, 3)`
      expect(await query(server, idle)).to.deep.equal([['0'], ['0'], ['0'], ['0']])
    }
  })
})

async function runExample({ host, port, user, password }: TestServer): Promise<string> {
  const url = `mysql://${user}:${encodeURIComponent(password)}@${host}:${port}`
  const args = ['--accounts', String(ACCOUNTS), '--logs', String(LOGS), '--rounds', '1']
  const child = spawn(process.execPath, [EXAMPLE, ...args], { env: { ...process.env, EXAMPLE_URL: url } })
  const [[code], stdout, stderr] = await Promise.all([
    once(child, 'exit'),
    text(child.stdout),
    text(child.stderr),
  ])
  expect(code, stdout + stderr).to.equal(0)
  return stdout + stderr
}
