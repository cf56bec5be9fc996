// Rows that the target refuses: left out one by one, kept, copied again; by both write paths, judged by the servers.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { pathOn } from '../support/cases.js'
import { runCli, servers } from '../support/context.js'
import { expectRefusal, TestDatabase, runWithReport, scratchFile, type Outcome } from '../support/copying.js'

const ROWS = 1000
const PATHS = ['insert', 'load-data'] as const

/**
 * 1,000 rows, of which the target refuses three: 7 by its CHECK, 500 by its foreign key, and 900 because row 5000 has the
 * same mail. The target has the first 20 already, of which 10 differ.
 */
async function tables(db: TestDatabase): Promise<void> {
  const columns = 'id INT PRIMARY KEY, mail VARCHAR(20), n INT, note TEXT, raw VARBINARY(20)'
  await db.query(
    `DROP TABLE IF EXISTS s, t, p; CREATE TABLE p (id INT PRIMARY KEY); INSERT INTO p VALUES (1);
     CREATE TABLE s (${columns}, p INT);
     INSERT INTO s WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < ${ROWS})
       SELECT i, CONCAT('m', i), i, IF(i % 7, CONCAT('tab \\t lf \\n back \\\\ 中 ', i), NULL), UNHEX('000A09FF5C'), 1 FROM q;
     UPDATE s SET p = 2 WHERE id = 500;
     CREATE TABLE t (${columns}, p INT, UNIQUE KEY (mail), CONSTRAINT seven CHECK (n <> 7), CONSTRAINT parent FOREIGN KEY (p) REFERENCES p (id));
     INSERT INTO t SELECT * FROM s WHERE id <= 20 AND id <> 7; UPDATE t SET n = -1 WHERE id <= 10;
     INSERT INTO t VALUES (5000, 'm900', 0, NULL, NULL, NULL)`,
  )
}

/** Makes the target take the rows that it refused. */
const MEND = 'ALTER TABLE t DROP CONSTRAINT seven; INSERT INTO p VALUES (2); DELETE FROM t WHERE id = 5000'

const EQUAL = `SELECT COUNT(*) FROM s JOIN t ON s.id = t.id AND s.mail = t.mail AND s.n = t.n AND HEX(s.note) <=> HEX(t.note)
  AND HEX(s.raw) = HEX(t.raw) AND s.p = t.p`

function counts({ report }: Outcome) {
  const { rowsWritten, rowsChanged, rowsUnchanged, rowsSkipped, dirtyRows } = report
  return [rowsWritten, rowsChanged, rowsUnchanged, rowsSkipped, dirtyRows]
}

/** The first cell and the three reason cells of each line, by the first. */
function linesOf(file: string): string[][] {
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1)
  const cells = lines.map((line) => line.split('\t')).map((line) => [line[0]!, ...line.slice(-3)])
  return cells.sort((a, b) => Number(a[0]) - Number(b[0]))
}

function replay(db: TestDatabase, file: string, params: object = {}): Promise<Outcome> {
  const endpoints = ['--from', `file:${file}`, '--to', db.url('t')]
  return runWithReport(['copy', ...endpoints, '--params', JSON.stringify(params)])
}

