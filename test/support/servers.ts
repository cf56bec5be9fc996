// Real database servers for tests and benchmarks. Where they come from, in this order: the URL in
// ROWSHIFT_TEST_MARIADB_URL, ROWSHIFT_TEST_MYSQL_URL or ROWSHIFT_TEST_POSTGRES_URL; server programs on this machine; Docker;
// Debian packages, installed when the user is root. All but the first are private instances on 127.0.0.1, with default settings.
import { fork, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type MysqlKind, type ServerKind } from './client.js'
import { ENDED, type Launch } from './launch.js'
import { launchMariadb } from './mariadb.js'
import { launchMysql } from './mysql.js'
import { launchPostgres } from './postgres.js'

export type { MysqlKind, ServerKind }

export interface TestServer<K extends ServerKind = ServerKind> {
  readonly kind: K
  /** What SELECT VERSION() says. */
  readonly version: string
  readonly host: string
  readonly port: number
  /** PostgreSQL: the directory of its socket. */
  readonly socket: string | null
  readonly user: string
  readonly password: string
  /** rowshift URL without a database, as mysql://root:password@127.0.0.1:port */
  readonly url: string
  /** TLS certificates of the server; null when they are unknown (a given server, Docker). */
  readonly certs: { readonly ca: string } | null
  /** By an environment variable: others may use it, too, and it outlives the tests. */
  readonly isGiven: boolean
  /** Kills a private instance as a power failure would, and starts it again on the same data. */
  restart(): Promise<void>
  /** Suspends a private instance, or lets it go on. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void
  /** Stops a private instance and deletes its data; leaves a given server alone. May be called twice. */
  stop(): Promise<void>
}

export type Address = Pick<TestServer, 'host' | 'port' | 'user' | 'password'>

const kinds = {
  mariadb: { variable: 'ROWSHIFT_TEST_MARIADB_URL', launch: launchMariadb, user: 'root', port: 3306 },
  mysql: { variable: 'ROWSHIFT_TEST_MYSQL_URL', launch: launchMysql, user: 'root', port: 3306 },
  postgres: { variable: 'ROWSHIFT_TEST_POSTGRES_URL', launch: launchPostgres, user: 'postgres', port: 5432 },
}

const readySeconds = 60

/** Starts a server that only the caller uses. One with `serverArgs` is always a private instance. */
export async function startServer<K extends ServerKind>(
  kind: K,
  { serverArgs = [] }: { serverArgs?: string[] } = {},
): Promise<TestServer<K>> {
  const { variable, launch, user } = kinds[kind]
  const given = process.env[variable]
  if (given && serverArgs.length === 0) return useGiven(kind, given)

  const address = {
    host: '127.0.0.1',
    port: await freePort(),
    user,
    password: randomBytes(8).toString('hex'),
  }
  const plan = launch({ ...address, serverArgs })
  const keeper = new Keeper(plan)
  try {
    const version = await untilReady(kind, address, keeper)
    const certs = plan.ca ? { ca: plan.ca } : null
    return {
      kind,
      version,
      ...address,
      socket: plan.socket,
      url: url(kind, address),
      certs,
      isGiven: false,
      restart: async () => {
        await keeper.restart()
        await untilReady(kind, address, keeper)
      },
      signal: (signal) => keeper.signal(signal),
      stop: () => keeper.stop(),
    }
  } catch (error) {
    const log = readFileSync(plan.log, 'utf8').slice(-3000)
    await keeper.stop()
    throw new Error(`${kind} did not start: ${(error as Error).message}\n${log}`, { cause: error })
  }
}

async function useGiven<K extends ServerKind>(kind: K, given: string): Promise<TestServer<K>> {
  const { hostname: host, port, username, password } = new URL(given)
  const address = {
    host,
    port: Number(port || kinds[kind].port),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
  }
  const version = await readVersion(kind, address)
  const restart = () => Promise.reject(new Error('a given server is not restarted'))
  const signal = () => {
    throw new Error('a given server is not suspended')
  }
  const own = { socket: null, url: url(kind, address), certs: null, isGiven: true, signal }
  return { kind, version, ...address, ...own, restart, stop: async () => {} }
}

/** This side of keeper.ts. */
export class Keeper {
  readonly #process: ChildProcess
  failure: string | null = null

  constructor(plan: Launch) {
    this.#process = fork(new URL('keeper.js', import.meta.url), [JSON.stringify(plan)], {
      detached: true,
      execArgv: [],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    this.#process.on('message', (message) => {
      if (message !== ENDED) this.failure = message as string
    })
    this.#process.on('exit', () => (this.failure ??= 'its keeper has ended'))
    this.#process.unref()
    this.#process.channel?.unref()
  }

  /** Resolves when the old server is gone. */
  async restart(): Promise<void> {
    const ended = once(this.#process, 'message')
    this.#process.send('restart')
    await ended
  }

  signal(order: 'SIGSTOP' | 'SIGCONT'): void {
    this.#process.send(order)
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const ended = once(this.#process, 'exit')
    this.#process.ref()
    if (this.#process.connected) this.#process.disconnect()
    await ended
  }
}

async function untilReady(kind: ServerKind, address: Address, keeper: Keeper): Promise<string> {
  let lastError: unknown
  // Counted in attempts, not by the clock, which also runs while another server is being installed.
  for (let attempt = 0; attempt < readySeconds * 10; attempt++) {
    if (keeper.failure) throw new Error(keeper.failure)
    try {
      return await readVersion(kind, address)
    } catch (error) {
      lastError = error
      await sleep(100)
    }
  }
  throw new Error(`no answer within ${readySeconds} s: ${(lastError as Error).message}`)
}

async function readVersion(kind: ServerKind, address: Address): Promise<string> {
  const client = await connect(kind, address)
  try {
    return (await client.query('SELECT VERSION()'))[0]![0]!
  } finally {
    await client.end()
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

function url(kind: ServerKind, { host, port, user, password }: Address): string {
  const type = kind === 'postgres' ? 'postgres' : 'mysql'
  return `${type}://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${host}:${port}`
}
