// One run over many hosts: three network namespaces, a real Redis server and real databases. Equality is judged by the servers.
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { expect } from 'chai'
import { after, afterEach, before, describe, it } from 'mocha'
import type { RunReport } from '../../src/index.js'
import { connect } from '../support/client.js'
import { addressOf, oneServer, server } from '../support/context.js'
import { scratchFile } from '../support/copying.js'
import { hashed, hashingTransform, HostLab, type HostTables, KEYED, SPLIT } from '../support/host-copy.js'
import type { TestServer } from '../support/servers.js'
import type { Started } from '../support/task-fixture.js'
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
    await refusal({}, 3, /a repair changes rows.*\[HOSTS_REFUSED\]/s, ['verify', '--repair'])
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
