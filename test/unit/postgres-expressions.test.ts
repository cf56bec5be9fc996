import { expect } from 'chai'
import { describe, it } from 'mocha'
import {
  callsOf,
  checkConstraint,
  checkExpression,
  checkIndex,
  checkType,
} from '../../plugins/postgres/expressions.js'

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

  it('is refused where it would tie the table to another one', () => {
    const refused: [(sql: string) => string, string][] = [
      [checkType, 'integer REFERENCES other'],
      [checkType, '"odd type" references other'],
      [checkExpression, '1) REFERENCES other CHECK (true'],
      [checkExpression, '1 REFERENCES other'],
      [checkConstraint, 'FOREIGN KEY (id) REFERENCES other'],
      [checkConstraint, 'COLUMN more integer'],
      [checkConstraint, 'CHECK (true) REFERENCES other'],
      [checkIndex, '.other USING btree (id)'],
    ]
    for (const [check, sql] of refused)
      expect(() => check(sql), sql).to.throw('more than one expression or type')
  })

  it('passes as servers show it', () => {
    for (const type of [
      '"references"',
      'character varying(20)[]',
      'numeric(3,-2)',
      'public."my ""type"""',
      'time(3) without time zone',
    ])
      expect(checkType(type)).to.equal(type)
    for (const sql of [
      'PRIMARY KEY (id)',
      'UNIQUE NULLS NOT DISTINCT (a)',
      'CHECK (("references" > 0))',
      'EXCLUDE USING gist (r WITH &&)',
    ])
      expect(checkConstraint(sql)).to.equal(sql)
    expect(checkIndex(' USING btree (lower(a)) WHERE b')).to.equal(' USING btree (lower(a)) WHERE b')
  })
})
