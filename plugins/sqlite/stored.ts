/**
 * Cells between two SQLite columns of one declared type, which hold any value, of whatever class (`cells: 'stored'`). A value that
 * is what the column says stands there as it always does. Any other begins with a byte that no such cell has, and a letter
 * for its class: `i` INTEGER, `r` REAL, `t` TEXT, `b` BLOB.
 */
import { isUtf8 } from 'node:buffer'
import type { BatchBuilder } from '../../src/wire/builder.js'
import type { Column } from '../../src/contract/plugin.js'
import { affinityOf, convertsNumbers } from './affinity.js'
import type { Cell } from './cell.js'
import type { SqliteValue } from './driver.js'
import { changedByDriver } from './driver.js'
import { expressionOf } from './names.js'
import { fitsInt64, floatText } from './numbers.js'

const MARK = 0xff
const TEXTUAL = new Set<string>(['text', 'json', 'date', 'time', 'datetime', 'instant'])

/** `plain` reads the values that are what the column says. */
export function storedCell(column: Column, plain: Cell): Cell {
  const ofBytes = column.kind === 'bytes'
  // Text that a numeric column did not make a number of, like one of 30 digits; its target will not either.
  const numeric = TEXTUAL.has(column.kind) && convertsNumbers(affinityOf(column.type))
  return {
    sql: markedExpression(expressionOf(column)),
    append: (builder, value) => {
      if (value instanceof Uint8Array) return appendBytes(builder, value, ofBytes)
      const foreign = numeric && typeof value === 'string'
      return (!foreign && plain.append(builder, value)) || appendMarked(builder, value)
    },
  }
}

/** Text that the driver would change comes as a marked cell, and so does what could be taken for one. */
function markedExpression(name: string): string {
  const marked = (letter: string) => {
    const mark = Buffer.from([MARK, letter.charCodeAt(0)]).toString('hex')
    return `CAST(CAST(x'${mark}' AS TEXT) || CAST(${name} AS TEXT) AS BLOB)`
  }
  return (
    `CASE typeof(${name}) WHEN 'text' THEN CASE WHEN ${changedByDriver(name)} THEN ${marked('t')} ELSE ${name} END ` +
    `WHEN 'blob' THEN CASE WHEN substr(${name}, 1, 1) = x'${MARK.toString(16)}' THEN ${marked('b')} ELSE ${name} END ELSE ${name} END`
  )
}

function appendBytes(builder: BatchBuilder, bytes: Uint8Array, ofBytes: boolean): boolean {
  if (bytes[0] !== MARK && !ofBytes) return append(builder, 'b', bytes)
  if (bytes[0] === MARK && bytes[1] === 't'.charCodeAt(0) && !isUtf8(bytes.subarray(2))) return false
  builder.appendBytes(bytes)
  return true
}

function appendMarked(builder: BatchBuilder, value: SqliteValue): boolean {
  if (typeof value === 'bigint') return append(builder, 'i', Buffer.from(value.toString()))
  if (typeof value === 'number') return append(builder, 'r', Buffer.from(floatText(value)))
  // The driver puts U+FFFD in the place of what is not UTF-8.
  return typeof value === 'string' && !value.includes('\uFFFD') && append(builder, 't', Buffer.from(value))
}

function append(builder: BatchBuilder, letter: string, bytes: Uint8Array): boolean {
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
