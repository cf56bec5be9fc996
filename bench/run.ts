/** The program run on `bench.source` and `bench.target` of servers, and its report and cost. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Connection } from 'mysql2/promise'
import { createConnection } from 'mysql2/promise'
import type { DatabaseReport } from '../src/features/database/report.js'
import type { RunReport } from '../src/index.js'
import type { TestServer } from '../test/support/servers.js'

export const CLI = fileURLToPath(new URL('../../bundle/src/cli/main.js', import.meta.url))
const LOOK_MS = 5
const USAGE = new URL('usage.js', import.meta.url).href

export interface Measured extends Usage {
  readonly report: RunReport
  /** Of the whole process. */
  readonly seconds: number
}

/** What `usage.ts` writes. */
export interface Usage {
  readonly cpuSeconds: number
  /** Of the main thread alone; null: this system does not say. */
  readonly mainSeconds: number | null
  readonly peakMegabytes: number
}

/** Where a server is reached. */
export type Place = Pick<TestServer, 'url'>

export function copy(server: Place, params: object, target = server, more?: readonly string[]) {
  return measure('copy', server, target, params, more)
}

/** All tables of `bench`. */
export async function copyDatabase(
  source: Place,
  target: Place,
  params: object,
  more?: readonly string[],
): Promise<Omit<Measured, 'report'> & { readonly report: DatabaseReport }> {
  const ends = ['--from', `${source.url}/bench`, '--to', `${target.url}/bench`]
  return measured<DatabaseReport>('copy', ends, params, more)
}

export function verify(server: Place, params: object, target = server): Promise<Measured> {
  return measure('verify', server, target, params)
}

function measure(
  command: string,
  source: Place,
  target: Place,
  params: object,
  more?: readonly string[],
): Promise<Measured> {
  const url = (server: Place, table: string) => `${server.url}/bench?table=${table}`
  return measured<RunReport>(
    command,
    ['--from', url(source, 'source'), '--to', url(target, 'target')],
    params,
    more,
  )
}

async function measured<Report>(
  command: string,
  ends: readonly string[],
  params: object,
  more: readonly string[] = [],
): Promise<Omit<Measured, 'report'> & { readonly report: Report }> {
  const folder = mkdtempSync(join(tmpdir(), 'rowshift-bench-'))
  const report = join(folder, 'report.json')
  const usage = join(folder, 'usage.json')
  const args = [command, ...ends, '--report', report, ...more]
  try {
    const started = performance.now()
    await run(['--import', USAGE, CLI, ...args, '--params', JSON.stringify(params)], {
      ROWSHIFT_BENCH_USAGE: usage,
    })
    const seconds = (performance.now() - started) / 1000
    return { report: readJson(report) as Report, seconds, ...(readJson(usage) as Usage) }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function run(args: readonly string[], env: Record<string, string>): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let errors = ''
    child.stderr.on('data', (text: Buffer) => (errors += text.toString()))
    child.on('error', reject)
    child.on('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`rowshift ended with ${code}: ${errors}`)),
    )
  })
}

export function connect(server: TestServer, database?: string): Promise<Connection> {
  const { host, port, user, password } = server
  return createConnection({ host, port, user, password, ...(database === undefined ? {} : { database }) })
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'))
}

/** Resolves to the milliseconds since `started` when `target` has a row, or when `ended` says that none will come. */
export async function untilRows(
  connection: Connection,
  started: number,
  ended: AbortSignal,
): Promise<number> {
  for (;;) {
    const [found] = await connection.query('SELECT 1 FROM target LIMIT 1')
    if ((found as unknown[]).length > 0 || ended.aborted) return performance.now() - started
    await sleep(LOOK_MS)
  }
}
