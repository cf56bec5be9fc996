// One run over many hosts: three network namespaces, a real Redis server and real databases. Equality is judged by the servers.
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { expect } from 'chai'
import { Redis } from 'ioredis'
import { after, afterEach, before, describe, it } from 'mocha'
import type { RunReport } from '../../src/index.js'
import { connect } from '../support/client.js'
import type { DatabaseReport } from '../../src/features/database/report.js'
import { addressOf, oneServer, server, startCli } from '../support/context.js'
import { scratchFile, TestDatabase } from '../support/copying.js'
import { hashed, hashingTransform, HostLab, type HostTables, KEYED, SPLIT } from '../support/host-copy.js'
import type { TestServer } from '../support/servers.js'
import { Started, TaskFixture } from '../support/task-fixture.js'
import { until } from '../support/until.js'

const ROWS = 20_000

describe('one run over many hosts', () => {
  let lab: HostLab

  before(async function () {
    this.timeout(900_000)
    lab = await HostLab.create()
  })

  afterEach(() => lab?.killWorkers())

  after(() => lab?.remove())

  const tables = (on: TestServer) => lab.tables(on, ROWS)

  async function succeeded(run: Started): Promise<RunReport> {
    const code = await run.code()
    expect(code, [run.stderr, ...[...lab.workers].map((worker) => lab.saidBy(worker))].join('\n')).to.equal(0)
    return run.report()
  }

  async function expectHashed(made: HostTables): Promise<void> {
    expect(await hashed(made)).to.deep.equal([ROWS, ROWS])
  }

  it('rows pass through a transform on three hosts, of which one is killed and one joins', async () => {
    const [on] = oneServer()
    const made = await tables(on!)
    const { db } = made
    const first = lab.worker(0, made)
    lab.worker(1, made)
    const run = lab.begin(made, { transform: hashingTransform() })
    await until(
      'rows in the target',
      async () => Number(await db.value('SELECT COUNT(*) FROM t')) > 2 * SPLIT,
    )
    first.kill('SIGKILL')
    lab.worker(2, made)
    const report = await succeeded(run)
    expect(report.rowsWritten).to.equal(ROWS)
    await expectHashed(made)
  })

  it('goes on when the queue is lost, the coordinator killed, and what it had begun cancelled', async () => {
    const [on] = oneServer()
    const made = await tables(on!)
    const { db } = made
    lab.worker(0, made)
    lab.worker(1, made)
    const params = { transform: hashingTransform() }
    const rows = async () => Number(await db.value('SELECT COUNT(*) FROM t'))
    const first = lab.begin(made, params)
    await until('rows in the target', async () => (await rows()) > 0)
    await lab.redis.restart()
    const before = await rows()
    await until('more rows than before', async () => (await rows()) > before + 4 * SPLIT)
    first.kill('SIGKILL')
    await first.code()
    const resumed = lab.begin(made, params, ['resume', 'latest'])
    const then = await rows()
    await until('more rows than then', async () => (await rows()) > then + 4 * SPLIT)
    resumed.kill('SIGINT')
    expect(await resumed.code(), resumed.stderr).to.equal(130)
    const stored = "SELECT SUM(rows_written) FROM rowshift_checkpoint WHERE split <> '' OR run_id <> ''"
    expect(await db.value(stored), 'nothing is stored without a mark').to.equal(String(await rows()))
    await succeeded(lab.begin(made, params, ['resume', 'latest']))
    await expectHashed(made)
    expect(await db.value('SELECT COUNT(*) FROM rowshift_checkpoint')).to.equal('0')
  })

  it('goes on when a worker is stopped with a split in hand, and when two have one of a keyed table', async () => {
    const made = await lab.tables(server('postgres'), 2_000, KEYED)
    const { db } = made
    const waiting = `SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
    const untilWaiting = (many: number) =>
      until(`${many} that wait`, async () => Number(await db.value(waiting)) === many)
    const holder = await connect('postgres', { ...addressOf(db.server), database: db.database })
    await holder.query(`BEGIN; INSERT INTO t (id) VALUES (${SPLIT + 7})`)
    const stopped = lab.worker(0, made)
    const run = lab.begin(made, {})
    await untilWaiting(1)
    const sleeper = lab.worker(1, made)
    stopped.kill('SIGTERM')
    await once(stopped, 'exit')
    await untilWaiting(1)
    sleeper.kill('SIGSTOP')
    await lab.redis.restart()
    lab.worker(2, made)
    await untilWaiting(2)
    await holder.end()
    // The sleeper has written all rows of the split, and commits them when it wakes up.
    await untilWaiting(1)
    sleeper.kill('SIGCONT')
    const report = await succeeded(run)
    expect(report.rowsWritten).to.equal(2_000)
    await db.expectEqual('s', 't')
  })

  it('sees one moment of a source that exports it, on hosts that come late, too', async () => {
    const made = await tables(server('postgres'))
    const { db } = made
    lab.worker(0, made)
    const run = lab.begin(made, { transform: hashingTransform(), consistency: 'snapshot' })
    await until('rows in the target', async () => Number(await db.value('SELECT COUNT(*) FROM t')) > 0)
    await db.query('DELETE FROM s WHERE id % 2 = 0')
    lab.worker(1, made)
    const report = await succeeded(run)
    expect(report.reasons.join('\n')).to.match(/2 threads of 2 workers took part/)
    expect(await db.value('SELECT COUNT(DISTINCT id) FROM t')).to.equal(String(ROWS))
    expect(await db.value('SELECT COUNT(*) FROM t')).to.equal(String(ROWS))
  })

  it('looks values up, makes ids and writes to shards', async () => {
    const made = await tables(oneServer()[0]!)
    const { db, url } = made
    const shard = '(id INT PRIMARY KEY, name VARCHAR(20), flake BIGINT, number BIGINT)'
    await db.query(
      `CREATE TABLE names (k INT PRIMARY KEY, name VARCHAR(20)); INSERT INTO names SELECT id, CONCAT('n', id) FROM s;
       CREATE TABLE u_0 ${shard}; CREATE TABLE u_1 ${shard}`,
    )
    const columns = [
      'id',
      { from: 'id', to: 'name', lookup: { in: 'source', table: 'names', key: 'k', value: 'name' } },
      { to: 'flake', id: { type: 'snowflake' } },
      { to: 'number', id: { type: 'sequence' } },
    ]
    const params = { columns, shard: { by: 'id', hash: 'modulo' } }
    const sharded = { db, url: (table: string) => url(table === 't' ? 'u_{0..1}' : table) }
    const many = lab.worker(2, made, undefined, { threads: 1025 })
    const refused = lab.begin(sharded, params)
    expect(await refused.code(), refused.stderr).to.equal(1)
    expect(refused.stderr).to.match(/tell 1024 threads apart.*\[HOSTS_REFUSED\]/s)
    expect(await db.value('SELECT COUNT(*) FROM u_0')).to.equal('0')
    many.kill('SIGKILL')
    lab.worker(0, made)
    lab.worker(1, made)
    const report = await succeeded(lab.begin(sharded, params))
    expect(report.rowsWritten).to.equal(ROWS)
    const right =
      'COUNT(DISTINCT flake), COUNT(DISTINCT number), SUM(name = CONCAT("n", id)), SUM(id % 2 = shard)'
    const all = '(SELECT 0 shard, u.* FROM u_0 u UNION ALL SELECT 1, u.* FROM u_1 u) q'
    expect((await db.query(`SELECT ${right} FROM ${all}`))[0]).to.deep.equal(Array(4).fill(String(ROWS)))
    // Each host has numbers of its own.
    const threads = 'COUNT(DISTINCT (flake >> 12) & 1023)'
    expect(Number(await db.value(`SELECT ${threads} FROM ${all}`))).to.equal(2)
  })

  it('copies the tables of a database, of which one has no key and one fails, while hosts come and go', async () => {
    const on = oneServer()[0]!
    const made = await tables(on)
    const { db: source } = made
    await source.query(
      `CREATE TABLE child (id INT PRIMARY KEY, s_id INT, FOREIGN KEY (s_id) REFERENCES s (id)); CREATE TABLE odd (id INT PRIMARY KEY, v INT);
       INSERT INTO t SELECT * FROM s WHERE id <= 50; INSERT INTO child SELECT id, id FROM s; INSERT INTO odd SELECT id, id FROM s WHERE id <= 2000`,
    )
    const target = await TestDatabase.create(
      on,
      'CREATE TABLE odd (id INT PRIMARY KEY, v INT); INSERT INTO odd VALUES (1200, 0)',
    )
    const command = (name: string, ...options: string[]) => {
      const ends = ['--from', made.wholeUrl(source.database), '--to', made.wholeUrl(target.database)]
      return lab.begin(made, {}, [name, ...ends, ...options])
    }
    const first = lab.worker(0, made)
    lab.worker(1, made)
    const run = command('copy', '--create', '--on-table-error', 'continue')
    const rows = () => target.value('SELECT COUNT(*) FROM s').catch(() => 0)
    await until('rows in the target', async () => Number(await rows()) > 2 * SPLIT)
    first.kill('SIGKILL')
    lab.worker(2, made)
    expect(await run.code(), run.stderr).to.equal(1)
    const { tables: ended } = run.report<DatabaseReport>()
    const statuses = Object.fromEntries(ended.map(({ table, status }) => [table, status]))
    expect(statuses, run.stderr).to.deep.equal({
      s: 'success',
      t: 'success',
      child: 'success',
      odd: 'failed',
    })
    const of = (name: string) => ended.find(({ table }) => table === name)!
    expect(of('odd').error!.code).to.equal('DUPLICATE_KEY')
    expect(of('t').run!.reasons.join('\n')).to.match(
      /copied by the coordinator itself: its rows are one split/,
    )
    expect(of('s').run!.reasons.join('\n'))
      .to.match(/as many threads as the workers have.*took part/s)
      .and.not.include('at first')
    await target.query('DELETE FROM odd WHERE v = 0')
    await succeeded(command('copy', '--create', '--tables', 'odd'))
    const verified = command('verify')
    expect(await verified.code(), verified.stderr).to.equal(0)
    const equal = await target.query(
      ['s', 't', 'child', 'odd']
        .map((name) => `\`${source.database}\`.${name}, ${name}`)
        .join(', ')
        .replace(/^/, 'CHECKSUM TABLE '),
    )
    const sums = equal.map(([, sum]) => sum)
    expect(sums.filter((_, i) => i % 2 === 0)).to.deep.equal(sums.filter((_, i) => i % 2 === 1))
    const keys =
      'SELECT COUNT(*) FROM information_schema.referential_constraints WHERE constraint_schema = DATABASE()'
    expect(await target.value(keys)).to.equal('1')
    expect(await target.value('SELECT COUNT(*) FROM rowshift_checkpoint')).to.equal('0')
  })

  it('tables of a task go on when the coordinator is killed', async () => {
    const fixture = await TaskFixture.create(server('postgres'))
    const { data } = fixture
    for (const name of ['s_a', 's_b', 't_a', 't_b'])
      await data.value(`CREATE TABLE ${name} (id INT PRIMARY KEY, v INT)`)
    for (const name of ['s_a', 's_b'])
      await data.value(`INSERT INTO ${name} SELECT i, i FROM generate_series(1, 3000) AS q (i)`)
    await data.value('ANALYZE')
    await fixture.addTask(1, 't_*', { from: 's_*', params: `{"read_batch": ${SPLIT}}` })
    const env = { TEST_PASSWORD: server('postgres').password }
    const options = ['--threads', '2', '--lock', '2', '-c', fixture.folder]
    const worker = startCli(['worker', '--connect', lab.queue, ...options], { env })
    try {
      const release = await data.hold('t_b')
      const run = fixture.start('run', '1', '--workers', lab.queue)
      await until(
        'rows of the other table',
        async () => Number(await data.value('SELECT COUNT(*) FROM t_a')) === 3000,
      )
      run.kill('SIGKILL')
      await run.code()
      await release()
      const resumed = fixture.start('resume', 'latest', '--workers', lab.queue)
      expect(await resumed.code(), resumed.stderr).to.equal(0)
      for (const name of ['a', 'b']) await fixture.database.expectEqual(`s_${name}`, `t_${name}`)
      // One moment of them all, which the coordinator lets go of.
      const copy = await TestDatabase.create(server('postgres'))
      const at = ({ server: { user, host, port }, database }: TestDatabase) =>
        `postgres://${user}:\${TEST_PASSWORD}@${host}:${port}/${database}`
      const ends = ['--from', at(fixture.database), '--to', at(copy)]
      const snapshot = ['--create', '--param', 'consistency=snapshot', '--workers', lab.queue]
      const whole = new Started(['copy', ...ends, ...snapshot], { env })
      expect(await whole.code(), whole.stderr).to.equal(0)
      expect(await copy.value('SELECT COUNT(*) FROM t_b')).to.equal('3000')
      // The record of a run whose coordinator died expires after a day, and its queue goes with it.
      const redis = new Redis(lab.redis.port, { password: lab.redis.password })
      const kept = (name: string) => redis.keys(`rowshift:${name}`)
      expect(await kept('queue-*:job-*'), 'jobs of the killed run').not.to.have.lengthOf(0)
      await redis.del(await kept('run:*'))
      await until('the end of its queue', async () => (await kept('queue-*:job-*')).length === 0)
      redis.disconnect()
    } finally {
      worker.kill('SIGKILL')
      await once(worker, 'exit')
    }
  })

  it('compares on hosts, and repairs what differs by itself', async () => {
    const made = await lab.tables(server('postgres'), 2_000, KEYED)
    const { db } = made
    await db.query(
      `INSERT INTO t SELECT * FROM s WHERE id % 100 <> 0; UPDATE t SET v = 'other' WHERE id = 7; INSERT INTO t VALUES (5000, 'extra')`,
    )
    const worker = lab.worker(0, made)
    const report = await succeeded(lab.begin(made, {}, ['verify', '--repair']))
    expect(report).to.include({ rowsWritten: 21, rowsDeleted: 1 })
    await db.expectEqual('s', 't')
    // Rows of the last split are for shards that do not exist.
    await db.query('CREATE TABLE u_0 (LIKE t INCLUDING ALL); CREATE TABLE u_1 (LIKE t INCLUDING ALL)')
    const sharded = { db, url: (table: string) => made.url(table === 't' ? 'u_{0..1}' : table) }
    const shard = { sql: 'id / 1000' }
    const refused = lab.begin(sharded, { shard }, ['verify', '--repair'])
    expect(await refused.code(), refused.stderr).to.equal(1)
    expect(refused.stderr).to.match(/Nothing was changed.*\[SHARD_UNKNOWN\]/s)
    expect(await db.value('SELECT COUNT(*) FROM u_0')).to.equal('0')
    await db.query('DELETE FROM t WHERE id > 1990')
    const synced = await succeeded(lab.begin(made, { mode: 'sync' }))
    expect(synced.rowsWritten).to.equal(10)
    await db.expectEqual('s', 't')
    expect(lab.saidBy(worker).match(/takes part in run/g)).to.have.lengthOf(3)
  })

  it('refuses what a checkpoint does not protect, and a queue that it cannot use, before anything is written', async () => {
    const made = await lab.tables(oneServer()[0]!, 1000, KEYED)
    const refusal = async (params: object, code: number, words: RegExp, command?: readonly string[]) => {
      const run = lab.begin(made, params, command)
      expect(await run.code(), run.stderr).to.equal(code)
      expect(run.stderr).to.match(words)
    }
    await refusal({ error_limit: 3 }, 3, /rejected rows go to a file.*\[HOSTS_REFUSED\]/s)
    await refusal(
      { consistency: 'snapshot' },
      3,
      /no snapshot that other hosts could join.*\[HOSTS_REFUSED\]/s,
    )
    const snapshot = { consistency: 'snapshot' }
    const { secure } = lab.redis
    const here = lab.redis.url()
    const byTls = lab.redis.url('127.0.0.1', secure!.port).replace('redis:', 'rediss:')
    const ca = { NODE_EXTRA_CA_CERTS: secure!.ca }
    for (const [queue, code, words, env = {}] of [
      [lab.queue.replace(/:[^:@]*@/, ':wrong@'), 1, /refused the login.*\[ACCESS_DENIED\]/s],
      [lab.queue.replace(/\d+$/, '1'), 1, /could not be reached.*\[CONNECTION_FAILED\]/s],
      ['postgres://queue/db', 2, /not the URL of a queue.*in no database.*\[USAGE\]/s],
      ['redis://:${NO_SUCH}@127.0.0.1', 2, /NO_SUCH.*\[VARIABLE_MISSING\]/s],
      [here.replace('queue:', 'fewer:'), 1, /not let this user.*'info'.*\[ACCESS_DENIED\]/s],
      [byTls, 1, /certificate.*NODE_EXTRA_CA_CERTS.*\[CONNECTION_FAILED\]/s],
      [byTls.replace('rediss', 'redis'), 1, /rediss:\/\/ if the port.*\[CONNECTION_FAILED\]/s],
      // All is well with the queue here, and not with the run.
      [byTls.replace(lab.redis.password, '${QUEUE}'), 3, /\[HOSTS_REFUSED\]/, ca],
    ] as const) {
      const run = lab.begin(made, snapshot, ['copy'], queue, { QUEUE: lab.redis.password, ...env })
      expect(await run.code(), `${queue}: ${run.stderr}`).to.equal(code)
      expect(run.stderr).to.match(words).and.not.include('wrong').and.not.include(lab.redis.password)
    }
    expect(await made.db.value('SELECT COUNT(*) FROM t')).to.equal('0')
  })

  it('a worker without what the run needs says what that is, and so does the run', async () => {
    const made = await tables(oneServer()[0]!)
    const { db } = made
    const child = lab.worker(0, made, {})
    const run = lab.begin(made, {})
    expect(await run.code(), run.stderr).to.equal(3)
    expect(run.stderr).to.match(/No worker can take part in the run\..*TEST_PASSWORD.*\[HOSTS_REFUSED\]/s)
    expect(lab.saidBy(child)).to.match(/cannot take part in run .*TEST_PASSWORD/)
    expect(await db.value('SELECT COUNT(*) FROM t')).to.equal('0')
    // It is about no table: none is emptied after the first.
    const target = await TestDatabase.create(db.server)
    for (const name of ['a', 'b']) {
      await db.query(`CREATE TABLE ${name} (id INT PRIMARY KEY); INSERT INTO ${name} VALUES (1), (2)`)
      await target.query(`CREATE TABLE ${name} (id INT PRIMARY KEY); INSERT INTO ${name} VALUES (7)`)
    }
    const ends = ['--from', made.wholeUrl(db.database), '--to', made.wholeUrl(target.database)]
    const options = ['--tables', 's,a,b', '--on-table-error', 'continue']
    const whole = lab.begin(made, { schema_save_mode: 'recreate' }, ['copy', ...options, ...ends])
    expect(await whole.code(), whole.stderr).to.equal(1)
    expect(
      whole
        .report<DatabaseReport>()
        .tables.map(({ status }) => status)
        .sort(),
    ).to.deep.equal(['failed', 'not_begun', 'not_begun'])
    for (const name of ['a', 'b']) expect(await target.value(`SELECT id FROM ${name}`)).to.equal('7')
  })

  it('a worker whose user may not do what a queue needs ends, and says what that is', async () => {
    const made = await tables(oneServer()[0]!)
    const child = lab.worker(0, made, undefined, { queue: lab.queue.replace('queue:', 'few:') })
    const run = lab.begin(made, {})
    expect((await once(child, 'exit'))[0]).to.equal(1)
    expect(lab.saidBy(child)).to.match(/not let this user.*'bzpopmin'.*\[ACCESS_DENIED\]/s)
    run.kill('SIGINT')
    expect(await run.code(), run.stderr).to.equal(130)
  })

  for (const kind of ['mysql', 'postgres'] as const)
    it(`a worker that wakes up after its split was given to another stores nothing (${kind})`, async () => {
      const made = await (kind === 'mysql' ? tables(oneServer()[0]!) : lab.tables(server(kind), ROWS, KEYED))
      const { db } = made
      const [seen, hold] = [scratchFile('seen'), scratchFile('hold')]
      writeFileSync(hold, '')
      const module = scratchFile('mjs')
      // The first host that comes to the row waits there until the other one has done it.
      writeFileSync(
        module,
        `import { existsSync, writeFileSync } from 'node:fs'
export default function (row) {
  if (row.id === ${SPLIT + 7} && !existsSync(${JSON.stringify(seen)})) {
    writeFileSync(${JSON.stringify(seen)}, String(process.pid))
    while (existsSync(${JSON.stringify(hold)})) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
  }
  return row
}`,
      )
      const both = [lab.worker(0, made), lab.worker(1, made)]
      const run = lab.begin(made, { transform: module, transform_timeout: 300 })
      await until('a host at the row', () => existsSync(seen))
      const sleeper = both.find(({ pid }) => String(pid) === readFileSync(seen, 'utf8'))!
      sleeper.kill('SIGSTOP')
      await until('the other host to have stored the split', async () => {
        const count = await db.value(`SELECT COUNT(*) FROM t WHERE id = ${SPLIT + 7}`)
        return count === '1'
      })
      rmSync(hold)
      sleeper.kill('SIGCONT')
      await succeeded(run)
      expect(await db.value('SELECT COUNT(*) FROM t')).to.equal(String(ROWS))
      await db.expectEqual('s', 't')
    })
})