describe('refused rows', () => {
  const dbs: TestDatabase[] = []
  before(async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server)
      await db.query('SET GLOBAL local_infile = ON')
      dbs.push(db)
    }
  })
  after(async () => {
    for (const db of dbs) if (db.server.kind === 'mysql') await db.query('SET GLOBAL local_infile = OFF')
  })

  for (const path of PATHS) {
    const copy = (db: TestDatabase, params: object) =>
      db.copy('s', 't', {
        write_path: pathOn(db.server.kind, path),
        worker_num: 3,
        read_batch: 100,
        ...params,
      })

    for (const [mode, expected] of [
      ['insert', [978, 0, 0, 0, 22]],
      ['ignore', [978, 0, 0, 19, 3]],
      ['upsert', [987, 9, 10, 0, 3]],
      ['replace', [998, 20, 0, 0, 2]],
    ] as const) {
      it(`are kept in a file and go in when the target is fixed: ${mode} by ${path}`, async () => {
        for (const db of dbs) {
          await tables(db)
          const dirty_file = scratchFile('tsv')
          const limit = expected[4]
          const outcome = await copy(db, { write_mode: mode, error_limit: limit, dirty_file })
          expect(outcome.code, outcome.stderr).to.equal(0)
          expect(counts(outcome), db.server.kind).to.deep.equal(expected)
          expect(outcome.report).to.deep.include({ status: 'success', rowsRead: ROWS, dirtyFile: dirty_file })
          expect(outcome.report.warnings.join()).to.include(dirty_file)
          expect(outcome.stdout).to.include(`${limit} rows were rejected: ${dirty_file}`)
          const lines = linesOf(dirty_file)
          expect(lines).to.have.length(limit)
          const reasons = Object.fromEntries(lines.map(([id, ...reason]) => [id, reason]))
          expect(reasons['7']![0]).to.equal('DATA_REJECTED')
          expect(reasons['500']!.slice(0, 2)).to.deep.equal(['DATA_REJECTED', 'p'])
          expect(reasons['500']![2]).to.include('id = "500"').and.to.include('Its p is "2"')
          if (mode !== 'replace') expect(reasons['900']![0]).to.equal('DUPLICATE_KEY')

          await db.query(MEND)
          const again = await replay(db, dirty_file, {
            write_mode: mode === 'insert' ? 'upsert' : mode,
            write_path: pathOn(db.server.kind, path),
          })
          expect(again.code, again.stderr).to.equal(0)
          expect(again.report).to.include({ rowsRead: limit, dirtyRows: 0, dirtyFile: null })
          // Ignore leaves the ten rows that differ as they are.
          expect(await db.value(EQUAL)).to.equal(String(mode === 'ignore' ? ROWS - 9 : ROWS))
          expect(await db.value('SELECT COUNT(*) FROM t')).to.equal(String(ROWS))
        }
      })
    }

    it(`end the run when they are too many, and nothing of that split stays: ${path}`, async () => {
      for (const db of dbs) {
        await tables(db)
        await db.query('DELETE FROM t WHERE id = 5000; ALTER TABLE t ADD CONSTRAINT nine CHECK (n <> 900)')
        const dirty_file = scratchFile('tsv')
        const upsert = { write_mode: 'upsert', worker_num: 1 }
        const none = await copy(db, upsert)
        expectRefusal(none, 1, 'DATA_REJECTED', 'table t', 'id = "7"', 'seven')
        expect(none.report).to.include({ dirtyRows: 0, dirtyFile: null })

        const two = await copy(db, { ...upsert, error_limit: 2, dirty_file })
        expectRefusal(two, 1, 'DATA_REJECTED', 'table t', 'id = "900"', 'nine', 'one more than the 2')
        expect(two.report).to.include({ dirtyRows: 2, dirtyFile: dirty_file })
        expect(linesOf(dirty_file).map(([id]) => id)).to.deep.equal(['7', '500'])
        // Statistics decide whether a split has 100 ids or some more or fewer; whole ones are there, and nothing of that of 900.
        const last = Number(await db.value('SELECT MAX(id) FROM t WHERE id < 5000'))
        const { splitsDone } = two.report
        const ids = last / splitsDone
        expect(last % splitsDone, `last id ${last} after ${splitsDone} splits`).to.equal(0)
        expect(ids).to.be.within(80, 125)
        expect(900).to.be.within(last + 1, last + ids)
      }
    })
  }

  it('are not those whose warnings are about columns that the target makes itself', async () => {
    // More rows than MySQL keeps warnings.
    for (const db of dbs) {
      for (const path of PATHS) {
        await db.query(
          `DROP TABLE IF EXISTS s, t; CREATE TABLE s (id INT PRIMARY KEY, v DECIMAL(10,3));
           INSERT INTO s WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < ${ROWS}) SELECT i, i + 0.125 FROM q;
           INSERT INTO s SELECT id + ${ROWS}, v FROM s; INSERT INTO s SELECT id + 2 * ${ROWS}, v FROM s;
           CREATE TABLE t (id INT PRIMARY KEY, v DECIMAL(10,3), g DECIMAL(8,1) AS (v) STORED, d DECIMAL(8,1) DEFAULT (v))`,
        )
        const copied = await db.copy('s', 't', {
          write_path: pathOn(db.server.kind, path),
          write_mode: 'upsert',
        })
        expect(copied.code, copied.stderr).to.equal(0)
        expect(copied.report).to.include({ rowsWritten: 4 * ROWS, dirtyRows: 0 })
        expect(await db.value('SELECT COUNT(*) FROM s JOIN t USING (id, v) WHERE g = ROUND(v, 1)')).to.equal(
          `${4 * ROWS}`,
        )
      }
    }
  })

  it('are not looked for where a statement that succeeded cannot be undone alone', async () => {
    for (const db of dbs) {
      await db.query(`DROP TABLE IF EXISTS s, t; CREATE TABLE s (id INT PRIMARY KEY, v DECIMAL(10,3)); CREATE TABLE t LIKE s;
         INSERT INTO s WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < ${ROWS}) SELECT i, i FROM q;
         UPDATE s SET v = 0.125 WHERE id = 555`)
      const outcome = await db.copy('s', 't', {
        write_path: pathOn(db.server.kind, 'insert'),
        write_batch: 100,
        error_limit: ROWS,
        dirty_file: scratchFile('tsv'),
        // Behind the back of the plan, for which every value fits.
        pre_sql: ['ALTER TABLE t MODIFY v DECIMAL(10,1)'],
      })
      expectRefusal(outcome, 1, 'SERVER_ERROR', 'Table t', "'v'", 'rolled back')
      expect(outcome.report).to.include({ dirtyRows: 0, rowsWritten: 0 })
      expect(await db.value('SELECT COUNT(*) FROM t')).to.equal('0')
    }
  })

  it('are counted exactly, over all threads', async () => {
    for (const db of dbs) {
      await db.query(
        `DROP TABLE IF EXISTS s, t; CREATE TABLE s (id INT PRIMARY KEY, n INT); CREATE TABLE t (id INT PRIMARY KEY, n INT, CHECK (n <> 0));
         INSERT INTO s WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 1000) SELECT i, i % 20 FROM q`,
      )
      const params = { worker_num: 4, read_batch: 50, pre_sql: ['DELETE FROM @table'] }
      const enough = await db.copy('s', 't', {
        ...params,
        error_limit: 50,
        dirty_file: scratchFile('tsv'),
      })
      expect(enough.code, enough.stderr).to.equal(0)
      expect(enough.report).to.include({ rowsWritten: 950, dirtyRows: 50 })
      expect(linesOf(enough.report.dirtyFile!)).to.have.length(50)
      const dirty_file = scratchFile('tsv')
      const less = await db.copy('s', 't', { ...params, error_limit: 49, dirty_file })
      expectRefusal(less, 1, 'DATA_REJECTED', 'one more than the 49')
      expect(linesOf(dirty_file)).to.have.length(less.report.dirtyRows)
      expect(await db.value('SELECT COUNT(*) FROM t')).to.equal(String(less.report.rowsWritten))
    }
  })

  it('may be a percentage of the rows read, looked at before post_sql', async () => {
    for (const db of dbs) {
      await tables(db)
      const params = { write_mode: 'upsert', post_sql: ['UPDATE @table SET n = 0 WHERE id = 1'] }
      const few = { ...params, error_limit: { percentage: 0.2 }, dirty_file: scratchFile('tsv') }
      const failed = await db.copy('s', 't', few)
      expectRefusal(failed, 1, 'DATA_REJECTED', '3 of 1000 rows (0.300 %)', '0.2 %')
      expect(failed.report).to.include({ rowsWritten: 987, dirtyRows: 3, dirtyFile: few.dirty_file })
      expect(await db.value('SELECT n FROM t WHERE id = 1')).to.equal('1')
      const both = { ...params, error_limit: { record: 3, percentage: 0.3 }, dirty_file: scratchFile('tsv') }
      const passed = await db.copy('s', 't', both)
      expect(passed.code, passed.stderr).to.equal(0)
      expect(await db.value('SELECT n FROM t WHERE id = 1')).to.equal('0')
    }
  })

  it('need a file that can be written, which is looked at before the first write', async () => {
    for (const db of dbs) {
      await tables(db)
      const taken = scratchFile('tsv')
      writeFileSync(taken, 'mine')
      for (const dirty_file of ['/nowhere/at/all.tsv', taken]) {
        const outcome = await db.copy('s', 't', {
          error_limit: 9,
          dirty_file,
          pre_sql: ['DELETE FROM @table'],
        })
        expectRefusal(outcome, 2, 'USAGE', dirty_file)
        expect(await db.value('SELECT COUNT(*) FROM t')).to.equal('20')
      }
      expect(readFileSync(taken, 'utf8')).to.equal('mine')
    }
  })

  it('leave no file when there are none', async () => {
    for (const db of dbs) {
      await db.query('DROP TABLE IF EXISTS s, t; CREATE TABLE s (id INT PRIMARY KEY); CREATE TABLE t LIKE s')
      await db.query('INSERT INTO s VALUES (1)')
      const dirty_file = scratchFile('tsv')
      const outcome = await db.copy('s', 't', { error_limit: 9, dirty_file })
      expect(outcome.report).to.include({ status: 'success', dirtyFile: null })
      expect(existsSync(dirty_file) || existsSync(`${dirty_file}.json`)).to.equal(false)
    }
  })

  it('are not what a full disk, a read-only server or a lost connection leave', async () => {
    for (const db of dbs) {
      for (const [errno, code, exit] of [
        [1114, 'DISK_FULL', 1],
        [1836, 'READ_ONLY', 2],
        [1053, 'CONNECTION_LOST', 1],
      ] as const) {
        await db.query(
          `DROP TABLE IF EXISTS s, t; CREATE TABLE s (id INT PRIMARY KEY); CREATE TABLE t LIKE s; INSERT INTO s VALUES (1), (2), (3);
           CREATE TRIGGER fails BEFORE INSERT ON t FOR EACH ROW
             IF NEW.id = 2 THEN SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = ${errno}, MESSAGE_TEXT = 'as if'; END IF`,
        )
        const outcome = await db.copy('s', 't', {
          error_limit: 99,
          allow_triggers: true,
          dirty_file: scratchFile('tsv'),
          write_path: 'insert',
          // None of them passes by itself here.
          retry: { attempts: 0 },
        })
        expectRefusal(outcome, exit, code, String(errno))
        expect(outcome.report).to.include({ dirtyRows: 0, dirtyFile: null, rowsWritten: 0 })
      }
    }
  })
})

