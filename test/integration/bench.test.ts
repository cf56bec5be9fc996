// rowshift bench: measures on real servers, reads the source only, and leaves nothing behind, however it ends.
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { scratchName } from '../../src/features/bench/scratch-table.js'
import { oneServer, query, runCli, server, startCli } from '../support/context.js'
import { expectRefusal, scratchFile, TestDatabase } from '../support/copying.js'
import { until } from '../support/until.js'

const PREFIX = 'rowshift_bench_'
/** One number of threads, so that only ways to write and sizes of splits are left to measure. */
const SHORT = ['--seconds', '5', '--param', 'worker_num=2']

interface Measured {
  readonly cells: readonly { readonly rowsPerSecond: number; readonly impossible: string | null }[]
  readonly recommended: { readonly rowsPerSecond: number }
  readonly params: object
  readonly table: string
}

async function source(db: TestDatabase): Promise<void> {
  await db.query(
    `CREATE TABLE s (id INT PRIMARY KEY, v VARCHAR(20), n INT); CREATE INDEX by_n ON s (n);
     INSERT INTO s WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 1000) SELECT i, CONCAT('v', i), i % 7 FROM q`,
  )
}

async function tablesOf(db: TestDatabase): Promise<string[]> {
  const schema = db.server.kind === 'postgres' ? "'public'" : `'${db.database}'`
  const rows = await db.query(
    `SELECT table_name FROM information_schema.tables WHERE table_schema = ${schema} ORDER BY table_name`,
  )
  return rows.map(([name]) => name!)
}

