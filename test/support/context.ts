// What every integration test needs: servers, SQL on them, and the program itself.
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Hook, Runner, Test } from 'mocha'
import { connect, type Row } from './client.js'
import type { Address, MysqlKind, ServerKind, TestServer } from './servers.js'
import { SharedServer } from './shared-server.js'

export type { Row }

export interface CliOptions {
  /** Added to the environment of this process. */
  env?: Record<string, string>
  cwd?: string
  /** Another Node.js than that of this process. */
  node?: string
  /** Another bundle's `main.js`. */
  program?: string
  /** In a process group of its own, as a terminal has one for each command. */
  detached?: boolean
}

export interface CliResult {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

const bundled = fileURLToPath(new URL('../../../bundle/src/cli/start.js', import.meta.url))

/** Each starts when a test first talks to it: one that needs a single server, or none, waits for no other. */
const shared: readonly SharedServer<MysqlKind>[] = [new SharedServer('mariadb'), new SharedServer('mysql')]
const all: readonly SharedServer[] = [...shared, new SharedServer('postgres')]
/** A server may have to be installed before it starts, which the test that needs it first gets time for. */
const START_MS = 900_000

let runner: Runner | undefined
let databases: { server: TestServer; name: string }[] = []

/** Tells what is running here which test it is. */
export function followRunner(mocha: Runner): void {
  runner = mocha
}

/** Drops what is left on given servers; a private one takes its databases with it. */
export async function stopServers(): Promise<void> {
  const left = databases.filter(({ server }) => server.isGiven)
  databases = []
  try {
    for (const { server, name } of left) await drop(server, name)
  } finally {
    await Promise.all(all.map((server) => server.stop()))
  }
}

/** A test that failed may have left a session open that has the database in use: nobody waits for that without end. */
async function drop(server: TestServer, name: string): Promise<void> {
  const statement = `DROP DATABASE IF EXISTS ${name}`
  if (server.kind === 'postgres') await query(server, `${statement} WITH (FORCE)`)
  else await query(server, `SET lock_wait_timeout = 30; ${statement}`)
}

/** MariaDB and MySQL, which take the same tests. */
export function servers(): readonly TestServer<MysqlKind>[] {
  return shared
}

export function server<K extends ServerKind>(kind: K): TestServer<K> {
  return all.find((candidate) => candidate.kind === kind) as SharedServer<K>
}

/**
 * One of them, for what a server has little say in. Which one follows from the title of the test (in a hook: of its
 * suite), so that a test meets the same server alone as among all others.
 */
export function oneServer(): readonly TestServer<MysqlKind>[] {
  const running = runner?.currentRunnable as Hook | Test | undefined
  if (!running) throw new Error('oneServer() is for tests and their hooks')
  const title = running.type === 'hook' ? running.parent!.fullTitle() : running.fullTitle()
  return [shared[createHash('sha256').update(title).digest()[0]! % shared.length]!]
}

/** Resolves when the address of a server is known. Whoever makes a database there, or queries it, need not ask. */
export async function ready(at: TestServer): Promise<void> {
  if (!(at instanceof SharedServer)) return
  const running = runner?.currentRunnable
  if (at.isIdle && running && running.timeout() > 0) running.timeout(running.timeout() + START_MS)
  await at.start()
}

/**
 * Runs SQL (one or more statements) in a session of its own and returns the rows of the last statement that has
 * any, as text.
 */
export async function query(at: TestServer, sql: string, database?: string): Promise<Row[]> {
  await ready(at)
  const client = await connect(at.kind, { ...addressOf(at), database })
  try {
    return await client.query(sql)
  } finally {
    await client.end()
  }
}

/** For a driver: a running server has more than its address. */
export function addressOf({ host, port, user, password }: TestServer): Address {
  return { host, port, user, password }
}

/** A new, empty database with a name of its own; dropped when all tests are over. */
export async function createDatabase(at: TestServer): Promise<string> {
  const name = `rowshift_test_${process.pid}_${databases.length + 1}`
  databases.push({ server: at, name })
  await query(at, `CREATE DATABASE ${name}${at.kind === 'postgres' ? '' : ' CHARACTER SET utf8mb4'}`)
  return name
}

/** Starts the program without waiting for it: for tests that send signals or watch its output. */
export function startCli(
  args: readonly string[],
  { env, cwd, node = process.execPath, program = bundled, detached = false }: CliOptions = {},
): ChildProcessWithoutNullStreams {
  return spawn(node, [program, ...args], { env: { ...process.env, ...env }, cwd, detached })
}

/** Runs the program to its end; kills it after `timeout` milliseconds. */
export async function runCli(
  args: readonly string[],
  { input = '', timeout = 100_000, ...options }: CliOptions & { input?: string; timeout?: number } = {},
): Promise<CliResult> {
  const child = startCli(args, options)
  const timer = setTimeout(() => child.kill('SIGKILL'), timeout)
  // A program that does not read its input is not a reason for the test to fail.
  child.stdin.on('error', () => {}).end(input)
  const [[code, signal], stdout, stderr] = await Promise.all([
    once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>,
    text(child.stdout),
    text(child.stderr),
  ])
  clearTimeout(timer)
  return { code, signal, stdout, stderr }
}
