// A TCP proxy between the program and a server. It cuts connections, or lets them fall silent: packets vanish in both
// directions and the sockets stay open, as when a firewall forgets a connection or a machine is gone.
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** What happens to a connection, and when: after so many of its bytes, both directions together, after a text from the client, or at a moment. */
export interface Fault {
  readonly kind: 'cut' | 'silence'
  readonly after: number | string | Moment
  /** The last that the client hears before a connection is cut. */
  readonly last?: Buffer
}

/**
 * In the conversation that begins with the first message of the client which has this text: after so many bytes, that message among them, of
 * one end or of both. With `from: 'client'` and 0 bytes the server never gets it; with `from: 'server'` the client gets none of its answer.
 */
export interface Moment {
  readonly text: string
  readonly from: 'client' | 'server' | 'both'
  readonly bytes: number
}

/** A fault that the seed alone decides, within the first `bytes` of a connection. */
export function faultOf(seed: number, bytes: number): Fault {
  // One step of mulberry32.
  let mixed = (seed + 1) * 0x6d2b79f5
  mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
  const random = (mixed ^ (mixed >>> 14)) >>> 0
  return { kind: random % 2 === 0 ? 'cut' : 'silence', after: Math.floor((random / 2 ** 32) * bytes) }
}

/** One connection through the proxy. */
export class Link {
  readonly #client: Socket
  readonly #upstream: Socket
  /** null: nothing happens by itself. */
  fault: Fault | null = null
  /** Most bytes of a packet of MySQL's protocol from the client; a larger one cuts the connection. */
  largest = Infinity
  /** Such a packet is answered with error 1153 before the connection ends. */
  answers = false
  /** Of the packet under way that are still to come. */
  #missing = 0
  #header: number[] = []
  /** Forwarded so far, both directions together. */
  bytes = 0
  silent = false
  /** Its fault has happened. */
  failed = false
  /** Milliseconds for which whatever comes is held back. */
  delay = 0
  /** Forwarded since the moment's text came; null: it has not. */
  #since: number | null = null

  constructor(client: Socket, upstream: Socket) {
    this.#client = client
    this.#upstream = upstream
    this.#forward(client, upstream, 'client')
    this.#forward(upstream, client, 'server')
    client.on('data', (bytes) => {
      const text = this.fault?.after
      if (typeof text === 'string' && bytes.includes(text)) this.#fail()
      if (this.largest < Infinity) this.#measure(bytes)
    })
  }

  cut(): void {
    this.#client.destroy()
    this.#upstream.destroy()
  }

  silence(): void {
    this.silent = true
    this.#client.pause()
    this.#upstream.pause()
  }

  #measure(bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) {
      const passing = Math.min(this.#missing, bytes.length - at)
      this.#missing -= passing
      at += passing
      if (at === bytes.length) return
      this.#header.push(bytes[at++]!)
      if (this.#header.length < 4) continue
      const [low, middle, high, sequence] = this.#header
      this.#missing = low! + middle! * 256 + high! * 65_536
      this.#header = []
      if (this.#missing > this.largest) return this.answers ? this.#answer(sequence!) : this.cut()
    }
  }

  #answer(sequence: number): void {
    this.failed = true
    const text = Buffer.from(
      "\xff\x81\x04#08S01Got a packet bigger than 'max_allowed_packet' bytes",
      'latin1',
    )
    this.#client.end(Buffer.concat([Buffer.from([text.length, 0, 0, sequence + 1]), text]))
  }

  #fail(): void {
    this.failed = true
    const { kind, last } = this.fault!
    if (kind === 'silence') this.silence()
    else if (last === undefined) this.cut()
    else this.#client.end(last)
  }

  /** How many of these bytes are forwarded before the moment comes; null: all of them. */
  #untilMoment(bytes: Buffer, from: 'client' | 'server'): number | null {
    const moment = this.fault?.after
    if (typeof moment !== 'object' || this.failed) return null
    if (from === 'client' && this.#since === null && bytes.includes(moment.text)) this.#since = 0
    if (this.#since === null || (moment.from !== 'both' && moment.from !== from)) return null
    const left = moment.bytes - this.#since
    this.#since += bytes.length
    return bytes.length > left ? left : null
  }

  #forward(from: Socket, to: Socket, end: 'client' | 'server'): void {
    from.setNoDelay(true)
    from.on('error', () => {})
    from.on('close', () => {
      // A silent server never hears that the client is gone.
      if (!this.silent) this.cut()
    })
    from.on('data', (bytes) => {
      if (this.failed) return
      this.bytes += bytes.length
      const most = this.fault?.after
      const left = this.#untilMoment(bytes, end)
      if (left !== null) {
        this.failed = true
        // What came before the moment is to arrive.
        to.write(bytes.subarray(0, left), () => this.#fail())
      } else if (typeof most === 'number' && this.bytes > most) this.#fail()
      else if (this.delay > 0) setTimeout(() => this.silent || to.write(bytes), this.delay)
      else if (!this.silent && !to.write(bytes)) {
        from.pause()
        to.once('drain', () => this.silent || from.resume())
      }
    })
  }
}

export class Proxy {
  readonly #server: Server
  readonly #target: string
  /** In the order in which they were made. */
  readonly links: Link[] = []

  private constructor(server: Server, target: string) {
    this.#server = server
    this.#target = target
  }

  /** `onLink` gets each connection before its first byte. */
  static async to(
    { host, port }: { readonly host: string; readonly port: number },
    onLink: (link: Link, index: number) => void = () => {},
  ): Promise<Proxy> {
    const server = createServer((client) => {
      const link = new Link(client, connect(port, host))
      onLink(link, proxy.links.length)
      proxy.links.push(link)
    })
    const proxy = new Proxy(server, `@${host}:${port}/`)
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** The same URL, but through the proxy. */
  url(url: string): string {
    return url.replace(this.#target, `@127.0.0.1:${this.port}/`)
  }

  /** All connections fall silent, and so does each that is still to come. */
  silence(): void {
    for (const link of this.links) link.silence()
    this.#server.on('connection', () => this.links.at(-1)!.silence())
  }

  close(): void {
    for (const link of this.links) link.cut()
    this.#server.close()
  }
}
