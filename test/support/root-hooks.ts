import { Runner, type Test } from 'mocha'
import { followRunner, stopServers } from './context.js'

process.setSourceMapsEnabled(true)

/** Mocha calls it with its runner. */
export function mochaGlobalSetup(this: Runner): void {
  followRunner(this)
  this.on(Runner.constants.EVENT_TEST_RETRY, (test: Test, error: Error) => {
    process.stdout.write(`second attempt: ${test.fullTitle()}: ${error.message.split('\n', 1)[0]}\n`)
  })
}

export const mochaGlobalTeardown = stopServers
