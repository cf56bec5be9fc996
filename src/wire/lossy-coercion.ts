import type { ValueRange } from '../contract/value-range.js'
import type { ColumnMapping } from '../contract/table-schema.js'
import type { PlannedWrite } from '../contract/write.js'
import type { Batch } from './batch.js'
import { BatchBuilder, recycle } from './builder.js'
import { forEachRow } from './each-row.js'

/** The value that is stored in the place of one that does not fit. */
type Coerce = (cell: Buffer) => Buffer

/**
 * Applies the losses that were accepted, the same way for every target, so that the target itself can stay strict: text
 * and bytes are cut, characters the target cannot hold become `?`, numbers are brought into its range, decimal
 * places and fractions of a second are cut off. Only within one kind: what another kind cannot express is left as it
 * is, for the writer to refuse.
 */
export class LossyCoercion {
  readonly #columns: readonly (Coerce | null)[]
  /** With a 1 for each column that may be coerced. */
  readonly #coerced: Uint8Array
  readonly #builder: BatchBuilder

  private constructor(spec: PlannedWrite, columns: readonly (Coerce | null)[]) {
    this.#columns = columns
    this.#coerced = Uint8Array.from(columns, (coerce) => Number(coerce !== null))
    this.#builder = new BatchBuilder(spec.batch)
  }

  /** null when no column has an accepted loss that can be applied here. `unwritten`: how many cells stand behind those that are written. */
  static of(spec: PlannedWrite, unwritten = 0): LossyCoercion | null {
    const columns = [...spec.columns.map(coercionOf), ...Array<null>(unwritten).fill(null)]
    return columns.some((column) => column !== null) ? new LossyCoercion(spec, columns) : null
  }

  /** The batch with its values coerced. The memory of the one given is used again. */
  apply(batch: Batch): Batch {
    if (!this.#changes(batch)) return batch
    const builder = this.#builder
    forEachRow(batch, (cells) => {
      for (const [i, coerce] of this.#columns.entries()) {
        const cell = cells[i] ?? null
        if (cell === null) builder.appendNull()
        else builder.appendBytes(coerce === null ? cell : coerce(cell))
      }
      builder.endRow()
    })
    recycle(batch)
    return builder.take() ?? batch
  }

  /** Most batches have nothing to change, and are not written anew. */
  #changes(batch: Batch): boolean {
    let changes = false
    forEachRow(
      batch,
      (cells) => {
        changes ||= this.#columns.some((coerce, i) => {
          const cell = cells[i] ?? null
          return coerce !== null && cell !== null && !coerce(cell).equals(cell)
        })
      },
      this.#coerced,
    )
    return changes
  }
}

function coercionOf({ source, target, check }: ColumnMapping): Coerce | null {
  const { valueRange } = target
  if (check.conversion !== 'lossy' || valueRange.subtypes !== undefined || valueRange.members !== undefined)
    return null
  const moments = source.kind === 'datetime' || source.kind === 'instant'
  switch (target.kind) {
    case 'integer':
      return source.kind === 'integer' ? clipInteger(valueRange) : null
    case 'decimal':
      return source.kind === 'decimal' ? cutDecimal(valueRange) : null
    case 'float':
      return source.kind === 'float' ? roundFloat(valueRange) : null
    case 'text':
      return source.kind === 'text' ? cutText(valueRange) : null
    case 'bytes':
      return source.kind === 'bytes' ? cutBytes(valueRange) : null
    case 'time':
      return source.kind === 'time' ? cutFraction(source.valueRange, valueRange) : null
    case 'datetime':
    case 'instant':
      return moments ? cutFraction(source.valueRange, valueRange) : null
    default:
      return null
  }
}

function clipInteger({ min, max }: ValueRange): Coerce {
  const least = min === undefined ? null : BigInt(min)
  const greatest = max === undefined ? null : BigInt(max)
  return (cell) => {
    const value = BigInt(cell.toString('latin1'))
    if (least !== null && value < least) return Buffer.from(min!)
    return greatest !== null && value > greatest ? Buffer.from(max!) : cell
  }
}

