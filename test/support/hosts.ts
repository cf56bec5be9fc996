// Hosts of their own network on one machine: a network namespace each, with a cable (veth) to this one that can be cut. It takes root and
// iproute2. All hosts, this one too, reach a server of 127.0.0.1 under one address, through a forwarder.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { isRoot } from './launch.js'
import { needProgram, run } from './machine.js'

const bundled = fileURLToPath(new URL('../../../bundle/src/cli/main.js', import.meta.url))

export class HostNetwork {
  /** Of this machine, as all hosts see it. */
  readonly address: string
  readonly #ip: string
  readonly #hosts: readonly string[]
  readonly #forwarders: Server[] = []
  readonly #sockets = new Set<Socket>()
  readonly #processes: ChildProcessWithoutNullStreams[] = []

  private constructor(ip: string, subnet: number, count: number) {
    this.#ip = ip
    this.address = `10.${subnet}.0.1`
    this.#hosts = Array.from({ length: count }, (_, i) => `rs${process.pid % 100_000}-${i + 1}`)
    this.#run('addr', 'add', `${this.address}/32`, 'dev', 'lo')
    for (const [i, host] of this.#hosts.entries()) this.#connect(host, `10.${subnet}.${i + 1}`)
  }

  static create(count: number): HostNetwork {
    const ip = needProgram('ip', 'iproute2')
    if (ip === null || !isRoot)
      throw new Error('hosts of their own need root and the program ip (Debian: iproute2)')
    return new HostNetwork(ip, 64 + (process.pid % 190), count)
  }

  /** A port of {@link address} that leads to one of 127.0.0.1. */
  async forward(port: number): Promise<number> {
    const server = createServer((client) => {
      const upstream = connect(port, '127.0.0.1')
      for (const [from, to] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        this.#sockets.add(from)
        from.setNoDelay(true)
        from.pipe(to)
        from.on('error', () => {})
        from.on('close', () => {
          this.#sockets.delete(from)
          to.destroy()
        })
      }
    })
    await once(server.listen(0, this.address), 'listening')
    this.#forwarders.push(server)
    return (server.address() as AddressInfo).port
  }

  /** The program, on the host of this number. */
  start(
    host: number,
    args: readonly string[],
    env: Record<string, string> = {},
  ): ChildProcessWithoutNullStreams {
    const command = ['netns', 'exec', this.#hosts[host]!, process.execPath, bundled, ...args]
    const child = spawn(this.#ip, command, { env: { ...process.env, ...env } })
    this.#processes.push(child)
    return child
  }

  cut(host: number): void {
    this.#run('link', 'set', this.#hosts[host]!, 'down')
  }

  mend(host: number): void {
    this.#run('link', 'set', this.#hosts[host]!, 'up')
  }

  /** Ends all that runs on the hosts, and takes them away. */
  async remove(): Promise<void> {
    for (const child of this.#processes) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    for (const socket of this.#sockets) socket.destroy()
    for (const server of this.#forwarders) server.close()
    for (const host of this.#hosts) this.#run('netns', 'del', host)
    this.#run('addr', 'del', `${this.address}/32`, 'dev', 'lo')
  }

  #connect(host: string, subnet: string): void {
    this.#run('netns', 'add', host)
    this.#run('link', 'add', host, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', host)
    this.#run('addr', 'add', `${subnet}.1/30`, 'dev', host)
    this.#run('link', 'set', host, 'up')
    this.#run('-n', host, 'addr', 'add', `${subnet}.2/30`, 'dev', 'eth0')
    this.#run('-n', host, 'link', 'set', 'lo', 'up')
    this.#run('-n', host, 'link', 'set', 'eth0', 'up')
    this.#run('-n', host, 'route', 'add', 'default', 'via', `${subnet}.1`)
  }

  #run(...args: string[]): void {
    run(this.#ip, args)
  }
}
