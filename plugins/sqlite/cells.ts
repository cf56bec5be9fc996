import type { Append, Cell } from './cell.js'
import { isUtf8 } from 'node:buffer'
import { BACKSLASH, ESCAPE_LETTER, TAB } from '../../src/wire/batch.js'
import type { BatchBuilder } from '../../src/wire/builder.js'
import { syntaxOf } from '../../src/wire/cell-syntax.js'
import type { Column } from '../../src/contract/plugin.js'
import { affinityOf, convertsNumbers } from './affinity.js'
import type { Database, SqliteValue } from './driver.js'
import { asBuffer, changedByDriver } from './driver.js'
import { expressionOf } from './names.js'
import { decimalText, floatText } from './numbers.js'
import { storedCell } from './stored.js'

const MINUS = 0x2d
const ZERO = 0x30

/** How the database keeps text: `PRAGMA encoding`. */
export type TextEncoding = 'UTF-8' | 'UTF-16le' | 'UTF-16be'

export function encodingOf(database: Database): TextEncoding {
  return database.value('PRAGMA encoding') as TextEncoding
}

/** Readers of one column each, chosen once per split; SQLite gives a value's class with the value. */
export function cellOf(column: Column, encoding: TextEncoding): Cell {
  const plain = plainCell(column, encoding)
  return column.cells === 'stored' ? storedCell(column, plain) : plain
}

function plainCell(column: Column, encoding: TextEncoding): Cell {
  const name = expressionOf(column)
  switch (column.kind) {
    case 'integer':
    case 'boolean':
      return { sql: name, append: appendInteger }
    case 'decimal':
      return { sql: name, append: appendDecimal }
    case 'float':
      return { sql: name, append: appendFloat }
    case 'bytes':
      return { sql: name, append: appendBlob }
    case 'text':
    case 'json':
    case 'date':
    case 'time':
    case 'datetime':
    case 'instant':
      return { sql: textExpression(name, encoding), append: appendTextual(column, encoding) }
    default:
      return column.kind satisfies never
  }
}

/**
 * Text comes as a string, which takes half of the time that bytes take, but as bytes where the driver would change it: so
 * a string with a U+FFFD is not valid UTF-8. Text of a UTF-16 database comes as bytes, since SQLite does not check it.
 * A BLOB shows as empty bytes, which neither of the two can be.
 */
function textExpression(name: string, encoding: TextEncoding): string {
  const isText =
    encoding === 'UTF-8' ? changedByDriver(name) : `typeof(${name}) = 'text' AND octet_length(${name})`
  return `CASE WHEN typeof(${name}) = 'blob' THEN x'' WHEN ${isText} THEN CAST(${name} AS BLOB) ELSE ${name} END`
}

function appendInteger(builder: BatchBuilder, value: SqliteValue): boolean {
  if (typeof value !== 'bigint') return false
  const number = Number(value)
  if (Number.isSafeInteger(number)) appendSafeInteger(builder, number)
  else builder.appendPlain(value.toString())
  return true
}

/** Digits written one by one: no string is made, which takes 95 ns instead of 165. */
function appendSafeInteger(builder: BatchBuilder, value: number): void {
  builder.reserve(18)
  const out = builder.buffer
  let rest = Math.abs(value)
  if (value < 0) out[builder.length++] = MINUS
  let digits = 1
  for (let limit = 10; limit <= rest; limit *= 10) digits++
  const end = builder.length + digits
  for (let at = end - 1; at >= builder.length; at--) {
    const next = Math.floor(rest / 10)
    out[at] = ZERO + rest - next * 10
    rest = next
  }
  out[end] = TAB
  builder.length = end + 1
}

function appendDecimal(builder: BatchBuilder, value: SqliteValue): boolean {
  if (typeof value === 'bigint') builder.appendPlain(value.toString())
  else if (typeof value === 'number' && Number.isFinite(value)) builder.appendPlain(decimalText(value))
  else return false
  return true
}

function appendFloat(builder: BatchBuilder, value: SqliteValue): boolean {
  if (typeof value !== 'number') return false
  builder.appendPlain(floatText(value))
  return true
}

function appendBlob(builder: BatchBuilder, value: SqliteValue): boolean {
  if (!(value instanceof Uint8Array)) return false
  builder.appendBytes(value)
  return true
}

function appendTextual(column: Column, encoding: TextEncoding): Append {
  const { kind } = column
  if (kind === 'date' || kind === 'time' || kind === 'datetime') {
    const { pattern } = syntaxOf({ kind, valueRange: { dynamic: true } })!
    return (builder, value) => {
      const text = value instanceof Uint8Array ? decodeText(value, encoding) : value
      return typeof text === 'string' && pattern.test(text) && appendText(builder, text)
    }
  }
  // A column of numeric affinity makes numbers of text, so there the number and its text are the same value.
  const numbers = convertsNumbers(affinityOf(column.type))
  return (builder, value) => {
    if (typeof value === 'string') return appendText(builder, value)
    if (value instanceof Uint8Array) {
      const text = decodeText(value, encoding)
      if (text === null) return false
      builder.appendBytes(Buffer.from(text))
      return true
    }
    if (!numbers) return false
    if (typeof value === 'bigint') return appendInteger(builder, value)
    return Number.isFinite(value) && appendFloat(builder, value)
  }
}

/** Text that came as bytes; null when it is not text in the database's encoding. */
export function decodeText(bytes: Uint8Array, encoding: TextEncoding): string | null {
  if (bytes.length === 0) return null
  if (encoding === 'UTF-8') return isUtf8(bytes) ? asBuffer(bytes).toString() : null
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return null
  }
}

/** ASCII is written and escaped in one go; the first other character sends the whole text the longer way. */
function appendText(builder: BatchBuilder, text: string): boolean {
  const { length } = text
  builder.reserve(length * 2 + 1)
  const out = builder.buffer
  let at = builder.length
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0x7f) {
      if (text.includes('\uFFFD')) return false
      builder.appendBytes(Buffer.from(text))
      return true
    }
    const letter = ESCAPE_LETTER[code]!
    if (letter !== 0) out[at++] = BACKSLASH
    out[at++] = letter === 0 ? code : letter
  }
  out[at++] = TAB
  builder.length = at
  return true
}
