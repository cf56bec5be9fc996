// What MariaDB's bulk executions depend on, and how a copy goes on without them.
import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { expectRefusal, runWithReport, TestDatabase } from '../support/copying.js'
import { withGlobals } from '../support/globals.js'
import { lieAbout } from '../support/hostile-server.js'
import { startServer, type TestServer } from '../support/servers.js'

const TABLES = `CREATE TABLE s (id INT PRIMARY KEY, v VARCHAR(20) NOT NULL); CREATE TABLE t LIKE s;
  INSERT INTO s SELECT seq, CONCAT('v', seq) FROM seq_1_to_1000`
/** Where the server offers what only MariaDB has, before the second half of the login's random bytes. */
const OFFERS = '\x15\0\0\0\0\0\0\x1d\0\0\0'

describe('write path bulk', () => {
  let at: TestServer<'mariadb'>
  before(async () => {
    at = await startServer('mariadb', {
      serverArgs: ['--log-bin=binlog', '--server-id=1', '--binlog-format=MIXED', '--local-infile=OFF'],
    })
  })
  after(() => at.stop())

  it('is chosen by itself, and has its rows in the binary log as rows', async () => {
    const db = await TestDatabase.create(at, TABLES)
    await db.query('FLUSH BINARY LOGS')
    const { code, stderr, report } = await db.copy('s', 't', { worker_num: 1 })
    expect(code, stderr).to.equal(0)
    expect(report).to.include({ rowsWritten: 1000, writePath: 'bulk' })
    await db.expectEqual('s', 't')
    const [status] = await db.query('SHOW MASTER STATUS')
    const events = await db.query(`SHOW BINLOG EVENTS IN '${status![0]}'`)
    expect(events.filter(([, , type]) => type === 'Write_rows_v1')).not.to.have.length(0)
  })

  it('without room for a prepared statement says what makes room', async () => {
    const db = await TestDatabase.create(at, TABLES)
    const reset = await withGlobals([at], { max_prepared_stmt_count: '0' })
    try {
      const outcome = await db.copy('s', 't')
      const advice = ['error 1461', 'raise max_prepared_stmt_count', '"write_path": "insert"']
      expectRefusal(outcome, 1, 'CONNECTION_LIMIT', ...advice)
      expect(await db.value('SELECT COUNT(*) FROM t')).to.equal('0')
    } finally {
      await reset()
    }
  })

  it('is not there where the binary log takes statements', async () => {
    const db = await TestDatabase.create(at, TABLES)
    await expectWithout(db, db.url('t'), 'binlog_format=STATEMENT', { binlog_format: 'STATEMENT' })
  })

  it('is not there behind a proxy that does not offer it', async () => {
    const db = await TestDatabase.create(at, TABLES)
    const proxy = await lieAbout(at.port, { [OFFERS]: OFFERS.replace('\x1d', '\0') })
    try {
      const to = db.url('t').replace(`:${at.port}/`, `:${proxy.port}/`)
      await expectWithout(db, to, 'does not offer bulk executions')
    } finally {
      proxy.close()
    }
  })

  it('is not there where the target has triggers: it would count the rows that these select and write', async () => {
    const db = await TestDatabase.create(
      at,
      `${TABLES}; CREATE TABLE seen (what VARCHAR(20));
       CREATE TRIGGER i BEFORE INSERT ON t FOR EACH ROW INSERT INTO seen SELECT DISTINCT CONCAT('i', NEW.id) FROM s WHERE id = NEW.id`,
    )
    const params = { write_path: 'bulk', allow_triggers: true }
    expectRefusal(await db.copy('s', 't', params), 2, 'PARAMS_INVALID', 'the target has triggers')
    const { code, stderr, report } = await db.copy('s', 't', { allow_triggers: true })
    expect(code, stderr).to.equal(0)
    expect(report).to.include({ rowsWritten: 1000, writePath: 'insert' })
    await db.expectEqual('s', 't')
    expect(await db.value('SELECT COUNT(*) FROM seen')).to.equal('1000')
  })

  /** It is refused for that reason where it is asked for, and otherwise rows go by INSERT. */
  async function expectWithout(
    db: TestDatabase,
    to: string,
    reason: string,
    globals: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const restore = await withGlobals([at], globals)
    try {
      const copy = (write_path: string) =>
        runWithReport(['copy', '--from', db.url('s'), '--to', to, '--param', `write_path=${write_path}`])
      expectRefusal(await copy('bulk'), 2, 'PARAMS_INVALID', reason)
      expect(await db.value('SELECT COUNT(*) FROM t')).to.equal('0')
      const { code, stderr, report } = await copy('auto')
      expect(code, stderr).to.equal(0)
      expect(report).to.include({ rowsWritten: 1000, writePath: 'insert' })
      await db.expectEqual('s', 't')
    } finally {
      await restore()
    }
  }
})
