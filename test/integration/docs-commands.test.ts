// The commands that the README and the pages of docs/ show are run as they stand, page by page: only addresses of servers are replaced, and `…`,
// where a page leaves out URLs that it has shown. A block that cannot be run says why above it: `<!-- not run: … -->`.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { before, describe, it } from 'mocha'
import { query, server } from '../support/context.js'
import { scratch, TestDatabase } from '../support/copying.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const folder = join(scratch, 'docs')
const pages = [
  'README.md',
  ...readdirSync(join(root, 'docs')).flatMap((name) => (name.endsWith('.md') ? [`docs/${name}`] : [])),
]
const read = (page: string) => readFileSync(join(root, page), 'utf8')

interface Block {
  readonly code: string
  readonly notRun: string | null
}

function blocksOf(page: string): Block[] {
  const found = read(page).matchAll(/(?:^<!-- not run: ([^>]*) -->\n\n)?^```sh\n(.*?)^```/gms)
  return [...found].map(([, notRun = null, code]) => ({ code: code!, notRun }))
}

const ORDERS = `(id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, v VARCHAR(20), modify_time TIMESTAMP DEFAULT '2024-01-15 00:00:00')`
const ACCOUNTS = '(id BIGINT PRIMARY KEY, user_no INT, modify_time DATETIME NOT NULL)'
const FILL =
  'INSERT INTO orders (v) WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 300) SELECT i FROM q'
/** By the names that the pages have for databases, without and with a server. */
const SCENES: Readonly<Record<string, string>> = {
  'db1/shop': `CREATE TABLE orders ${ORDERS}; ${FILL}; CREATE TABLE user_bak LIKE orders; CREATE TABLE users LIKE orders`,
  'db2/shop': '',
  'db2/warehouse': ['orders5', 'orders7'].map((table) => `CREATE TABLE ${table} ${ORDERS}`).join(';'),
  'db1/blog': `CREATE TABLE orders ${ORDERS}`,
  'db2/blog': `CREATE TABLE orders2 ${ORDERS}`,
  'db1/pay': `CREATE TABLE account ${ACCOUNTS}; INSERT INTO account VALUES (1, 7, '2026-01-02'), (2, 8, '2026-01-03');
    CREATE TABLE log_1 ${ORDERS}; CREATE TABLE log_2 ${ORDERS}; CREATE TABLE t_account_log ${ORDERS};
    CREATE TABLE t_source_account_info LIKE account; INSERT INTO t_source_account_info SELECT * FROM account`,
  'db2/pay': `CREATE TABLE log ${ORDERS}; CREATE TABLE t_source_account_info ${ACCOUNTS}; CREATE TABLE t_account_log ${ORDERS}`,
  'db1/z_etl': '',
}
const TASK = (id: number, params: object) =>
  `INSERT INTO task_def_sync_manager (id, from_app, from_db_type, from_db, from_table, to_app, to_db_type, to_db, to_table, params, online_status, create_time, update_time)
   VALUES (${id}, 'local_dw', 'mysql', 'shop', 'orders', 'local_dw', 'mysql', 'warehouse', 'orders${id}', '${JSON.stringify(params)}', 1, NOW(), NOW())`

/** What was copied is compared. */
const COPIED = 'rowshift run 5; rowshift copy --from URL --to URL --create'