function cutDecimal({ min, precision, scale = 0, bits }: ValueRange): Coerce {
  return (cell) => {
    const [, sign = '', whole = '', fraction = ''] =
      /^([+-]?)(\d*)(?:\.(\d*))?$/.exec(cell.toString('latin1')) ?? []
    if (whole + fraction === '') return cell
    if (sign === '-' && min === '0') return Buffer.from('0')
    if (bits !== undefined) return Buffer.from(sign + significant(whole, fraction, bits === 24 ? 6 : 15))
    if (precision === undefined) return cell
    const digits = whole.replace(/^0+/, '')
    const room = precision - scale
    if (digits.length > room) return Buffer.from(sign + point('9'.repeat(room), '9'.repeat(scale)))
    return Buffer.from(sign + point(digits, fraction.slice(0, scale)))
  }
}

/** The number with zeros for all digits after the first `count` that count. */
function significant(whole: string, fraction: string, count: number): string {
  let left = count
  let leading = true
  const cut = (digits: string) =>
    digits.replaceAll(/\d/g, (digit) => {
      if (leading && digit === '0') return digit
      leading = false
      return left-- > 0 ? digit : '0'
    })
  const wholePart = cut(whole)
  return point(wholePart, cut(fraction))
}

function point(whole: string, fraction: string): string {
  return `${whole === '' ? '0' : whole}${fraction === '' ? '' : `.${fraction}`}`
}

const FLOAT_MAX = 3.4028234663852886e38

/** To the nearest float of 32 bits, which is a double too, so that this arithmetic is exact. */
function roundFloat({ bits, min, unsignedZero }: ValueRange): Coerce {
  const negativeZero = unsignedZero ? '0' : '-0'
  return (cell) => {
    const value = Number(cell.toString('latin1'))
    if (!Number.isFinite(value)) return cell
    if (min === '0' && value < 0) return Buffer.from('0')
    const rounded = bits === 24 ? Math.fround(Math.max(-FLOAT_MAX, Math.min(FLOAT_MAX, value))) : value
    if (Object.is(rounded, -0)) return Buffer.from(negativeZero)
    return rounded === value ? cell : Buffer.from(String(rounded))
  }
}

function cutText({
  maxChars = Infinity,
  maxBytes = Infinity,
  characters,
  stripsTrailingSpaces,
}: ValueRange): Coerce {
  const outside = replacer(characters)
  const oneByte = characters?.maxBytes === 1
  const chars = oneByte ? Math.min(maxChars, maxBytes) : maxChars
  // How many bytes other encodings need is the target's to say: it refuses what is too long.
  const bytes = characters === undefined || characters.encoding === 'utf8' ? maxBytes : Infinity
  return (cell) => {
    let text = outside === null ? cell.toString() : outside(cell.toString())
    if (text.length > chars) text = Array.from(text).slice(0, chars).join('')
    if (stripsTrailingSpaces) text = text.replace(/(?<! ) +$/, '')
    const cut = Buffer.from(text)
    if (cut.length <= bytes) return cut
    let end = bytes
    while ((cut[end]! & 0xc0) === 0x80) end--
    return cut.subarray(0, end)
  }
}

/** Puts `?` in the place of characters the target cannot hold; null when it can hold all, or which is unknown. */
function replacer(characters: ValueRange['characters']): ((text: string) => string) | null {
  if (characters === undefined || characters.coverage === 'unicode') return null
  if (characters.coverage === 'bmp') return (text) => text.replaceAll(/[\u{10000}-\u{10ffff}]/gu, '?')
  if (characters.ranges === undefined) return null
  const known = new Uint8Array(0x110000)
  for (const [first, last] of characters.ranges) known.fill(1, first, last + 1)
  return (text) => text.replaceAll(/[^\0-\x7f]/gu, (char) => (known[char.codePointAt(0)!] === 1 ? char : '?'))
}

function cutBytes({ maxBytes, padded, maxBits }: ValueRange): Coerce | null {
  if (maxBytes === undefined || maxBits !== undefined) return null
  return (cell) => {
    if (cell.length >= maxBytes || !padded) return cell.subarray(0, maxBytes)
    return Buffer.concat([cell], maxBytes)
  }
}

function cutFraction(
  { fractionDigits: most = Infinity }: ValueRange,
  { fractionDigits }: ValueRange,
): Coerce | null {
  if (fractionDigits === undefined || most <= fractionDigits) return null
  return (cell) => {
    const at = cell.indexOf('.')
    const end = fractionDigits === 0 ? at : at + 1 + fractionDigits
    return at < 0 || end >= cell.length ? cell : cell.subarray(0, end)
  }
}
