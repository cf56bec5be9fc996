import { tmpdir } from 'node:os'
import { selfSigned } from './certificates.js'
import { hasDocker, launchInDocker, MYSQL_IMAGE } from './docker.js'
import { USUAL_SIGNALS, prepareInstance, type Launch, type LaunchOptions } from './launch.js'
import { findProgram, needProgram } from './machine.js'

export function launchMariadb(options: LaunchOptions): Launch {
  if (!findProgram('mariadbd') && hasDocker()) return launchInDocker('mariadb:10.11', options, MYSQL_IMAGE)
  const server = needProgram('mariadbd', 'mariadb-server-core')
  const installer = needProgram('mariadb-install-db', 'mariadb-server-core')
  // The installer calls this one.
  const defaults = needProgram('my_print_defaults', 'mariadb-client-core')
  if (!server || !installer || !defaults) {
    throw new Error(
      'no MariaDB server to test with: install mariadbd and mariadb-install-db (Debian: mariadb-server-core ' +
        'and mariadb-client-core), or start Docker, or set ROWSHIFT_TEST_MARIADB_URL=mysql://user:password@host:port',
    )
  }
  const { directory, own, args, log, socket } = prepareInstance('/', tmpdir(), options)
  const certificates = selfSigned(directory)
  const install = [
    installer,
    '--no-defaults',
    ...own,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
    '--skip-name-resolve',
  ]
  const tls = certificates && [
    `--ssl-ca=${certificates.ca}`,
    `--ssl-cert=${certificates.cert}`,
    `--ssl-key=${certificates.key}`,
  ]
  const serve = [server, '--no-defaults', ...args, ...(tls ?? [])]
  return {
    directory,
    commands: [...(certificates?.commands ?? []), install, serve],
    log,
    socket,
    ca: certificates?.ca ?? null,
    signals: USUAL_SIGNALS,
  }
}
