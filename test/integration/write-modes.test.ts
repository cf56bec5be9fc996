// What becomes of rows whose key is in the target already, by both write paths, judged by the servers.
import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { pathOn } from '../support/cases.js'
import { servers } from '../support/context.js'
import { expectRefusal, TestDatabase, type Outcome } from '../support/copying.js'

const TABLE = `(id INT PRIMARY KEY, v VARCHAR(20) NOT NULL, n INT,
  changed TIMESTAMP(6) NULL DEFAULT NULL ON UPDATE CURRENT_TIMESTAMP(6)`

/** 1,000 rows in the source; in the target the first 200, of which the first 50 differ. */
async function tables(db: TestDatabase, more = ''): Promise<void> {
  await db.query(
    `DROP TABLE IF EXISTS s, t; CREATE TABLE s ${TABLE}); CREATE TABLE t ${TABLE}${more});
     INSERT INTO s WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 1000)
       SELECT i, CONCAT('v', i), i, '2024-01-01' FROM q;
     INSERT INTO t SELECT * FROM s WHERE id <= 200;
     UPDATE t SET n = -1, changed = '2023-01-01' WHERE id <= 50`,
  )
}

const SAME =
  'SELECT COUNT(*) FROM s JOIN t ON s.id = t.id AND s.v = t.v AND s.n <=> t.n AND s.changed <=> t.changed'

function counts({ report }: Outcome) {
  const { rowsRead, rowsWritten, rowsChanged, rowsUnchanged, rowsSkipped, dirtyRows } = report
  return [rowsRead, rowsWritten, rowsChanged, rowsUnchanged, rowsSkipped, dirtyRows]
}

for (const path of ['insert', 'load-data'] as const) {
  for (const [what, keys] of [
    ['one unique key', ''],
    ['two unique keys', ', UNIQUE KEY (v)'],
  ] as const) {
    describe(`write modes by ${path} into a target with ${what}`, () => {
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
      const copy = (db: TestDatabase, write_mode: string) =>
        db.copy('s', 't', {
          write_mode,
          write_path: pathOn(db.server.kind, path),
          worker_num: 2,
          read_batch: 300,
        })

      it('insert fails and names the key', async () => {
        for (const db of dbs) {
          await tables(db, keys)
          const outcome = await copy(db, 'insert')
          expectRefusal(outcome, 1, 'DUPLICATE_KEY', 'id = "1"', 'write_mode')
        }
      })

      it('ignore leaves rows alone whose key is there', async () => {
        for (const db of dbs) {
          await tables(db, keys)
          expect(counts(await copy(db, 'ignore'))).to.deep.equal([1000, 800, 0, 0, 200, 0])
          expect(await db.value(SAME)).to.equal('950')
          expect(await db.value('SELECT COUNT(*) FROM t WHERE n = -1')).to.equal('50')
        }
      })

      it('replace writes every row', async () => {
        for (const db of dbs) {
          await tables(db, keys)
          const [read, written] = counts(await copy(db, 'replace'))
          expect([read, written]).to.deep.equal([1000, 1000])
          expect(await db.value(SAME)).to.equal('1000')
        }
      })

      it('upsert changes what differs, and leaves no column to the clock', async () => {
        for (const db of dbs) {
          await tables(db, keys)
          expect(counts(await copy(db, 'upsert'))).to.deep.equal([1000, 850, 50, 150, 0, 0])
          expect(await db.value(SAME)).to.equal('1000')
          expect(counts(await copy(db, 'upsert'))).to.deep.equal([1000, 0, 0, 1000, 0, 0])
        }
      })

      it('ignore and upsert are as strict as insert about everything else', async () => {
        for (const db of dbs) {
          for (const mode of ['ignore', 'upsert']) {
            await tables(db, keys)
            await db.query(`ALTER TABLE t ADD CONSTRAINT positive CHECK (n <> 777)`)
            expectRefusal(await copy(db, mode), 1, 'DATA_REJECTED', 'id = "777"')
            expect(await db.value('SELECT COUNT(*) FROM t WHERE id = 777')).to.equal('0')
          }
        }
      })
    })
  }
}

