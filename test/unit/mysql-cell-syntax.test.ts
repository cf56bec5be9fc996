// Which cells are read, and which become SQL text: just those that are written as their kind must be.
import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import type { Quoting } from '../../plugins/mysql/transcode.js'
import { BulkBuilder, InsertBuilder } from '../../plugins/mysql/transcode.js'
import { isWellFormed } from '../../src/wire/cell-syntax.js'
import { forEachRow } from '../../src/wire/each-row.js'
import type { ColumnKind } from '../../src/contract/plugin.js'
import { decode, expectedBatch, literal, Rejected, result } from '../support/row-packets.js'

describe('cells of MySQL', () => {
  it('are read exactly when they are of the form of their kind', () => {
    fc.assert(
      // A row of more than a chunk goes another way.
      fc.property(fc.constantFrom(...FORMED), almost, fc.nat(30), (kind, value, large) => {
        const row = [Buffer.alloc(large === 30 ? 300_000 : 3), Buffer.from(value, 'latin1')]
        const formed = isWellFormed({ kind, valueRange: { nonFinite: 'none' } }, value)
        try {
          const [batch] = decode(result([row]), 2, { kinds: ['bytes', kind] })
          return formed && batch!.bytes.equals(expectedBatch([row]))
        } catch (error) {
          if (!(error instanceof Rejected)) throw error
          return !formed && error.cells.every((cell, i) => cell!.equals(row[i]!))
        }
      }),
      { seed: 20261128, numRuns: 8000, examples: FORMED.flatMap(examplesOf) },
    )
  })

  it('become a statement if rows are in the wire format and numbers are numbers, and else none', () => {
    const how: Quoting[] = ['decimal', 'text', 'integer']
    const piece = fc.constantFrom(
      'a',
      "'",
      '\\\\',
      '\\n',
      '\\0',
      '\\Z',
      '\\',
      '\\N',
      ')',
      '字'.repeat(9),
      '\x01',
    )
    const texts = fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join(''))
    const number = fc.oneof(fc.integer().map(String), almost)
    const row = fc.tuple(number, texts, number).map((cells) => cells.join('\t'))
    const bulk = new BulkBuilder('', how)
    let made = 0
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 3 }), fc.nat(20), (lines, odd) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''))
        const rows = lines.length + (odd === 0 ? 1 : odd === 1 ? -1 : 0)
        const insert = new InsertBuilder('', how).build({ bytes, rows })
        if (insert !== null) made++
        if ((bulk.build({ bytes, rows }, 7) === null) !== (insert === null)) return false
        return (insert?.toString('latin1') ?? null) === statement(bytes, rows, how)
      }),
      {
        seed: 20261128,
        numRuns: 10_000,
        examples: [
          [['1\ta\\\t2'], 9],
          [["1\t\\'\t2"], 9],
          [['1\ta\t7-2'], 9],
          [['1\t\\Na\t2'], 9],
          [['1\ta'], 9],
          [['1\ta\t2\t3'], 9],
          [['(select 1)\ta\t2'], 9],
        ],
      },
    )
    expect(made).to.be.greaterThan(500)
  })
})

const FORMED: readonly ColumnKind[] = [
  'integer',
  'boolean',
  'decimal',
  'float',
  'date',
  'time',
  'datetime',
  'instant',
]

const EXAMPLES = [
  '',
  '-',
  '0',
  '-0',
  '+1',
  '7-2',
  '1.5',
  '.5',
  '5.',
  '.',
  '-.5',
  '--1',
  '1e5',
  '1E+05',
  '1e',
  '1e+',
  'e5',
  '.e5',
  '0x10',
  ' 1',
  '1 ',
  '1\n',
  'nan',
  'NaN',
  'Infinity',
  '-Infinity',
  'inf',
  '-inf',
  'NOW()',
  '(select 1)',
  '00000000000000000000000000000000000000007',
  '1234567890123456',
  '12345678901234567',
  '-1234567890123456',
  '123456789012345.6',
  '1234567890123456.',
  '1234567890123456.7',
  '1.7976931348623157e308',
  '2024-05-01',
  '0000-00-00',
  '2024-5-1',
  '20240501',
  '2024-05-01 10:00:00',
  '2024-05-01T10:00:00',
  '2024-05-01 10:00:00.',
  '2024-05-01 10:00:00.1',
  '2024-05-01 10:00',
  '2024-05-01 10:00:00.123456',
  '2024-05-01 10:00:00.1234567',
  '2024-05-01 10:00:00Z',
  '2024-05-01 10:00:00+01:00',
  '10:00:00',
  '-838:59:59.000000',
  '1:00:00',
  '1000:00:00',
  '10:00',
  '10:00:00.',
  '10:00:00.5',
  '10:0:00',
  '2024/05/01',
  '2024-05-0a',
  '12:34:5x',
  '12:34:56x5',
]

/** What one character becomes. */
const CHANGES = ['0', '-', '+', '.', ':', 'e', ' ', '\t', '\0', 'x', '/']

function examplesOf(kind: ColumnKind): [ColumnKind, string, number][] {
  return EXAMPLES.map((value) => [kind, value, 0])
}

/** Texts that are of some form, or would be but for a character. */
const almost = fc
  .tuple(
    fc.oneof(
      fc.bigInt().map(String),
      fc.double({ noNaN: true }).map(String),
      fc.stringMatching(/^-?\d{0,40}\.?\d{0,40}(e[+-]?\d{0,3})?$/),
      fc.stringMatching(/^\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d(\.\d{1,7})?)?$/),
      fc.stringMatching(/^-?\d{1,4}:\d\d:\d\d(\.\d{1,7})?$/),
      fc.constantFrom(...EXAMPLES),
    ),
    fc.option(fc.tuple(fc.nat(), fc.constantFrom(...CHANGES)), { freq: 2 }),
  )
  .map(([text, change]) => {
    if (change === null || text === '') return text
    const at = change[0] % text.length
    return text.slice(0, at) + change[1] + text.slice(at + 1)
  })

/** What the statement must be, by the plain reading of the wire format; null: there must be none. */
function statement(bytes: Buffer, rows: number, how: readonly Quoting[]): string | null {
  const lines = bytes.toString('latin1').split('\n').slice(0, -1)
  if (lines.length !== rows) return null
  const cell = /^([^\\]|\\[\\0nrt])*$/s
  const values = lines.map((line) => {
    const cells = line.split('\t')
    if (cells.length !== how.length || !cells.every((one) => one === '\\N' || cell.test(one))) return null
    const found: string[] = []
    forEachRow({ bytes: Buffer.from(`${line}\n`, 'latin1'), rows: 1 }, (row) => {
      for (const [i, value] of row.entries()) {
        const kind = how[i]!
        const bare = kind === 'integer' || kind === 'decimal'
        if (value === null || !bare || isWellFormed({ kind, valueRange: {} }, value.toString('latin1')))
          found.push(literal(value, kind))
      }
    })
    return found.length === how.length ? `(${found.join(',')})` : null
  })
  return values.includes(null) ? null : values.join(',')
}
