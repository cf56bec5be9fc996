import { expect } from 'chai'
import { describe, it } from 'mocha'
import { callsOf } from '../../plugins/postgres/expressions.js'

describe('an expression in the catalogs of PostgreSQL', () => {
  it('names what it calls', () => {
    expect(callsOf('lower(a) || "My ""Own""" (b) || public.f(c)')).to.deep.equal([
      'lower',
      'My "Own"',
      'public.f',
    ])
    expect(callsOf("(a > 1.5) AND ((b)::text = 'f(x)'::pg_catalog.text) OR c")).to.deep.equal(['and'])
    expect(callsOf('((a)::numeric(8,2) + b[1]) > (0)::numeric COLLATE pg_catalog."C"')).to.deep.equal([
      'numeric',
    ])
  })

  it('calls what stands behind a value and a point, too', () => {
    for (const sql of [
      "('PG_VERSION'::text).pg_read_file",
      '(a) . "pg_read_file" IS NULL',
      'a[1].pg_read_file',
      '(a).lower.pg_read_file',
      '(a).lower[1].pg_read_file > 0',
    ])
      expect(callsOf(sql), sql).to.include('pg_read_file')
  })
})
