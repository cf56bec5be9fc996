// Runs all tests in two processes, each with servers of its own, so that both cores of a small machine have work. The second
// one's output follows the first one's, and the failures of both come last. With arguments, for instance `--grep splits`, one
// process runs what they ask for.
import './newer-node.mjs'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
/** About half of the time: what compares values, what is about many tables or hosts, and what keeps the servers busy for long. */
const SECOND =
  '*database*|backfill|bad-rows|cases|console-*|deletes|dirty-rows|example|faults|hosts|incremental*|many-sources|random-tables|sharding|silence|snapshot|split-keys|verify*|write-modes'
const ALL = 'dist/test/{unit,integration}/**/*.test.js'
const args = process.argv.slice(2)
const files = args.some((arg) => arg.endsWith('.test.js')) ? [] : [ALL]
process.exitCode = args.length > 0 ? await start([...args, ...files], 'inherit').code : await both()

async function both() {
  const others = ['dist/test/unit/**', `dist/test/integration/!(${SECOND}).test.js`]
  let held = ''
  const [first, rest] = await Promise.all([
    piped([ALL, '--ignore', `dist/test/integration/@(${SECOND}).test.js`], (line) =>
      process.stdout.write(line),
    ),
    piped([ALL, ...others.flatMap((glob) => ['--ignore', glob])], (line) => (held += line)),
  ])
  process.stdout.write(`${held}${first.failures}${rest.failures}`)
  return first.code || rest.code
}

/** A run's exit code, and what it says from its count of failures on; `onLine` is given what comes before. */
async function piped(args, onLine) {
  const { child, code } = start(args, 'pipe')
  let failures = ''
  for await (const line of createInterface({ input: child.stdout })) {
    if (failures || /^ +\d+ failing$/.test(line)) failures += `${line}\n`
    else onLine(`${line}\n`)
  }
  const status = await code
  if (status !== 0 && !failures)
    failures = `mocha ended with ${status} and counted no failure: ${args.join(' ')}\n`
  return { code: status, failures }
}

function start(args, stdout) {
  const child = spawn(process.execPath, ['node_modules/mocha/bin/mocha.js', ...args], {
    stdio: ['inherit', stdout, 'inherit'],
  })
  const code = new Promise((resolve) => {
    child.on('close', (status) => resolve(status ?? 1))
  })
  return { child, code }
}
