import { mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Said by the keeper of a server that is to be restarted, when it has ended. All else that it says is why it cannot go on. */
export const ENDED = 'ended'

/** How one private server instance is started. */
export interface Launch {
  /** Made for this instance and deleted with it. */
  readonly directory: string
  /** Run one after the other; the last one is the server, in the foreground. */
  readonly commands: readonly string[][]
  /** Where the output of the commands goes. */
  readonly log: string
  readonly socket: string | null
  /** Certificate authority of the server's TLS certificate. */
  readonly ca: string | null
  /** What ends the server with its clients still there, and what is as sudden as a power failure. */
  readonly signals: { readonly stop: NodeJS.Signals; readonly crash: NodeJS.Signals }
}

export const USUAL_SIGNALS: Launch['signals'] = { stop: 'SIGTERM', crash: 'SIGKILL' }

export interface LaunchOptions {
  readonly port: number
  readonly password: string
  readonly serverArgs: readonly string[]
}

export const isRoot = process.getuid?.() === 0

/**
 * A fresh directory for one instance and the options that MySQL and MariaDB share. `root` is the directory that
 * the server takes for `/`: the arguments must be paths within it.
 */
export function prepareInstance(
  root: string,
  temporary: string,
  { port, password, serverArgs }: LaunchOptions,
) {
  const directory = mkdtempSync(join(root, temporary, 'rowshift-'))
  const inside = (name: string) => join('/', directory.slice(root === '/' ? 0 : root.length), name)
  writeFileSync(join(directory, 'accounts.sql'), accounts(password))
  // The tmpdir is not the shared /tmp: a starting MariaDB deletes what looks like an old temporary table there.
  const own = [`--datadir=${inside('data')}`, `--tmpdir=${inside('.')}`, ...(isRoot ? ['--user=root'] : [])]
  const args = [
    ...own,
    `--port=${port}`,
    '--bind-address=127.0.0.1',
    `--socket=${inside('server.sock')}`,
    `--pid-file=${inside('server.pid')}`,
    `--init-file=${inside('accounts.sql')}`,
    ...serverArgs,
  ]
  return { directory, own, args, log: join(directory, 'server.log'), socket: join(directory, 'server.sock') }
}

/** Run by the server before it accepts anyone, so that there is no moment without a password. */
function accounts(password: string): string {
  return [
    `CREATE USER IF NOT EXISTS root@'%' IDENTIFIED BY '${password}';`,
    `GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;`,
    `ALTER USER root@localhost IDENTIFIED BY '${password}';\n`,
  ].join('\n')
}
