// What is too large for one transaction, or for the way to the target, is made smaller and tried again.
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { pathOn } from '../support/cases.js'
import { oneServer, servers } from '../support/context.js'
import { expectRefusal, TestDatabase, runWithReport, scratchFile } from '../support/copying.js'
import { withGlobals } from '../support/globals.js'
import { Proxy } from '../support/proxy.js'
import type { ServerKind, TestServer } from '../support/servers.js'
import { startServer } from '../support/servers.js'

const ROWS = 3000
/** Of 400 bytes each. Statistics are exact, so that plans are the same each time. */
const TABLES = `SET sql_log_bin = 0; CREATE TABLE n (i INT PRIMARY KEY);
  INSERT INTO n WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 1000) SELECT i FROM q;
  CREATE TABLE s (id INT PRIMARY KEY, v LONGTEXT) STATS_SAMPLE_PAGES = 10000; CREATE TABLE t LIKE s;
  INSERT INTO s SELECT a.i + 1000 * (b.i - 1), REPEAT(CHAR(97 + a.i % 26), 400) FROM n a JOIN n b WHERE b.i <= ${ROWS / 1000};
  ANALYZE TABLE s`
const LARGE = `UPDATE s SET v = REPEAT('x', 300000) WHERE id = 1500`

describe('a split that changes more than one transaction may', () => {
  const limited: TestServer[] = []

  before(async () => {
    // Room for 64 KiB of changes in the binary log's cache.
    const cache = ['--binlog-cache-size=32768', '--max-binlog-cache-size=65536', '--binlog-format=ROW']
    const start = (kind: ServerKind) =>
      startServer(kind, { serverArgs: [...cache, '--log-bin=binlog', '--server-id=1', '--local-infile=ON'] })
    limited.push(...(await Promise.all([start('mariadb'), start('mysql')])))
  })
  after(() => Promise.all(limited.map((server) => server.stop())))

  for (const write_path of ['load-data', 'insert'] as const) {
    it(`is divided until it is not (${write_path})`, async () => {
      await Promise.all(
        limited.map(async (server) => {
          const db = await TestDatabase.create(server, TABLES)
          const { code, stderr, stdout, report } = await db.copy('s', 't', {
            write_path: pathOn(server.kind, write_path),
            read_batch: 1000,
          })
          expect(code, stderr).to.equal(0)
          expect(report).to.include({ rowsRead: ROWS, rowsWritten: ROWS })
          expect(report.retryReasons).to.have.all.keys('SPLIT_TOO_LARGE')
          expect(stdout).to.include(' SPLIT_TOO_LARGE)')
          // 1000, 500, 250 and perhaps 125 rows, of each split that was on its way; those that were planned later fit.
          expect(report.retries).to.be.within(3, 60)
          await db.expectEqual('s', 't')
        }),
      )
    })
  }

  it('names a row that is too much alone, and leaves it out where error_limit says so', async () => {
    await Promise.all(
      limited.map(async (server) => {
        const db = await TestDatabase.create(server, TABLES)
        await db.query(
          `SET sql_log_bin = 0; CREATE TABLE more LIKE s;
           CREATE TRIGGER adds AFTER INSERT ON t FOR EACH ROW INSERT INTO more SELECT * FROM s WHERE NEW.id = 1500`,
        )
        const rejected = await db.copy('s', 't', { allow_triggers: true })
        expectRefusal(rejected, 1, 'ROW_TOO_LARGE', 'id = "1500"', 'max_binlog_cache_size')
        const dirty_file = scratchFile('tsv')
        const params = { allow_triggers: true, write_mode: 'ignore', error_limit: 1, dirty_file }
        const tolerated = await db.copy('s', 't', params)
        expect(tolerated.code, tolerated.stderr).to.equal(0)
        expect(tolerated.report).to.include({ rowsRead: ROWS, dirtyRows: 1 })
        expect(readFileSync(dirty_file, 'utf8')).to.match(/^1500\t[a-z]{400}\tROW_TOO_LARGE\t[^\n]*\n$/)
        expect(await db.value('SELECT COUNT(*) FROM s JOIN t USING (id, v)')).to.equal(String(ROWS - 1))
      }),
    )
  })

  it('is divided by the rows that it deletes, too', async () => {
    await Promise.all(
      limited.map(async (server) => {
        const db = await TestDatabase.create(server, TABLES)
        await db.query(`SET sql_log_bin = 0; INSERT INTO t SELECT * FROM s;
          ALTER TABLE s ADD COLUMN at DATETIME NOT NULL DEFAULT '2020-01-01', ADD COLUMN gone INT NOT NULL DEFAULT 1;
          UPDATE s SET gone = 0, v = 'new' WHERE id = 1500; ALTER TABLE t ADD COLUMN at DATETIME`)
        const { code, stderr, report } = await db.copy('s', 't', {
          mode: 'increment',
          diff_column: 'at',
          deletes: { source_flag: 'gone' },
          write_mode: 'upsert',
          error_limit: 1,
          dirty_file: scratchFile('tsv'),
          read_batch: 1000,
        })
        expect(code, stderr).to.equal(0)
        expect(report).to.include({ rowsRead: 1, rowsDeleted: ROWS - 1, dirtyRows: 0 })
        expect(await db.query('SELECT id, v FROM t')).to.deep.equal([['1500', 'new']])
      }),
    )
  })

  it('is divided while a target is repaired', async () => {
    await Promise.all(
      limited.map(async (server) => {
        const db = await TestDatabase.create(server, TABLES)
        const endpoints = ['--from', db.url('s'), '--to', db.url('t')]
        const { code, stderr } = await runWithReport(['verify', ...endpoints, '--repair'])
        expect(code, stderr).to.equal(0)
        await db.expectEqual('s', 't')
      }),
    )
  })

  it('says what to do where there is no key to divide it by', async () => {
    await Promise.all(
      limited.map(async (server) => {
        const db = await TestDatabase.create(server, TABLES)
        await db.query('ALTER TABLE s DROP PRIMARY KEY')
        expectRefusal(await db.copy('s', 't'), 1, 'SPLIT_TOO_LARGE', 'max_binlog_cache_size')
        expect(await db.value('SELECT COUNT(*) FROM t')).to.equal('0')
      }),
    )
  })
})

