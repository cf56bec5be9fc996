/** Private servers for benchmarks, and what they have used. */
import { readdirSync, readFileSync } from 'node:fs'
import type { Connection } from 'mysql2/promise'
import type { MysqlKind, ServerKind, TestServer } from '../test/support/servers.js'
import { startServer } from '../test/support/servers.js'
import { connect } from './run.js'

/** Everything else is as servers come. */
export const SETTINGS = 'servers as they come but for a buffer pool of 4 GiB, local_infile=ON, no binary log'
const ARGUMENTS = ['--innodb-buffer-pool-size=4G', '--local-infile=ON', '--skip-log-bin']

const TICKS_PER_SECOND = 100

export interface Instance {
  readonly server: TestServer<MysqlKind>
  readonly connection: Connection
}

/** So many private instances, each with a database `bench` that its connection is in; ended when `use` is. */
export async function withInstances<T>(
  kind: string,
  count: number,
  use: (instances: readonly Instance[]) => Promise<T>,
  serverArgs: readonly string[] = ARGUMENTS,
): Promise<T> {
  const instances: Instance[] = []
  try {
    for (let index = 0; index < count; index++) {
      const server = await startServer(kind as MysqlKind, { serverArgs: [...serverArgs] })
      const connection = await connect(server)
      instances.push({ server, connection })
      await connection.query('CREATE DATABASE bench')
      await connection.query('USE bench')
    }
    return await use(instances)
  } finally {
    for (const { server, connection } of instances) {
      connection.destroy()
      await server.stop()
    }
  }
}

export function withInstance<T>(
  kind: string,
  use: (instance: Instance) => Promise<T>,
  serverArgs?: readonly string[],
): Promise<T> {
  return withInstances(kind, 1, ([instance]) => use(instance!), serverArgs)
}

/** What a copy from another instance would choose: to be asked for where both tables are on one, so that rows go through rowshift. */
export function throughClient({ kind }: TestServer): { readonly write_path: string } {
  return { write_path: kind === 'mariadb' ? 'bulk' : 'load-data' }
}

/** `MariaDB 10.11.19` */
export function nameOf({ kind, version }: TestServer): string {
  const names: Readonly<Record<ServerKind, string>> = {
    mariadb: 'MariaDB',
    mysql: 'MySQL',
    postgres: 'PostgreSQL',
  }
  return `${names[kind]} ${/\d+(\.\d+)+/.exec(version)?.[0] ?? version}`
}

/** Seconds of CPU that the servers took for `work`; null: their processes are not seen. */
export async function serverCpu<T>(
  servers: readonly TestServer[],
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly serverSeconds: number | null }> {
  const processes = [...new Set(servers)].map(({ port }) => processOf(port))
  const used = () => processes.map((id) => (id === null ? Number.NaN : cpuOf(id)))
  const before = used()
  const result = await work()
  const seconds = used().reduce((sum, after, index) => sum + after - before[index]!, 0)
  return { result, serverSeconds: Number.isNaN(seconds) ? null : seconds }
}

function processOf(port: number): string | null {
  const argument = `--port=${port}`
  const isServer = (id: string) => {
    try {
      return readFileSync(`/proc/${id}/cmdline`, 'utf8').split('\0').includes(argument)
    } catch {
      return false
    }
  }
  try {
    return readdirSync('/proc').find((id) => /^\d+$/.test(id) && isServer(id)) ?? null
  } catch {
    return null
  }
}

function cpuOf(id: string): number {
  // The name of the program, in brackets, may have blanks.
  const fields = readFileSync(`/proc/${id}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}
