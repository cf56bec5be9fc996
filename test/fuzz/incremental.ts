// npm run fuzz:incremental -- [--server mariadb|mysql|postgres] [--seeds 30] [--first 1] [--seconds 20]
// Random writers against incremental runs; ends with 1 when a row was lost. Both servers at the same time by default, but one
// seed at a time on each: writers hold up the runs of all seeds of their server.
import { parseArgs } from 'node:util'
import { servers, stopServers } from '../support/context.js'
import { inLanes } from '../support/engine.js'
import { startServer, type TestServer } from '../support/servers.js'
import { race } from './incremental-race.js'
import { postgresRace, RACE_ARGS } from './postgres-race.js'

const { values } = parseArgs({
  options: {
    server: { type: 'string' },
    seeds: { type: 'string', default: '30' },
    first: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '20' },
  },
})
/** One run in so many is killed. */
const KILLED = 4

const isPostgres = values.server === 'postgres'
const chosen = servers().filter(({ kind }) => values.server === undefined || kind === values.server)
const sum = { seeds: 0, runs: 0, kills: 0, transactions: 0, prepared: 0, locks: 0, faults: 0 }
const lane = async (server: TestServer): Promise<void> => {
  for (let i = 0; i < Number(values.seeds); i++) {
    const seed = Number(values.first) + i
    const { written, runs, kills, faults } = await race(server, seed, Number(values.seconds), KILLED)
    for (const fault of faults) console.log(`${server.kind}, seed ${seed}: ${fault}`)
    sum.seeds++
    sum.runs += runs
    sum.kills += kills
    sum.transactions += written.transactions
    sum.prepared += written.prepared
    sum.locks += written.locks
    sum.faults += faults.length
    console.log(
      `${server.kind}, seed ${seed}: ${JSON.stringify({ runs, kills, ...written, faults: faults.length })}`,
    )
  }
}
/** Ten seeds at a time, each in a database of its own, whose windows the others do not hold up. */
async function ofPostgres(): Promise<void> {
  const server = await startServer('postgres', { serverArgs: RACE_ARGS })
  const seeds = Array.from({ length: Number(values.seeds) }, (_, i) => Number(values.first) + i)
  await inLanes(seeds, 10, async (seed) => {
    const { runs, faults } = await postgresRace(server, seed, Number(values.seconds) * 1000)
    for (const fault of faults) console.log(`postgres, ${fault}`)
    sum.seeds++
    sum.runs += runs
    sum.faults += faults.length
    console.log(`postgres, seed ${seed}: ${JSON.stringify({ runs, faults: faults.length })}`)
  })
  await server.stop()
}

await (isPostgres ? ofPostgres() : Promise.all(chosen.map(lane)))
await stopServers()
console.log(JSON.stringify(sum))
process.exitCode = sum.faults === 0 ? 0 : 1
