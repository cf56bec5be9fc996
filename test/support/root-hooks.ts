import { startServers, stopServers } from './context.js'

process.setSourceMapsEnabled(true)

export const mochaGlobalSetup = startServers
export const mochaGlobalTeardown = stopServers
