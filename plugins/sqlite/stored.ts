/**
 * Cells between two SQLite columns of one declared type, which hold any value, of whatever class (`cells: 'stored'`). A value that
 * is what the column says stands there as it always does. Any other begins with a byte that no such cell has, and a letter
 * for its class: `i` INTEGER, `r` REAL, `t` TEXT, `b` BLOB.
 */
import { isUtf8 } from 'node:buffer'
import type { BatchBuilder } from '../../src/batch/builder.js'
import type { Column } from '../../src/plugin.js'
import { affinityOf, convertsNumbers } from './affinity.js'
import type { Cell } from './cell.js'
import type { SqliteValue } from './driver.js'
import { expressionOf } from './names.js'
import { fitsInt64, floatText } from './numbers.js'

const MARK = 0xff
const TEXTUAL = new Set<string>(['text', 'json', 'date', 'time', 'datetime', 'instant'])

/** `plain` reads the values that are what the column says. */
export function storedCell(column: Column, plain: Cell): Cell {
  const textual = TEXTUAL.has(column.kind)
  // Text that a numeric column did not make a number of, like one of 30 digits; its target will not either.
  const numeric = textual && convertsNumbers(affinityOf(column.type))
  return {
    sql: textual ? textExpression(expressionOf(column)) : expressionOf(column),
    append: (builder, value) => {
      if (Buffer.isBuffer(value) && textual) return appendWrapped(builder, value)
      const marked = Buffer.isBuffer(value) ? value[0] === MARK : numeric && typeof value === 'string'
      if (!marked && plain.append(builder, value)) return true
      return appendMarked(builder, value)
    },
  }
}

/** What is not to come as a string: a BLOB, and text that the driver might have changed. In hexadecimal, its class before it. */
function textExpression(name: string): string {
  const wrapped = (letter: string) => `CAST('${letter}' || hex(${name}) AS BLOB)`
  return `CASE typeof(${name}) WHEN 'blob' THEN ${wrapped('b')} WHEN 'text' THEN CASE WHEN instr(${name}, char(65533)) THEN ${wrapped('t')} ELSE ${name} END ELSE ${name} END`
}

function appendWrapped(builder: BatchBuilder, wrapped: Buffer): boolean {
  const bytes = Buffer.from(wrapped.toString('latin1', 1), 'hex')
  if (wrapped[0] === 'b'.charCodeAt(0)) return append(builder, 'b', bytes)
  return isUtf8(bytes) && append(builder, 't', bytes)
}

function appendMarked(builder: BatchBuilder, value: SqliteValue): boolean {
  if (typeof value === 'bigint') return append(builder, 'i', Buffer.from(value.toString()))
  if (typeof value === 'number') return append(builder, 'r', Buffer.from(floatText(value)))
  if (Buffer.isBuffer(value)) return append(builder, 'b', value)
  // The driver puts U+FFFD in the place of what is not UTF-8.
  return typeof value === 'string' && !value.includes('\uFFFD') && append(builder, 't', Buffer.from(value))
}

function append(builder: BatchBuilder, letter: string, bytes: Buffer): boolean {
  builder.appendBytes(Buffer.concat([Buffer.from([MARK, letter.charCodeAt(0)]), bytes]))
  return true
}

export function isMarked(cell: Buffer): boolean {
  return cell[0] === MARK
}

/** The value of a marked cell; undefined when it is none that a reader writes: it comes from a file that was edited. */
export function markedValue(cell: Buffer): SqliteValue | undefined {
  const bytes = cell.subarray(2)
  const text = bytes.toString('latin1')
  switch (String.fromCharCode(cell[1] ?? 0)) {
    case 'i':
      return /^-?\d{1,19}$/.test(text) && fitsInt64(BigInt(text)) ? BigInt(text) : undefined
    case 'r':
      return text === '' || Number.isNaN(Number(text)) ? undefined : Number(text)
    case 't':
      return isUtf8(bytes) ? bytes.toString() : undefined
    case 'b':
      return bytes
    default:
      return undefined
  }
}