describe('commands of the documentation', () => {
  const databases: Record<string, TestDatabase> = {}
  const at = server('mariadb')
  let storeIsThere = false

  before(async function () {
    this.timeout(200_000)
    for (const name of Object.keys(SCENES)) databases[name] = await TestDatabase.create(at)
    await setScenes()
    mkdirSync(join(folder, 'bin'), { recursive: true })
    mkdirSync(join(folder, 'etc'))
    const program = join(root, 'bundle/src/cli/start.js')
    writeFileSync(join(folder, 'bin/rowshift'), `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`, {
      mode: 0o755,
    })
    writeFileSync(join(folder, 'bin/npx'), '#!/bin/sh\nexec "$@"\n', { mode: 0o755 })
    writeConfiguration()
    run('rowshift init')
    storeIsThere = true
    const store = databases['db1/z_etl']!
    for (const [, sql] of read('README.md').matchAll(
      /^```sql\n(INSERT INTO task_def_sync_manager.*?)^```/gms,
    ))
      await store.query(sql!)
    for (const id of [5, 7])
      await store.query(TASK(id, { write_mode: 'upsert', diff_column: 'modify_time', lag: 0, worker_num: 2 }))
    const [, numbers] = /```js\n(.*?)```/s.exec(read('docs/plugins.md'))!
    writeFileSync(join(folder, 'numbers.mjs'), numbers!)
  })

  /** No block meets what another one has left. */
  async function setScenes(): Promise<void> {
    if (storeIsThere)
      await databases['db1/z_etl']!.query('DELETE FROM rowshift_watermark; DELETE FROM rowshift_run')
    for (const [name, sql] of Object.entries(SCENES)) {
      if (name === 'db1/z_etl') continue
      const { database } = databases[name]!
      await databases[name]!.query(
        `DROP DATABASE ${database}; CREATE DATABASE ${database}; USE ${database}; ${sql}`,
      )
    }
  }

  function writeConfiguration(): void {
    const address = { host: at.host, port: at.port, user: at.user, password: '${PW}' }
    const connection = (name: string) => ({ ...address, db: databases[name]!.database })
    const write = (name: string, value: object) =>
      writeFileSync(join(folder, 'etc', name), JSON.stringify(value))
    write('local.json', { task_meta: connection('db1/z_etl') })
    write('db_global.json', {
      from: {
        mysql: {
          local_dw_blog: connection('db1/blog'),
          local_dw_shop: connection('db1/shop'),
          old_pay: connection('db1/pay'),
        },
      },
      to: {
        mysql: {
          local_dw_blog: connection('db2/blog'),
          local_dw_warehouse: connection('db2/warehouse'),
          new_pay: connection('db2/pay'),
        },
      },
    })
  }

  /** A whole block, as a shell would run it from a file: the first command that fails ends it. */
  function run(code: string): void {
    const text = code
      .replaceAll(
        '--from … --to …',
        "--from 'mysql://db1/shop?table=orders' --to 'mysql://db2/shop?table=orders'",
      )
      .replaceAll(
        '--from URL --to URL',
        "--from 'mysql://db1/shop?table=orders' --to 'mysql://db2/shop?table=orders'",
      )
      .replaceAll(
        /mysql:\/\/(?:\w+:\$\{PW\}@)?(db1|db2|127\.0\.0\.1)(?::3306)?\/(\w+)/g,
        (_, host: string, name: string) => {
          const { database } = databases[`${host === '127.0.0.1' ? 'db1' : host}/${name}`]!
          return `mysql://${at.user}:\${PW}@${at.host}:${at.port}/${database}`
        },
      )
      .replaceAll(/^read -rs .*$/gm, '')
    const env = {
      ...process.env,
      PW: at.password,
      PATH: [join(folder, 'bin'), process.env['PATH']].join(delimiter),
    }
    const { status, stdout, stderr } = spawnSync('bash', ['-euo', 'pipefail', '-c', text], {
      cwd: folder,
      env,
      encoding: 'utf8',
    })
    expect(status, `${text}\n${stdout}\n${stderr}`).to.equal(0)
  }

  it('examples/docker: the data is made by a session without a database', async () => {
    const own = `rowshift_docker_${process.pid}`
    const sql = read('examples/docker/orders.sql').replaceAll(/\b(shop|warehouse)\b/g, `${own}_$1`)
    try {
      await query(at, sql)
      expect(await query(at, `SELECT COUNT(*) FROM ${own}_shop.orders`)).to.deep.equal([['100000']])
    } finally {
      for (const name of ['shop', 'warehouse']) await query(at, `DROP DATABASE IF EXISTS ${own}_${name}`)
    }
  })

  for (const page of pages) {
    blocksOf(page).forEach(({ code, notRun }, i) => {
      const [title] = code.trim().split('\n') as [string]
      if (notRun === null)
        it(`${page}, block ${i + 1}: ${title}`, async () => {
          await setScenes()
          if (code.startsWith('rowshift verify')) run(COPIED)
          run(code)
        }).timeout(200_000)
      else
        it(`${page}, block ${i + 1} says why it is not run`, () => void expect(notRun.length).to.be.above(10))
    })
  }
})
