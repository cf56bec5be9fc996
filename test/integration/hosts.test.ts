// One run over many hosts: three network namespaces, a real Redis server and real databases. Equality is judged by the servers.
import { type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { expect } from 'chai'
import { after, afterEach, before, describe, it } from 'mocha'
import type { RunReport } from '../../src/index.js'
import { oneServer, ready, server } from '../support/context.js'
import { scratchFile, TestDatabase } from '../support/copying.js'
import { HostNetwork } from '../support/hosts.js'
import { RedisServer } from '../support/redis.js'
import type { TestServer } from '../support/servers.js'
import { Started } from '../support/task-fixture.js'
import { until } from '../support/until.js'

const ROWS = 20_000
const SPLIT = 500
/** Short, so that a worker that is suspended loses its splits soon. */
const LOCK = 2
const KEYLESS = 'id INT NOT NULL, v VARCHAR(200)'
const CONFIG = ['-c', 'no-such-folder']

describe('one run over many hosts', () => {
  let network: HostNetwork
  let redis: RedisServer
  let queue: string
  let workers: ChildProcessWithoutNullStreams[] = []
  const said = new Map<ChildProcessWithoutNullStreams, string>()

  before(async function () {
    this.timeout(900_000)
    // So that a restart takes all that it holds.
    redis = await RedisServer.start({ keeps: false })
    network = HostNetwork.create(3)
    queue = redis.url(network.address, await network.forward(redis.port))
  })

  afterEach(async () => {
    for (const worker of workers) worker.kill('SIGKILL')
    await Promise.all(workers.map(gone))
    workers = []
  })

  after(async () => {
    await network?.remove()
    await redis?.stop()
  })

  function worker(
    host: number,
    db: TestDatabase,
    env: Record<string, string> = { TEST_PASSWORD: db.server.password },
  ): ChildProcessWithoutNullStreams {
    const args = ['worker', '--connect', queue, '--threads', '1', '--lock', String(LOCK), ...CONFIG]
    const child = network.start(host, args, env)
    child.stderr
      .setEncoding('utf8')
      .on('data', (text: string) => said.set(child, (said.get(child) ?? '') + text))
    workers.push(child)
    return child
  }

  /** Source and target without a key there, so that a row which is stored twice is there twice. */
  async function tables(
    on: TestServer,
    target = KEYLESS,
  ): Promise<{ db: TestDatabase; url: (table: string) => string }> {
    await ready(on)
    const db = await TestDatabase.create(
      on,
      `CREATE TABLE s (id INT PRIMARY KEY, v VARCHAR(200)); CREATE TABLE t (${target})`,
    )
    await db.query(
      on.kind === 'postgres'
        ? `INSERT INTO s SELECT i, repeat('x', 100) FROM generate_series(1, ${ROWS}) AS q (i)`
        : `INSERT INTO s WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 1000)
           SELECT a.i + 1000 * (b.i - 1), REPEAT('x', 100) FROM q a JOIN q b ON b.i <= ${ROWS / 1000}`,
    )
    await db.query(on.kind === 'postgres' ? 'ANALYZE s' : 'ANALYZE TABLE s')
    const port = await network.forward(on.port)
    const type = on.kind === 'postgres' ? 'postgres' : 'mysql'
    const url = (table: string) =>
      `${type}://${on.user}:\${TEST_PASSWORD}@${network.address}:${port}/${db.database}?table=${table}`
    return { db, url }
  }

  function begin(
    db: TestDatabase,
    url: (table: string) => string,
    params: object,
    command: readonly string[] = ['copy'],
  ): Started {
    const given = JSON.stringify({ read_batch: SPLIT, write_mode: 'insert', ...params })
    return new Started(
      [...command, '--from', url('s'), '--to', url('t'), '--workers', queue, '--params', given],
      { env: { TEST_PASSWORD: db.server.password } },
    )
  }

  async function succeeded(run: Started): Promise<RunReport> {
    const code = await run.code()
    const all = [run.stderr, ...workers.map((child) => said.get(child))].join('\n')
    expect(code, all).to.equal(0)
    return run.report()
  }

  /** By a hash that takes a while, as no fast machine can help; SQL can make it as well. */
  function transform(): string {
    const file = scratchFile('mjs')
    writeFileSync(
      file,
      `import { createHash } from 'node:crypto'
const held = new Int32Array(new SharedArrayBuffer(4))
export default function (row) {
  let v = String(row.id)
  for (let i = 0; i < 20; i++) v = createHash('md5').update(v).digest('hex')
  if (row.id % 100 === 0) Atomics.wait(held, 0, 0, 20)
  return { ...row, v: createHash('sha256').update(String(row.id)).digest('hex') }
}`,
    )
    return file
  }

  async function expectHashed(db: TestDatabase): Promise<void> {
    expect(await db.value('SELECT COUNT(*) FROM t')).to.equal(String(ROWS))
    const same = 'SELECT COUNT(*) FROM s JOIN t ON t.id = s.id WHERE t.v = SHA2(s.id, 256)'
    expect(await db.value(same)).to.equal(String(ROWS))
  }

  it('rows pass through a transform on three hosts, of which one is killed and one joins', async () => {
    const [on] = oneServer()
    const { db, url } = await tables(on!)
    const first = worker(0, db)
    worker(1, db)
    const run = begin(db, url, { transform: transform() })
    await until(
      'rows in the target',
      async () => Number(await db.value('SELECT COUNT(*) FROM t')) > 2 * SPLIT,
    )
    first.kill('SIGKILL')
    worker(2, db)
    const report = await succeeded(run)
    expect(report.rowsWritten).to.equal(ROWS)
    await expectHashed(db)
  })

  it('goes on when the queue is lost, the coordinator killed, and what it had begun cancelled', async () => {
    const [on] = oneServer()
    const { db, url } = await tables(on!)
    worker(0, db)
    worker(1, db)
    const params = { transform: transform() }
    const rows = async () => Number(await db.value('SELECT COUNT(*) FROM t'))
    const first = begin(db, url, params)
    await until('rows in the target', async () => (await rows()) > 0)
    await redis.restart()
    const before = await rows()
    await until('more rows than before', async () => (await rows()) > before + 4 * SPLIT)
    first.kill('SIGKILL')
    await first.code()
    const resumed = begin(db, url, params, ['resume', 'latest'])
    const then = await rows()
    await until('more rows than then', async () => (await rows()) > then + 4 * SPLIT)
    resumed.kill('SIGINT')
    expect(await resumed.code(), resumed.stderr).to.equal(130)
    const stored = "SELECT SUM(rows_written) FROM rowshift_checkpoint WHERE split <> '' OR run_id <> ''"
    expect(await db.value(stored), 'nothing is stored without a mark').to.equal(String(await rows()))
    await succeeded(begin(db, url, params, ['resume', 'latest']))
    await expectHashed(db)
    expect(await db.value('SELECT COUNT(*) FROM rowshift_checkpoint')).to.equal('0')
  })

  it('sees one moment of a source that exports it, on hosts that come late, too', async () => {
    const { db, url } = await tables(server('postgres'))
    worker(0, db)
    const run = begin(db, url, { transform: transform(), consistency: 'snapshot' })
    await until('rows in the target', async () => Number(await db.value('SELECT COUNT(*) FROM t')) > 0)
    await db.query('DELETE FROM s WHERE id % 2 = 0')
    worker(1, db)
    const report = await succeeded(run)
    expect(report.reasons.join('\n')).to.match(/2 threads of 2 workers took part/)
    expect(await db.value('SELECT COUNT(DISTINCT id) FROM t')).to.equal(String(ROWS))
    expect(await db.value('SELECT COUNT(*) FROM t')).to.equal(String(ROWS))
  })

  it('a worker without what the run needs says what that is, and so does the run', async () => {
    const { db, url } = await tables(oneServer()[0]!)
    const child = worker(0, db, {})
    const run = begin(db, url, {})
    expect(await run.code(), run.stderr).to.equal(3)
    expect(run.stderr).to.match(/No worker can take part in the run\..*TEST_PASSWORD.*\[HOSTS_REFUSED\]/s)
    expect(said.get(child)).to.match(/cannot take part in run .*TEST_PASSWORD/)
    expect(await db.value('SELECT COUNT(*) FROM t')).to.equal('0')
  })

  for (const kind of ['mysql', 'postgres'] as const)
    it(`a worker that wakes up after its split was given to another stores nothing (${kind})`, async () => {
      const { db, url } = await tables(kind === 'mysql' ? oneServer()[0]! : server(kind))
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
      const both = [worker(0, db), worker(1, db)]
      const run = begin(db, url, { transform: module, transform_timeout: 300 })
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

async function gone(child: ChildProcessWithoutNullStreams): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}
