import { existsSync, mkdirSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { hasDocker, launchInDocker, MYSQL_IMAGE } from './docker.js'
import { USUAL_SIGNALS, prepareInstance, type Launch, type LaunchOptions } from './launch.js'
import { canInstall, debianMirror, findProgram, needProgram, run, say } from './machine.js'

export function launchMysql(options: LaunchOptions): Launch {
  const installed = installedMysql()
  if (installed) return launch('/', tmpdir(), [installed], options)
  if (hasDocker()) return launchInDocker('mysql:9', options, MYSQL_IMAGE)
  if (canInstall()) {
    const root = debianUnstable()
    return launch(root, '/tmp', ['chroot', root, '/usr/sbin/mysqld'], options)
  }
  throw new Error(
    'no MySQL server to test with: install mysqld, or start Docker, or run as root on Debian (then MySQL is ' +
      'installed into a cache folder), or set ROWSHIFT_TEST_MYSQL_URL=mysql://user:password@host:port',
  )
}

function launch(root: string, temporary: string, mysqld: string[], options: LaunchOptions): Launch {
  const { directory, own, args, log, socket } = prepareInstance(root, temporary, options)
  const initialize = [...mysqld, '--no-defaults', '--initialize-insecure', ...own, '--secure-file-priv=']
  const serve = [...mysqld, '--no-defaults', ...args, '--secure-file-priv=', '--mysqlx=OFF']
  return {
    directory,
    commands: [initialize, serve],
    log,
    socket,
    ca: join(directory, 'data/ca.pem'),
    signals: USUAL_SIGNALS,
  }
}

/** On Debian, mysqld is often MariaDB under its old name. */
function installedMysql(): string | null {
  const mysqld = findProgram('mysqld')
  return mysqld && !run(mysqld, ['--no-defaults', '--version']).includes('MariaDB') ? mysqld : null
}

/**
 * Debian has MySQL in unstable only. A minimal system of that suite in a folder of its own (about 560 MB, 40 s)
 * leaves the machine's packages alone. The lock and the rename let several test runs start at once, and an
 * interrupted installation is never used.
 */
function debianUnstable(): string {
  const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'rowshift')
  const root = join(cache, 'debian-unstable')
  if (existsSync(root)) return root
  if (!needProgram('debootstrap', 'debootstrap')) throw new Error('debootstrap cannot be installed')
  say(`installing MySQL into ${root} (once, about 40 s) …`)
  mkdirSync(cache, { recursive: true })
  const script = `
    test -e "$0" && exit
    rm -rf --one-file-system "$0.partial"
    debootstrap --variant=minbase --include=mysql-server-core unstable "$0.partial" "$1"
    rm -rf "$0.partial"/var/cache/apt/archives/*.deb
    mv "$0.partial" "$0"`
  run('flock', ['--close', join(cache, 'lock'), 'sh', '-ec', script, root, debianMirror()])
  return root
}
