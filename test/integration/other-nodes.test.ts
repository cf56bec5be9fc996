// Other versions of Node.js than the one that all tests run on. Without a driver for SQLite everything else works, and what
// needs one says so before it does anything.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { before, describe, it } from 'mocha'
import { oneServer, runCli, servers, type CliOptions } from '../support/context.js'
import { expectRefusal, TestDatabase, scratchFile } from '../support/copying.js'

/** The machine's own Node.js, where scripts/newer-node.mjs has gone on with another one. */
const older = process.env['ROWSHIFT_TEST_OLDER_NODE']

const NODES: { name: string; options: CliOptions }[] = [
  { name: 'a Node.js without SQLite', options: { env: { NODE_OPTIONS: '--no-experimental-sqlite' } } },
  ...(older === undefined ? [] : [{ name: "the machine's own Node.js", options: { node: older } }]),
]

/** The oldest that is promised, and the newest. */
for (const version of ['20.19', '26']) {
  describe(`with Node.js ${version}`, () => {
    let options: CliOptions
    before(function () {
      this.timeout(300_000)
      const fetched = spawnSync(process.execPath, ['scripts/fetch-node.mjs', version], { encoding: 'utf8' })
      expect(fetched.status, fetched.stderr).to.equal(0)
      options = { node: fetched.stdout.trim() }
    })

    it('tables are planned, copied by threads and compared, on MariaDB and MySQL', async () => {
      for (const server of servers()) {
        const db = await TestDatabase.create(
          server,
          `CREATE TABLE s (id INT PRIMARY KEY, v VARCHAR(20), d DECIMAL(30,10), b BLOB);
           INSERT INTO s WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 900)
             SELECT i, CONCAT('é漢😀', i), i / 7, UNHEX('00FF0A5C') FROM q`,
        )
        const args = ['--from', db.url('s'), '--to', db.url('t')]
        const params = [
          '--param',
          'worker_num=2',
          '--param',
          'read_batch=100',
          '--param',
          'write_path=insert',
        ]
        for (const command of [
          ['copy', ...args, ...params, '--create', '--dry-run'],
          ['copy', ...args, ...params, '--create'],
          ['verify', ...args],
        ]) {
          const { code, stderr } = await runCli(command, options)
          expect(code, stderr).to.equal(0)
        }
        await db.expectEqual('s', 't')
      }
    })

    it('SQLite works where Node.js has it, and a transform in TypeScript where it removes types', async () => {
      const older = version === '20.19'
      const demo = await runCli(['demo', '--folder', scratchFile('demo')], options)
      if (older) expectRefusal(demo, 2, 'PLUGIN_UNKNOWN', 'run rowshift with Node.js 24')
      else expect(demo.code, demo.stderr).to.equal(0)
      const transform = scratchFile('ts')
      writeFileSync(transform, 'export default (row: object) => row')
      for (const server of oneServer()) {
        const db = await TestDatabase.create(
          server,
          'CREATE TABLE s (id INT PRIMARY KEY); CREATE TABLE t LIKE s',
        )
        const args = ['copy', '--from', db.url('s'), '--to', db.url('t'), '--param', `transform=${transform}`]
        const outcome = await runCli(args, options)
        if (older)
          expectRefusal(
            outcome,
            2,
            'PARAMS_INVALID',
            'it is TypeScript, and Node.js 20.19',
            'run rowshift with Node.js 24',
          )
        else expect(outcome.code, outcome.stderr).to.equal(0)
      }
    })
  })
}

for (const { name, options } of NODES) {
  describe(`with ${name}`, () => {
    it('the program starts', async () => {
      const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
      const { code, stdout } = await runCli(['--version'], options)
      expect([code, stdout.trim()]).to.deep.equal([0, version])
    })

    it('tables of servers are copied', async () => {
      for (const server of oneServer()) {
        const db = await TestDatabase.create(
          server,
          "CREATE TABLE s (id INT PRIMARY KEY, v VARCHAR(9)); CREATE TABLE t LIKE s; INSERT INTO s VALUES (1, 'é'), (2, NULL)",
        )
        const { code, stderr } = await runCli(['copy', '--from', db.url('s'), '--to', db.url('t')], options)
        expect(code, stderr).to.equal(0)
        expect(await db.value('SELECT COUNT(*) FROM t NATURAL JOIN s WHERE id = 1')).to.equal('1')
      }
    })

    it('sqlite: says which one to take, and leaves nothing behind', async () => {
      const file = scratchFile('db')
      const folder = scratchFile('demo')
      const url = `sqlite:${file}?table=t`
      for (const args of [
        ['copy', '--from', url, '--to', 'sqlite:other.db?table=t'],
        ['copy', '--from', url, '--to', url, '--create'],
        ['verify', '--from', url, '--to', url],
        ['demo', '--folder', folder],
      ]) {
        expectRefusal(await runCli(args, options), 2, 'PLUGIN_UNKNOWN', 'run rowshift with Node.js 24')
      }
      for (const server of oneServer()) {
        const db = await TestDatabase.create(server, 'CREATE TABLE t (id INT PRIMARY KEY)')
        const outcome = await runCli(['copy', '--from', db.url('t'), '--to', url, '--create'], options)
        expectRefusal(outcome, 2, 'PLUGIN_UNKNOWN', 'run rowshift with Node.js 24')
      }
      expect([existsSync(file), existsSync(join(folder, 'shop.db'))]).to.deep.equal([false, false])
    })
  })
}
