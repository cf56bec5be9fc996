// What every integration test needs: the servers that root-hooks.ts started, SQL on them, and the program itself.
import { isUtf8 } from 'node:buffer'
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { createConnection } from 'mysql2/promise'
import { startServer, type ServerKind, type TestServer } from './servers.js'

export type Row = (string | null)[]

export interface CliOptions {
  /** Added to the environment of this process. */
  env?: Record<string, string>
  cwd?: string
}

export interface CliResult {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

const program = fileURLToPath(new URL('../../../bundle/src/cli/main.js', import.meta.url))

let started: TestServer[] = []
let databases: { server: TestServer; name: string }[] = []

export async function startServers(): Promise<void> {
  started = await Promise.all([startServer('mariadb'), startServer('mysql')])
}

export async function stopServers(): Promise<void> {
  // One on a server that a test started for itself went with that.
  const left = databases.filter(({ server }) => started.includes(server))
  for (const { server, name } of left) await query(server, `DROP DATABASE IF EXISTS \`${name}\``)
  databases = []
  await Promise.all(started.map((server) => server.stop()))
}

export function servers(): readonly TestServer[] {
  return started
}

let turns = 0

/** One of them, by turns: for what a server has little say in. */
export function oneServer(): readonly TestServer[] {
  return [started[turns++ % started.length]!]
}

export function server(kind: ServerKind): TestServer {
  const found = started.find((candidate) => candidate.kind === kind)
  if (!found) throw new Error(`no ${kind} server has been started`)
  return found
}

/**
 * Runs SQL (one or more statements) in a session of its own and returns the rows of the last statement that has
 * any. Every value is the text that the server sent; bytes that are no UTF-8 come as 0x….
 */
export async function query(at: TestServer, sql: string, database?: string): Promise<Row[]> {
  const { host, port, user, password } = at
  const connection = await createConnection({
    host,
    port,
    user,
    password,
    ...(database === undefined ? {} : { database }),
    charset: 'utf8mb4',
    multipleStatements: true,
    rowsAsArray: true,
    typeCast: (field) => asText(field.buffer()),
  })
  try {
    const [result, fields] = await connection.query(sql)
    const several =
      Array.isArray(fields) && fields.some((entry) => entry === undefined || Array.isArray(entry))
    const results = (several ? result : [result]) as unknown[]
    return (results.findLast((entry) => Array.isArray(entry)) ?? []) as Row[]
  } finally {
    await connection.end()
  }
}

function asText(bytes: Buffer | null): string | null {
  if (bytes === null) return null
  return isUtf8(bytes) ? bytes.toString() : `0x${bytes.toString('hex')}`
}

/** A new, empty database with a name of its own; dropped when all tests are over. */
export async function createDatabase(at: TestServer): Promise<string> {
  const name = `rowshift_test_${process.pid}_${databases.length + 1}`
  databases.push({ server: at, name })
  await query(at, `CREATE DATABASE \`${name}\` CHARACTER SET utf8mb4`)
  return name
}

/** Starts the program without waiting for it: for tests that send signals or watch its output. */
export function startCli(
  args: readonly string[],
  { env, cwd }: CliOptions = {},
): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, [program, ...args], { env: { ...process.env, ...env }, cwd })
}

/** Runs the program to its end; kills it after `timeout` milliseconds. */
export async function runCli(
  args: readonly string[],
  { input = '', timeout = 100_000, ...options }: CliOptions & { input?: string; timeout?: number } = {},
): Promise<CliResult> {
  const child = startCli(args, options)
  const timer = setTimeout(() => child.kill('SIGKILL'), timeout)
  // A program that does not read its input is no reason for the test to fail.
  child.stdin.on('error', () => {}).end(input)
  const [[code, signal], stdout, stderr] = await Promise.all([
    once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>,
    text(child.stdout),
    text(child.stderr),
  ])
  clearTimeout(timer)
  return { code, signal, stdout, stderr }
}
