// How a session of PostgreSQL is opened: TLS as far as it is asked for, unix sockets, passwords from a file, and nothing that was not asked for.
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import postgres from '../../plugins/postgres/plugin.js'
import { query, runCli } from '../support/context.js'
import { scratchFile } from '../support/copying.js'
import { openingError } from '../support/postgres-session.js'
import { startServer, type TestServer } from '../support/servers.js'

describe('a login to PostgreSQL', () => {
  let server: TestServer
  let base: string

  before(async function () {
    this.timeout(300_000)
    server = await startServer('postgres', { serverArgs: ['-c', 'max_connections=20'] })
    base = `${server.url}/postgres`
  })
  after(() => server.stop())

  /** Connections of the user that are encrypted, as the server sees them. */
  const encrypted = async (url: string) => {
    const connection = postgres.connectionFromUrl(new URL(url), url)
    const reader = postgres.createReader!({ plugin: '', connection, session: [] })
    try {
      await reader.connect()
      const sql =
        "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'rowshift'"
      return (await query(server, sql)).map(([ssl]) => ssl).join()
    } finally {
      await reader.close()
    }
  }

  it('is encrypted and verified as the connection says, in the words of libpq, too', async () => {
    const { ca } = server.certs!
    expect(await encrypted(base), 'loopback').to.equal('f')
    for (const parameters of [
      'sslmode=require',
      'ssl-mode=required',
      `sslrootcert=${ca}`,
      `sslmode=verify-ca&sslrootcert=${ca}`,
    ])
      expect(await encrypted(`${base}?${parameters}`), parameters).to.equal('t')
    expect(await encrypted(`${base}?sslmode=verify-full&sslrootcert=${ca}`)).to.equal('t')
    const untrusted = await openingError(`${base}?sslmode=verify-full`)
    expect(untrusted?.code, untrusted?.message).to.equal('CONNECTION_FAILED')
    expect(untrusted!.message).to.match(/certificate/)
    const elsewhere = await openingError(
      `${base.replace('127.0.0.1', 'localhost.localdomain')}?sslmode=verify-full&sslrootcert=${ca}`,
    )
    expect(elsewhere?.code).to.equal('CONNECTION_FAILED')
  })

  it('goes through a unix socket, named by its folder or whole', async () => {
    const { port, socket, password } = server
    const login = `postgres://postgres:${password}@`
    for (const rest of [
      `localhost:${port}/postgres?socket=${socket}`,
      `localhost:${port}/postgres?host=${socket}`,
      `localhost/postgres?socket=${socket}/.s.PGSQL.${port}`,
    ])
      expect(await openingError(login + rest), rest).to.equal(null)
  })

  it('takes the password from a file that is named, and from nothing that is not', async () => {
    const { host, port, password } = server
    const url = `postgres://postgres@${host}:${port}/postgres`
    const file = scratchFile('pgpass')
    writeFileSync(
      file,
      `# passwords\nelsewhere:*:*:*:wrong\n${host}:${port}:postgres:other:wrong\n*:${port}:post\\gres:*:${password.replaceAll(/[\\:]/g, '\\$&')}\n*:*:*:*:wrong\n`,
      { mode: 0o600 },
    )
    expect(await openingError(`${url}?passfile=${file}`)).to.equal(null)
    chmodSync(file, 0o644)
    const open = await openingError(`${url}?passfile=${file}`)
    expect(open?.code).to.equal('CONFIG_INVALID')
    expect(open!.message).to.include('chmod 600')
    const missing = await openingError(`${url}?passfile=${file}.not`)
    expect(missing?.code).to.equal('CONFIG_INVALID')
    writeFileSync(file, 'elsewhere:*:*:*:wrong\n')
    chmodSync(file, 0o600)
    expect((await openingError(`${url}?passfile=${file}`))!.message).to.include(
      `no password for ${host}:${port}:postgres`,
    )

    const env = {
      PGPASSWORD: password,
      PGPASSFILE: file,
      PGOPTIONS: '-c search_path=nowhere',
      PGSSLMODE: 'verify-full',
    }
    const copy = [
      'copy',
      '--from',
      `${url}?table=t`,
      '--to',
      `${url}?table=t2`,
      '--params',
      '{"retry":{"attempts":0}}',
    ]
    const outcome = await runCli(copy, { env })
    expect(outcome.stderr).to.include('the server asks for a password').and.include('[ACCESS_DENIED]')
    await query(
      server,
      'CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1); CREATE TABLE t2 (LIKE t)',
    )
    const asked = copy.map((part) => part.replace('postgres@', 'postgres:${PGPASSWORD}@'))
    const second = await runCli(asked, { env })
    expect(second.code, second.stderr).to.equal(0)
    expect(second.stderr + second.stdout).not.to.include(password)
  })

  it('sends no password in the clear where somebody may listen', async () => {
    const received: Buffer[] = []
    const impostor = createServer((socket) => {
      socket.on('error', () => {})
      socket.on('data', (bytes) => {
        received.push(bytes)
        // To a request for TLS: there is none. To whoever logs in: the password, please.
        socket.write(bytes.length === 8 ? 'N' : Buffer.from('5200000008' + '00000003', 'hex'))
      })
    }).listen(0, '0.0.0.0')
    await once(impostor, 'listening')
    try {
      const { port } = impostor.address() as AddressInfo
      const error = await openingError(`postgres://me:very-secret@0.0.0.0:${port}/db`)
      expect(error?.code).to.equal('ACCESS_DENIED')
      expect(error!.message).to.include('asks for the password in the clear')
      expect(Buffer.concat(received).toString('latin1')).to.include('user\0me').and.not.include('very-secret')
      expect(
        (await openingError(`postgres://me:very-secret@0.0.0.0:${port}/db?sslmode=require`))!.message,
      ).to.include('does not support SSL')
    } finally {
      impostor.close()
    }
  })

  it('does not look into the folder of the user unless it is asked to', async () => {
    const home = mkdtempSync(join(tmpdir(), 'rowshift-home-'))
    try {
      const { host, port, password } = server
      writeFileSync(join(home, '.pgpass'), `*:*:*:*:${password}\n`, { mode: 0o600 })
      const url = `postgres://postgres@${host}:${port}/postgres`
      const copy = (parameter: string) => [
        'copy',
        '--from',
        `${url}?table=t${parameter}`,
        '--to',
        `${url}?table=t3${parameter}`,
        '--create',
        '--params',
        '{"retry":{"attempts":0}}',
      ]
      expect((await runCli(copy(''), { env: { HOME: home } })).stderr).to.include('[ACCESS_DENIED]')
      const outcome = await runCli(copy('&passfile=~/.pgpass'), { env: { HOME: home } })
      expect(outcome.code, outcome.stderr).to.equal(0)
    } finally {
      rmSync(home, { recursive: true })
    }
  })
})
