import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { ErrorCode } from '../../src/contract/errors.js'
import { errorCodes, redact, RowshiftError } from '../../src/contract/errors.js'

describe('errors', () => {
  it('are all described in docs/errors.md, with their exit code and whether to try again, and no others are', () => {
    const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8')
    const described = [...page.matchAll(/^\| `([A-Z_]+)`\s* \| (\d+)\s* \| (yes)?\s* \|/gm)].map(
      ([, code, exit, again]) => [code, Number(exit), again === 'yes'],
    )
    const known = Object.entries(errorCodes).map(([code, { exit }]) => [
      code,
      exit,
      new RowshiftError(code as ErrorCode, '').retryable,
    ])
    expect(described).to.have.deep.members(known)
  })

  it('cross a thread boundary whole', () => {
    const error = new RowshiftError('DUPLICATE_KEY', 'There is a row with id 7.', { table: 't', split: 3 })
    const report = JSON.parse(JSON.stringify(error.report())) as ReturnType<RowshiftError['report']>
    expect(RowshiftError.fromReport(report).report()).to.deep.equal(error.report())
  })

  it('are the same to every copy of the package that a process has loaded', async () => {
    // Another build of the same module: what a plugin with its own copy of rowshift throws.
    const other = (await import(new URL('../../../bundle/src/contract/plugin.js', import.meta.url).href)) as {
      RowshiftError: typeof RowshiftError
    }
    expect(other.RowshiftError).not.to.equal(RowshiftError)
    const thrown = new other.RowshiftError('DATA_REJECTED', 'Row 7 is not taken.', { row: 7 })
    expect(thrown instanceof RowshiftError).to.equal(true)
    expect(RowshiftError.from(thrown)).to.equal(thrown)
    const report = { code: 'DATA_REJECTED', message: 'Row 7 is not taken.', details: { row: 7 } }
    expect(thrown.report()).to.deep.equal(report)
    for (const value of [report, new Error('other'), null, undefined, 'text']) {
      expect(value instanceof RowshiftError).to.equal(false)
    }
  })

  it('of a class of their own are told from others by that class', () => {
    class LostConnection extends RowshiftError {}
    const [lost, other] = [
      new LostConnection('CONNECTION_LOST', 'x'),
      new RowshiftError('CONNECTION_LOST', 'x'),
    ]
    expect([lost instanceof RowshiftError, lost instanceof LostConnection]).to.deep.equal([true, true])
    expect([other instanceof RowshiftError, other instanceof LostConnection]).to.deep.equal([true, false])
  })

  it('with a code that this version does not have are failures, neither retried nor blamed on a row', () => {
    const error = new RowshiftError('OF_ANOTHER_VERSION' as ErrorCode, 'No idea.')
    expect([error.exitCode, error.retryable, error.blamesRow]).to.deep.equal([1, false, false])
    expect(error.reaction).to.equal('never')
  })

  it('hide the passwords of URLs', () => {
    const text = redact('copy mysql://user:p:a/s@y@host/db to postgres+x://u:%40@h and mysql://user@host/db')
    expect(text).to.equal('copy mysql://user:***@host/db to postgres+x://u:***@h and mysql://user@host/db')
  })
})
