import { startServer, type ServerKind, type TestServer } from './servers.js'

/** A server that tests share. It has its kind from the beginning, and everything else from its start on. */
export class SharedServer<K extends ServerKind = ServerKind> implements TestServer<K> {
  readonly kind: K
  #starting: Promise<TestServer<K>> | null = null
  #running: TestServer<K> | null = null

  constructor(kind: K) {
    this.kind = kind
  }

  /** True until it has been asked to start. */
  get isIdle(): boolean {
    return this.#starting === null
  }

  async start(): Promise<void> {
    this.#running = await (this.#starting ??= startServer(this.kind))
  }

  restart(): Promise<void> {
    return Promise.reject(new Error('others use this server, too'))
  }

  signal(): never {
    throw new Error('others use this server, too')
  }

  async stop(): Promise<void> {
    await this.#running?.stop()
  }

  get version(): string {
    return this.#known.version
  }

  get host(): string {
    return this.#known.host
  }

  get port(): number {
    return this.#known.port
  }

  get socket(): string | null {
    return this.#known.socket
  }

  get user(): string {
    return this.#known.user
  }

  get password(): string {
    return this.#known.password
  }

  get url(): string {
    return this.#known.url
  }

  get certs(): TestServer['certs'] {
    return this.#known.certs
  }

  get isGiven(): boolean {
    return this.#running?.isGiven ?? false
  }

  get #known(): TestServer<K> {
    if (this.#running) return this.#running
    throw new Error(`${this.kind} has not been started yet: make a database there, or await ready(server)`)
  }
}
