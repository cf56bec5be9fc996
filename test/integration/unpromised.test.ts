// Sources for which an incremental run cannot promise all that it promises elsewhere: the plan says what.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { servers } from '../support/context.js'
import { TestDatabase, scratchFile } from '../support/copying.js'
import { Database } from '../support/database.js'
import { StoredTask } from '../support/stored-task.js'

// MEMORY has no order in its other keys.
const COLUMNS =
  'id INT AUTO_INCREMENT, PRIMARY KEY (id) USING BTREE, at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP'
const STAMPED = `${COLUMNS} ON UPDATE CURRENT_TIMESTAMP`
const INCREMENT = { mode: 'increment', diff_column: 'at' }
const APPEND = { mode: 'append' }

const ENGINES = { mariadb: ['MyISAM', 'Aria', 'MEMORY'], mysql: ['MyISAM', 'MEMORY'] }

describe('what is not promised', () => {
  it('is said of engines without transactions, views, foreign keys and columns that the server does not set', async () => {
    await Promise.all(
      servers().map(async (server) => {
        const db = await TestDatabase.create(
          server,
          `CREATE TABLE s (${STAMPED}, KEY (at)); CREATE TABLE t (${STAMPED}); CREATE TABLE plain (${COLUMNS}, KEY (at));
           CREATE VIEW v AS SELECT id, at FROM s; CREATE TABLE p (id INT PRIMARY KEY);
           CREATE TABLE child (${STAMPED}, p INT, KEY (at), CONSTRAINT to_p FOREIGN KEY (p) REFERENCES p (id) ON UPDATE CASCADE)`,
        )
        const said = async (source: string, params: object) => {
          const { error, warnings, reasons } = await new StoredTask(db.url(source), db.url('t'), {
            columns: ['id', 'at'],
            pk: 'id',
            ...params,
          }).attempt()
          expect(error, `${source}: ${error?.message}`).to.equal(null)
          return { warnings: warnings.join('\n'), reasons: reasons.join('\n') }
        }
        const kind = server.kind === 'mysql' ? 'mysql' : 'mariadb'
        for (const engine of ENGINES[kind]) {
          await db.query(`DROP TABLE IF EXISTS e; CREATE TABLE e (${STAMPED}) ENGINE = ${engine}`)
          for (const params of [APPEND, INCREMENT]) {
            const { warnings } = await said('e', params)
            expect(warnings).to.include(`engine ${engine}, which has no transactions`)
          }
        }
        expect((await said('child', INCREMENT)).warnings)
          .to.include('foreign keys change rows of child')
          .and.to.include('to_p')
        expect((await said('child', APPEND)).warnings).not.to.include('foreign keys')
        expect((await said('plain', INCREMENT)).reasons).to.include('at is not set by the server')
        const good = await said('s', INCREMENT)
        expect(good.warnings).to.equal('')
        expect(good.reasons).not.to.include('not set by the server')
        expect(
          (await said('v', { mode: 'increment', diff_column: 'at', pk: undefined })).warnings,
        ).to.include('source v is a view')
      }),
    )
  })

  it('is said of a server that takes rows from another one', async () => {
    const how = {
      mariadb: [
        "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = 1, MASTER_USER = 'nobody', MASTER_PASSWORD = 'x'",
        'START SLAVE',
        'STOP SLAVE',
        'RESET SLAVE ALL',
      ],
      mysql: [
        "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = 1, SOURCE_USER = 'nobody', SOURCE_PASSWORD = 'x'",
        'START REPLICA',
        'STOP REPLICA',
        'RESET REPLICA ALL',
      ],
    }
    await Promise.all(
      servers().map(async (server) => {
        const db = await TestDatabase.create(
          server,
          `CREATE TABLE s (${STAMPED}, KEY (at)); CREATE TABLE t (${STAMPED})`,
        )
        const warnings = async (params: object) =>
          (await new StoredTask(db.url('s'), db.url('t'), params).attempt()).warnings.join()
        const [source, start, stop, reset] = how[server.kind === 'mysql' ? 'mysql' : 'mariadb']
        await db.query(source!)
        try {
          await db.query(start!)
          expect(await warnings(APPEND))
            .to.include('another server')
            .and.to.include('hands out the keys')
          expect(await warnings(INCREMENT))
            .to.include('another server')
            .and.to.include('set lag')
          expect(await warnings({ ...INCREMENT, lag: 30 })).not.to.include('another server')
        } finally {
          await db.query(stop!)
          await db.query(reset!)
        }
        expect(await warnings(APPEND)).to.equal('')
      }),
    )
  })

  it('is said of SQLite, and numbers among its times are not passed by', async () => {
    const path = scratchFile('db')
    const database = new Database(path)
    database.exec(
      `CREATE TABLE s (id INTEGER PRIMARY KEY, at DATETIME); CREATE TABLE t (id INTEGER PRIMARY KEY, at TEXT);
       INSERT INTO s VALUES (1, '2024-01-01 00:00:00')`,
    )
    const task = (params: object) =>
      new StoredTask(`sqlite:${path}?table=s`, `sqlite:${path}?table=t`, { worker_num: 1, ...params })
    const append = await task(APPEND).attempt()
    expect(append.reasons.join()).to.include('no AUTOINCREMENT')
    const increment = task({ ...INCREMENT, lag: 5 })
    expect((await increment.run()).warnings.join()).to.include(
      'stays 5 s behind the clock; a transaction open for longer is missed',
    )
    database.exec('INSERT INTO s VALUES (2, 1706659200)')
    database.close()
    const { error } = await increment.attempt()
    expect(error?.code).to.equal('DATA_REJECTED')
    expect(error?.message).to.include('1706659200')
  })
})
