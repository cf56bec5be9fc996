import type { Redis } from 'ioredis'

/** BullMQ waits for what comes with copies of a connection. They end with it, whatever has become of what waits: the process would wait for it. */
export class ConnectionCopies {
  readonly #redis: Redis
  readonly #copies = new Set<Redis>()

  constructor(redis: Redis) {
    this.#redis = redis
    const duplicate = redis.duplicate.bind(redis)
    // A lazy one would fail for good where the server is away at its first attempt.
    redis.duplicate = (options) => this.#keep(duplicate({ ...options, lazyConnect: false }))
  }

  /** The connection ends, too. */
  end(): void {
    for (const redis of [...this.#copies, this.#redis]) disconnect(redis)
  }

  #keep(copy: Redis): Redis {
    this.#copies.add(copy)
    copy.once('end', () => this.#copies.delete(copy))
    // It tries again; nobody needs to hear of it.
    return copy.on('error', () => {})
  }
}

/** One that is about to try again would say nothing of its end, which others wait for. */
function disconnect(redis: Redis): void {
  if (redis.status === 'reconnecting') redis.connect().catch(() => {})
  redis.disconnect()
}
