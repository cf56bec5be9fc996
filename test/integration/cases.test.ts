import { writeFileSync } from 'node:fs'
import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { CaseRunner } from '../support/case-runner.js'
import { loadCases } from '../support/cases.js'
import { servers } from '../support/context.js'
import { runCharsets } from '../support/charset-run.js'
import { CharsetTable, fidelityFile, FIDELITY_FILE, FidelityTable } from '../support/fidelity-table.js'
import { withGlobals } from '../support/globals.js'

describe('cases', () => {
  const table = new FidelityTable()
  const charsets = new CharsetTable()
  const passed = new Set<string>()
  let runner: CaseRunner
  let restore: () => Promise<void>

  before(async () => {
    restore = await withGlobals(servers(), { local_infile: '1' })
    runner = await CaseRunner.create(table)
  })
  after(() => restore())

  const cases = loadCases()
  for (const one of cases) {
    it(`${one.name}: ${one.description}`, async () => {
      const back = await withGlobals(servers(), one.globals ?? {})
      try {
        expect(await runner.run(one)).to.deep.equal([])
        passed.add(one.name)
      } finally {
        await back()
      }
    })
  }

  it('many of them go from table to table inside a server', () => {
    expect(runner.inServer).to.be.greaterThan(100)
  })

  it('every code of every character set arrives as it is, or is refused', async function () {
    this.timeout(300_000)
    expect(await runCharsets(charsets)).to.deep.equal([])
  })

  it('docs/fidelity.md says what they have shown', async () => {
    expect(passed.size, 'cases that have passed').to.equal(cases.length)
    const markdown = await table.markdown(charsets)
    if (process.env['ROWSHIFT_WRITE_FIDELITY']) writeFileSync(FIDELITY_FILE, markdown)
    expect(fidelityFile(), 'written anew by: npm run fidelity').to.equal(markdown)
  })
})
