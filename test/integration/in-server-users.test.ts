// The statement of an in-server copy runs as the user of the target: never where it could mean other rows for that user.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { query, server, servers } from '../support/context.js'
import { expectRefusal, runWithReport, TestDatabase } from '../support/copying.js'

const IN_SERVER = { write_path: 'in-server' }

/** From `s` to `t`, which the server's own user writes. */
function copyAs(db: TestDatabase, user: string, params: object) {
  const from = Object.assign(new URL(db.url('s')), { username: user, password: 'secret' })
  const endpoints = ['--from', from.href, '--to', db.url('t')]
  return runWithReport(['copy', ...endpoints, '--params', JSON.stringify({ worker_num: 2, ...params })])
}

describe('the user of an in-server copy', () => {
  it('needs a user of the target who may read the source', async () => {
    for (const server of servers()) {
      const source = await TestDatabase.create(
        server,
        'CREATE TABLE s (id INT PRIMARY KEY); INSERT INTO s VALUES (1)',
      )
      const target = await TestDatabase.create(server, 'CREATE TABLE t (id INT PRIMARY KEY)')
      const user = `u_${target.database}`.slice(0, 30)
      await query(
        server,
        `CREATE USER '${user}'@'%' IDENTIFIED BY 'secret'; GRANT ALL ON \`${target.database}\`.* TO '${user}'@'%'`,
      )
      const url = new URL(target.url('t'))
      Object.assign(url, { username: user, password: 'secret' })
      expectRefusal(await source.copyTo('s', url.href, IN_SERVER), 2, 'PARAMS_INVALID')
      await query(server, `GRANT SELECT ON \`${source.database}\`.* TO '${user}'@'%'`)
      // Another address of the same server is no other server.
      url.hostname = url.hostname === 'localhost' ? '127.0.0.1' : 'localhost'
      const allowed = await source.copyTo('s', url.href, IN_SERVER)
      expect(allowed.code, allowed.stderr).to.equal(0)
      expect(await target.value('SELECT COUNT(*) FROM t')).to.equal('1')
      await query(server, `DROP USER '${user}'@'%'`)
    }
  })

  it('is that of the source where "where" may say who asks', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server, 'CREATE TABLE s (id INT PRIMARY KEY, who VARCHAR(100))')
      const user = `u_${db.database}`.slice(0, 30)
      await db.query(
        `INSERT INTO s VALUES (1, '${user}'), (2, 'another'); CREATE TABLE t LIKE s;
         CREATE USER '${user}'@'%' IDENTIFIED BY 'secret'; GRANT SELECT ON s TO '${user}'@'%'`,
      )
      const mine = { where: "who <> SUBSTRING_INDEX(USER(), '@', 1)" }
      expectRefusal(await copyAs(db, user, { ...mine, ...IN_SERVER }), 2, 'PARAMS_INVALID', '"where"')
      const outside = await copyAs(db, user, mine)
      expect(outside.code, outside.stderr).to.equal(0)
      expect(await db.query('SELECT id FROM t')).to.deep.equal([['2']])
      await db.query('DELETE FROM t')
      const inside = await db.copy('s', 't', { ...mine, ...IN_SERVER })
      expect(inside.code, inside.stderr).to.equal(0)
      expect(await db.value('SELECT COUNT(*) FROM t')).to.equal('2')
      await query(server, `DROP USER '${user}'@'%'`)
    }
  })

  it('is that of the source where "where" or row security may hide rows from one of them, on PostgreSQL', async () => {
    const db = await TestDatabase.create(
      server('postgres'),
      'CREATE TABLE s (id int PRIMARY KEY, who text); CREATE TABLE t (LIKE s)',
    )
    const user = `${db.database}_user`
    await db.query(
      `INSERT INTO s VALUES (1, '${user}'), (2, 'another');
       CREATE ROLE ${user} LOGIN PASSWORD 'secret'; GRANT SELECT ON s TO ${user}`,
    )
    try {
      const others = { where: 'who <> current_user' }
      expectRefusal(await copyAs(db, user, { ...others, ...IN_SERVER }), 2, 'PARAMS_INVALID', '"where"')
      const own = await db.copy('s', 't', { ...others, ...IN_SERVER })
      expect(own.code, own.stderr).to.equal(0)
      expect(await db.value('SELECT count(*) FROM t')).to.equal('2')
      await db.query(
        'TRUNCATE t; ALTER TABLE s ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON s USING (who = current_user)',
      )
      const visible = { session: ['SET row_security = on'] }
      const refused = await copyAs(db, user, { ...visible, ...IN_SERVER })
      expectRefusal(refused, 2, 'PARAMS_INVALID', 'row security')
      const outside = await copyAs(db, user, visible)
      expect(outside.code, outside.stderr).to.equal(0)
      expect(await db.query('SELECT id FROM t')).to.deep.equal([['1']])
    } finally {
      await db.query(`DROP OWNED BY ${user}; DROP ROLE ${user}`)
    }
  })
})
