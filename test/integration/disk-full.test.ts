// A target without room is waited for, and goes on when there is some; a run that gives up can be resumed.
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { oneServer } from '../support/context.js'
import { expectRefusal, runWithReport, scratchFile, TestDatabase } from '../support/copying.js'
import type { ServerKind, TestServer } from '../support/servers.js'
import { startServer } from '../support/servers.js'
import { canMount, SmallDisk } from '../support/small-disk.js'
import { sqliteRows, sqliteRun } from '../support/sqlite.js'
import { Started } from '../support/task-fixture.js'
import { until } from '../support/until.js'

/** About 20 MB. */
const ROWS = 40_000
const SOURCE = `CREATE TABLE n (i INT PRIMARY KEY);
  INSERT INTO n WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 1000) SELECT i FROM q;
  CREATE TABLE s (id INT PRIMARY KEY, v VARCHAR(1000));
  INSERT INTO s SELECT a.i + 1000 * (b.i - 1), REPEAT(CHAR(97 + a.i % 26), 500) FROM n a JOIN n b WHERE b.i <= ${ROWS / 1000}`
/** MariaDB takes four at a time, and aborts when the first ones are not there. */
const MEGABYTES = 16
const LATER_MEGABYTES = 200

interface Target {
  readonly from: string
  readonly to: string
  readonly disk: SmallDisk
  /** How many rows of the source are there as they are. */
  equalRows(): Promise<number>
}

function args({ from, to }: Target, retry: object): string[] {
  const params = { worker_num: 2, read_batch: 2000, retry }
  return ['--from', from, '--to', to, '--params', JSON.stringify(params)]
}

/** The disk is full before all is there, somebody makes room while the run waits, and then it ends well. */
async function expectWaited(target: Target): Promise<void> {
  const run = new Started(['copy', ...args(target, { attempts: 200, max_wait: 0.5 }), '--log-level', 'warn'])
  try {
    await until('a retry', () => run.ended || run.stderr.includes('"retries":3'))
    await until('the progress says so', () => run.ended || /rows\/s.*, waiting: .*room/.test(run.stderr))
    expect(run.ended, run.stderr).to.equal(false)
  } finally {
    target.disk.grow(LATER_MEGABYTES)
  }
  expect(await run.code(), run.stderr).to.equal(0)
  const { retryReasons, rowsRead } = run.report()
  expect(retryReasons).to.have.property('DISK_FULL').that.is.at.least(3)
  expect(rowsRead).to.equal(ROWS)
  expect(await target.equalRows()).to.equal(ROWS)
}

/** Nobody makes room, so the run gives up; what was stored stays, and the rest comes when there is room. */
async function expectResumed(target: Target): Promise<void> {
  const failed = await runWithReport(['copy', ...args(target, { attempts: 1, max_wait: 0.1 })])
  expectRefusal(failed, 1, 'DISK_FULL', 'Make room', 'rowshift resume')
  target.disk.grow(LATER_MEGABYTES)
  const { code, stderr, report } = await runWithReport(['resume', 'latest', ...args(target, { attempts: 5 })])
  expect(code, stderr).to.equal(0)
  expect(report.resumed!.rowsRead, 'rows of the first attempt').to.be.within(1, ROWS - 1)
  expect(await target.equalRows()).to.equal(ROWS)
}

/** Where nobody may mount a small disk, only the error itself is tested: see dirty-rows.test.ts. */
const describeMounted = canMount ? describe : () => {}

describeMounted('a full disk', () => {
  const started: TestServer[] = []
  const disks: SmallDisk[] = []

  before(async () => {
    const start = (kind: ServerKind) => startServer(kind, { serverArgs: ['--max-connections=100'] })
    started.push(...(await Promise.all([start('mariadb'), start('mysql')])))
  })
  after(async () => {
    for (const disk of disks) disk.remove()
    await Promise.all(started.map((server) => server.stop()))
  })

  function diskAt(folder: string): SmallDisk {
    const disk = new SmallDisk(folder, MEGABYTES)
    disks.push(disk)
    return disk
  }

  /** The folder of the target's database is a disk of its own. */
  async function onServer(server: TestServer): Promise<Target> {
    const source = await TestDatabase.create(server, SOURCE)
    const target = await TestDatabase.create(server)
    const disk = diskAt(join(dirname(server.socket!), 'data', target.database))
    await target.query('CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(1000))')
    const equal = `SELECT COUNT(*) FROM t JOIN \`${source.database}\`.s USING (id, v)`
    const equalRows = async () => Number(await target.value(equal))
    return { from: source.url('s'), to: target.url('t'), disk, equalRows }
  }

  async function inFile(server: TestServer): Promise<Target> {
    const source = await TestDatabase.create(server, SOURCE)
    const folder = scratchFile('disk')
    mkdirSync(folder)
    const disk = diskAt(folder)
    const path = join(folder, 't.db')
    sqliteRun(path, 'CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)')
    const equal = `SELECT COUNT(*) FROM t WHERE length(v) = 500 AND v = replace(hex(zeroblob(250)), '0', char(97 + ((id - 1) % 1000 + 1) % 26))`
    const equalRows = async () => Number(sqliteRows(path, equal)[0]![0])
    return { from: source.url('s'), to: `sqlite:${path}?table=t`, disk, equalRows }
  }

  for (const kind of ['mariadb', 'mysql'] as const) {
    const server = () => started.find((one) => one.kind === kind)!
    it(`of ${kind} is waited for, and the run goes on when there is room`, async () => {
      await expectWaited(await onServer(server()))
    })
    it(`of ${kind} ends the run when nobody makes room; it can be resumed`, async () => {
      await expectResumed(await onServer(server()))
    })
  }

  it('of a file of SQLite is waited for, and the run goes on when there is room', async () => {
    for (const server of oneServer()) await expectWaited(await inFile(server))
  })

  it('of a file of SQLite ends the run when nobody makes room; it can be resumed', async () => {
    for (const server of oneServer()) await expectResumed(await inFile(server))
  })
})
