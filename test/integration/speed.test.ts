// Limits of speed hold for the whole run, and change nothing about what is copied.
import { once } from 'node:events'
import { mkdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { RunReport } from '../../src/index.js'
import { oneServer, query, runCli, servers, startCli } from '../support/context.js'
import { TestDatabase, scratchFile } from '../support/copying.js'
import { Database } from '../support/database.js'
import { until } from '../support/until.js'

const TABLES = `CREATE TABLE src (id INT PRIMARY KEY, v VARCHAR(100)); CREATE TABLE dst LIKE src;
  INSERT INTO src WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT i, REPEAT('x', 100) FROM n;
  CREATE TABLE keyless (v INT); INSERT INTO keyless VALUES (1), (2); CREATE TABLE keyless_copy LIKE keyless`

describe('speed', () => {
  for (const speed of [{ record: 300 }, { byte: 30_000 }]) {
    it(`${JSON.stringify(speed)} holds for all threads together, in a copy and in a comparison`, async () => {
      for (const server of oneServer()) {
        const db = await TestDatabase.create(server, TABLES)
        const endpoints = ['--from', db.url('src'), '--to', db.url('dst'), '--json']
        const params = ['--params', JSON.stringify({ speed, worker_num: 3 })]
        const copied = await runCli(['copy', ...endpoints, ...params])
        expect(copied.code, copied.stderr).to.equal(0)
        const report = JSON.parse(copied.stdout) as RunReport
        // 900 rows of 300 per second; the last split is not waited for.
        expect(report.seconds).to.be.at.least(2)
        expect(report.splits).to.be.at.least(2)
        expect(await db.value('SELECT COUNT(*) FROM src NATURAL JOIN dst')).to.equal('900')
        const compared = await runCli(['verify', ...endpoints, ...params])
        expect(compared.code, compared.stderr).to.equal(0)
        expect((JSON.parse(compared.stdout) as RunReport).seconds).to.be.at.least(2)
      }
    })
  }

  it('waits while a server runs more threads than it may', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server, TABLES)
      const report = scratchFile('json')
      // These and the one that asks.
      const busy = Promise.allSettled(
        Array.from({ length: 4 }, () => query(server, 'SELECT SLEEP(60)', db.database)),
      )
      const sleeping = `SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = '${db.database}' AND INFO LIKE 'SELECT SLEEP%'`
      await until('four sleep', async () => (await query(server, sleeping))[0]![0] === '4')
      const running = startCli([
        'copy',
        '--from',
        db.url('src'),
        '--to',
        db.url('dst'),
        '--report',
        report,
        '--params',
        '{"speed":{"max_threads_running":4}}',
      ])
      const ended = once(running, 'exit')
      let said = ''
      running.stderr.on('data', (text: Buffer) => (said += text.toString()))
      await until('it says why it waits', () => said.includes('more than max_threads_running (4)'))
      expect(await db.value('SELECT COUNT(*) FROM dst')).to.equal('0')
      const ids = `SELECT ID FROM information_schema.PROCESSLIST WHERE DB = '${db.database}' AND INFO LIKE 'SELECT SLEEP%' AND ID <> CONNECTION_ID()`
      for (const [id] of await query(server, ids)) await query(server, `KILL QUERY ${id}`)
      await busy
      expect(await ended).to.deep.equal([0, null])
      expect(await db.value('SELECT COUNT(*) FROM src NATURAL JOIN dst')).to.equal('900')
      expect(readFileSync(report, 'utf8')).to.match(/waited \d+ seconds? for servers/)
    }
  })

  for (const which of ['target', 'replica of the target']) {
    it(`waits for a ${which} that does not follow`, async () => {
      for (const server of servers()) {
        const db = await TestDatabase.create(server, TABLES)
        const replica = servers().find((other) => (other === server) === (which === 'target'))!
        const url = (await TestDatabase.create(replica)).url('').replace(/\?.*/, '')
        const [replicate, forget] =
          replica.kind === 'mariadb'
            ? ["CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_USER = 'nobody'", 'RESET SLAVE ALL']
            : [
                "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_USER = 'nobody'",
                'RESET REPLICA ALL',
              ]
        const speed = { max_lag: 1, ...(which === 'target' ? {} : { replicas: url }) }
        const endpoints = ['--from', db.url('src'), '--to', db.url('dst')]
        await query(replica, replicate)
        try {
          const running = startCli(['copy', ...endpoints, '--param', `speed=${JSON.stringify(speed)}`])
          const ended = once(running, 'exit')
          let said = ''
          running.stderr.on('data', (text: Buffer) => (said += text.toString()))
          await until('it says why it waits', () => said.includes('its replication has stopped'))
          expect(said).to.include(which === 'target' ? 'waiting: source:' : 'waiting: replica mysql://')
          expect(said, 'no secret').not.to.include(replica.password)
          expect(await db.value('SELECT COUNT(*) FROM dst')).to.equal('0')
          await query(replica, forget)
          expect(await ended).to.deep.equal([0, null])
        } finally {
          await query(replica, forget)
        }
        expect(await db.value('SELECT COUNT(*) FROM src NATURAL JOIN dst')).to.equal('900')
      }
    })
  }

  it('says which privilege is missing, and what cannot be asked, before anything is written', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(server, TABLES)
      const user = `speed_${process.pid}`
      await query(
        server,
        `CREATE USER ${user} IDENTIFIED BY 'p'; GRANT SELECT, INSERT ON ${db.database}.* TO ${user}`,
      )
      const url = (table: string) => db.url(table).replace(/\/\/[^@]*@/, `//${user}:p@`)
      const { code, stderr } = await runCli([
        'copy',
        '--from',
        url('src'),
        '--to',
        url('dst'),
        '--param',
        'speed={"max_lag":1}',
      ])
      expect(code, stderr).to.equal(1)
      expect(stderr).to.include('REPLICATION CLIENT').and.include('[ACCESS_DENIED]')
      expect(await db.value('SELECT COUNT(*) FROM dst')).to.equal('0')
      await query(server, `DROP USER ${user}`)
    }
    const file = scratchFile('db')
    const database = new Database(file)
    database.exec(
      'CREATE TABLE src (id INTEGER PRIMARY KEY); CREATE TABLE dst (id INTEGER PRIMARY KEY); INSERT INTO src VALUES (1)',
    )
    database.close()
    const endpoints = ['--from', `sqlite:${file}?table=src`, '--to', `sqlite:${file}?table=dst`]
    const { code, stderr } = await runCli(['copy', ...endpoints, '--param', 'speed={"max_lag":1}'])
    expect(code, stderr).to.equal(2)
    expect(stderr).to.include('neither source nor target can say how much it has to do')
  })

  it('says that a table without a key is not held back', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server, TABLES)
      const endpoints = ['--from', db.url('keyless'), '--to', db.url('keyless_copy')]
      const { code, stderr } = await runCli(['copy', ...endpoints, '--param', 'speed={"record":1}'])
      expect(code, stderr).to.equal(0)
      expect(stderr).to.include('speed holds back splits, and this table has no key')
    }
  })

  it('refuses a replica that cannot say how far it is behind', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server, TABLES)
      const file = scratchFile('db')
      new Database(file).close()
      const endpoints = ['--from', db.url('src'), '--to', db.url('dst')]
      const speed = { max_lag: 1, replicas: `sqlite:${file}` }
      const { code, stderr } = await runCli([
        'copy',
        ...endpoints,
        '--param',
        `speed=${JSON.stringify(speed)}`,
      ])
      expect(code, stderr).to.equal(2)
      expect(stderr).to.include('can say how far it is behind')
    }
  })

  it('refuses a limit of nothing', async () => {
    const { code, stderr } = await runCli([
      'copy',
      '--from',
      'mysql://localhost/a.b',
      '--to',
      'mysql://localhost/a.c',
      '--params',
      '{"speed":{"record":0}}',
    ])
    expect(code).to.equal(2)
    expect(stderr).to.include('params.speed.record')
  })
})

