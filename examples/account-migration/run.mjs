// The account migration, end to end: `npm run example`. Runs on a private server, or on the one of EXAMPLE_URL
// (mysql://user:password@host:port), where it drops and makes the databases rowshift_example_old, _new and _etl.
// Everything that matters stands in the SQL files and in etc/ beside this one; here it is only called in order.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createConnection } from 'mysql2/promise'
import { startWriter } from './writer.mjs'

const { values: options } = parseArgs({
  options: {
    server: { type: 'string', default: 'mysql' },
    accounts: { type: 'string', default: '100000' },
    logs: { type: 'string', default: '2000000' },
    /** Rounds of incremental runs while a writer changes the source. */
    rounds: { type: 'string', default: '3' },
  },
})
const ROWSHIFT = fileURLToPath(new URL('../../bundle/src/cli/main.js', import.meta.url))
const SERVERS = new URL('../../dist/test/support/servers.js', import.meta.url).href
/** An incremental run stays one second behind the source's clock. */
const SETTLED_MS = 2_500

const server = await findServer()
const address = { host: server.host, port: server.port, user: server.user, password: server.password }
const environment = {
  ...process.env,
  EXAMPLE_HOST: server.host,
  EXAMPLE_PORT: String(server.port),
  EXAMPLE_USER: server.user,
  EXAMPLE_PASSWORD: server.password,
}
try {
  await prepare()
  say('What a run of task 1 would do, and why')
  await rowshift('plan', '1')
  say('Everything, once')
  await rowshift('run', '1', '--mode', 'init')
  await rowshift('run', '2', '--mode', 'init')
  say('A second run finds nothing to do')
  await rowshift('run', '1')
  await rowshift('run', '2')
  say('Neither does one that reads everything again: every account keeps its ids')
  await rowshift('run', '1', '--mode', 'sync')
  await rowshift('run', '2', '--mode', 'sync')
  say('While the old system goes on working')
  await followWriter()
  say('Is everything there?')
  await rowshift('verify', '1')
  await rowshift('verify', '2')
  await showResult()
} finally {
  await server.stop()
}

async function prepare() {
  say(`Old system: ${options.accounts} accounts, ${options.logs} log rows`)
  for (const name of ['old', 'new', 'etl']) {
    await query('', [
      `DROP DATABASE IF EXISTS rowshift_example_${name}`,
      `CREATE DATABASE rowshift_example_${name} CHARACTER SET utf8mb4`,
    ])
  }
  const sizes = [`SET @accounts = ${Number(options.accounts)}`, `SET @logs = ${Number(options.logs)}`]
  await query('rowshift_example_old', [...statements('source.sql'), ...sizes, ...statements('data.sql')])
  await query('rowshift_example_new', statements('target.sql'))
  await rowshift('init')
  await query('rowshift_example_etl', statements('tasks.sql'))
}

async function followWriter() {
  const writer = await startWriter({ ...address, database: 'rowshift_example_old' })
  for (let round = 0; round < Number(options.rounds); round++) {
    // Only accounts that have been migrated get log rows, as a lookup of the others would fail.
    const known = writer.accounts
    await sleep(SETTLED_MS)
    await rowshift('run', '1')
    writer.mayUse(known)
    await sleep(500)
    await rowshift('run', '2')
  }
  await writer.stop()
  await sleep(SETTLED_MS)
  await rowshift('run', '1')
  await rowshift('run', '2')
}

async function showResult() {
  const asText = { supportBigNumbers: true, bigNumberStrings: true }
  const connection = await createConnection({ ...address, ...asText, database: 'rowshift_example_new' })
  const [rows] = await connection.query(`
    SELECT l.id, m.old_id AS user_no, l.account_id, LOWER(HEX(l.account_public_id)) AS account_public_id, l.account_number, l.amount
    FROM t_account_log l JOIN account_id_map m ON m.new_id = l.account_id ORDER BY l.id LIMIT 3`)
  await connection.end()
  say('The first log rows, with the new ids of their accounts')
  console.table(rows)
}

async function findServer() {
  if (!process.env.EXAMPLE_URL) return (await import(SERVERS)).startServer(options.server)
  const { hostname: host, port, username, password } = new URL(process.env.EXAMPLE_URL)
  const user = decodeURIComponent(username)
  return { host, port: Number(port || 3306), user, password: decodeURIComponent(password), stop() {} }
}

/** Statements end with a semicolon at the end of a line. */
function statements(file) {
  const text = readFileSync(new URL(file, import.meta.url), 'utf8')
  return text.split(/;$/m).filter((sql) => sql.trim() !== '')
}

async function query(database, sqls) {
  const connection = await createConnection({ ...address, ...(database && { database }) })
  for (const sql of sqls) await connection.query(sql)
  await connection.end()
}

async function rowshift(...args) {
  console.log(`\n$ rowshift ${args.join(' ')}`)
  const folder = fileURLToPath(new URL('etc', import.meta.url))
  const child = spawn(process.execPath, [ROWSHIFT, ...args, '-c', folder], {
    env: environment,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const code = await new Promise((resolve) => {
    child.on('close', resolve)
  })
  if (code !== 0) throw new Error(`rowshift ${args.join(' ')} ended with ${code}`)
}

function say(line) {
  console.log(`\n== ${line}`)
}
