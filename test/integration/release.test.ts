// What servers without Node.js and internet get: the single executable, used from outside of this repository, and the Debian package.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { before, describe, it } from 'mocha'
import { oneServer, ready } from '../support/context.js'
import { scratch, TestDatabase } from '../support/copying.js'
import { needProgram } from '../support/machine.js'
import { RedisServer } from '../support/redis.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const release = join(scratch, 'release')
const work = join(scratch, 'bare')
const cache = join(work, 'cache')
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }

/** With an environment that has no Node.js. */
function run(command: string, args: readonly string[], env: Record<string, string> = {}) {
  const bare = { PATH: '/usr/bin:/bin', HOME: work, XDG_CACHE_HOME: cache, ...env }
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: work, env: bare, encoding: 'utf8' })
  return { status, stdout, output: `${stdout}${stderr}` }
}

function succeed(command: string, args: readonly string[], env?: Record<string, string>): string {
  const { status, stdout, output } = run(command, args, env)
  expect(status, output).to.equal(0)
  return stdout
}

describe('the single executable', () => {
  const name = `rowshift-${version}-linux-${process.arch}`
  const program = join(work, name, 'rowshift')
  before(function () {
    this.timeout(900_000)
    needProgram('dpkg-deb', 'dpkg')
    mkdirSync(work)
    const made = spawnSync(process.execPath, ['scripts/release.mjs', '--to', release], {
      cwd: root,
      encoding: 'utf8',
    })
    expect(made.status, `${made.stdout}${made.stderr}`).to.equal(0)
    succeed('tar', ['-xzf', join(release, `${name}.tar.gz`)])
  })

  it('goes into a folder of its own, and removes nothing there but what an earlier one has left', () => {
    const folder = join(scratch, 'release-in-use')
    mkdirSync(join(folder, 'photos'), { recursive: true })
    for (const file of ['notes.txt', 'photos/one.jpg', `rowshift-${version}.tgz`])
      writeFileSync(join(folder, file), 'mine')
    const { status, stderr } = spawnSync(process.execPath, ['scripts/release.mjs', '--to', folder], {
      cwd: root,
      encoding: 'utf8',
    })
    expect(status).not.to.equal(0)
    expect(stderr).to.include('holds notes.txt, which no release has made')
    expect(readdirSync(folder)).to.have.members(['notes.txt', 'photos', `rowshift-${version}.tgz`])
    expect(readFileSync(join(folder, 'photos/one.jpg'), 'utf8')).to.equal('mine')
  })

  it('comes with checksums that are true, and with a list of what is inside', () => {
    const names = readdirSync(release)
    const architecture = process.arch === 'x64' ? 'amd64' : process.arch
    const wanted = [`rowshift-${version}.tgz`, `${name}.tar.gz`, `rowshift_${version}_${architecture}.deb`]
    expect(names).to.include.members(wanted)
    const sums = spawnSync('sha256sum', ['--check', '--strict', 'SHA256SUMS'], {
      cwd: release,
      encoding: 'utf8',
    })
    expect(sums.status, sums.stdout).to.equal(0)
    const inside = JSON.parse(readFileSync(join(release, `rowshift-${version}.cdx.json`), 'utf8')) as {
      components: { name: string }[]
    }
    expect(inside.components.map((each) => each.name)).to.include.members(['mysql2', 'pg', 'ajv', 'node'])
    const licences = readFileSync(join(work, name, 'LICENSES.txt'), 'utf8')
    for (const owner of ['mysql2 3', 'pg 8', 'Node.js (MIT']) expect(licences).to.include(owner)
  })

  it('copies a table with worker threads, without Node.js on the machine', async () => {
    expect(succeed(program, ['--version'])).to.equal(`${version}\n`)
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE s (id INT PRIMARY KEY, v VARCHAR(9)); CREATE TABLE t LIKE s;
         INSERT INTO s WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 900) SELECT i, CONCAT('é', i) FROM q`,
      )
      const params = ['--param', 'worker_num=2', '--param', 'read_batch=100', '--param', 'write_path=insert']
      succeed(program, ['copy', '--from', db.url('s'), '--to', db.url('t'), ...params])
      await db.expectEqual('s', 't')
      succeed(program, ['verify', '--from', db.url('s'), '--to', db.url('t')])
    }
  })

  it('gives work to workers on other hosts, and is one', async () => {
    const redis = await RedisServer.start()
    const [at] = oneServer()
    await ready(at!)
    const env = { PATH: '/usr/bin:/bin', HOME: work, XDG_CACHE_HOME: cache, PW: at!.password }
    const worker = spawn(program, ['worker', '--connect', redis.url(), '--threads', '2'], { cwd: work, env })
    const ended = once(worker, 'exit')
    try {
      const db = await TestDatabase.create(
        at!,
        `CREATE TABLE s (id INT PRIMARY KEY, v INT); CREATE TABLE t LIKE s;
         INSERT INTO s WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 900) SELECT i, i FROM q`,
      )
      const url = (table: string) => db.url(table).replace(/:[^:@]*@/, ':${PW}@')
      const workers = ['--workers', redis.url(), '--param', 'read_batch=300']
      succeed(program, ['copy', '--from', url('s'), '--to', url('t'), ...workers], { PW: at!.password })
      await db.expectEqual('s', 't')
    } finally {
      worker.kill()
      await ended
      await redis.stop()
    }
  })

  it('has every database, diagnostics, and room for plugins and transforms of others', () => {
    succeed(program, ['copy', '--from', 'sqlite:none.db?table=t', '--to', 'sqlite:none.db?table=u', '--help'])
    const refused = run(program, [
      'copy',
      '--from',
      'postgres://127.0.0.1:1/x?table=t',
      '--to',
      'postgres://127.0.0.1:1/y?table=t',
    ])
    expect(refused.output).to.include('[CONNECTION_FAILED]')
    cpSync(join(root, 'test/plugins/csv-folder'), join(work, 'csv'), { recursive: true })
    mkdirSync(join(work, 'in'))
    writeFileSync(join(work, 'in/t.csv'), 'id,v\r\n1,a\r\n2,b\r\n')
    writeFileSync(
      join(work, 'upper.ts'),
      'export default (row: { v: string }) => ({ ...row, v: row.v.toUpperCase() })',
    )
    const args = [
      'copy',
      '--from',
      './csv/index.js:in?table=t',
      '--to',
      './csv/index.js:out?table=t',
      '--create',
    ]
    const params = ['--param', 'transform=./upper.ts', '--param', 'worker_num=2', '--log-level', 'debug']
    const copied = run(program, [...args, ...params])
    expect(copied.status, copied.output).to.equal(0)
    expect(copied.output).to.match(/^\{"level":/m)
    expect(readFileSync(join(work, 'out/t.csv'), 'utf8')).to.equal('id,v\r\n1,A\r\n2,B\r\n')
  })

  it('unpacks again what somebody has removed, and never into a folder of somebody else', () => {
    const folders = () =>
      readdirSync(join(cache, 'rowshift')).filter((entry) => entry.startsWith('rowshift-'))
    expect(folders()).to.have.length(1)
    const home = join(cache, 'rowshift', folders()[0]!)
    rmSync(join(home, 'bundle/workers/split.js'))
    succeed(program, ['list', '--help'])
    expect(existsSync(join(home, 'bundle/workers/split.js'))).to.equal(true)
    expect(readdirSync(join(cache, 'rowshift')).filter((entry) => /^(new|old)-/.test(entry))).to.deep.equal(
      [],
    )
    expect(statSync(join(cache, 'rowshift')).mode & 0o777).to.equal(0o700)
    // Others can write to the first; what cannot be a folder is the second.
    chmodSync(join(cache, 'rowshift'), 0o777)
    writeFileSync(join(work, `rowshift-${process.getuid!()}`), '')
    const { status, output } = run(program, ['list', '--help'], { TMPDIR: work })
    expect(output).to.include('no folder for them belongs to this user alone; set XDG_CACHE_HOME')
    expect(status).to.equal(2)
    chmodSync(join(cache, 'rowshift'), 0o700)
  })

  it('is installed and removed by dpkg, which leaves nothing behind', () => {
    const [deb] = readdirSync(release).filter((entry) => entry.endsWith('.deb'))
    const system = join(work, 'system')
    for (const folder of ['var/lib/dpkg/info', 'var/lib/dpkg/updates'])
      mkdirSync(join(system, folder), { recursive: true })
    writeFileSync(join(system, 'var/lib/dpkg/status'), '')
    // Another root has no libraries, and no programs to run: the package has none to run either.
    const dpkg = ['--root', system, '--force-depends', '--force-not-root', '--force-bad-path']
    succeed('dpkg', [...dpkg, '--install', join(release, deb!)])
    expect(succeed(join(system, 'usr/bin/rowshift'), ['--version'])).to.equal(`${version}\n`)
    for (const path of [
      'share/man/man1/rowshift.1.gz',
      'share/bash-completion/completions/rowshift',
      'share/doc/rowshift/copyright',
    ])
      expect(existsSync(join(system, 'usr', path)), path).to.equal(true)
    succeed('dpkg', [...dpkg, '--purge', 'rowshift'])
    expect(existsSync(join(system, 'usr'))).to.equal(false)
  })
})
