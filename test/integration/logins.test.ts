import { writeFileSync } from 'node:fs'
import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { createConnection } from 'mysql2/promise'
import { query, runCli, server, servers } from '../support/context.js'
import { expectRefusal, TestDatabase, scratchFile } from '../support/copying.js'
import type { HostileServer } from '../support/hostile-server.js'
import { askForFile, askForPassword } from '../support/hostile-server.js'
import { startServer, type TestServer } from '../support/servers.js'

const SMALL = 'CREATE TABLE src (id INT PRIMARY KEY); INSERT INTO src VALUES (1); CREATE TABLE dst LIKE src'

/** Leads to this machine, but is not an address that anybody would take for it. */
const ELSEWHERE = '0.0.0.0'

const plan = (from: string) => runCli(['copy', '--from', from, '--to', from.replace('=t', '=u'), '--dry-run'])

describe('logins', () => {
  let hostile: HostileServer
  afterEach(() => hostile?.close())

  for (const by of ['caching', 'sha256', 'clear'] as const) {
    it(`give no password to a server that asks for it: ${by}`, async () => {
      hostile = await askForPassword(by)
      const url = `mysql://me:gehe1m@${ELSEWHERE}:${hostile.port}/x?table=t`
      const words = by === 'clear' ? ['in the clear'] : ['ssl-mode=required', 'server-public-key-path']
      expectRefusal(await plan(url), 1, 'CONNECTION_FAILED', ...words)
      expect(hostile.learned.join('')).to.equal('')
    })
  }

  it('encrypt the password with the key of the server alone, where its file is named', async () => {
    hostile = await askForPassword('caching')
    const file = scratchFile('pem')
    writeFileSync(file, await publicKey(server('mysql')))
    const key = `&server-public-key-path=${file}`
    const stolen = plan(`mysql://me:gehe1m@${ELSEWHERE}:${hostile.port}/x?table=t${key}`)
    // What it gets it cannot decrypt; it is silent then, and the client gives up.
    expect((await stolen).code).to.equal(1)
    expect(hostile.learned.join('')).to.equal('')
  })

  it('over the network take TLS where there is some, and otherwise a pinned key or the word for any key', async () => {
    const own = await startServer('mysql', { serverArgs: ['--tls-version='] })
    try {
      const db = await TestDatabase.create(own, SMALL)
      const file = scratchFile('pem')
      writeFileSync(file, await publicKey(own))
      const remote = (table: string, parameters: string) =>
        db.url(table, parameters).replace('127.0.0.1', ELSEWHERE)
      const copy = async (parameters: string) => {
        // The server forgets who has logged in, so that it asks for the whole password.
        await db.query('TRUNCATE TABLE dst; FLUSH PRIVILEGES')
        return runCli(['copy', '--from', remote('src', parameters), '--to', remote('dst', parameters)])
      }
      expectRefusal(await copy(''), 1, 'CONNECTION_FAILED', 'ssl-mode=required', 'get-server-public-key')
      for (const accepted of ['&get-server-public-key=1', `&server-public-key-path=${file}`]) {
        const { code, stderr } = await copy(accepted)
        expect(code, stderr).to.equal(0)
      }
      expectRefusal(await copy('&ssl-mode=required'), 1, 'CONNECTION_FAILED', 'ssl-mode=disabled')
    } finally {
      await own.stop()
    }
  })

  it('are under TLS by default, except on this machine', async () => {
    for (const at of servers()) {
      const db = await TestDatabase.create(at, SMALL)
      const copied = async (host: string, mode = '') => {
        const url = (table: string) => db.url(table, mode).replace('127.0.0.1', host)
        // A connection says itself whether it is under TLS.
        const cipher =
          "(SELECT VARIABLE_VALUE > '' FROM performance_schema.session_status WHERE VARIABLE_NAME = 'Ssl_cipher')"
        const mariadb =
          "(SELECT VARIABLE_VALUE > '' FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = 'Ssl_cipher')"
        await db.query('CREATE TABLE flag (under_tls VARCHAR(9))')
        const columns = [{ to: 'under_tls', sql: at.kind === 'mysql' ? cipher : mariadb }]
        const params = JSON.stringify({ columns, worker_num: 1 })
        const { code, stderr } = await runCli([
          'copy',
          '--from',
          url('src'),
          '--to',
          url('flag'),
          '--params',
          params,
        ])
        expect(code, stderr).to.equal(0)
        const [[found]] = (await db.query('SELECT under_tls FROM flag')) as [[string]]
        await db.query('DROP TABLE flag')
        return found
      }
      expect(await copied(ELSEWHERE)).to.equal('1')
      expect(await copied(ELSEWHERE, '&ssl-mode=disabled&get-server-public-key=true')).to.equal('0')
      expect(await copied('127.0.0.1')).to.equal('0')
      expect(await copied('127.0.0.1', '&ssl-mode=required')).to.equal('1')
    }
  })

  it('check that an address is in the certificate', async () => {
    const own = await startServer('mariadb', { serverArgs: ['--max-connections=20'] })
    try {
      const db = await TestDatabase.create(own, SMALL)
      const url = (host: string) =>
        db.url('src', `&ssl-mode=verify_identity&ssl-ca=${own.certs!.ca}`).replace('127.0.0.1', host)
      const copy = (host: string) => runCli(['copy', '--from', url(host), '--to', db.url('dst')])
      expectRefusal(await copy(ELSEWHERE), 1, 'CONNECTION_FAILED', '0.0.0.0')
      const { code, stderr } = await copy('127.0.0.1')
      expect(code, stderr).to.equal(0)
    } finally {
      await own.stop()
    }
  })

  it('name ssl-mode to a user who needs it', async () => {
    for (const at of servers()) {
      const db = await TestDatabase.create(at, SMALL)
      await db.query("CREATE USER tls@'%' IDENTIFIED BY 'x' REQUIRE SSL; GRANT ALL ON *.* TO tls@'%'")
      const url = (user: string) => db.url('src').replace(/\/\/[^@]*@/, `//${user}@`)
      const plain = (user: string) => runCli(['copy', '--from', url(user), '--to', url(user), '--dry-run'])
      expectRefusal(await plain('tls:x'), 1, 'ACCESS_DENIED', 'ssl-mode=required')
      // A session from before, which may end it again.
      const session = await createConnection({
        host: at.host,
        port: at.port,
        user: at.user,
        password: at.password,
      })
      await session.query('SET GLOBAL require_secure_transport = ON')
      try {
        // MariaDB says no more than that access is denied.
        const code = at.kind === 'mysql' ? 'CONNECTION_FAILED' : 'ACCESS_DENIED'
        expectRefusal(await plain(`root:${at.password}`), 1, code, 'ssl-mode=required', 'TLS')
      } finally {
        await session.query('SET GLOBAL require_secure_transport = OFF')
        await session.query('DROP USER tls')
        await session.end()
      }
    }
  })

  it('send no file to a server that asks for one', async () => {
    const file = scratchFile('txt')
    writeFileSync(file, 'a secret of this machine')
    hostile = await askForFile(file)
    const outcome = await plan(`mysql://me:gehe1m@127.0.0.1:${hostile.port}/x?table=t`)
    expect(outcome.code, outcome.stderr).to.equal(1)
    expect(hostile.learned.join('')).not.to.include('secret')
  })
})

async function publicKey(at: TestServer): Promise<string> {
  const [row] = await query(at, "SHOW STATUS LIKE 'Caching_sha2_password_rsa_public_key'")
  return row![1]!
}
