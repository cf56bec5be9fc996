// A server of its own for task stores, which cases kill: started when the first one asks for it.
import { Mutex } from '../../workers/mutex.js'
import { startServer, type TestServer } from '../support/servers.js'
import type { OtherStore } from './backend.js'
import { onServer } from './server-backend.js'

export class StoreServer {
  #server: Promise<TestServer> | null = null
  readonly #turns = new Mutex()

  /** Resolves when no other case has it. */
  take(): Promise<OtherStore> {
    return new Promise((resolve, reject) => {
      void this.#turns.run(
        () =>
          new Promise<void>((done) => {
            this.#take(done).then(resolve, (thrown: unknown) => {
              done()
              reject(thrown as Error)
            })
          }),
      )
    })
  }

  async stop(): Promise<void> {
    await (await this.#server)?.stop()
  }

  async #take(done: () => void): Promise<OtherStore> {
    const server = await (this.#server ??= startServer('postgres', {
      serverArgs: ['-c', 'max_connections=50'],
    }))
    const home = await onServer(server, () => this.take()).home('faults_store')
    return { store: home.store, restart: () => server.restart(), done }
  }
}
