/**
 * Where a coordinator and the workers of a run meet: a Redis server, or Valkey. BullMQ keeps the queue of jobs of each run there; beside
 * that there are a few keys, which expire by the server's clock when nobody renews them, so that the clocks of hosts do not matter.
 */
import type { Processor, Queue, QueueEvents, Worker, WorkerOptions } from 'bullmq'
import type { Redis } from 'ioredis'
import { RowshiftError } from '../../contract/errors.js'
import { ConnectionCopies } from './connection-copies.js'
import { queueUrl, shownQueue } from './queue-url.js'
import {
  checkServer,
  connectionEnded,
  failureOfStore,
  isDenied,
  openingFailed,
  packageMissing,
} from './store-errors.js'

/** Of every key. */
const PREFIX = 'rowshift'
/** Whoever has not said anything for so long is gone. */
const GONE_MS = 15_000
/** Of what a coordinator leaves that died. */
const LEFT_SECONDS = 24 * 3600
/** Longer than any of its workers is heard of. */
const GREETED_SECONDS = 60
const CONNECT_MS = 10_000
/** Without an answer, the connection is lost: nobody else says that its other end is gone. No command waits for longer than 10 s. */
const ANSWER_MS = 30_000
const SLOWEST_RECONNECT_MS = 2_000

interface Modules {
  readonly bullmq: typeof import('bullmq')
  readonly Redis: typeof import('ioredis').Redis
}

/** What a coordinator says to all workers of its run. */
export interface CoordinatorBeat {
  /** `stopping`: whatever is under way is given up; `ended`: nothing will come any more. */
  readonly state: 'running' | 'stopping' | 'ended'
  readonly planHash: string
  /** Of a run that copies several: those under way, by the runs of each. */
  readonly tables: Readonly<Record<string, TableState>>
}

/** What a worker has said last. */
export interface Heard<Beat> {
  readonly beat: Beat
  /** Since it said that, by the clock of the server. */
  readonly silentMs: number
}

/** `stopping`: what is under way of the table is given up. */
export type TableState = 'running' | 'stopping'

export class HostStore {
  /** Without secrets. */
  readonly where: string
  readonly #modules: Modules
  readonly #redis: Redis
  readonly #copies: ConnectionCopies
  /** By `performance`; null: it is connected. */
  #lostAt: number | null = null
  #lastError: Error | null = null
  /** What the server does not let this user do, where BullMQ has met it, which would try again for ever; null: nothing. */
  #denied: Error | null = null
  /** What it has said of itself. */
  #info = ''

