// Copies that are killed, and what they have left in their target.
import { expect } from 'chai'
import { type Connection, createConnection } from 'mysql2/promise'
import type { Outcome } from './copying.js'
import { runWithReport, TestDatabase } from './copying.js'
import type { TestServer } from './servers.js'
import { Started } from './task-fixture.js'
import { until } from './until.js'

export const ROWS = 60_000
const SPLIT = 1_000
/** Makes a copy take two seconds on the fastest machine, so that it does not end before it is killed. */
export const BRAKE = 'id IS NULL OR id % 2000 <> 0 OR SLEEP(0.05) = 0'

/** The two endpoints of a copy, and the one question about the target that matters: whatever database it is in. */
export interface CopyEndpoints {
  readonly from: string
  readonly to: string
  /** The first cell of the first row, of the target. */
  value(sql: string): Promise<unknown>
  expectEqual(): Promise<void>
}

export interface Left {
  readonly splits: number
  readonly rows: number
}

export const KEYED = 'id INT PRIMARY KEY, v VARCHAR(100)'

/** From `src` to `dst` in one database. */
export function endpointsIn(db: TestDatabase): CopyEndpoints & { readonly db: TestDatabase } {
  return {
    db,
    from: db.url('src'),
    to: db.url('dst'),
    value: (sql) => db.value(sql),
    expectEqual: () => db.expectEqual('src', 'dst'),
  }
}

/** The same in a new one, with rows in `src`. */
export async function endpointsOn(
  server: TestServer,
  target = KEYED,
  source = KEYED,
): Promise<ReturnType<typeof endpointsIn>> {
  return endpointsIn(await TestDatabase.create(server, `${sourceSql(source)}; CREATE TABLE dst (${target})`))
}

/** SQL that makes a table of `ROWS` rows with a key and a text. */
export function sourceSql(definition: string): string {
  const digits = `(SELECT 0 d ${[1, 2, 3, 4, 5, 6, 7, 8, 9].map((d) => `UNION ALL SELECT ${d}`).join(' ')})`
  return `CREATE TABLE src (${definition}); INSERT INTO src (id, v)
    SELECT a.d + b.d * 10 + c.d * 100 + e.d * 1000 + f.d * 10000, 'a row of some length, as rows are'
    FROM ${digits} a JOIN ${digits} b JOIN ${digits} c JOIN ${digits} e
    JOIN (SELECT 0 d ${[1, 2, 3, 4, 5].map((d) => `UNION ALL SELECT ${d}`).join(' ')}) f`
}

export function copyArgs({ from, to }: CopyEndpoints, params: object = {}): string[] {
  const all = { worker_num: 3, read_batch: SPLIT, where: BRAKE, ...params }
  return ['--from', from, '--to', to, '--params', JSON.stringify(all)]
}

/** Starts a copy, or goes on with one. */
export function started(command: readonly string[], endpoints: CopyEndpoints, params: object = {}): Started {
  return new Started([...command, ...copyArgs(endpoints, params)])
}

export function resumed(endpoints: CopyEndpoints, params: object = {}, run = 'latest'): Promise<Outcome> {
  return runWithReport(['resume', run, ...copyArgs(endpoints, params)])
}

/** Kills it as soon as so many rows are in the target. The server may not know yet. */
export async function killedAt(rows: number, run: Started, endpoints: CopyEndpoints): Promise<void> {
  const sql = 'SELECT COUNT(*) FROM dst'
  await until(`${rows} rows`, async () => run.ended || Number(await endpoints.value(sql)) >= rows)
  expect(run.ended, `it was to be killed: ${run.stderr}`).to.equal(false)
  run.kill('SIGKILL')
  await run.code()
}

/** A session beside those of a run. */
export function sessionIn({ server, database }: TestDatabase): Promise<Connection> {
  const { host, port, user, password } = server
  return createConnection({ host, port, user, password, database })
}

/** Makes whoever writes the table wait, and with `WRITE` who reads it, too; resolves to what lets them go on. */
export async function lockTable(
  db: TestDatabase,
  table: string,
  how: 'READ' | 'WRITE' = 'READ',
): Promise<() => Promise<void>> {
  const session = await sessionIn(db)
  await session.query(`LOCK TABLES ${table} ${how}`)
  return () => session.end()
}

/** Waits until somebody waits with a statement that begins so. */
export async function untilWaiting(db: TestDatabase, statement: string): Promise<void> {
  const sql = `SELECT COUNT(*) FROM information_schema.processlist
    WHERE db = DATABASE() AND state LIKE '%lock%' AND info LIKE '${statement}%'`
  await until(`"${statement}" that waits`, async () => Number(await db.value(sql)) > 0)
}

/** What the server of the target still does for others than who asks; null: it has no sessions. */
function sessionsSql({ to }: CopyEndpoints): string | null {
  if (to.startsWith('sqlite:')) return null
  if (to.startsWith('postgres'))
    return "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
  return 'SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()'
}

/** What checkpoints say is stored: of this attempt, and of those before. What a killed run had sent may be stored later, so its sessions end first. */
export async function left(endpoints: CopyEndpoints): Promise<Left> {
  const sessions = sessionsSql(endpoints)
  if (sessions !== null)
    await until('its sessions to end', async () => Number(await endpoints.value(sessions)) === 0)
  const state = JSON.parse(
    String(await endpoints.value("SELECT state FROM rowshift_checkpoint WHERE split = ''")),
  ) as { splits: number; counts: { rowsRead: number } }
  const marks = "FROM rowshift_checkpoint WHERE split <> ''"
  return {
    splits: state.splits + Number(await endpoints.value(`SELECT COUNT(*) ${marks}`)),
    rows:
      state.counts.rowsRead + Number(await endpoints.value(`SELECT COALESCE(SUM(rows_written), 0) ${marks}`)),
  }
}

/** Everything is there once, nothing that was there has been read again, and nothing is left of the run. */
export async function expectWhole(
  endpoints: CopyEndpoints,
  { code, stderr, report }: Outcome,
  before: Left,
): Promise<void> {
  expect(code, stderr).to.equal(0)
  await endpoints.expectEqual()
  expect(report.rowsRead).to.equal(ROWS)
  expect(report.resumed).to.include({ splits: before.splits, rowsRead: before.rows })
  expect(Number(await endpoints.value('SELECT COUNT(*) FROM rowshift_checkpoint'))).to.equal(0)
}
