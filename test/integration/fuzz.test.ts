// A short form of `npm run fuzz`, always with the same inputs; and the inputs that have once been found to fail.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { after, describe, it } from 'mocha'
import { check } from '../../src/config/json-schema.js'
import { redact } from '../../src/contract/errors.js'
import { literalFacts } from '../../src/sql/literals.js'
import { paramsFromOptions } from '../../src/task/params-options.js'
import { tryCommandLine } from '../fuzz/command-lines.js'
import { tryInput } from '../fuzz/fuzz.js'
import { targets } from '../fuzz/targets.js'
import { runCli } from '../support/context.js'

const INPUTS = 2_000
const COMMAND_LINES = 12
const MOST = 200_000

function faultOf(call: () => unknown): { code?: string; message: string } {
  try {
    call()
  } catch (error) {
    return error as { code?: string; message: string }
  }
  throw new Error('nothing was thrown')
}

describe('input from outside', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rowshift-fuzz-'))
  after(() => rmSync(folder, { recursive: true, force: true }))

  it(`is a user's mistake at worst, for ${INPUTS} inputs`, async () => {
    const all = await targets(folder)
    for (let seed = 1; seed <= INPUTS; seed++) {
      const finding = await tryInput(all, seed)
      expect(finding, JSON.stringify(finding)).to.equal(null)
    }
  })

  it(`is a user's mistake at worst, for ${COMMAND_LINES} command lines`, async () => {
    for (let seed = 1; seed <= COMMAND_LINES; seed++) {
      const finding = await tryCommandLine(seed, folder)
      expect(finding, JSON.stringify(finding)).to.equal(null)
    }
  })

  it('hides passwords in a time that grows with the text only', () => {
    for (const [text, hidden] of [
      ['mysql://me:s3cret@h/d?table=t', 'mysql://me:***@h/d?table=t'],
      ["at 'mysql://me:a:b@c@h/d' and sqlite:x.db", "at 'mysql://me:***@h/d' and sqlite:x.db"],
      ['http://h/?to=mysql://me:s3cret@h', 'http://h/?to=mysql://me:***@h'],
      ['type://user:password@host:port/db', 'type://user:password@host:port/db'],
      ['mysql://:s3cret@h', 'mysql://:***@h'],
      ['mysql://me@h:3306/d and a@b', 'mysql://me@h:3306/d and a@b'],
    ] as const) {
      expect(redact(text)).to.equal(hidden)
    }
    const started = performance.now()
    for (const piece of ['z', 'a://', 'a://b:', '@', ':', 'a://b:c@', ' ', '.'])
      redact(piece.repeat(1e6 / piece.length))
    expect(performance.now() - started).to.be.below(5_000)
  })

  it('has no key that is not its own', () => {
    for (const pair of ['__proto__.where="1"', '__proto__={"where":"1"}', 'split.__proto__.pk=1']) {
      const { code, message } = faultOf(() => paramsFromOptions(undefined, [pair]))
      expect(code).to.equal('PARAMS_INVALID')
      expect(message).to.include('__proto__')
    }
    for (const name of ['constructor', 'length', '4000000000', '1']) {
      const { code } = faultOf(() => paramsFromOptions('{"columns":[]}', [`columns.${name}=1`]))
      expect(code).to.equal('USAGE')
    }
    const pk = { pk: [{ toString: 1 }, { toString: 2 }] }
    expect(faultOf(() => paramsFromOptions(JSON.stringify(pk), [])).code).to.equal('PARAMS_INVALID')
    const cast = { columns: [{ from: 'a', to: 'a', cast: 'constructor' }] }
    expect(faultOf(() => paramsFromOptions(JSON.stringify(cast), [])).code).to.equal('PARAMS_INVALID')
  })

  it('may be larger than a stack, and is refused when it is larger than anybody means', () => {
    const many = Array.from({ length: MOST }, (_, i) => `v${i}`)
    expect(literalFacts(many).valueRange.maxChars).to.equal(7)
    expect(literalFacts(many.map((_, i) => `${i}.5`)).valueRange).to.include({ precision: 7, scale: 1 })
    for (const entry of [
      { from: 'a', to: 'a', map: Object.fromEntries(many.map((key) => [key, 1])) },
      { from: 'a', to: 'a', replace: Object.fromEntries(many.slice(0, 20_000).map((key) => [key, ''])) },
    ]) {
      const { code, message } = faultOf(() => paramsFromOptions(JSON.stringify({ columns: [entry] }), []))
      expect(code).to.equal('PARAMS_INVALID')
      expect(message).to.include(
        `params.columns[0].${'map' in entry ? `map: has ${MOST}` : 'replace: has 20000'} entries`,
      )
    }
    const deep = JSON.parse(`${'[{"a":'.repeat(50_000)}1${'}]'.repeat(50_000)}`) as unknown
    expect(check({}, deep, 'x').join()).to.include('nested too deeply')
  })

  it('that the parser of command lines cannot read is a mistake of usage', async () => {
    for (const args of [
      ['copy', '--param'],
      ['list', '--log-level', 'loud'],
    ]) {
      const { code, stderr } = await runCli(args)
      expect(stderr).to.include('[USAGE]')
      expect(code).to.equal(2)
    }
  })
})
