// What becomes of rows whose key is in the target already, by both write paths, judged by the servers.
import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { servers } from '../support/context.js'
import { expectRefusal, Place, type Outcome } from '../support/copying.js'

const TABLE = `(id INT PRIMARY KEY, v VARCHAR(20) NOT NULL, n INT,
  changed TIMESTAMP(6) NULL DEFAULT NULL ON UPDATE CURRENT_TIMESTAMP(6)`

/** 1,000 rows in the source; in the target the first 200, of which the first 50 differ. */
async function tables(place: Place, more = ''): Promise<void> {
  await place.query(
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

for (const path of ['insert', 'load-data']) {
  for (const [what, keys] of [
    ['one unique key', ''],
    ['two unique keys', ', UNIQUE KEY (v)'],
  ] as const) {
    describe(`write modes by ${path} into a target with ${what}`, () => {
      const places: Place[] = []
      before(async () => {
        for (const server of servers()) {
          const place = await Place.create(server)
          await place.query('SET GLOBAL local_infile = ON')
          places.push(place)
        }
      })
      after(async () => {
        for (const place of places)
          if (place.server.kind === 'mysql') await place.query('SET GLOBAL local_infile = OFF')
      })
      const copy = (place: Place, write_mode: string) =>
        place.copy('s', 't', { write_mode, write_path: path, worker_num: 2, read_batch: 300 })

      it('insert fails and names the key', async () => {
        for (const place of places) {
          await tables(place, keys)
          const outcome = await copy(place, 'insert')
          expectRefusal(outcome, 1, 'DUPLICATE_KEY', 'id = "1"', 'write_mode')
        }
      })

      it('ignore leaves rows alone whose key is there', async () => {
        for (const place of places) {
          await tables(place, keys)
          expect(counts(await copy(place, 'ignore'))).to.deep.equal([1000, 800, 0, 0, 200, 0])
          expect(await place.value(SAME)).to.equal('950')
          expect(await place.value('SELECT COUNT(*) FROM t WHERE n = -1')).to.equal('50')
        }
      })

      it('replace writes every row', async () => {
        for (const place of places) {
          await tables(place, keys)
          const [read, written] = counts(await copy(place, 'replace'))
          expect([read, written]).to.deep.equal([1000, 1000])
          expect(await place.value(SAME)).to.equal('1000')
        }
      })

      it('upsert changes what differs, and leaves no column to the clock', async () => {
        for (const place of places) {
          await tables(place, keys)
          expect(counts(await copy(place, 'upsert'))).to.deep.equal([1000, 850, 50, 150, 0, 0])
          expect(await place.value(SAME)).to.equal('1000')
          expect(counts(await copy(place, 'upsert'))).to.deep.equal([1000, 0, 0, 1000, 0, 0])
        }
      })

      it('ignore and upsert are as strict as insert about everything else', async () => {
        for (const place of places) {
          for (const mode of ['ignore', 'upsert']) {
            await tables(place, keys)
            await place.query(`ALTER TABLE t ADD CONSTRAINT positive CHECK (n <> 777)`)
            expectRefusal(await copy(place, mode), 1, 'DATA_REJECTED', 'id = "777"')
            expect(await place.value('SELECT COUNT(*) FROM t WHERE id = 777')).to.equal('0')
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
        const place = await Place.create(server)
        await place.query(
          `CREATE TABLE s (id INT PRIMARY KEY, mail VARCHAR(20)); INSERT INTO s VALUES (1, 'a'), (3, 'b');
           CREATE TABLE t (id INT PRIMARY KEY, mail VARCHAR(20), UNIQUE KEY (mail)); INSERT INTO t VALUES (1, 'x'), (2, 'b')`,
        )
        const outcome = await place.copy('s', 't', { write_mode: mode })
        expectRefusal(outcome, 1, 'DUPLICATE_KEY', 'id = "3"', 'mail')
        expect(await place.query('SELECT * FROM t ORDER BY id')).to.deep.equal([
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
      const place = await Place.create(server)
      await place.query('CREATE TABLE s (id INT PRIMARY KEY); CREATE TABLE t (id INT)')
      for (const mode of ['ignore', 'replace', 'upsert']) {
        expectRefusal(await place.copy('s', 't', { write_mode: mode }), 2, 'KEY_REQUIRED', 't has no')
      }
    }
  })

  it('know a row by a composite key, and by one whose collation takes two spellings for one', async () => {
    for (const server of servers()) {
      const place = await Place.create(server)
      const table = (name: string) =>
        `CREATE TABLE ${name} (a VARCHAR(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci, b INT, v INT, PRIMARY KEY (a, b))`
      await place.query(
        `${table('s')}; ${table('t')}; INSERT INTO s VALUES ('K', 1, 10), ('K', 2, 20), ('L', 1, 30); INSERT INTO t VALUES ('k', 1, 10), ('l', 1, 31)`,
      )
      const outcome = await place.copy('s', 't', { write_mode: 'upsert' })
      expect(counts(outcome)).to.deep.equal([3, 3, 2, 0, 0, 0])
      expect(await place.query('SELECT HEX(a), b, v FROM t ORDER BY a, b')).to.deep.equal([
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
      const place = await Place.create(
        server,
        `${table('s')}; ${table('t')}; INSERT INTO s VALUES (2, 'a', '2024-01-02'); INSERT INTO t VALUES (1, 'a', '2024-01-01')`,
      )
      const outcome = await place.copy('s', 't', { mode: 'increment', diff_column: 'changed', pk: 'mail' })
      expect(counts(outcome), outcome.stderr).to.deep.equal([1, 1, 1, 0, 0, 0])
      await place.expectEqual('s', 't')
    }
  })

  it('warn that rows may become one where the key in the target is none in the source', async () => {
    for (const server of servers()) {
      const place = await Place.create(
        server,
        'CREATE TABLE s (id INT PRIMARY KEY, n INT NOT NULL); CREATE TABLE t (id INT, n INT PRIMARY KEY); INSERT INTO s VALUES (1, 7), (2, 7)',
      )
      const warned = await place.copy('s', 't', { write_mode: 'upsert' })
      expect(warned.report.warnings.join()).to.include('rows of s with the same n become one row of t')
      await place.query('DROP TABLE t; CREATE TABLE t (id INT PRIMARY KEY, n INT)')
      const silent = await place.copy('s', 't', { write_mode: 'upsert' })
      expect(silent.report.warnings).to.deep.equal([])
    }
  })
})
