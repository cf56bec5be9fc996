// A server that lies in the login, to see what a client gives away to it.
import { generateKeyPairSync, privateDecrypt } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

const SALT = Buffer.from('abcdefghijklmnopqrst')
const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const PEM = publicKey.export({ type: 'spki', format: 'pem' }) as string
/** Protocol 4.1, a database at connect, authentication plugins, LOAD LOCAL, transactions; no TLS. */
const CAPABILITIES = 0x1 | 0x8 | 0x80 | 0x200 | 0x2000 | 0x8000 | 0x80000

const PLUGINS = {
  clear: 'mysql_clear_password',
  sha256: 'sha256_password',
  caching: 'caching_sha2_password',
}

export interface HostileServer {
  readonly port: number
  /** The password, once it is known. */
  readonly learned: string[]
  close(): void
}

/** Asks for the password by a plugin, encrypted with a key of its own where the plugin has keys. */
export function askForPassword(by: keyof typeof PLUGINS): Promise<HostileServer> {
  return listen((learned) => (reply, body, step) => {
    // A switch, so that the client works with this salt.
    if (step === 1) return send(reply, Buffer.from(`\xfe${PLUGINS[by]}\0${SALT.toString()}\0`, 'latin1'))
    if (by === 'clear') {
      learned.push(body.toString())
      return void reply.socket.destroy()
    }
    if (by === 'caching' && step === 2) return send(reply, Buffer.from([1, 4]))
    if (body.length === 1) return send(reply, Buffer.from(`\x01${PEM}`, 'latin1'))
    learned.push(decrypt(body))
    reply.socket.destroy()
  })
}

/** Lets everybody in, and answers every statement with "send me this file". */
export function askForFile(file: string): Promise<HostileServer> {
  return listen((learned) => (reply, body, step) => {
    if (step === 1) return send(reply, Buffer.from([0, 0, 0, 2, 0, 0, 0]))
    if (body[0] === 3) return send(reply, Buffer.from(`\xfb${file}`, 'latin1'))
    if (body.length > 0) learned.push(body.toString())
    else send(reply, Buffer.from([0, 0, 0, 2, 0, 0, 0]))
  })
}

/** A server that says what another one says, but for some bytes: `lies` has what they become, in as many bytes. */
export async function lieAbout(port: number, lies: Readonly<Record<string, string>>): Promise<HostileServer> {
  const server = createServer((client) => {
    const real = connect(port, '127.0.0.1')
    for (const socket of [client, real]) socket.on('error', () => {})
    client.pipe(real)
    real.on('data', (bytes) => {
      let text = bytes.toString('latin1')
      for (const [said, lie] of Object.entries(lies)) text = text.replaceAll(said, lie.padEnd(said.length))
      client.write(text, 'latin1')
    })
    real.on('close', () => client.destroy())
    client.on('close', () => real.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, learned: [], close: () => server.close() }
}

type Answer = (reply: Reply, body: Buffer, step: number) => void

async function listen(answering: (learned: string[]) => Answer): Promise<HostileServer> {
  const learned: string[] = []
  const answer = answering(learned)
  const server = createServer((socket) => {
    let step = 0
    socket.on('error', () => {})
    send({ socket, sequence: -1 }, greeting())
    socket.on('data', (packet) => {
      step++
      answer({ socket, sequence: packet[3]! }, packet.subarray(4), step)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, learned, close: () => server.close() }
}

interface Reply {
  readonly socket: Socket
  readonly sequence: number
}

function send({ socket, sequence }: Reply, body: Buffer): void {
  const head = Buffer.from([body.length & 0xff, body.length >> 8, 0, sequence + 1])
  socket.write(Buffer.concat([head, body]))
}

function greeting(): Buffer {
  const capabilities = Buffer.alloc(4)
  capabilities.writeUInt32LE(CAPABILITIES)
  return Buffer.concat([
    Buffer.from('\x0a8.0.99\0\x01\0\0\0', 'latin1'),
    SALT.subarray(0, 8),
    Buffer.from([0]),
    capabilities.subarray(0, 2),
    Buffer.from([45, 2, 0]),
    capabilities.subarray(2),
    Buffer.from([SALT.length + 1]),
    Buffer.alloc(10),
    SALT.subarray(8),
    Buffer.from('\0mysql_native_password\0', 'latin1'),
  ])
}

/** Empty for what was encrypted with another key. */
function decrypt(body: Buffer): string {
  try {
    const bytes = privateDecrypt({ key: privateKey, oaepHash: 'sha1' }, body)
    return bytes.map((byte, i) => byte ^ SALT[i % SALT.length]!).toString()
  } catch {
    return ''
  }
}
