// What runs over many hosts keep in Redis, while that is away for a moment. A real server, reached through a way that can be cut.
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { expect } from 'chai'
import { after, afterEach, before, beforeEach, describe, it } from 'mocha'
import { HostStore } from '../../src/features/hosts/store.js'
import { RedisServer } from '../support/redis.js'
import { until } from '../support/until.js'

/** The way to a port of this machine. */
class Way {
  readonly #to: number
  readonly #sockets = new Set<Socket>()
  #server: Server | null = null
  port = 0

  constructor(to: number) {
    this.#to = to
  }

  async open(): Promise<void> {
    const server = (this.#server = createServer((client) => {
      const upstream = connect(this.#to, '127.0.0.1')
      for (const [from, to] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        this.#sockets.add(from)
        from.pipe(to)
        from.on('error', () => {})
        from.on('close', () => to.destroy())
      }
    }))
    await once(server.listen(this.port, '127.0.0.1'), 'listening')
    this.port = (server.address() as AddressInfo).port
  }

  async cut(): Promise<void> {
    const closed = once(this.#server!, 'close')
    this.#server!.close()
    for (const socket of this.#sockets) socket.destroy()
    this.#sockets.clear()
    await closed
  }
}

describe('the store of runs over many hosts', () => {
  let redis: RedisServer
  let way: Way
  let store: HostStore

  before(async () => {
    redis = await RedisServer.start()
  })

  after(() => redis?.stop())

  beforeEach(async () => {
    way = new Way(redis.port)
    await way.open()
    store = await HostStore.open(redis.url('127.0.0.1', way.port))
  })

  afterEach(async () => {
    await store.close()
    await way.cut()
  })

  it('gives jobs to a worker, and their results to a coordinator, that began while it was away', async () => {
    await way.cut()
    await until('its loss', () => store.lostMs > 0)
    const events = store.events('run')
    const worker = store.worker('run', async () => ({ done: true }), { drainDelay: 1 })
    const queue = store.queue('run')
    const settled: string[] = []
    // Attempts to reach it fail meanwhile.
    await until('some time', () => store.lostMs > 1_500)
    await way.open()
    void events.then((heard) => heard.on('completed', ({ jobId }) => settled.push(jobId)))
    // The second one comes when the worker waits for more.
    for (const jobId of ['a', 'b']) {
      await queue.add('job', {}, { jobId })
      await until(`the result of ${jobId}`, () => settled.includes(jobId))
    }
    await worker.close()
    await (await events).close()
    expect(settled).to.deep.equal(['a', 'b'])
  })
})
