// Without a driver for SQLite everything else works, and what needs one says so before it does anything.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { oneServer, runCli, type CliOptions } from '../support/context.js'
import { expectRefusal, TestDatabase, scratchFile } from '../support/copying.js'

/** The machine's own Node.js, where scripts/newer-node.mjs has gone on with another one. */
const older = process.env['ROWSHIFT_TEST_OLDER_NODE']

const NODES: { name: string; options: CliOptions }[] = [
  { name: 'a Node.js without SQLite', options: { env: { NODE_OPTIONS: '--no-experimental-sqlite' } } },
  ...(older === undefined ? [] : [{ name: "the machine's own Node.js", options: { node: older } }]),
]

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
