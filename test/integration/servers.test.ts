import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { createConnection, type ConnectionOptions } from 'mysql2/promise'
import { createDatabase, query, ready, server, servers } from '../support/context.js'
import { TestDatabase } from '../support/copying.js'
import { startServer } from '../support/servers.js'

describe('test servers', () => {
  it('are one MariaDB and one real MySQL', async () => {
    expect(servers().map(({ kind }) => kind)).to.deep.equal(['mariadb', 'mysql'])
    expect(await query(server('mariadb'), 'SELECT VERSION()')).to.deep.equal([[server('mariadb').version]])
    expect(server('mariadb').version).to.contain('MariaDB')
    expect(await query(server('mysql'), 'SELECT VERSION()')).to.deep.equal([[server('mysql').version]])
    expect(server('mysql').version).to.match(/^[5-9]\./)
    expect(server('mysql').version).not.to.contain('MariaDB')
  })

  it('are a PostgreSQL too, for who asks for it', async () => {
    expect(await query(server('postgres'), 'SELECT version()')).to.deep.equal([[server('postgres').version]])
    expect(server('postgres').version).to.match(/^PostgreSQL \d/)
    const db = await TestDatabase.create(server('postgres'))
    const sql = `CREATE TABLE t (a numeric, b timestamptz, c bytea, d text);
      INSERT INTO t VALUES (18446744073709551615, '2024-02-29 01:02:03.45+00', '\\xff00', '雪'), (NULL, NULL, NULL, '');
      SET TimeZone = 'UTC'; SELECT * FROM t; CREATE TABLE u AS TABLE t`
    expect(await db.query(sql)).to.deep.equal([
      ['18446744073709551615', '2024-02-29 01:02:03.45+00', '\\xff00', '雪'],
      [null, null, null, ''],
    ])
    await db.expectEqual('t', 'u')
  })

  it('give back the text the server sent', async () => {
    for (const at of servers()) {
      const database = await createDatabase(at)
      const sql = `CREATE TABLE t (a BIGINT UNSIGNED, b DATETIME(3), c VARBINARY(4), d TEXT);
        INSERT INTO t VALUES (18446744073709551615, '2024-02-29 01:02:03.450', x'ff00', '雪'), (NULL, NULL, NULL, '');
        SELECT * FROM t`
      expect(await query(at, sql, database)).to.deep.equal([
        ['18446744073709551615', '2024-02-29 01:02:03.450', '0xff00', '雪'],
        [null, null, null, ''],
      ])
    }
  })

  it('have the defaults that users have', async () => {
    const settings = 'SELECT @@local_infile, @@sql_log_bin, @@innodb_flush_log_at_trx_commit'
    for (const at of servers()) await ready(at)
    if (isPrivate('mysql')) expect(await query(server('mysql'), settings)).to.deep.equal([['0', '1', '1']])
    if (isPrivate('mariadb'))
      expect(await query(server('mariadb'), settings)).to.deep.equal([['1', '1', '1']])
  })

  it('speak TLS with a certificate of their own authority', async () => {
    for (const at of servers()) {
      await ready(at)
      const { host, port, user, password, certs } = at
      if (!certs) continue
      const ssl = { ca: readFileSync(certs.ca, 'utf8') }
      expect(await cipher({ host, port, user, password, ssl })).not.to.equal('')
    }
  })

  it('have a PostgreSQL that sorts by a language, speaks TLS, and comes back after a crash', async () => {
    const own = await startServer('postgres', { serverArgs: ['-c', 'max_connections=9'] })
    try {
      expect(await query(own, 'SHOW max_connections')).to.deep.equal([['9']])
      expect(await query(own, "SELECT 'a' < 'B', current_setting('ssl')")).to.deep.equal([['t', 'on']])
      await query(own, 'CREATE TABLE t AS SELECT 1 AS a; SELECT pg_sleep(0)')
      await own.restart()
      expect(await query(own, 'SELECT a FROM t')).to.deep.equal([['1']])
    } finally {
      await own.stop()
    }
    const error = await query(own, 'SELECT 1').catch((failure: { code: string }) => failure)
    expect(error).to.have.property('code', 'ECONNREFUSED')
  })

  it('stop, and take their own arguments', async () => {
    const own = await startServer('mariadb', { serverArgs: ['--max-allowed-packet=1048576'] })
    expect(own.port).not.to.equal(3306)
    expect(await query(own, 'SELECT @@max_allowed_packet')).to.deep.equal([['1048576']])
    await own.stop()
    await own.stop()
    const error = await query(own, 'SELECT 1').catch((failure: { code: string }) => failure)
    expect(error).to.have.property('code', 'ECONNREFUSED')
  })
})

function isPrivate(kind: 'mariadb' | 'mysql'): boolean {
  return server(kind).socket !== null
}

async function cipher(options: ConnectionOptions): Promise<string> {
  const connection = await createConnection(options)
  const [rows] = await connection.query({ sql: `SHOW STATUS LIKE 'Ssl_cipher'`, rowsAsArray: true })
  await connection.end()
  return (rows as string[][])[0]![1]!
}
