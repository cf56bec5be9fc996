// A source that is truncated or replaced while it is read looks like one that has few rows: the run says so, loudly.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { query, servers } from '../support/context.js'
import { TestDatabase, runWithReport, scratchFile, type Outcome } from '../support/copying.js'
import { Database } from '../support/database.js'

const ROWS = 30_000
const TABLES = `CREATE TABLE src (id INT PRIMARY KEY, v INT); CREATE TABLE dst LIKE src; CREATE TABLE other LIKE src;
  INSERT INTO src WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 1000) SELECT i, i FROM q;
  INSERT INTO src SELECT a.id * 1000 + b.id, b.v FROM src a JOIN src b WHERE a.id < ${ROWS / 1000};
  ANALYZE TABLE src; INSERT INTO other SELECT * FROM src WHERE id <= 25000; ANALYZE TABLE other;
  CREATE TRIGGER slow BEFORE INSERT ON dst FOR EACH ROW SET NEW.v = IF(NEW.id % 500 = 0 AND SLEEP(0.03) = 0, NEW.v, NEW.v)`

/** Copies, and does something to the source as soon as the first rows are there. */
async function during(db: TestDatabase, change: string, url = db.url('src')): Promise<Outcome> {
  await db.query('TRUNCATE dst')
  const params = JSON.stringify({ worker_num: 2, read_batch: 1000, allow_triggers: true })
  const copied = runWithReport(['copy', '--from', url, '--to', db.url('dst'), '--params', params])
  while ((await db.value('SELECT COUNT(*) FROM dst')) === '0') await sleep(20)
  await db.query(change)
  return copied
}

function expectWarning({ code, stdout, stderr, report }: Outcome, ...words: RegExp[]): void {
  expect(code, stderr).to.equal(0)
  expect(report.rowsWritten).to.be.lessThan(ROWS)
  expect(report.sourceChanged).to.match(/source src .* while it was read: \d+ rows were read of about \d+/)
  for (const word of words) expect(report.sourceChanged).to.match(word)
  expect(report.warnings).to.include(report.sourceChanged)
  expect(stdout.trimEnd().split('\n').at(-1)).to.equal(`WARNING: ${report.sourceChanged}.`)
}

describe('a source that changes while it is read', () => {
  it('is said to be truncated, replaced or emptied, in the report and the last line', async () => {
    await Promise.all(
      servers().map(async (server) => {
        const db = await TestDatabase.create(server, TABLES)
        expectWarning(await during(db, 'RENAME TABLE src TO away, other TO src'), /replaced by another/)
        await db.query('RENAME TABLE src TO other, away TO src; CREATE TABLE away AS SELECT * FROM src')
        expectWarning(await during(db, 'TRUNCATE src'), /truncated/)
        await db.query('INSERT INTO src SELECT * FROM away; ANALYZE TABLE src')
        expectWarning(await during(db, 'DELETE FROM src'))

        // Without the privilege PROCESS.
        await db.query('INSERT INTO src SELECT * FROM away; ANALYZE TABLE src')
        const user = `reader_${db.database}`
        await query(
          server,
          `CREATE USER '${user}' IDENTIFIED BY 'x'; GRANT SELECT ON \`${db.database}\`.* TO '${user}'`,
        )
        const url = `mysql://${user}:x@${server.host}:${server.port}/${db.database}?table=src`
        expectWarning(await during(db, 'TRUNCATE src', url))
        await query(server, `DROP USER '${user}'`)
      }),
    )
  })

  it('is not said to be when rows come and go as usual, or an index is made', async () => {
    await Promise.all(
      servers().map(async (server) => {
        const db = await TestDatabase.create(server, TABLES)
        const change = `DELETE FROM src WHERE id % 50 = 0 OR id > ${ROWS - 300};
          INSERT INTO src VALUES (100000, 1); UPDATE src SET v = v + 1 WHERE id % 7 = 0; CREATE INDEX v ON src (v)`
        const { code, report, stdout, stderr } = await during(db, change)
        expect(code, stderr).to.equal(0)
        expect(report.sourceChanged, String(report.warnings)).to.equal(null)
        expect(stdout).not.to.include('WARNING')
      }),
    )
  })

  it('is seen in SQLite too, when another table or another file takes the name', async () => {
    const path = scratchFile('db')
    const database = new Database(path)
    database.exec(`CREATE TABLE src (id INTEGER PRIMARY KEY, v INT); CREATE TABLE other (id INTEGER PRIMARY KEY, v INT);
      INSERT INTO src WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < ${ROWS}) SELECT i, i FROM q;
      INSERT INTO other SELECT * FROM src WHERE id < 25000`)
    const [server] = servers()
    const db = await TestDatabase.create(server!, TABLES)
    const params = JSON.stringify({ worker_num: 2, read_batch: 1000, allow_triggers: true })
    const from = `sqlite:${path}?table=src`
    const copied = runWithReport(['copy', '--from', from, '--to', db.url('dst'), '--params', params])
    while ((await db.value('SELECT COUNT(*) FROM dst')) === '0') await sleep(20)
    database.exec('BEGIN; ALTER TABLE src RENAME TO away; ALTER TABLE other RENAME TO src; COMMIT')
    database.close()
    expectWarning(await copied, /replaced by another/)
  })
})
