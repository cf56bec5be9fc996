/** The databases that `rowshift demo` copies between. */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { RowshiftError } from '../../src/contract/plugin.js'
import { Database, requireDriver } from './driver.js'

const ROWS = 300_000
const MARKER = '.rowshift-demo'

const ORDERS = `CREATE TABLE orders (
  id         INTEGER PRIMARY KEY,
  customer   TEXT NOT NULL,
  title      TEXT NOT NULL,
  amount     DECIMAL(18,2) NOT NULL,
  note       TEXT,
  created_at DATETIME NOT NULL
)`

const FILL = `WITH RECURSIVE ids(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM ids WHERE id < ${ROWS})
  INSERT INTO orders
  SELECT id,
         printf('U%08d', id * 7919 % 100000000),
         '订单 ' || id || ' 📦',
         printf('%d.%02d', id * 31 % 10000, id % 100),
         CASE id % 10 WHEN 0 THEN NULL ELSE 'line one' || char(10) || 'tab' || char(9) || 'C:\\path\\' || id END,
         datetime('2024-01-01', '+' || id || ' seconds')
  FROM ids`

const TASK = `INSERT INTO task_def_sync_manager
  (id, from_app, from_db_type, from_db, from_table, to_app, to_db_type, to_db, to_table,
   params, online_status, task_desc, create_time, update_time)
VALUES
  (1, 'demo', 'sqlite', 'shop', 'orders', 'demo', 'sqlite', 'warehouse', 'orders',
   '{"pk": {"src": "id", "dest": "id"}, "worker_num": 4}', 1, 'full copy of the orders',
   CURRENT_TIMESTAMP, CURRENT_TIMESTAMP);`

/** Makes a source with rows, an empty target and a configuration; replaces those of an earlier demo. */
export async function createDemo(folder: string): Promise<{ rows: number; configFolder: string }> {
  requireDriver()
  claim(folder)
  const configFolder = join(folder, 'etc')
  makeFolder(resolve(configFolder))
  for (const name of ['shop', 'warehouse', 'tasks']) {
    for (const ending of ['', '-wal', '-shm']) rmSync(file(folder, name) + ending, { force: true })
  }
  await execute(file(folder, 'shop'), `${ORDERS}; ${FILL};`)
  await execute(file(folder, 'warehouse'), ORDERS)
  const connection = (name: string) => ({ sqlite: { [`demo_${name}`]: { path: file(folder, name) } } })
  writeJson(join(configFolder, 'local.json'), {
    task_meta: { db_type: 'sqlite', path: file(folder, 'tasks') },
  })
  writeJson(join(configFolder, 'db_global.json'), { from: connection('shop'), to: connection('warehouse') })
  return { rows: ROWS, configFolder }
}

/** Step by step: in places where nothing can be made (/proc), Node's own `recursive` tries for ever. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return
  makeFolder(dirname(folder))
  mkdirSync(folder)
}

/** Files of the user must not be overwritten: the folder is new, or empty, or one of ours. */
function claim(folder: string): void {
  try {
    makeFolder(resolve(folder))
    const names = readdirSync(folder)
    if (names.length > 0 && !names.includes(MARKER)) throw folderError(folder, 'holds files of others')
    writeFileSync(
      join(folder, MARKER),
      'Made by "rowshift demo", which may replace everything in this folder.\n',
    )
  } catch (error) {
    if (error instanceof RowshiftError) throw error
    throw folderError(folder, `cannot be used (${(error as NodeJS.ErrnoException).code})`)
  }
}

function folderError(folder: string, why: string): RowshiftError {
  return new RowshiftError('USAGE', `The demo's folder ${folder} ${why}. Name another one with --folder.`, {
    folder,
  })
}

/** Adds the demo's task to the task store; resolves to the SQL that did it. */
export async function addTask(folder: string): Promise<string> {
  await execute(file(folder, 'tasks'), TASK)
  return TASK
}

function file(folder: string, name: string): string {
  return join(folder, `${name}.db`)
}

async function execute(path: string, sql: string): Promise<void> {
  const database = new Database(path)
  try {
    database.exec('PRAGMA journal_mode = WAL')
    database.exec(sql)
  } finally {
    database.close()
  }
}

function writeJson(path: string, value: unknown): void {
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`)
}
