// What is known of values after steps that worker threads take.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { judge } from '../../src/plan/fidelity.js'
import { planSteps } from '../../src/plan/step-plan.js'
import type { Column, Domain, StageStep } from '../../src/contract/plugin.js'

const characters = { coverage: 'unicode', encoding: 'utf8', maxBytes: 4 }

function column(domain: Domain): Column {
  const own = {
    name: 't',
    type: 'text',
    nullable: false,
    hasDefault: false,
    generated: false,
    ordered: false,
  }
  return { ...own, kind: 'text', domain }
}

/** How a column with such values fits into one like itself, after the steps. */
function conversion(domain: Domain, ...steps: StageStep[]): string {
  const from = column(domain)
  const faults: string[] = []
  const cell = planSteps({ asked: 'columns[1]', name: 't', from, at: 0, steps }, faults)
  expect(faults).to.deep.equal([])
  return judge(cell!.column, from).conversion
}

const regex = (by: string): StageStep => ({
  type: 'replace_regex',
  patterns: [{ pattern: 'a', flags: '', by }],
  timeout: 1,
})

describe('steps of worker threads', () => {
  it('keep the length of a text that only gets shorter, whatever counts it', () => {
    for (const domain of [{ maxChars: 9, characters }, { maxBytes: 65_535, characters }, { characters }]) {
      expect(conversion(domain, regex(''))).to.be.oneOf(['exact', 'widening'])
      expect(conversion(domain, regex('b'))).to.be.oneOf(['checked', 'exact', 'widening'])
    }
    expect(conversion({ maxChars: 9, characters }, regex('bb'))).to.equal('checked')
    expect(
      conversion({ maxChars: 9, characters, stripsTrailingSpaces: true }, regex('')),
      'spaces at the end',
    ).to.equal('checked')
  })
})
