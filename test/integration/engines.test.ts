// Tables that do not keep the rows that are written to them are not targets, and those that do keep them exactly.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { server, servers } from '../support/context.js'
import { expectRefusal, TestDatabase, runWithReport, scratchFile } from '../support/copying.js'
import { Database } from '../support/database.js'
import { expectDifferent, expectEqual, verify } from '../support/verifying.js'

const SOURCE =
  'CREATE TABLE s (id INT NOT NULL, f FLOAT NOT NULL); INSERT INTO s VALUES (1, 16777215), (2, 0.1)'

describe('engines', () => {
  it('that store nothing, store elsewhere or store something else are refused as targets', async () => {
    const own = {
      mysql: [['ENGINE=BLACKHOLE', 'stores nothing']],
      mariadb: [],
    } as const
    for (const server of servers()) {
      const db = await TestDatabase.create(
        server,
        `${SOURCE}; CREATE TABLE m (id INT NOT NULL, f FLOAT NOT NULL) ENGINE=MyISAM`,
      )
      const refused = [
        ['ENGINE=MERGE UNION=(m) INSERT_METHOD=LAST', 'other tables, files or servers'],
        ['ENGINE=CSV', 'keeps floats as text that loses digits (f)'],
        ...own[server.kind],
      ] as const
      for (const [engine, words] of refused) {
        await db.query(`DROP TABLE IF EXISTS t; CREATE TABLE t (id INT NOT NULL, f FLOAT NOT NULL) ${engine}`)
        for (const mode of ['init', 'sync']) {
          const outcome = await db.copy('s', 't', { mode })
          // A repair needs a key, which none of these has.
          if (mode === 'sync') expect(outcome.code, outcome.stderr).to.be.oneOf([2, 3])
          else expectRefusal(outcome, 3, 'LOSSY', words, 'Nothing was written')
        }
      }
      expect(await db.value('SELECT COUNT(*) FROM m')).to.equal('0')
    }
  })

  it('are none where the target is a view or a sequence', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(
        server,
        `${SOURCE}; CREATE TABLE b (id INT NOT NULL, f FLOAT NOT NULL); CREATE VIEW t AS SELECT * FROM b WHERE id < 2`,
      )
      expectRefusal(await db.copy('s', 't'), 2, 'TABLE_NOT_FOUND', 't is a view')
      expect(await db.value('SELECT COUNT(*) FROM b')).to.equal('0')
    }
    const db = await TestDatabase.create(
      server('mariadb'),
      'CREATE SEQUENCE t; CREATE TABLE s AS SELECT * FROM t',
    )
    expectRefusal(await db.copy('s', 't'), 2, 'TABLE_NOT_FOUND', 't is a sequence')
  })

  it('that compress rows or keep them as text hold what they can hold exactly', async () => {
    const values = `(1, -1.50, x'${Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0')).join('')}', 'a"\\\\\\n\\r,é数', '-838:59:58.999999', 0x1ff),
      (2, 0, '', '', '00:00:00', 0)`
    const table = (name: string, engine: string) =>
      `CREATE TABLE ${name} (id INT NOT NULL, d DECIMAL(9,2) NOT NULL, b VARBINARY(300) NOT NULL, v VARCHAR(50) NOT NULL, t TIME(6) NOT NULL, x BIT(9) NOT NULL) ENGINE=${engine} DEFAULT CHARSET=utf8mb4`
    for (const server of servers()) {
      const engines = server.kind === 'mysql' ? ['CSV', 'ARCHIVE'] : ['CSV']
      const db = await TestDatabase.create(server, `${table('s', 'InnoDB')}; INSERT INTO s VALUES ${values}`)
      for (const engine of engines) {
        await db.query(`DROP TABLE IF EXISTS t; ${table('t', engine)}`)
        const { code, stderr } = await db.copy('s', 't')
        expect(code, stderr).to.equal(0)
        expect(stderr).to.include(`uses engine ${engine}, which cannot roll back`)
        expectEqual(await verify(db.url('s'), db.url('t')), 2)
      }
    }
  })

  it('whose unique keys do not hold are read without them', async () => {
    for (const server of servers()) {
      const like =
        'CREATE TABLE a (id INT NOT NULL, v CHAR(1), c DATETIME, UNIQUE (id)) ENGINE=MyISAM; CREATE TABLE b LIKE a'
      const db = await TestDatabase.create(
        server,
        `${like}; CREATE TABLE s (id INT NOT NULL, v CHAR(1), c DATETIME, UNIQUE (id)) ENGINE=MERGE UNION=(a, b);
         INSERT INTO a VALUES (1, 'a', NULL), (2, 'x', NULL); INSERT INTO b VALUES (1, 'b', NULL); CREATE TABLE t (id INT, v CHAR(1), c DATETIME);
         CREATE TABLE u (id INT PRIMARY KEY, v CHAR(1), c DATETIME)`,
      )
      const { code, stderr } = await db.copy('s', 't', { read_batch: 1 })
      expect(code, stderr).to.equal(0)
      expectEqual(await verify(db.url('s'), db.url('t')), 3)
      await db.query("UPDATE t SET v = 'a' WHERE v = 'b'")
      expectDifferent(await verify(db.url('s'), db.url('t')), 1, 1, 0)
      const increment = await db.copy('s', 'u', { mode: 'increment', diff_column: 'c' })
      expectRefusal(increment, 2, 'PARAMS_INVALID', 'what is being written there is not seen')
    }
  })

  it('of SQLite that are modules are refused as targets', async () => {
    const file = scratchFile('db')
    const database = new Database(file)
    database.exec(
      'CREATE TABLE s (id INTEGER PRIMARY KEY, a REAL, b REAL); INSERT INTO s VALUES (1, 0.1, 16777217); CREATE VIRTUAL TABLE r USING rtree(id, a, b)',
    )
    const outcome = await runWithReport([
      'copy',
      '--from',
      `sqlite:${file}?table=s`,
      '--to',
      `sqlite:${file}?table=r`,
    ])
    expectRefusal(outcome, 2, 'TABLE_NOT_FOUND', 'virtual table')
    expect(database.value('SELECT count(*) FROM r')).to.equal(0)
    database.close()
  })
})