describe('rowshift throttle', () => {
  /** Where runs are spoken to, which no other test uses. */
  function ownFolder(): Record<string, string> {
    const folder = scratchFile('tmp')
    mkdirSync(folder)
    return { TMPDIR: folder }
  }

  for (const command of ['copy', 'verify']) {
    it(`changes the speed of a ${command} that is under way, and takes the limit away`, async () => {
      for (const server of oneServer()) {
        const db = await TestDatabase.create(server, TABLES)
        if (command === 'verify') await db.query('INSERT INTO dst SELECT * FROM src')
        const env = ownFolder()
        const report = scratchFile('json')
        const endpoints = ['--from', db.url('src'), '--to', db.url('dst'), '--report', report]
        // It would take a quarter of an hour.
        const params = ['--params', '{"speed":{"record":1}}']
        const running = startCli([command, ...endpoints, ...params], { env })
        const ended = once(running, 'exit')
        running.stderr.resume()
        const set = (...options: string[]) => runCli(['throttle', 'latest', ...options], { env })
        await until('it is under way', async () => (await set('--byte', '100000')).code === 0)
        const both = await set('--record', '2', '--json')
        expect(JSON.parse(both.stdout), both.stderr).to.include({ record: 2, byte: 100_000 })
        const { stdout } = await set('--record', 'none', '--byte', 'none')
        expect(stdout).to.match(/^Run \d{8}-\S+ goes on with no limit\.\n$/)
        expect(await ended).to.deep.equal([0, null])
        const { rowsRead, reasons } = JSON.parse(readFileSync(report, 'utf8')) as RunReport
        expect(rowsRead).to.equal(900)
        expect(reasons.filter((reason) => reason.startsWith('speed was set'))).to.deep.equal([
          'speed was set to 1 row and 100000 bytes per second while the run was under way',
          'speed was set to 2 rows and 100000 bytes per second while the run was under way',
          'speed was set to no limit while the run was under way',
        ])
        expect((await set('--record', '1')).code, 'it has ended').to.equal(2)
      }
    })
  }

  it('slows a run down that began without limits', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server, TABLES)
      const env = ownFolder()
      const params = { read_batch: 10, where: 'id <= 300 AND SLEEP(0.05) = 0', worker_num: 2 }
      const endpoints = ['--from', db.url('src'), '--to', db.url('dst')]
      const running = startCli(['copy', ...endpoints, '--params', JSON.stringify(params)], { env })
      const ended = once(running, 'exit')
      const set = (record: string) => runCli(['throttle', 'latest', '--record', record], { env })
      await until('rows', async () => Number(await db.value('SELECT COUNT(*) FROM dst')) > 0)
      expect((await set('1')).code).to.equal(0)
      // One split after another is let through, ten seconds apart.
      const count = async () => Number(await db.value('SELECT COUNT(*) FROM dst'))
      let before = -1
      await until('nothing moves', async () => {
        const now = await count()
        const rests = now === before
        before = now
        return rests
      })
      expect(before).to.be.lessThan(300)
      expect((await set('none')).code).to.equal(0)
      expect(await ended).to.deep.equal([0, null])
      expect(await db.value('SELECT COUNT(*) FROM src NATURAL JOIN dst')).to.equal('300')
    }
  })

  it('says that a run is not under way, also one that was killed', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server, TABLES)
      const env = ownFolder()
      const endpoints = ['--from', db.url('src'), '--to', db.url('dst')]
      const running = startCli(['copy', ...endpoints, '--params', '{"speed":{"record":1}}'], { env })
      const ended = once(running, 'exit')
      const set = (run: string, ...options: string[]) => runCli(['throttle', run, ...options], { env })
      await until('it is under way', async () => (await set('latest', '--record', '1')).code === 0)
      running.kill('SIGKILL')
      await ended
      // A run that ends while it is asked does not answer.
      const ending = createServer((socket) => socket.end())
      const folder = join(env['TMPDIR']!, `rowshift-${process.getuid!()}`)
      await once(ending.listen(join(folder, '20260102-000000-000-abcd.sock')), 'listening')
      for (const run of ['latest', '20260101-000000-000-abcd', '20260102-000000-000-abcd', '../x']) {
        const { code, stderr } = await set(run, '--record', '1')
        expect(code, stderr).to.equal(2)
        expect(stderr).to.include('No such run is under way on this machine')
      }
      for (const options of [[], ['--record', '0'], ['--byte', '1.5'], ['--record', 'fast']]) {
        const { code, stderr } = await set('latest', ...options)
        expect(code, stderr).to.equal(2)
        expect(stderr).to.include('[USAGE]')
      }
      ending.close()
    }
  })
})
