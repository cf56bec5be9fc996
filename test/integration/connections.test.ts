import { expect } from 'chai'
import { describe, it } from 'mocha'
import { query, runCli, server, servers } from '../support/context.js'
import { TestDatabase } from '../support/copying.js'
import { startServer } from '../support/servers.js'

const SMALL =
  "CREATE TABLE src (id INT PRIMARY KEY, v LONGTEXT); INSERT INTO src VALUES (1,'数据'),(2,REPEAT('x', 300000)); CREATE TABLE dst LIKE src"

describe('connections', () => {
  it('use TLS when asked, and check the certificate', async () => {
    for (const at of servers()) {
      const db = await TestDatabase.create(at, SMALL)
      expect(at.certs, `${at.kind} without certificates`).not.to.equal(null)
      await db.query(
        "CREATE USER secure@'%' IDENTIFIED BY 'geh€im' REQUIRE SSL; GRANT ALL ON *.* TO secure@'%'",
      )
      const url = (table: string, tls: string) =>
        db.url(table, tls).replace(/\/\/[^@]*@/, `//secure:${encodeURIComponent('geh€im')}@`)
      const copy = (tls: string) => runCli(['copy', '--from', url('src', tls), '--to', url('dst', tls)])
      expect((await copy('')).code, 'without TLS').to.equal(1)
      expect((await copy(`&ssl-ca=${process.execPath}`)).code, 'with a wrong authority').not.to.equal(0)
      const required = await copy('&ssl-mode=required')
      expect(required.code, required.stderr).to.equal(0)
      await db.query('TRUNCATE TABLE dst')
      const verified = await copy(`&ssl-mode=verify_ca&ssl-ca=${at.certs!.ca}`)
      expect(verified.code, verified.stderr).to.equal(0)
      await db.expectEqual('src', 'dst')
      await db.query('DROP USER secure')
    }
  })

  it('understand a server that greets in an old character set', async () => {
    const own = await startServer('mariadb', { serverArgs: ['--character-set-server=gbk'] })
    try {
      const db = await TestDatabase.create(
        own,
        `CREATE TABLE s (id INT PRIMARY KEY, v VARCHAR(9)) CHARSET utf8mb4; INSERT INTO s VALUES (1, '同步'); CREATE TABLE t LIKE s`,
      )
      const { code, stderr } = await runCli(['copy', '--from', db.url('s'), '--to', db.url('t')])
      expect(code, stderr).to.equal(0)
      expect(await db.value('SELECT COUNT(*) FROM s JOIN t USING (id, v)')).to.equal('1')
    } finally {
      await own.stop()
    }
  })

  it('use a unix socket', async () => {
    for (const at of servers()) {
      const db = await TestDatabase.create(at, SMALL)
      expect(at.socket, `${at.kind} without a socket`).not.to.equal(null)
      // Port 1 answers nobody: what gets through went through the socket.
      const url = (table: string) =>
        db.url(table, `&socket=${encodeURIComponent(at.socket!)}`).replace(`:${at.port}/`, ':1/')
      const { code, stderr } = await runCli(['copy', '--from', url('src'), '--to', url('dst')])
      expect(code, stderr).to.equal(0)
      await db.expectEqual('src', 'dst')
    }
  })

  it('use caching_sha2_password, cold and cached, without TLS', async () => {
    const at = server('mysql')
    const db = await TestDatabase.create(at, SMALL)
    await db.query(
      "CREATE USER sha@'%' IDENTIFIED WITH caching_sha2_password BY 'p:w@d/%'; GRANT ALL ON *.* TO sha@'%'; FLUSH PRIVILEGES",
    )
    const url = (table: string) => db.url(table).replace(/\/\/[^@]*@/, '//sha:${SHA_PASSWORD}@')
    for (const round of ['cold', 'cached']) {
      await db.query('TRUNCATE TABLE dst')
      const { code, stderr } = await runCli(['copy', '--from', url('src'), '--to', url('dst')], {
        env: { SHA_PASSWORD: 'p:w@d/%' },
      })
      expect(code, `${round}: ${stderr}`).to.equal(0)
      await db.expectEqual('src', 'dst')
    }
    await db.query('DROP USER sha')
  })

  it('are closed by us, not cut, when a copy ends', async () => {
    for (const at of servers()) {
      const db = await TestDatabase.create(at, SMALL)
      const aborted = async () =>
        Number((await query(at, "SHOW GLOBAL STATUS LIKE 'Aborted_clients'"))[0]![1])
      const before = await aborted()
      expect((await db.copy('src', 'dst', { read_batch: 1 })).code).to.equal(0)
      expect(await aborted()).to.equal(before)
    }
  })
})
