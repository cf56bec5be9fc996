// Several tables over many hosts, of which each lacks something: workers on this machine, a real Redis server and real databases.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { expect } from 'chai'
import { Redis } from 'ioredis'
import { after, afterEach, before, describe, it } from 'mocha'
import type { DatabaseReport } from '../../src/features/database/report.js'
import { connect } from '../support/client.js'
import { addressOf, oneServer, server, startCli } from '../support/context.js'
import { TestDatabase } from '../support/copying.js'
import { RedisServer } from '../support/redis.js'
import type { TestServer } from '../support/servers.js'
import { Started } from '../support/task-fixture.js'
import { until } from '../support/until.js'

const ROWS = { a: 4000, b: 2000 }

/** Who logs in, with the password of the server. */
interface Login {
  readonly from: string
  readonly to: string
}

describe('several tables over many hosts', () => {
  let redis: RedisServer
  const workers: Helper[] = []

  before(async () => {
    redis = await RedisServer.start()
  })

  afterEach(async () => {
    for (const worker of workers.splice(0)) await worker.kill()
  })

  after(() => redis?.stop())

  class Helper {
    readonly #child
    said = ''

    constructor(env: Record<string, string>, threads: number) {
      const options = ['--threads', String(threads), '--lock', '2', '-c', 'no-such-folder']
      this.#child = startCli(['worker', '--connect', redis.url(), ...options], { env })
      this.#child.stderr.on('data', (text: Buffer) => (this.said += text.toString()))
    }

    ready(): Promise<void> {
      return until('a worker', () => this.said.includes('waits for runs'))
    }

    /** While the run is under way. */
    async saying(words: RegExp, run: Started): Promise<void> {
      await until(`a worker that says ${words}`, () => words.test(this.said) || run.ended)
      expect(this.said, run.stderr).to.match(words)
    }

    async kill(): Promise<void> {
      this.#child.kill('SIGKILL')
      await once(this.#child, 'exit')
    }
  }

  /** The tables a and b, of which b is copied last, and may be held. */
  class Pair {
    readonly from: TestDatabase
    readonly to: TestDatabase

    private constructor(from: TestDatabase, to: TestDatabase) {
      this.from = from
      this.to = to
    }

    static async create(on: TestServer): Promise<Pair> {
      const made = Object.keys(ROWS).map((name) => `CREATE TABLE ${name} (id INT PRIMARY KEY, v INT)`)
      const from = await TestDatabase.create(on, made.join('; '))
      const postgres = on.kind === 'postgres'
      for (const [name, rows] of Object.entries(ROWS)) {
        const recursive = `WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 1000)`
        await from.query(
          postgres
            ? `INSERT INTO ${name} SELECT i, i FROM generate_series(1, ${rows}) AS q (i)`
            : `INSERT INTO ${name} ${recursive} SELECT x.i + 1000 * (y.i - 1), x.i FROM q x JOIN q y ON y.i <= ${rows / 1000}`,
        )
        await from.query(`ANALYZE ${postgres ? '' : 'TABLE '}${name}`)
      }
      return new Pair(from, await TestDatabase.create(on, made.join('; ')))
    }

    /** Whoever writes the first row of b waits. */
    async hold(): Promise<() => Promise<void>> {
      const { server: on, database } = this.to
      const holder = await connect(on.kind, { ...addressOf(on), database })
      await holder.query('BEGIN')
      await holder.query('INSERT INTO b VALUES (1, 1)')
      return () => holder.end()
    }

    envOf({ from, to }: Login): Record<string, string> {
      return { TEST_FROM: from, TEST_TO: to, TEST_PASSWORD: this.from.server.password }
    }

    begin(...options: string[]): Started {
      const { user } = this.from.server
      const ends = ['--from', urlOf('TEST_FROM', this.from), '--to', urlOf('TEST_TO', this.to)]
      const params = ['--param', 'read_batch=500', '--workers', redis.url()]
      return new Started(['copy', ...ends, ...params, ...options], {
        env: this.envOf({ from: user, to: user }),
      })
    }

    worker(login: Partial<Login> = {}, threads = 1): Helper {
      const { user } = this.from.server
      const worker = new Helper(this.envOf({ from: user, to: user, ...login }), threads)
      workers.push(worker)
      return worker
    }

    async expectEqual(name: keyof typeof ROWS): Promise<void> {
      const sums = 'SELECT COUNT(*), COUNT(DISTINCT id), SUM(id), SUM(v * id) FROM'
      expect(await this.to.query(`${sums} ${name}`)).to.deep.equal(await this.from.query(`${sums} ${name}`))
    }
  }

  it('takes a worker that begins when a table that is done is another one', async () => {
    const pair = await Pair.create(server('postgres'))
    const release = await pair.hold()
    pair.worker()
    const run = pair.begin()
    const asked = new Redis(redis.port, { password: redis.password })
    const plans = async () => (await asked.keys('rowshift:run:*')).length
    await until('the end of the first table', async () => {
      const rows = Number(await pair.to.value('SELECT COUNT(*) FROM a'))
      return rows === ROWS.a && (await plans()) === 2
    })
    asked.disconnect()
    await pair.from.query('TRUNCATE a')
    await pair.worker().saying(/takes part in run/, run)
    await release()
    expect(await run.code(), run.stderr).to.equal(0)
    await pair.expectEqual('b')
    expect(await pair.to.value('SELECT COUNT(*) FROM a')).to.equal(String(ROWS.a))
  })

  for (const [kind, rights] of [
    // One that comes when the other table is done takes no part from the start.
    ['mysql', /(?:takes no part|cannot take part) .*may not see as much/],
    ['postgres', /takes no part in run .* any more: .*permission/i],
  ] as const)
    it(`a worker that may not read one of them leaves it to others; where none may, the other table is copied (${kind})`, async () => {
      const pair = await Pair.create(kind === 'mysql' ? oneServer()[0]! : server('postgres'))
      const login = { from: await userOf(pair.from, 'a') }
      const release = await pair.hold()
      const whole = pair.worker()
      const limited = pair.worker(login)
      for (const worker of [whole, limited]) await worker.ready()
      const run = pair.begin()
      await limited.saying(rights, run)
      await release()
      expect(await run.code(), run.stderr).to.equal(0)
      for (const name of ['a', 'b'] as const) await pair.expectEqual(name)
      for (const worker of [whole, limited]) await worker.kill()
      workers.splice(0)
      await pair.to.query('DELETE FROM a')
      await pair.to.query('DELETE FROM b')
      for (const worker of [pair.worker(login), pair.worker(login)]) await worker.ready()
      const again = pair.begin('--on-table-error', 'continue', '--restart')
      expect(await again.code(), again.stderr).to.equal(1)
      const { tables } = again.report<DatabaseReport>()
      const statuses = Object.fromEntries(tables.map(({ table, status }) => [table, status]))
      expect(statuses, again.stderr).to.deep.equal({ a: 'success', b: 'failed' })
      await pair.expectEqual('a')
    })

  it('threads make room where the target has no connection for a look at the next table', async () => {
    const pair = await Pair.create(oneServer()[0]!)
    const few = await userOf(pair.to, '*', 'WITH MAX_USER_CONNECTIONS 2')
    pair.worker({ to: few }, 2)
    const run = pair.begin()
    expect(await run.code(), run.stderr).to.equal(0)
    for (const name of ['a', 'b'] as const) await pair.expectEqual(name)
  })
})

function urlOf(user: string, { server: on, database }: TestDatabase): string {
  const type = on.kind === 'postgres' ? 'postgres' : 'mysql'
  return `${type}://\${${user}}:\${TEST_PASSWORD}@${on.host}:${on.port}/${database}`
}

/** Another one, who may do everything with a table, or with all (`*`), and see which table it is. */
async function userOf(db: TestDatabase, table: string, limits = ''): Promise<string> {
  const { server: on, database } = db
  const user = `u${randomBytes(4).toString('hex')}`
  const made =
    on.kind === 'postgres'
      ? `CREATE ROLE ${user} LOGIN PASSWORD '${on.password}'; GRANT ALL ON ${table} TO ${user}`
      : `CREATE USER '${user}'@'%' IDENTIFIED BY '${on.password}' ${limits}; GRANT ALL ON \`${database}\`.${table} TO '${user}'@'%'; GRANT PROCESS ON *.* TO '${user}'@'%'`
  await db.query(made)
  return user
}
