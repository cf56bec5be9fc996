// Goes on with Node.js 24 where this one is too old to have a driver for SQLite: the same command again, with a program
// that is fetched from npm once, into a cache folder. Imported before anything else by what needs SQLite here.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { isMainThread } from 'node:worker_threads'

const { platform, arch, versions, env, execPath, execArgv, argv } = process
const [major, minor] = versions.node.split('.').map(Number)
const hasSqlite = major >= 24 || (major === 22 && minor >= 16)
if (!hasSqlite && isMainThread) goOn()

function goOn() {
  // The other process gets the signal too, and decides.
  for (const signal of ['SIGINT', 'SIGHUP']) process.on(signal, () => {})
  const args = [...execArgv, ...argv.slice(1)]
  const older = { ROWSHIFT_TEST_OLDER_NODE: execPath }
  const { status, error } = spawnSync(newerNode(), args, {
    stdio: 'inherit',
    env: { ...env, ...older },
  })
  if (error) fail(error.message)
  process.exit(status ?? 1)
}

/** A package of npm has nothing but the program, for one platform. */
function newerNode() {
  const name = `${platform === 'darwin' && arch === 'arm64' ? 'node-bin' : 'node'}-${platform}-${arch}`
  const cache = join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'rowshift')
  const folder = join(cache, 'node-24')
  const program = join('node_modules', name, 'bin/node')
  if (existsSync(join(folder, program))) return join(folder, program)
  process.stderr.write(
    `SQLite needs Node.js 22.16 or newer, and this is ${versions.node}: fetching Node.js 24 into ${folder} (once) …\n`,
  )
  mkdirSync(cache, { recursive: true })
  const partial = mkdtempSync(`${folder}.`)
  const flags = [
    '--no-save',
    '--no-audit',
    '--no-fund',
    '--ignore-scripts',
    '--global=false',
    '--dry-run=false',
  ]
  const result = spawnSync('npm', ['install', `${name}@24`, '--prefix', partial, ...flags], {
    cwd: partial,
    encoding: 'utf8',
  })
  if (!existsSync(join(partial, program))) {
    rmSync(partial, { recursive: true })
    fail(
      `${result.stderr || result.error?.message}\nNode.js 24 could not be fetched; install it and run this again`,
    )
  }
  try {
    renameSync(partial, folder)
  } catch {
    // Another process was faster.
    rmSync(partial, { recursive: true })
  }
  return join(folder, program)
}

function fail(line) {
  process.stderr.write(`${line}\n`)
  process.exit(1)
}
