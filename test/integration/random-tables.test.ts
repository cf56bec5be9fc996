// Random tables of random types with random valid values, copied with random params: nothing may differ, and verify finds what does afterwards.
import { expect } from 'chai'
import fc from 'fast-check'
import { after, before, describe, it } from 'mocha'
import { server, servers } from '../support/context.js'
import { TestDatabase } from '../support/copying.js'
import { copyByEngine, copyInThisThread, inLanes, verifyByEngine } from '../support/engine.js'
import { withGlobals } from '../support/globals.js'
import { randomTable, type RandomTable } from '../support/random-table.js'
import { difference } from '../support/snapshot.js'

/** One seed can be run alone: ROWSHIFT_SEED=3. The tables of a seed are always the same ones. */
const SEEDS = process.env['ROWSHIFT_SEED'] ? [Number(process.env['ROWSHIFT_SEED'])] : [1, 2, 3, 4]
const TABLES_PER_SEED = 55
const LANES = 4

const SETUP = "SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO', time_zone = '+00:00'; "

interface Lane {
  readonly mysql: readonly [TestDatabase, TestDatabase]
  readonly mariadb: readonly [TestDatabase, TestDatabase]
}

describe('random tables', () => {
  const lanes: Lane[] = []
  let restore: () => Promise<void>

  before(async () => {
    restore = await withGlobals(servers(), { local_infile: '1' })
    const two = async (kind: 'mysql' | 'mariadb') =>
      [await TestDatabase.create(server(kind)), await TestDatabase.create(server(kind))] as const
    for (let i = 0; i < LANES; i++) lanes.push({ mysql: await two('mysql'), mariadb: await two('mariadb') })
  })
  after(() => restore())

  for (const seed of SEEDS) {
    it(`${TABLES_PER_SEED} of seed ${seed} arrive as they are, and verify sees a change`, async () => {
      const tables = fc.sample(randomTable, { seed, numRuns: TABLES_PER_SEED })
      const failures: string[] = []
      await inLanes(tables.entries(), LANES, async ([i, table]) => {
        const lane = lanes.pop()!
        const wrong = await copyTable(table, lane).catch((error: Error) => error.message)
        lanes.push(lane)
        if (wrong !== null) failures.push(report(seed, i, table, wrong))
      })
      expect(failures.join('\n\n')).to.equal('')
    }).timeout(300_000)
  }
})

async function copyTable(
  { from, to, create, insert, params, change }: RandomTable,
  lane: Lane,
): Promise<string | null> {
  const [source] = lane[from]
  const [, target] = lane[to]
  await source.query(`${SETUP}DROP TABLE IF EXISTS t; ${create}; ${insert}`)
  await target.query(`${SETUP}DROP TABLE IF EXISTS t; ${create}`)
  const inside = from === to ? await copyInServer(source, target, params) : null
  if (inside !== null) return inside
  const { error } = await copyByEngine(source.url('t'), target.url('t'), params)
  if (error) return `[${error.code}] ${error.message}`
  const wrong = await difference(at(source), at(target))
  if (wrong !== null) return wrong
  // What verify says of the two tables is what their servers say, whether the change changed anything or not.
  await target.query(`${SETUP}${change}`)
  const [differs, report] = await Promise.all([
    difference(at(source), at(target)),
    verifyByEngine(source.url('t'), target.url('t'), params),
  ])
  if ((report.error?.code ?? null) === (differs === null ? null : 'DIFFERENT')) return null
  return `verify says ${report.error?.message ?? 'equal'}, the servers say ${differs ?? 'equal'}, after ${change}`
}

/** The plan refuses it where it would not be exact. The target is empty again afterwards. */
async function copyInServer(
  source: TestDatabase,
  target: TestDatabase,
  params: RandomTable['params'],
): Promise<string | null> {
  const others = Object.entries(params).filter(([name]) => name !== 'write_batch')
  const asked = { ...Object.fromEntries(others), write_path: 'in-server' }
  const { error } = await copyInThisThread(source.url('t'), target.url('t'), asked)
  if (error?.code === 'PARAMS_INVALID' && error.message.includes('"in-server"')) return null
  if (error !== null) return `in-server: [${error.code}] ${error.message}`
  const wrong = await difference(at(source), at(target))
  await target.query('DELETE FROM t')
  return wrong === null ? null : `in-server: ${wrong}`
}

function at({ server, database }: TestDatabase) {
  return { server, database, table: 't' }
}

/** All that is needed to do it again by hand. */
function report(seed: number, i: number, table: RandomTable, wrong: string): string {
  return (
    `ROWSHIFT_SEED=${seed}, table ${i}, ${table.from} -> ${table.to}, params ${JSON.stringify(table.params)}: ${wrong}\n` +
    `${SETUP}\n${table.create};\n${table.insert};`
  )
}
