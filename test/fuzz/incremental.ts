// npm run fuzz:incremental -- [--server mariadb|mysql] [--seeds 30] [--first 1] [--seconds 20] [--at-once 2]
// Random writers against incremental runs, a seed at a time; ends with 1 when a row was lost. Both servers by default.
import { parseArgs } from 'node:util'
import { startServers, stopServers, servers } from '../support/context.js'
import { race } from './incremental-race.js'

const { values } = parseArgs({
  options: {
    server: { type: 'string' },
    seeds: { type: 'string', default: '30' },
    first: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '20' },
    'at-once': { type: 'string', default: '2' },
  },
})
/** One run in so many is killed. */
const KILLED = 4

await startServers()
const chosen = servers().filter(({ kind }) => values.server === undefined || kind === values.server)
const work = chosen.flatMap((server) =>
  Array.from({ length: Number(values.seeds) }, (_, i) => ({ server, seed: Number(values.first) + i })),
)
const sum = { seeds: 0, runs: 0, kills: 0, transactions: 0, prepared: 0, locks: 0, faults: 0 }
const next = async (): Promise<void> => {
  const job = work.shift()
  if (!job) return
  const { written, runs, kills, faults } = await race(job.server, job.seed, Number(values.seconds), KILLED)
  for (const fault of faults) console.log(`${job.server.kind}, seed ${job.seed}: ${fault}`)
  sum.seeds++
  sum.runs += runs
  sum.kills += kills
  sum.transactions += written.transactions
  sum.prepared += written.prepared
  sum.locks += written.locks
  sum.faults += faults.length
  console.log(
    `${job.server.kind}, seed ${job.seed}: ${JSON.stringify({ runs, kills, ...written, faults: faults.length })}`,
  )
  return next()
}
await Promise.all(Array.from({ length: Number(values['at-once']) }, next))
await stopServers()
console.log(JSON.stringify(sum))
process.exitCode = sum.faults === 0 ? 0 : 1
