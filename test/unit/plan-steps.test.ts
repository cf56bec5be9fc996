// What is known of values after steps that worker threads take.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { judge } from '../../src/plan/fidelity.js'
import { planSteps } from '../../src/plan/step-plan.js'
import type { Column, ValueRange } from '../../src/contract/plugin.js'
import type { PipelineStep } from '../../src/contract/computed-columns.js'

const characters = { coverage: 'unicode', encoding: 'utf8', maxBytes: 4 }

function column(valueRange: ValueRange): Column {
  const own = {
    name: 't',
    type: 'text',
    nullable: false,
    hasDefault: false,
    generated: false,
    ordered: false,
  }
  return { ...own, kind: 'text', valueRange }
}

/** How a column with such values fits into one like itself, after the steps. */
function conversion(valueRange: ValueRange, ...steps: PipelineStep[]): string {
  const from = column(valueRange)
  const faults: string[] = []
  const cell = planSteps({ asked: 'columns[1]', name: 't', from, at: 0, steps }, faults)
  expect(faults).to.deep.equal([])
  return judge(cell!.column, from).conversion
}

const regex = (by: string): PipelineStep => ({
  type: 'replace_regex',
  patterns: [{ pattern: 'a', flags: '', by }],
  timeout: 1,
})

describe('steps of worker threads', () => {
  it('keep the length of a text that only gets shorter, whatever counts it', () => {
    for (const valueRange of [
      { maxChars: 9, characters },
      { maxBytes: 65_535, characters },
      { characters },
    ]) {
      expect(conversion(valueRange, regex(''))).to.be.oneOf(['exact', 'widening'])
      expect(conversion(valueRange, regex('b'))).to.be.oneOf(['checked', 'exact', 'widening'])
    }
    expect(conversion({ maxChars: 9, characters }, regex('bb'))).to.equal('checked')
    expect(
      conversion({ maxChars: 9, characters, stripsTrailingSpaces: true }, regex('')),
      'spaces at the end',
    ).to.equal('checked')
  })
})
