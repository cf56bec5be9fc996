import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { errorCodes, redact, RowshiftError } from '../../src/errors.js'

describe('errors', () => {
  it('are all described in docs/errors.md, with their exit code, and no others are', () => {
    const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8')
    const described = [...page.matchAll(/^\| `([A-Z_]+)`\s* \| (\d+)\s* \|/gm)].map(([, code, exit]) => [
      code,
      Number(exit),
    ])
    const known = Object.entries(errorCodes).map(([code, { exit }]) => [code, exit])
    expect(described).to.have.deep.members(known)
  })

  it('cross a thread boundary whole', () => {
    const error = new RowshiftError('DUPLICATE_KEY', 'There is a row with id 7.', { table: 't', split: 3 })
    const report = JSON.parse(JSON.stringify(error.report())) as ReturnType<RowshiftError['report']>
    expect(RowshiftError.fromReport(report).report()).to.deep.equal(error.report())
  })

  it('hide the passwords of URLs', () => {
    const text = redact('copy mysql://user:p:a/s@y@host/db to postgres+x://u:%40@h and mysql://user@host/db')
    expect(text).to.equal('copy mysql://user:***@host/db to postgres+x://u:***@h and mysql://user@host/db')
  })
})
