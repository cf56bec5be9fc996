import { writeSync } from 'node:fs'
import { Runner, type Test } from 'mocha'
import { followRunner, stopServers } from './context.js'

process.setSourceMapsEnabled(true)

/** Mocha calls it with its runner. */
export function mochaGlobalSetup(this: Runner): void {
  followRunner(this)
  // scripts/test.mjs ends a run that does not end by itself.
  process.once('SIGTERM', () => {
    const running = this.currentRunnable?.fullTitle() ?? 'nothing'
    writeSync(process.stdout.fd, `stopped in, or after, ${running}\n`)
    process.exit(1)
  })
  this.on(Runner.constants.EVENT_TEST_RETRY, (test: Test, error: Error) => {
    process.stdout.write(`second attempt: ${test.fullTitle()}: ${error.message.split('\n', 1)[0]}\n`)
  })
}

export const mochaGlobalTeardown = stopServers
