// Runs that are struck by faults of every kind, and somebody goes on with: nothing is lost, doubled or left behind. The cases here are a choice;
// `npm run faults` plays more. That the suite finds faults is shown by builds that are broken on purpose.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import type { Backend } from '../faults/backend.js'
import { broken } from '../faults/broken.js'
import { programsOf } from '../faults/builds.js'
import { faultsOf } from '../faults/faults.js'
import type { Case } from '../faults/play.js'
import { nameOf, play, titleOf } from '../faults/play.js'
import type { Cell } from '../faults/scene.js'
import {
  Baselines,
  casesOf,
  cellsOn,
  choose,
  complaintOf,
  playAll,
  randomOf,
  someCells,
  startBackends,
} from '../faults/suite.js'

const SEED = 1
const CASES = 105
const AT_LEAST = 80
/** Kinds of runs, and what strikes them, that the choice may leave out. */
const ALSO = {
  'where rows stay in the server': {
    cells: ['mariadb upsert in-server 4', 'mysql insert in-server 1', 'postgres append in-server 4'],
    faults: [
      'kill at split-marked (middle)',
      'connections killed at split-written',
      'die at split-committing',
    ],
  },
  'where all shards have the rows of a split that nobody has called whole': {
    cells: ['postgres insert sharded 1'],
    faults: ['die at shard-stored (middle)'],
  },
}
/** Of a busy machine. */
const TIMEOUT_MS = 900_000

const groups = new Set(faultsOf(randomOf(SEED)).map(({ group }) => group))
let backends: Backend[] = []
let program = ''
let cells: Cell[] = []
let baselines: Baselines
let chosen: Case[] = []
let struck = 0

describe('a run that a fault strikes', function () {
  this.timeout(TIMEOUT_MS)

  before(async () => {
    program = programsOf([{ name: 'failpoints', edits: [] }])[0]!
    backends = await startBackends()
    cells = cellsOn(backends)
    baselines = new Baselines({ program })
    const some = someCells(cells)
    await baselines.find(some)
    const random = randomOf(SEED)
    chosen = choose(casesOf(some, baselines, random), CASES, random)
    expect(chosen.length).to.equal(CASES)
  })

  after(() => Promise.all(backends.map((backend) => backend.stop())))

  for (const group of groups) {
    it(`is finished, whole: ${group}`, async () => {
      const own = chosen.filter(({ fault }) => fault.group === group)
      expect(own).not.to.deep.equal([])
      const results = await playAll(own, baselines, program)
      struck += results.filter(({ missed }) => !missed).length
      expect(
        results
          .map(complaintOf)
          .filter((complaint) => complaint !== null)
          .join('\n'),
      ).to.equal('')
    })
  }

  for (const [where, also] of Object.entries(ALSO))
    it(`is finished, whole, ${where}`, async () => {
      const own = cells.filter((cell) => also.cells.includes(nameOf(cell)))
      await baselines.find(own)
      const all = casesOf(own, baselines, randomOf(SEED))
      const cases = all.filter(
        ({ fault }) =>
          !fault.name.includes(', then') && also.faults.some((name) => fault.name.startsWith(name)),
      )
      expect(cases).to.have.length(also.cells.length * also.faults.length)
      const results = await playAll(cases, baselines, program)
      const complaints = results.map(complaintOf).filter((complaint) => complaint !== null)
      expect(complaints.join('\n')).to.equal('')
    })

  it('is so in all cases that were to be played', () => {
    expect(struck).to.be.at.least(AT_LEAST)
  })

  for (const { name, edits, caughtBy } of broken) {
    it(`is not, and that is noticed, where ${name}`, async () => {
      const cell = cells.find((one) => nameOf(one).endsWith(caughtBy.on))!
      await baselines.find([cell])
      const cases = casesOf([cell], baselines, randomOf(SEED)).filter((one) =>
        titleOf(one).includes(caughtBy.fault),
      )
      expect(cases).not.to.deep.equal([])
      const [build] = programsOf([{ name: name.replaceAll(/\W+/g, '-'), edits }])
      const problems: string[] = []
      for (const one of cases) {
        if (problems.length > 0) break
        const result = await play(one, baselines.of(cell), { program: build!, lane: cell.on.kind })
        problems.push(...result.problems)
      }
      expect(problems.join()).to.match(/lost|extra|doubled|changed/)
    })
  }
})

describe('the bundle of users', () => {
  it('has nothing of failpoints', () => {
    const folder = fileURLToPath(new URL('../../../bundle', import.meta.url))
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('.js'),
    )
    const code = files.map((file) => readFileSync(join(folder, file), 'utf8')).join('\n')
    for (const trace of ['split-committing', 'ROWSHIFT_FAILPOINT', 'failpoint('])
      expect(code).not.to.include(trace)
    expect(code).to.include('rowshift_checkpoint')
  })
})
