// Servers that speak MySQL's protocol and are neither MySQL nor MariaDB. A real OceanBase is used where ROWSHIFT_TEST_OCEANBASE_URL
// names one; .ci/run can start one.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { createConnection } from 'mysql2/promise'
import { query, runCli, server } from '../support/context.js'
import { expectRefusal, TestDatabase } from '../support/copying.js'
import { withGlobals } from '../support/globals.js'
import { lieAbout } from '../support/hostile-server.js'

const ALL_BYTES = `(id INT PRIMARY KEY, b BLOB, v VARCHAR(200), n DECIMAL(30,10), d DATETIME(6), f DOUBLE, u BIGINT UNSIGNED)`
const VALUES = `VALUES (1, UNHEX('${Buffer.from(Array.from({ length: 256 }, (_, i) => i)).toString('hex')}'), '数据📦 \\\\ \\n\\t''"', 12345678901234567890.0123456789,
  '9999-12-31 23:59:59.999999', 5e-324, 18446744073709551615), (2, '', '', 0, NULL, -0.1, 0), (3, NULL, NULL, NULL, NULL, NULL, NULL)`

describe('a server that is neither MySQL nor MariaDB', () => {
  it('shows that it keeps all bytes before it gets rows', async () => {
    const at = server('mysql')
    const [[comment]] = (await query(at, 'SELECT @@version_comment')) as [[string]]
    const db = await TestDatabase.create(
      at,
      `CREATE TABLE s ${ALL_BYTES}; INSERT INTO s ${VALUES}; CREATE TABLE t LIKE s`,
    )
    const liar = await lieAbout(at.port, { [comment]: '?'.repeat(comment.length) })
    const restore = await withGlobals([at], { local_infile: '1' })
    try {
      const to = db.url('t').replace(`:${at.port}/`, `:${liar.port}/`)
      for (const path of ['auto', 'insert']) {
        await db.query('TRUNCATE TABLE t')
        const { code, stderr } = await runCli([
          'copy',
          '--from',
          db.url('s'),
          '--to',
          to,
          '--param',
          `write_path=${path}`,
        ])
        expect(code, stderr).to.equal(0)
        if (path === 'auto') expect(stderr).to.include('stored all 256 bytes in a trial')
        await db.expectEqual('s', 't')
      }
    } finally {
      liar.close()
      await restore()
    }
  })

  const given = process.env['ROWSHIFT_TEST_OCEANBASE_URL']
  if (!given) return
  it('is copied to and from exactly: OceanBase', async () => {
    const { hostname: host, port, username: user, password } = new URL(given)
    const session = await createConnection({ host, port: Number(port), user, password })
    await session.query('DROP DATABASE IF EXISTS rowshift_test')
    await session.query('CREATE DATABASE rowshift_test')
    const there = (table: string) => `${given}/rowshift_test?table=${table}`
    const at = server('mysql')
    const db = await TestDatabase.create(
      at,
      `CREATE TABLE s ${ALL_BYTES}; INSERT INTO s ${VALUES}; CREATE TABLE back LIKE s`,
    )
    try {
      await session.query(`CREATE TABLE rowshift_test.t ${ALL_BYTES}`)
      const loaded = await runCli([
        'copy',
        '--from',
        db.url('s'),
        '--to',
        there('t'),
        '--param',
        'write_path=load-data',
      ])
      expectRefusal(loaded, 2, 'PARAMS_INVALID', 'OceanBase', '256 bytes')
      const to = await runCli(['copy', '--from', db.url('s'), '--to', there('t')])
      expect(to.code, to.stderr).to.equal(0)
      expect(to.stderr).to.include('write path insert: OceanBase')
      const back = await runCli(['copy', '--from', there('t'), '--to', db.url('back')])
      expect(back.code, back.stderr).to.equal(0)
      await db.expectEqual('s', 'back')
    } finally {
      await session.query('DROP DATABASE rowshift_test')
      await session.end()
    }
  })
})
