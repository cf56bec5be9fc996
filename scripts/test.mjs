// Runs all tests in three processes, each with servers of its own, so that both cores of a small machine have work. The output of the
// others follows the first one's, and the failures of all come last. With arguments, for instance `--grep splits`, one process runs what they
// ask for.
import './newer-node.mjs'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
/** What the second and the third process run; the first has the rest. No file is in both. */
const OTHERS = [
  // What compares values, what is about many tables, and what keeps the servers busy for long.
  '*database*|bad-rows|bench|console-*|deletes|derived-columns|dirty-rows|example|faults|in-server*|many-sources|random-tables|resume|sharding|snapshot|split-keys|transform*|verify*|write-modes',
  // What waits more than it works, and as much else as lets the three end together.
  'alerting|backfill|cases|connection-limits|diff-columns|given-lookups|host-store|hosts*|ids|incremental*|interrupt-waits|lookups|postgres-incremental|scheduling|silence|speed',
]
const ALL = 'dist/test/{unit,integration}/**/*.test.js'
/** No run needs as long, on no machine: one that takes it waits for something that never comes. */
const LIMIT_MS = 60 * 60_000
/** From a run's end to the end of its output, which a process that a test has left behind could keep open for ever. */
const OUTPUT_MS = 10_000
const args = process.argv.slice(2)
const files = args.some((arg) => arg.endsWith('.test.js')) ? [] : [ALL]
process.exitCode = args.length > 0 ? await start([...args, ...files], 'inherit').code : await all()

async function all() {
  const runs = await Promise.all([
    ofFirst([ALL, '--ignore', `dist/test/integration/@(${OTHERS.join('|')}).test.js`]),
    ...OTHERS.map((names) =>
      ofOther([
        ALL,
        '--ignore',
        'dist/test/unit/**',
        '--ignore',
        `dist/test/integration/!(${names}).test.js`,
      ]),
    ),
  ])
  process.stdout.write([...runs.map(({ held }) => held), ...runs.map(({ failures }) => failures)].join(''))
  return runs.find(({ code }) => code !== 0)?.code ?? 0
}

async function ofFirst(args) {
  return { ...(await piped(args, (line) => process.stdout.write(line))), held: '' }
}

async function ofOther(args) {
  let held = ''
  return { ...(await piped(args, (line) => (held += line))), held }
}

/** A run's exit code, and what it says from its count of failures on; `onLine` is given what comes before. */
async function piped(args, onLine) {
  const { child, code } = start(args, 'pipe')
  let failures = ''
  let last = ''
  const read = (async () => {
    for await (const line of createInterface({ input: child.stdout })) {
      if (line.trim()) last = line
      if (failures || /^ +\d+ failing$/.test(line)) failures += `${line}\n`
      else onLine(`${line}\n`)
    }
  })()
  const status = await code
  await Promise.race([read, sleep(OUTPUT_MS, undefined, { ref: false })])
  child.stdout.destroy()
  if (status !== 0 && !failures)
    failures = `mocha ended with ${status} and counted no failure: ${args.join(' ')}\nits last line: ${last}\n`
  return { code: status, failures }
}

function start(args, stdout) {
  const child = spawn(process.execPath, ['node_modules/mocha/bin/mocha.js', ...args], {
    stdio: ['inherit', stdout, 'inherit'],
  })
  const stop = setTimeout(() => child.kill('SIGTERM'), LIMIT_MS)
  const kill = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS + OUTPUT_MS)
  const code = new Promise((resolve) => {
    child.on('exit', (status) => {
      clearTimeout(stop)
      clearTimeout(kill)
      resolve(status ?? 1)
    })
  })
  return { child, code }
}