describe('a row file', () => {
  it('that is missing, or has lines that do not fit, writes nothing', async () => {
    const [server] = servers()
    const db = await TestDatabase.create(server!)
    await db.query('CREATE TABLE t (a INT PRIMARY KEY, b TEXT)')
    expectRefusal(await replay(db, '/nowhere/x.tsv'), 2, 'TABLE_NOT_FOUND', '/nowhere/x.tsv')
    const file = scratchFile('tsv')
    writeFileSync(file, '1\tx\tDATA_REJECTED\t\\N\twhy\n2\tDATA_REJECTED\t\\N\twhy\n')
    expectRefusal(await replay(db, file), 2, 'TABLE_NOT_FOUND', `${file}.json`)
    writeFileSync(`${file}.json`, '{}')
    expectRefusal(await replay(db, file), 2, 'CONFIG_INVALID', `${file}.json`)
    const column = {
      nullable: true,
      hasDefault: false,
      generated: false,
      ordered: true,
      valueRange: { dynamic: true },
    }
    const columns = [
      { ...column, name: 'a', type: 'int', kind: 'integer', nullable: false },
      { ...column, name: 'b', type: 'text', kind: 'text' },
    ]
    writeFileSync(`${file}.json`, JSON.stringify({ format: 'rowshift-rows-1', columns }))
    expectRefusal(await replay(db, file), 1, 'DATA_REJECTED', 'Line 2', 'has 4 cells')
    expectRefusal(await replay(db, file, { where: 'a = 1' }), 2, 'PARAMS_INVALID', 'where')
    expect(await db.value('SELECT COUNT(*) FROM t')).to.equal('0')
    const target = ['copy', '--from', db.url('t'), '--to', `file:${file}`]
    expectRefusal(await runCli(target), 2, 'PLUGIN_UNKNOWN', 'cannot be written to')
  })
})
