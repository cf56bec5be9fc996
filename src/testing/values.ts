/** Values that suites write and read, and when two texts of a kind are the same value. */
import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import type { ColumnKind } from '../contract/table-schema.js'

/** A value as a suite shows it to you: the text of its cell without escapes; bytes for the kind `bytes`; null for NULL. */
export type CellValue = string | Buffer | null

const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))

/** By kind, what the suites use unless `values` of a suite says otherwise. */
export const values: Readonly<Record<ColumnKind, readonly Exclude<CellValue, null>[]>> = {
  integer: ['0', '1', '-1', '9007199254740993', '9223372036854775807', '-9223372036854775808'],
  decimal: ['0', '1.5', '-1.5', '0.1', '12345678901234567890.123456789', '-0.000000000000000001'],
  float: ['0', '1.5', '-2.25', '0.1', '-123456789.12345679', '1.7976931348623157e308', '5e-324'],
  boolean: ['0', '1'],
  text: [
    '',
    'plain',
    ' spaces ',
    'tab\tline\nreturn\rbackslash\\nul\0end',
    '\\N',
    '\\',
    `quotes ' " \` and , ; %s -- */`,
    'NULL',
    'grüße 中文 🙂',
    'a\u0301 is not á',
    'long '.repeat(2_000),
  ],
  bytes: [
    Buffer.alloc(0),
    Buffer.from([0]),
    Buffer.from('\t\n\r\\N'),
    Buffer.from([0xff, 0xfe, 0x80, 0xc3]),
    everyByte,
  ],
  json: ['{"a": [1, 2.5, "x\\ty"], "b": null}', '[]', '"text"', 'true', '{"é": "🙂"}'],
  date: ['2024-02-29', '1000-01-01', '9999-12-31'],
  time: ['00:00:00', '12:34:56', '23:59:59.999999'],
  datetime: ['2024-02-29 23:59:59.123456', '1000-01-01 00:00:00', '9999-12-31 23:59:59'],
  instant: ['1970-01-01 00:00:01', '2024-10-27 01:30:00.000001', '2038-01-19 03:14:07'],
}

/** Decimals may have zeros at their ends, floats any digits that read back the same, JSON any spaces; nothing else may differ. */
function canonical(kind: ColumnKind, value: CellValue): unknown {
  if (value === null) return null
  const text = value.toString()
  switch (kind) {
    case 'bytes':
      return `0x${Buffer.from(value as Buffer).toString('hex')}`
    case 'decimal':
      return /\./.test(text) ? text.replace(/\.?0+$/, '').replace(/^-0$/, '0') : text
    case 'float':
      return Number(text)
    case 'time':
    case 'datetime':
    case 'instant':
      return text.replace(/\.?0+$/, (zeros) => (/\.\d*$/.test(text) ? '' : zeros))
    case 'json':
      return JSON.parse(text)
    default:
      return text
  }
}

export type Rows = readonly (readonly CellValue[])[]

/** Asserts that both are the same rows, in any order. */
export function assertSameRows(kinds: readonly ColumnKind[], found: Rows, wanted: Rows, what: string): void {
  const sorted = (rows: Rows) =>
    rows
      .map((row) => row.map((value, i) => canonical(kinds[i]!, value)))
      .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
  const [a, b] = [sorted(found), sorted(wanted)]
  assert.equal(a.length, b.length, `${what}: the number of rows`)
  const odd = a.findIndex((row, i) => !isDeepStrictEqual(row, b[i]))
  if (odd >= 0) assert.deepEqual(a[odd], b[odd], `${what}: a row differs`)
}
