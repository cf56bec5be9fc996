// What runs over many hosts are tried with: tables that all hosts reach, a transform that computes, and the program on each host.
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { ready } from './context.js'
import { scratchFile, TestDatabase } from './copying.js'
import { HostNetwork } from './hosts.js'
import { RedisServer } from './redis.js'
import type { TestServer } from './servers.js'
import { Started } from './task-fixture.js'

export const SPLIT = 500
/** Columns of a target in which two workers meet at the rows of a split that both have in hand. */
export const KEYED = 'id INT PRIMARY KEY, v VARCHAR(200)'
/** Short, so that a worker that is suspended loses its splits soon. */
const LOCK = 2
/** No file of the configuration: what a run needs is in the environment. */
const CONFIG = ['-c', 'no-such-folder']

/** A table `s`, and a table `t` without a key: a row that is stored twice is there twice. */
export interface HostTables {
  readonly db: TestDatabase
  /** As all hosts reach it, with a variable for the password. */
  readonly url: (table: string) => string
  /** The same of a whole database, of this server. */
  readonly wholeUrl: (database: string) => string
}

export class HostLab {
  readonly redis: RedisServer
  readonly network: HostNetwork
  readonly queue: string
  readonly workers = new Set<ChildProcessWithoutNullStreams>()
  readonly #said = new Map<ChildProcessWithoutNullStreams, string>()

  private constructor(redis: RedisServer, network: HostNetwork, queue: string) {
    this.redis = redis
    this.network = network
    this.queue = queue
  }

  /** Three hosts, and a Redis server that a restart empties. */
  static async create(): Promise<HostLab> {
    const redis = await RedisServer.start({ keeps: false })
    const network = HostNetwork.create(3)
    return new HostLab(redis, network, redis.url(network.address, await network.forward(redis.port)))
  }

  async tables(
    on: TestServer,
    rows: number,
    definition = 'id INT NOT NULL, v VARCHAR(200)',
  ): Promise<HostTables> {
    await ready(on)
    const db = await TestDatabase.create(
      on,
      `CREATE TABLE s (id INT PRIMARY KEY, v VARCHAR(200)); CREATE TABLE t (${definition})`,
    )
    await db.query(
      on.kind === 'postgres'
        ? `INSERT INTO s SELECT i, repeat('x', 100) FROM generate_series(1, ${rows}) AS q (i)`
        : `INSERT INTO s WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 1000)
           SELECT n, REPEAT('x', 100) FROM (SELECT a.i + 1000 * (b.i - 1) + 1000000 * (c.i - 1) AS n FROM q a
             JOIN q b ON b.i <= ${Math.ceil(rows / 1e3)} JOIN q c ON c.i <= ${Math.ceil(rows / 1e6)}) numbers WHERE n <= ${rows}`,
    )
    await db.query(on.kind === 'postgres' ? 'ANALYZE s' : 'ANALYZE TABLE s')
    const port = await this.network.forward(on.port)
    const type = on.kind === 'postgres' ? 'postgres' : 'mysql'
    const at = `${type}://${on.user}:\${TEST_PASSWORD}@${this.network.address}:${port}`
    const wholeUrl = (database: string) => `${at}/${database}`
    return { db, url: (table) => `${wholeUrl(db.database)}?table=${table}`, wholeUrl }
  }

  /** On the host of this number, with one thread unless it is told otherwise. */
  worker(
    host: number,
    { db }: HostTables,
    env: Record<string, string> = { TEST_PASSWORD: db.server.password },
    { queue = this.queue, threads = 1 }: { queue?: string; threads?: number } = {},
  ): ChildProcessWithoutNullStreams {
    const own = ['--connect', queue, '--threads', String(threads), '--lock', String(LOCK)]
    const args = ['worker', ...own, ...CONFIG]
    const child = this.network.start(host, args, env)
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#said.set(child, this.saidBy(child) + text)
    })
    this.workers.add(child)
    return child
  }

  saidBy(worker: ChildProcessWithoutNullStreams): string {
    return this.#said.get(worker) ?? ''
  }

  /** The coordinator, on this machine; of `s` to `t`, unless the command has URLs of its own. */
  begin(
    { db, url }: Pick<HostTables, 'db' | 'url'>,
    params: object,
    command: readonly string[] = ['copy'],
    queue = this.queue,
    env: Record<string, string> = {},
  ): Started {
    const given = JSON.stringify({ read_batch: SPLIT, write_mode: 'insert', ...params })
    const ends = command.includes('--from') ? [] : ['--from', url('s'), '--to', url('t')]
    return new Started([...command, ...ends, '--workers', queue, '--params', given], {
      env: { TEST_PASSWORD: db.server.password, ...env },
    })
  }

  async killWorkers(): Promise<void> {
    for (const worker of this.workers) worker.kill('SIGKILL')
    await Promise.all([...this.workers].map(gone))
    this.workers.clear()
  }

  async remove(): Promise<void> {
    await this.network.remove()
    await this.redis.stop()
  }
}

/** Of a module that makes a hash of each id as SQL can, and takes a while for that on the fastest machine, too. */
export function hashingTransform(): string {
  const file = scratchFile('mjs')
  writeFileSync(
    file,
    `import { createHash } from 'node:crypto'
const held = new Int32Array(new SharedArrayBuffer(4))
export default function (row) {
  let v = String(row.id)
  for (let i = 0; i < 20; i++) v = createHash('md5').update(v).digest('hex')
  if (row.id % 100 === 0) Atomics.wait(held, 0, 0, 20)
  return { ...row, v: createHash('sha256').update(String(row.id)).digest('hex') }
}`,
  )
  return file
}

/** How many rows the target has, and how many of them are as the transform makes them, each from another row of the source. */
export async function hashed({ db }: HostTables): Promise<readonly [all: number, right: number]> {
  const hash = db.server.kind === 'postgres' ? "encode(sha256(s.id::text::bytea), 'hex')" : 'SHA2(s.id, 256)'
  const right = `SELECT COUNT(DISTINCT s.id) FROM s JOIN t ON t.id = s.id WHERE t.v = ${hash}`
  return [Number(await db.value('SELECT COUNT(*) FROM t')), Number(await db.value(right))]
}

async function gone(child: ChildProcessWithoutNullStreams): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}
