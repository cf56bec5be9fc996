import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hasDocker, launchInDocker } from './docker.js'
import { prepareInstance, type Launch, type LaunchOptions } from './launch.js'
import { findProgram, needProgram } from './machine.js'

export function launchMariadb(options: LaunchOptions): Launch {
  if (!findProgram('mariadbd') && hasDocker()) return launchInDocker('mariadb:10.11', options)
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
  const serve = [server, '--no-defaults', ...args, ...certificates.args]
  return { directory, commands: [...certificates.commands, install, serve], log, socket, ca: certificates.ca }
}

/** MySQL makes its own certificates; MariaDB has to be given some. */
function selfSigned(directory: string): { commands: string[][]; args: string[]; ca: string | null } {
  const openssl = needProgram('openssl', 'openssl')
  if (!openssl) return { commands: [], args: [], ca: null }
  const [ca, caKey, cert, key] = ['ca.pem', 'ca-key.pem', 'server-cert.pem', 'server-key.pem'].map((name) =>
    join(directory, name),
  ) as [string, string, string, string]
  const request = [openssl, 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '7']
  const authority = [...request, '-subj', '/CN=rowshift test authority', '-keyout', caKey, '-out', ca]
  const signing = ['-CA', ca, '-CAkey', caKey, '-addext', 'basicConstraints=critical,CA:false']
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
  const server = [...request, ...signing, ...subject, '-keyout', key, '-out', cert]
  return {
    commands: [authority, server],
    args: [`--ssl-ca=${ca}`, `--ssl-cert=${cert}`, `--ssl-key=${key}`],
    ca,
  }
}