  private constructor(url: string, modules: Modules) {
    this.where = shownQueue(url)
    this.#modules = modules
    this.#redis = this.#listen(
      new modules.Redis(url, {
        lazyConnect: true,
        connectTimeout: CONNECT_MS,
        socketTimeout: ANSWER_MS,
        // A server that is away for a minute is waited for.
        maxRetriesPerRequest: null,
        retryStrategy: (times) => Math.min(times * 100, SLOWEST_RECONNECT_MS),
        // After a failover, the address leads to another server.
        reconnectOnError: ({ message }) => message.startsWith('READONLY'),
        connectionName: 'rowshift',
      }),
    )
    this.#copies = new ConnectionCopies(this.#redis)
  }

  /** Throws CONNECTION_FAILED, ACCESS_DENIED or HOSTS_REFUSED where the server does not answer as it should, and PLUGIN_UNKNOWN without the packages. */
  static async open(text: string): Promise<HostStore> {
    const store = new HostStore(queueUrl(text), await loadModules())
    try {
      await store.#redis.connect()
      store.#info = await store.#redis.info()
      checkServer(store.where, store.#info)
      store.#redis.on('close', () => (store.#lostAt ??= performance.now()))
      store.#redis.on('ready', () => (store.#lostAt = null))
      return store
    } catch (thrown) {
      store.#redis.disconnect()
      throw thrown instanceof RowshiftError ? thrown : openingFailed(store.where, store.#lastError ?? thrown)
    }
  }

  /** Milliseconds for which the server has not been reached; 0: it is connected. */
  get lostMs(): number {
    return this.#lostAt === null ? 0 : performance.now() - this.#lostAt
  }

  /** Why it may lose what is stored; null: it keeps everything. */
  get weakness(): string | null {
    const policy = /^maxmemory_policy:(\S+)/m.exec(this.#info)?.[1]
    const limited = !/^maxmemory:0\r?$/m.test(this.#info)
    if (policy === undefined || policy === 'noeviction' || !limited) return null
    return `${this.where} drops keys when its memory is full (maxmemory-policy ${policy}): set it to noeviction`
  }

  /** `quiet`: it writes nothing of itself once it is ready, which may be after it was emptied. */
  queue(run: string, quiet = false): Queue<object, object> {
    const queue = new this.#modules.bullmq.Queue<object, object>(nameOfQueue(run), {
      connection: this.#redis,
      prefix: PREFIX,
      skipMetasUpdate: quiet,
    })
    queue.on('error', this.#note)
    return queue
  }

  /** From the first event on that comes after this call. */
  async events(run: string): Promise<QueueEvents> {
    const events = new this.#modules.bullmq.QueueEvents(nameOfQueue(run), {
      // It waits in one of its own, which it makes of this one.
      connection: this.#redis,
      prefix: PREFIX,
      lastEventId: '0-0',
    })
    events.on('error', this.#note)
    await events.waitUntilReady()
    return events
  }

  worker(
    run: string,
    process: Processor<object, object>,
    options: Omit<WorkerOptions, 'connection' | 'prefix'>,
  ): Worker<object, object> {
    const worker = new this.#modules.bullmq.Worker<object, object>(nameOfQueue(run), process, {
      ...options,
      connection: this.#redis,
      prefix: PREFIX,
    })
    worker.on('error', this.#note)
    return worker
  }

  /** Makes a run known to all workers. */
  async publish(run: string, record: string): Promise<void> {
    await this.keep(run, record)
    await this.#do('storing the run', () => this.#redis.sadd(`${PREFIX}:runs`, run))
  }

  /** False: the server has lost the run. */
  async beat(run: string, beat: CoordinatorBeat): Promise<boolean> {
    return this.#do('renewing the run', async () => {
      await this.#redis.set(`${PREFIX}:beat:${run}`, JSON.stringify(beat), 'PX', GONE_MS)
      const renew = (each: string) => this.#redis.expire(`${PREFIX}:run:${each}`, LEFT_SECONDS)
      return !(await Promise.all([run, ...Object.keys(beat.tables)].map(renew))).includes(0)
    })
  }

  /** Keeps a record beside that of the run: of one of its tables. */
  async keep(run: string, record: string): Promise<void> {
    const key = `${PREFIX}:run:${run}`
    await this.#do('storing a plan', () => this.#redis.set(key, record, 'EX', LEFT_SECONDS))
  }

  async drop(runs: readonly string[]): Promise<void> {
    if (runs.length > 0) await this.#redis.del(runs.map((run) => `${PREFIX}:run:${run}`))
  }

  /** Runs that are under way, with what their coordinators say; null: one has not said anything for a while. */
  async runs(): Promise<ReadonlyMap<string, CoordinatorBeat | null>> {
    return this.#do('looking for runs', async () => {
      const runs = await this.#redis.smembers(`${PREFIX}:runs`)
      if (runs.length === 0) return new Map()
      const beats = await this.#redis.mget(runs.map((run) => `${PREFIX}:beat:${run}`))
      for (const run of runs.filter((_, i) => beats[i] === null)) {
        if ((await this.#redis.exists(`${PREFIX}:run:${run}`)) > 0) continue
        // A queue never expires: there is that of a coordinator that died, and what a worker has written there after its end.
        await this.forget(run)
        await this.#redis.srem(`${PREFIX}:runs`, run)
      }
      return new Map(runs.map((run, i) => [run, beats[i] ? (JSON.parse(beats[i]) as CoordinatorBeat) : null]))
    })
  }

  /** null: there is none any more. */
  record(run: string): Promise<string | null> {
    return this.#do('reading the run', () => this.#redis.get(`${PREFIX}:run:${run}`))
  }

  /** A worker takes part in a run, or says why it does not. */
  async greet(run: string, host: string, beat: object): Promise<void> {
    await this.#do('saying what this worker does', async () => {
      const hosts = `${PREFIX}:hosts:${run}`
      await this.#redis.set(`${PREFIX}:host:${run}:${host}`, JSON.stringify(beat), 'PX', GONE_MS)
      await this.#redis.sadd(hosts, host)
      await this.#redis.expire(hosts, GREETED_SECONDS)
    })
  }

  async leave(run: string, host: string): Promise<void> {
    await this.#redis.del(`${PREFIX}:host:${run}:${host}`)
    await this.#redis.srem(`${PREFIX}:hosts:${run}`, host)
  }

  /** What each worker of a run has said last, by its name. */
  async hosts<Beat>(run: string): Promise<ReadonlyMap<string, Beat>> {
    return this.#do('looking at the workers', async () => {
      const hosts = await this.#redis.smembers(`${PREFIX}:hosts:${run}`)
      if (hosts.length === 0) return new Map()
      const beats = await this.#redis.mget(hosts.map((host) => `${PREFIX}:host:${run}:${host}`))
      return new Map(hosts.flatMap((host, i) => (beats[i] ? [[host, JSON.parse(beats[i]) as Beat]] : [])))
    })
  }

  /** The same, with when that was. */
  async heard<Beat>(run: string): Promise<ReadonlyMap<string, Heard<Beat>>> {
    const beats = await this.hosts<Beat>(run)
    return this.#do('looking at the workers', async () => {
      const heard = [...beats].map(async ([host, beat]) => {
        const left = await this.#redis.pttl(`${PREFIX}:host:${run}:${host}`)
        return [host, { beat, silentMs: Math.max(0, GONE_MS - Math.max(0, left)) }] as const
      })
      return new Map(await Promise.all(heard))
    })
  }

  /** Leaves only the last beat, for a moment. */
  async forget(run: string): Promise<void> {
    const queue = this.queue(run, true)
    await queue.obliterate({ force: true }).catch(() => {})
    await queue.close()
    await this.#redis.del(`${PREFIX}:run:${run}`, `${PREFIX}:hosts:${run}`)
  }

  async close(): Promise<void> {
    this.#copies.end()
  }

  async #do<T>(doing: string, work: () => Promise<T>): Promise<T> {
    try {
      if (this.#denied !== null) throw this.#denied
      return await this.#unlessLost(doing, work())
    } catch (thrown) {
      throw failureOfStore(doing, this.where, thrown)
    }
  }

  /** Commands would wait for the server to come back; whoever sends them looks after that, and sends them again. */
  #unlessLost<T>(doing: string, work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const lose = () => reject(connectionEnded(doing, this.where))
      this.#redis.once('close', lose)
      void work.then(resolve, reject).finally(() => this.#redis.off('close', lose))
    })
  }

  readonly #note = (error: Error): void => {
    if (isDenied(error)) this.#denied ??= error
  }

  #listen(redis: Redis): Redis {
    redis.on('error', (error: Error) => (this.#lastError = error))
    return redis
  }
}

/** No colon may be in it. */
function nameOfQueue(run: string): string {
  return `queue-${run}`
}

/** Only runs over many hosts need them. */
async function loadModules(): Promise<Modules> {
  try {
    const [bullmq, { Redis }] = await Promise.all([import('bullmq'), import('ioredis')])
    return { bullmq, Redis }
  } catch (thrown) {
    throw packageMissing(thrown)
  }
}
