/** Values in messages. */
import { isUtf8 } from 'node:buffer'
import type { Column } from '../../src/contract/plugin.js'
import { asBuffer } from './driver.js'

/** A value in a message, short. */
export function displayValue(value: unknown): string {
  if (value === null || value === undefined) return 'NULL'
  if (!(value instanceof Uint8Array)) return shorten(String(value as bigint | number | string))
  const bytes = asBuffer(value)
  return isUtf8(bytes)
    ? shorten(bytes.subarray(0, 300).toString())
    : `x'${shorten(bytes.subarray(0, 60).toString('hex'))}'`
}

function shorten(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 60)}…`
}

/** `id = 7, name = x` for the mapped columns among `names`; empty when none is mapped. */
export function displayKey(
  columns: readonly Column[],
  values: readonly unknown[],
  names: readonly string[],
): string {
  return columns
    .flatMap(({ name }, i) => (names.includes(name) ? [`${name} = ${displayValue(values[i])}`] : []))
    .join(', ')
}
