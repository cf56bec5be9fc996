// Goes on with Node.js 24 where this one is too old to have a driver for SQLite: the same command again, with a program
// that is fetched from npm once, into a cache folder. Imported before anything else by what needs SQLite here.
import { spawnSync } from 'node:child_process'
import { isMainThread } from 'node:worker_threads'
import { fetchNode } from './fetch-node.mjs'

const { versions, env, execPath, execArgv, argv } = process
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

function newerNode() {
  try {
    return fetchNode('24', { why: `SQLite needs Node.js 22.16 or newer, and this is ${versions.node}: ` })
  } catch (error) {
    return fail(`${error.message}; install it and run this again`)
  }
}

function fail(line) {
  process.stderr.write(`${line}\n`)
  process.exit(1)
}
