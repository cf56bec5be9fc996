// Runs all tests in two processes, each with servers of its own, so that both cores of a small machine have work. The second
// one's output follows the first one's. With arguments, for instance `--grep splits`, one process runs what they ask for.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
/** About half of the time: what compares values, and what keeps the servers busy for long. */
const SECOND =
  'bad-rows|cases|dirty-rows|example|incremental|many-sources|random-tables|sharding|silence|snapshot|split-keys|verify*|write-modes'
const ALL = 'dist/test/{unit,integration}/**/*.test.js'
const args = process.argv.slice(2)
const files = args.some((arg) => arg.endsWith('.test.js')) ? [] : [ALL]
process.exitCode = args.length > 0 ? await mocha([...args, ...files]) : await both()

async function both() {
  /** 1 until it has been started. */
  let second = Promise.resolve(1)
  let started = false
  let held = ''
  const status = await mocha([ALL, '--ignore', `dist/test/integration/@(${SECOND}).test.js`], (text) => {
    process.stdout.write(text)
    if (started) return
    started = true
    // The servers of the first run, so that nothing has to be installed any more.
    const others = ['dist/test/unit/**', `dist/test/integration/!(${SECOND}).test.js`]
    second = mocha([ALL, ...others.flatMap((files) => ['--ignore', files])], (more) => (held += more))
  })
  const rest = await second
  process.stdout.write(held)
  return status || rest
}

/** Resolves to the exit code. */
function mocha(args, onText) {
  const child = spawn(process.execPath, ['node_modules/mocha/bin/mocha.js', ...args], {
    stdio: ['inherit', onText ? 'pipe' : 'inherit', 'inherit'],
  })
  child.stdout?.setEncoding('utf8').on('data', onText)
  return new Promise((resolve) => {
    child.on('close', (code) => resolve(code ?? 1))
  })
}