describe('rowshift bench', () => {
  it('measures a table, says what to set, and leaves nothing behind', async () => {
    for (const at of [...oneServer(), server('postgres')]) {
      const db = await TestDatabase.create(at)
      await source(db)
      const svg = scratchFile('svg')
      const { code, stdout, stderr } = await runCli([
        'bench',
        '--from',
        db.url('s'),
        ...SHORT,
        '--svg',
        svg,
        '--json',
      ])
      expect(code, stderr).to.equal(0)
      const result = JSON.parse(stdout) as Measured
      expect(stderr, 'says first what it creates').to.match(
        new RegExp(
          `^rowshift: copies parts of s of .* only read, .* ${result.table} of .* 5 seconds at most`,
        ),
      )
      const measured = result.cells.filter(({ impossible }) => impossible === null)
      expect(measured).to.have.length.above(0)
      expect(result.recommended.rowsPerSecond).to.be.above(0)
      expect(result.params).to.be.an('object')
      expect(await tablesOf(db)).to.deep.equal(['s'])
      expect(await db.value('SELECT COUNT(*) FROM s')).to.equal('1000')
      const picture = readFileSync(svg, 'utf8')
      expect(picture).to.match(/^<svg xmlns=/)
      expect(picture.split('<rect x=')).to.have.length(measured.length + 1)
    }
  })

  it('copies into another database, also of another family', async () => {
    for (const at of oneServer()) {
      const [db, other] = [await TestDatabase.create(at), await TestDatabase.create(server('postgres'))]
      await source(db)
      const { code, stdout, stderr } = await runCli([
        'bench',
        '--from',
        db.url('s'),
        '--to',
        other.url('ignored'),
        ...SHORT,
      ])
      expect(code, stderr).to.equal(0)
      expect(stdout).to.match(/█ .* rows\/s/)
      expect(stdout).to.match(/Nothing to set|Params of a task:  \{/)
      expect([await tablesOf(db), await tablesOf(other)]).to.deep.equal([['s'], []])
    }
  })

  it('drops its table when it is interrupted, and those of benches that were killed', async () => {
    for (const at of oneServer()) {
      const db = await TestDatabase.create(at)
      await source(db)
      const endedBy = async (signal: NodeJS.Signals) => {
        const child = startCli(['bench', '--from', db.url('s'), '--seconds', '600'])
        const ended = once(child, 'exit') as Promise<[number | null]>
        await until('its table is there', async () => (await tablesOf(db)).length > 1)
        child.kill(signal)
        return (await ended)[0]
      }
      expect(await endedBy('SIGINT')).to.equal(130)
      expect(await tablesOf(db)).to.deep.equal(['s'])

      await endedBy('SIGKILL')
      // Its last statement may be under way still.
      const mine = scratchName(Date.now())
      const elsewhere = scratchName(Date.now() + 60_000).replace(/_[0-9a-f]{8}_/, '_00000000_')
      const expired = scratchName(Date.now() - 3_600_000).replace(/_[0-9a-f]{8}_/, '_00000000_')
      for (const table of [mine, elsewhere, expired, `${PREFIX}of_mine`])
        await db.query(`CREATE TABLE ${table} (id INT)`)
      const { code, stderr } = await runCli(['bench', '--from', db.url('s'), ...SHORT])
      expect(code, stderr).to.equal(0)
      expect(stderr).to.match(/^rowshift: dropped what benches that died had left in /)
      expect(stderr).to.include(expired)
      expect(await tablesOf(db)).to.deep.equal([mine, elsewhere, `${PREFIX}of_mine`, 's'].sort())
    }
  })

  it('refuses what it cannot clean up, and what would change more than its table', async () => {
    for (const at of oneServer()) {
      const db = await TestDatabase.create(at)
      await source(db)
      const asked = (more: readonly string[], url = db.url('s')) =>
        runCli(['bench', '--from', url, ...SHORT, ...more])
      const user = `reads_${db.database}`.slice(-30)
      await query(
        at,
        `CREATE USER '${user}'@'%' IDENTIFIED BY 'secret'; GRANT SELECT, INSERT, CREATE ON \`${db.database}\`.* TO '${user}'@'%'`,
      )
      try {
        const url = db.url('s').replace(/\/\/[^@]*@/, `//${user}:secret@`)
        expectRefusal(await asked([], url), 1, 'ACCESS_DENIED', 'rowshift_bench_')
      } finally {
        await query(at, `DROP USER '${user}'@'%'`)
      }
      const params = (value: object) => ['--params', JSON.stringify(value)]
      expectRefusal(await asked(params({ pre_sql: 'TRUNCATE s' })), 2, 'PARAMS_INVALID', 'pre_sql')
      const tolerant = await asked(params({ error_limit: 5, dirty_file: 'bad.jsonl' }))
      expectRefusal(tolerant, 2, 'PARAMS_INVALID', 'error_limit, dirty_file')
      expectRefusal(await asked(params({ consistency: 'snapshot' })), 2, 'PARAMS_INVALID', 'snapshot')
      expectRefusal(await asked(params({ mode: 'sync' })), 2, 'PARAMS_INVALID', 'mode "sync"')
      expectRefusal(await runCli(['bench', ...SHORT]), 2, 'USAGE', '--from')
      expectRefusal(await asked(['--svg', '/nowhere/at/all.svg']), 2, 'USAGE', '--svg')
      expectRefusal(await asked([], db.url('{s,t}')), 2, 'USAGE', 'one table')
      await db.query('CREATE TABLE e LIKE s')
      expectRefusal(await asked([], db.url('e')), 2, 'USAGE', 'no rows')
      expect(await tablesOf(db)).to.deep.equal(['e', 's'])
      expect(existsSync('/nowhere')).to.equal(false)
    }
  })

  it('drops its table where "session" has put it', async () => {
    const db = await TestDatabase.create(server('postgres'))
    const left = scratchName(Date.now() - 3_600_000).replace(/_[0-9a-f]{8}_/, '_00000000_')
    await db.query(
      `CREATE SCHEMA app; CREATE TABLE app.s AS SELECT i AS id, 'v' || i AS v FROM generate_series(1, 1000) i;
       ALTER TABLE app.s ADD PRIMARY KEY (id); CREATE TABLE app.${left} (id INT)`,
    )
    const { code, stderr } = await runCli([
      'bench',
      '--from',
      db.url('s'),
      ...SHORT,
      '--param',
      'session=SET search_path TO app',
    ])
    const tables = await db.query(
      `SELECT table_name FROM information_schema.tables WHERE table_schema IN ('public', 'app')`,
    )
    expect(tables, stderr).to.deep.equal([['s']])
    expect(code, stderr).to.equal(0)
  })

  it('says that rows come too late for its time, not that there are none', async () => {
    const db = await TestDatabase.create(server('postgres'))
    await db.query(
      `CREATE TABLE s (id INT PRIMARY KEY); INSERT INTO s VALUES (1);
       CREATE VIEW late AS SELECT id, pg_sleep(300)::text AS v FROM s`,
    )
    const outcome = await runCli(['bench', '--from', db.url('late'), ...SHORT])
    expectRefusal(outcome, 2, 'USAGE', 'No row of late arrived within 5 seconds: give more --seconds.')
    expect(await tablesOf(db)).to.deep.equal(['late', 's'])
  })
})