describe('a server that runs out of what all transactions share', () => {
  it('is tried again in the end, and no row is blamed for it', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server, TABLES.replace('SET sql_log_bin = 0;', ''))
      await db.query(`CREATE TRIGGER full BEFORE INSERT ON t FOR EACH ROW IF NEW.id = 1500 THEN
        SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1206, MESSAGE_TEXT = 'The lock table is full'; END IF`)
      const retry = { attempts: 2, max_wait: 0.1 }
      const params = { allow_triggers: true, write_mode: 'ignore', error_limit: 1, retry }
      const failed = await db.copy('s', 't', { ...params, dirty_file: scratchFile('tsv') })
      expectRefusal(failed, 1, 'LOCK_CONFLICT', 'The lock table is full')
      expect(failed.report.dirtyRows).to.equal(0)
      expect(failed.report.retryReasons).to.include({ LOCK_CONFLICT: 2 })
    }
  })
})

describe('a statement that something on the way to the target does not let through', () => {
  let restore = async () => {}
  before(async () => {
    restore = await withGlobals(servers(), { local_infile: '1' })
  })
  after(() => restore())

  /** Copies through a proxy that cuts connections, without a word unless it `answers`. */
  async function copyThrough(db: TestDatabase, params: object, answers = false, command = ['copy']) {
    const proxy = await Proxy.to(db.server, (link) => {
      link.largest = 20_000
      link.answers = answers
    })
    const to = `${proxy.url(db.url('t'))}&ssl-mode=disabled`
    const all = { worker_num: 1, retry: { attempts: 10, max_wait: 0.2 }, ...params }
    try {
      const endpoints = ['--from', db.url('s'), '--to', to]
      return await runWithReport([...command, ...endpoints, '--params', JSON.stringify(all)])
    } finally {
      proxy.close()
    }
  }

  for (const write_path of ['load-data', 'insert'] as const) {
    it(`is made smaller until it passes (${write_path})`, async () => {
      await Promise.all(
        servers().map(async (server) => {
          const db = await TestDatabase.create(server, TABLES.replace('SET sql_log_bin = 0;', ''))
          const outcome = await copyThrough(db, {
            write_path: pathOn(server.kind, write_path),
            read_batch: 300,
          })
          expect(outcome.code, outcome.stderr).to.equal(0)
          expect(outcome.report.retryReasons).to.have.all.keys('CONNECTION_LOST')
          // Ten splits; those that begin later do not have to find out again.
          expect(outcome.report.retries).to.be.within(3, 20)
          expect(outcome.report.rowsWritten).to.equal(ROWS)
          await db.expectEqual('s', 't')
        }),
      )
    })
  }

  for (const write_path of ['load-data', 'insert'] as const) {
    it(`is made smaller where that is answered (${write_path})`, async () => {
      await Promise.all(
        servers().map(async (server) => {
          const db = await TestDatabase.create(server, TABLES.replace('SET sql_log_bin = 0;', ''))
          const outcome = await copyThrough(
            db,
            { write_path: pathOn(server.kind, write_path), read_batch: 1000 },
            true,
          )
          expect(outcome.code, outcome.stderr).to.equal(0)
          expect(outcome.report.retryReasons).to.have.any.keys('PACKET_TOO_LARGE')
          expect(outcome.report.rowsWritten).to.equal(ROWS)
          await db.expectEqual('s', 't')
        }),
      )
    })
  }

  it('is made smaller while a target is repaired, and where rows have waited for unique values', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server, TABLES.replace('SET sql_log_bin = 0;', ''))
      const repaired = await copyThrough(db, {}, true, ['verify', '--repair'])
      expect(repaired.code, repaired.stderr).to.equal(0)
      await db.expectEqual('s', 't')
      await db.query(`ALTER TABLE s ADD COLUMN u INT NOT NULL; UPDATE s SET u = id; ALTER TABLE s ADD UNIQUE (u);
        DROP TABLE t; CREATE TABLE t LIKE s; INSERT INTO t SELECT id, v, ${ROWS + 1} - u FROM s; ANALYZE TABLE s`)
      const settled = await copyThrough(db, { read_batch: 300, write_mode: 'upsert' }, true)
      expect(settled.code, settled.stderr).to.equal(0)
      expect(settled.report.retryReasons).to.include.keys('PACKET_TOO_LARGE')
      await db.expectEqual('s', 't')
    }
  })

  it('names a row that does not pass alone', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server, TABLES.replace('SET sql_log_bin = 0;', ''))
      await db.query(LARGE)
      const outcome = await copyThrough(db, {
        write_path: pathOn(server.kind, 'insert'),
        write_mode: 'upsert',
      })
      const words = ['id = "1500"', 'one row of 300006 bytes']
      expectRefusal(outcome, 1, 'CONNECTION_LOST', ...words)
    }
  })
})

describe('a computed value that is larger than max_allowed_packet of the source', () => {
  it('ends the run, where the server would make NULL of it with a warning only', async () => {
    await Promise.all(
      servers().map(async (server) => {
        const db = await TestDatabase.create(server, TABLES.replace('SET sql_log_bin = 0;', ''))
        const columns = [{ from: 'id' }, { to: 'v', sql: 'REPEAT(v, IF(id = 1500, 500000, 1))' }]
        const outcome = await db.copy('s', 't', { columns, read_batch: 1000 })
        expectRefusal(outcome, 1, 'ROW_TOO_LARGE', 'max_allowed_packet', 'error 1301')
        expect(await db.value('SELECT COUNT(*) FROM t WHERE v IS NULL')).to.equal('0')
      }),
    )
  })
})
