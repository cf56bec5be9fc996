import type { Runner } from 'mocha'
import { followRunner, stopServers } from './context.js'

process.setSourceMapsEnabled(true)

/** Mocha calls it with its runner. */
export function mochaGlobalSetup(this: Runner): void {
  followRunner(this)
}

export const mochaGlobalTeardown = stopServers
