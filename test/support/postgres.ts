import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { selfSigned } from './certificates.js'
import { hasDocker, launchInDocker, POSTGRES_IMAGE } from './docker.js'
import { isRoot, type Launch, type LaunchOptions } from './launch.js'
import { aptInstall, canInstall, findProgram, run } from './machine.js'

/** Where Debian has the programs of each version. */
const DEBIAN = '/usr/lib/postgresql'
const MARK = 'create_main_cluster = false # until rowshift has installed the package'

export function launchPostgres(options: LaunchOptions): Launch {
  if (!findServer() && hasDocker()) return launchInDocker('postgres:15', options, POSTGRES_IMAGE)
  if (!findServer() && canInstall()) install()
  const server = findServer()
  if (!server) {
    throw new Error(
      'no PostgreSQL server to test with: install postgres and initdb (Debian: postgresql), or start Docker, or set ' +
        'ROWSHIFT_TEST_POSTGRES_URL=postgres://user:password@host:port',
    )
  }
  return launch(server, options)
}

function launch(server: string, { port, password, serverArgs }: LaunchOptions): Launch {
  const directory = mkdtempSync(join(tmpdir(), 'rowshift-'))
  const [data, passwords] = [join(directory, 'data'), join(directory, 'password')]
  writeFileSync(passwords, password, { mode: 0o600 })
  const owner = ownerOf(directory)
  const certificates = selfSigned(directory)
  // Databases of users sort by a language, not by bytes; before version 15 that is not up to initdb.
  const icu = versionOf(server) < 15 ? [] : ['--locale-provider=icu', '--icu-locale=en-US']
  const locale = ['--locale=C.UTF-8', ...icu, '--encoding=UTF8']
  const login = ['--username=postgres', `--pwfile=${passwords}`, '--auth=scram-sha-256']
  const initialize = [server.replace(/postgres$/, 'initdb'), '-D', data, '--no-sync', ...login, ...locale]
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: directory,
    fsync: 'off',
    ...(certificates && { ssl: 'on', ssl_cert_file: certificates.cert, ssl_key_file: certificates.key }),
  }
  const given = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const serve = [server, '-D', data, '-p', String(port), ...given, ...serverArgs]
  return {
    directory,
    commands: [...(certificates?.commands ?? []), initialize, serve].map((command) => [...owner, ...command]),
    log: join(directory, 'server.log'),
    socket: directory,
    ca: certificates?.ca ?? null,
    signals: { stop: 'SIGINT', crash: 'SIGQUIT' },
  }
}

/** The server does not run as root: what runs a command as another user, who gets the directory. */
function ownerOf(directory: string): string[] {
  if (!isRoot) return []
  const user = /^postgres:/m.test(readFileSync('/etc/passwd', 'utf8')) ? 'postgres' : 'nobody'
  const [uid, gid] = ['-u', '-g'].map((which) => run('id', [which, user]).trim())
  run('chown', ['-R', `${uid}:${gid}`, directory])
  return ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups']
}

/** `postgres (PostgreSQL) 15.10 (Debian 15.10-0+deb12u1)` */
function versionOf(server: string): number {
  return Number(/\d+/.exec(run(server, ['--version']))![0])
}

function findServer(): string | null {
  const folder = process.env['ROWSHIFT_TEST_POSTGRES_BIN']
  if (folder !== undefined) return join(folder, 'postgres')
  try {
    const [newest] = readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a))
    return join(DEBIAN, newest!, 'bin/postgres')
  } catch {
    return findProgram('postgres')
  }
}

/** Debian's package would make a cluster of its own and start it, unless a file of another package says otherwise. */
function install(): void {
  aptInstall('postgresql-common')
  const file = '/etc/postgresql-common/createcluster.conf'
  const before = readFileSync(file, 'utf8').replace(`${MARK}\n`, '')
  writeFileSync(file, `${before}${MARK}\n`)
  try {
    aptInstall('postgresql')
  } finally {
    writeFileSync(file, before)
  }
}
