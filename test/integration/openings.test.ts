// Connections that cannot be opened end the run, and do not keep the process alive.
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import mysql from '../../plugins/mysql/plugin.js'
import postgres from '../../plugins/postgres/plugin.js'
import type { Connection, RowshiftError } from '../../src/contract/plugin.js'
import { oneServer, runCli, server, servers } from '../support/context.js'
import { TestDatabase } from '../support/copying.js'
import { Proxy } from '../support/proxy.js'
import { TaskFixture } from '../support/task-fixture.js'

const TABLES = 'CREATE TABLE a (id INT PRIMARY KEY); INSERT INTO a VALUES (1); CREATE TABLE b LIKE a'
/** Those of a run that hangs would be minutes. */
const LIMIT_MS = 20_000

let listeners: Server[] = []

/** A server of which `greet` is all. Resolves to a URL. */
async function impostor(greet: (socket: Socket) => void): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    greet(socket)
  })
  listeners.push(server)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return `mysql://root@127.0.0.1:${(server.address() as AddressInfo).port}/db?table=b`
}

/** Error 1040, "Too many connections", in the place of a greeting. */
function refuse(socket: Socket): void {
  const error = Buffer.from('\xff\x10\x04Too many connections', 'latin1')
  socket.write(Buffer.concat([Buffer.from([error.length, 0, 0, 0]), error]))
}

describe('a connection that cannot be opened', () => {
  afterEach(() => {
    for (const server of listeners) server.close()
    listeners = []
  })

  async function expectEnd(args: readonly string[], exit: number, words: string): Promise<void> {
    const { code, stderr } = await runCli(args, { timeout: LIMIT_MS })
    expect(code, `${args[0]}: ${stderr}`).to.equal(exit)
    expect(stderr).to.include(words)
  }

  it('ends verify, copy and a dry run, whichever end it is', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server, TABLES)
      const there = db.url('a')
      const nowhere = there.replace(db.database, 'nonesuch')
      await expectEnd(['verify', '--from', there, '--to', nowhere], 2, 'nonesuch')
      await expectEnd(['verify', '--repair', '--from', nowhere, '--to', there], 2, 'nonesuch')
      await expectEnd(['copy', '--from', there, '--to', nowhere], 2, 'nonesuch')
      await expectEnd(['copy', '--dry-run', '--from', nowhere, '--to', there], 2, 'nonesuch')
    }
  })

  it('ends a run with shards, lookups or many sources', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server, TABLES)
      const nowhere = db.url('a').replace(db.database, 'nonesuch')
      const columns = [
        { from: 'id', to: 'id', lookup: { in: nowhere.split('?')[0], table: 'a', key: 'id', value: 'id' } },
      ]
      const params = JSON.stringify({ columns })
      const endpoints = ['--from', db.url('a'), '--to', db.url('b')]
      await expectEnd(['copy', ...endpoints, '--params', params], 2, 'nonesuch')
      const many = (url: string) => url.replace(db.database, `{${db.database},nonesuch}`)
      await expectEnd(['verify', '--from', many(db.url('a')), '--to', db.url('b')], 2, 'nonesuch')
      const shard = JSON.stringify({ shard: { by: 'id', hash: 'modulo' } })
      const sharded = ['--from', db.url('a'), '--to', many(db.url('b')), '--params', shard]
      await expectEnd(['copy', ...sharded], 2, 'nonesuch')
    }
  })

  it('ends commands on a task store that is not there, and runs of tasks whose table is not', async () => {
    const fixture = await TaskFixture.create(oneServer()[0]!)
    await fixture.addTask(1, 'nonesuch')
    for (const command of [
      ['run', '1'],
      ['verify', '1'],
      ['verify', '1', '--repair'],
      ['plan', '1'],
    ]) {
      const { code, stderr } = await fixture.cli(...command)
      expect(code, stderr).to.equal(2)
    }
  })

  it('is closed when the server refuses the login and keeps the connection', async () => {
    const db = await TestDatabase.create(oneServer()[0]!, TABLES)
    const url = await impostor(refuse)
    for (const command of ['copy', 'verify'])
      await expectEnd([command, '--from', db.url('a'), '--to', url], 1, 'Too many connections')
  })

  it('is given up when no greeting comes, or only bit by bit', async () => {
    const db = await TestDatabase.create(oneServer()[0]!, TABLES)
    const silent = await impostor(() => {})
    const slow = await impostor((socket) => {
      socket.write(Buffer.from([255, 255, 0]))
      const timer = setInterval(() => socket.write('\0'), 100)
      socket.on('close', () => clearInterval(timer))
    })
    for (const url of [silent, slow]) {
      const to = `${url}&stall-timeout=1`
      await expectEnd(['verify', '--from', db.url('a'), '--to', to], 1, 'Cannot connect')
      await expectEnd(['copy', '--from', to, '--to', db.url('a')], 1, 'Cannot connect')
    }
  })
})

/** What a server says when it ends a session. */
const GOODBYES = {
  mysql: Buffer.from('\x24\0\0\x01\xff\x1d\x04#08S01Server shutdown in progress', 'latin1'),
  postgres: Buffer.from('E\0\0\0\x23SFATAL\0VFATAL\0C57P01\0Mgoodbye\0\0', 'latin1'),
}

describe('a session that its server ends while it is set up', () => {
  for (const [plugin, kind, asked, asksStore] of [
    [mysql, 'mysql', 'CONNECTION_ID()', '@@GLOBAL.time_zone'],
    [postgres, 'postgres', 'pg_control_system', 'SET TIME ZONE DEFAULT'],
  ] as const) {
    it(`is a lost connection, so that it is opened again: ${kind}`, async () => {
      const db = await TestDatabase.create(server(kind))
      for (const [text, open] of [
        [
          asked,
          (at: Connection) => plugin.createReader!({ plugin: '', connection: at, session: [] }).connect(),
        ],
        [
          asked,
          (at: Connection) => plugin.createWriter!({ plugin: '', connection: at, session: [] }).connect(),
        ],
        [asksStore, (at: Connection) => plugin.createTaskStore!(at).connect()],
      ] as const) {
        const proxy = await Proxy.to(db.server, (link) => {
          link.fault = { kind: 'cut', after: text, last: GOODBYES[kind] }
        })
        const { user, password } = db.server
        const at = { host: '127.0.0.1', port: proxy.port, user, password, db: db.database }
        try {
          const error = await open(at).then(
            () => expect.fail(`${text}: nothing was thrown`),
            (thrown: unknown) => thrown as RowshiftError,
          )
          expect(error.code, `${text}: ${error.message}`).to.equal('CONNECTION_LOST')
          expect(proxy.links[0]!.failed).to.equal(true)
        } finally {
          proxy.close()
        }
      }
    })
  }
})
