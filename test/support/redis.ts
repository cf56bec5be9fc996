// A private Redis server, for runs over many hosts: from this machine, or from Debian's package.
import { randomBytes } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { selfSigned } from './certificates.js'
import { USUAL_SIGNALS } from './launch.js'
import { needProgram } from './machine.js'
import { freePort, Keeper } from './servers.js'
import { until } from './until.js'

/** What docs/many-machines.md tells users to give to the user of a queue. */
const RIGHTS = ['~rowshift:*', '+@all', '-@dangerous', '+info', '+client']

export class RedisServer {
  readonly port: number
  readonly password: string
  /** With TLS; null: there is none. */
  readonly secure: { readonly port: number; readonly ca: string } | null
  readonly #keeper: Keeper

  private constructor(
    port: number,
    password: string,
    secure: { port: number; ca: string } | null,
    keeper: Keeper,
  ) {
    this.port = port
    this.password = password
    this.secure = secure
    this.#keeper = keeper
  }

  /**
   * `keeps`: what it holds is on its disk after each change; otherwise a restart empties it. Beside the user that tests have, there are "queue",
   * which has the rights that are documented, and two that lack one of them; all of one password.
   */
  static async start({ keeps = true }: { keeps?: boolean } = {}): Promise<RedisServer> {
    const program = needProgram('redis-server', 'redis-server')
    if (program === null) throw new Error('no redis-server to test with (Debian: redis-server)')
    const directory = mkdtempSync(join(tmpdir(), 'rowshift-'))
    const port = await freePort()
    const password = randomBytes(8).toString('hex')
    const durability = keeps ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--save', '']
    const certificates = selfSigned(directory)
    const secure = certificates && { port: await freePort(), ca: certificates.ca }
    const own = { port: String(port), bind: '127.0.0.1', dir: directory, requirepass: password }
    const tls = certificates && {
      'tls-port': String(secure!.port),
      'tls-cert-file': certificates.cert,
      'tls-key-file': certificates.key,
      'tls-ca-cert-file': certificates.ca,
      'tls-auth-clients': 'no',
    }
    const settings = Object.entries({ ...own, ...tls }).flatMap(([name, value]) => [`--${name}`, value])
    const users = [
      ['queue', ...RIGHTS],
      ['few', ...RIGHTS, '-bzpopmin'],
      ['fewer', ...RIGHTS, '-info'],
    ].flatMap(([name, ...rights]) => ['--user', name!, 'on', `>${password}`, ...rights])
    const keeper = new Keeper({
      directory,
      commands: [...(certificates?.commands ?? []), [program, ...settings, ...durability, ...users]],
      log: join(directory, 'server.log'),
      socket: null,
      ca: null,
      signals: USUAL_SIGNALS,
    })
    const server = new RedisServer(port, password, secure, keeper)
    await server.#ready()
    return server
  }

  url(host = '127.0.0.1', port = this.port): string {
    return `redis://queue:${this.password}@${host}:${port}`
  }

  /** Kills it, and starts it again on what it has on its disk. */
  async restart(): Promise<void> {
    await this.#keeper.restart()
    await this.#ready()
  }

  stop(): Promise<void> {
    return this.#keeper.stop()
  }

  async #ready(): Promise<void> {
    await until('the Redis server', () => answers(this.port, this.password))
  }
}

function answers(port: number, password: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port }, () => {
      socket.write(`AUTH ${password}\r\nPING\r\n`)
    })
    let said = ''
    socket.on('data', (bytes) => {
      said += bytes.toString()
      if (!said.includes('PONG') && !said.includes('LOADING')) return
      socket.destroy()
      resolve(said.includes('PONG'))
    })
    socket.on('error', () => resolve(false))
    socket.on('close', () => resolve(false))
  })
}