describe('write modes and a second unique key', () => {
  it('never touch a row that only shares the other key', async () => {
    for (const server of servers()) {
      for (const mode of ['ignore', 'upsert']) {
        const db = await TestDatabase.create(server)
        await db.query(
          `CREATE TABLE s (id INT PRIMARY KEY, mail VARCHAR(20)); INSERT INTO s VALUES (1, 'a'), (3, 'b');
           CREATE TABLE t (id INT PRIMARY KEY, mail VARCHAR(20), UNIQUE KEY (mail)); INSERT INTO t VALUES (1, 'x'), (2, 'b')`,
        )
        const outcome = await db.copy('s', 't', { write_mode: mode })
        expectRefusal(outcome, 1, 'DUPLICATE_KEY', 'id = "3"', 'mail')
        expect(await db.query('SELECT * FROM t ORDER BY id')).to.deep.equal([
          ['1', 'x'],
          ['2', 'b'],
        ])
      }
    }
  })
})

describe('write modes and keys', () => {
  it('need a key in the target', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server)
      await db.query('CREATE TABLE s (id INT PRIMARY KEY); CREATE TABLE t (id INT)')
      for (const mode of ['ignore', 'replace', 'upsert']) {
        expectRefusal(await db.copy('s', 't', { write_mode: mode }), 2, 'KEY_REQUIRED', 't has no')
      }
    }
  })

  it('know a row by a composite key, and by one whose collation takes two spellings for one', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server)
      const table = (name: string) =>
        `CREATE TABLE ${name} (a VARCHAR(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci, b INT, v INT, PRIMARY KEY (a, b))`
      await db.query(
        `${table('s')}; ${table('t')}; INSERT INTO s VALUES ('K', 1, 10), ('K', 2, 20), ('L', 1, 30); INSERT INTO t VALUES ('k', 1, 10), ('l', 1, 31)`,
      )
      const outcome = await db.copy('s', 't', { write_mode: 'upsert' })
      expect(counts(outcome)).to.deep.equal([3, 3, 2, 0, 0, 0])
      expect(await db.query('SELECT HEX(a), b, v FROM t ORDER BY a, b')).to.deep.equal([
        ['4B', '1', '10'],
        ['4B', '2', '20'],
        ['4C', '1', '30'],
      ])
    }
  })

  it('know a row by the key that "pk" names, in an incremental run too', async () => {
    for (const server of servers()) {
      const table = (name: string) =>
        `CREATE TABLE ${name} (id INT PRIMARY KEY, mail VARCHAR(20) NOT NULL UNIQUE, changed DATETIME NOT NULL, KEY (changed))`
      const db = await TestDatabase.create(
        server,
        `${table('s')}; ${table('t')}; INSERT INTO s VALUES (2, 'a', '2024-01-02'); INSERT INTO t VALUES (1, 'a', '2024-01-01')`,
      )
      const outcome = await db.copy('s', 't', { mode: 'increment', diff_column: 'changed', pk: 'mail' })
      expect(counts(outcome), outcome.stderr).to.deep.equal([1, 1, 1, 0, 0, 0])
      await db.expectEqual('s', 't')
    }
  })

  it('warn that rows may become one where the key in the target is none in the source', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(
        server,
        'CREATE TABLE s (id INT PRIMARY KEY, n INT NOT NULL); CREATE TABLE t (id INT, n INT PRIMARY KEY); INSERT INTO s VALUES (1, 7), (2, 7)',
      )
      const warned = await db.copy('s', 't', { write_mode: 'upsert' })
      expect(warned.report.warnings.join()).to.include('rows of s with the same n become one row of t')
      await db.query('DROP TABLE t; CREATE TABLE t (id INT PRIMARY KEY, n INT)')
      const silent = await db.copy('s', 't', { write_mode: 'upsert' })
      expect(silent.report.warnings).to.deep.equal([])
    }
  })
})
