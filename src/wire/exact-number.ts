/** A number as its text says it, without rounding: `units` times ten to the power of minus `scale`. */
export interface ExactNumber {
  readonly units: bigint
  /** Digits after the point, none of which is a 0 at the end. */
  readonly scale: number
}

const PLAIN = /^([+-]?)(\d*)(?:\.(\d*))?$/
const SCIENTIFIC = /^([^eE]*)[eE]([+-]?\d{1,3})$/
/** No number of a database is longer. */
const MOST_LETTERS = 400

/** null: the text is not a number. `exponent`: it may have one, as floats do. */
export function exactNumber(text: string, exponent: boolean): ExactNumber | null {
  if (text.length > MOST_LETTERS) return null
  const [, mantissa = text, power = '0'] = (exponent && SCIENTIFIC.exec(text)) || []
  const [, sign, whole, fraction = ''] = PLAIN.exec(mantissa) ?? []
  if (whole === undefined || whole + fraction === '') return null
  let units = BigInt(whole + fraction)
  let scale = fraction.length - Number(power)
  if (scale < 0) {
    units *= 10n ** BigInt(-scale)
    scale = 0
  }
  for (; scale > 0 && units % 10n === 0n; scale--) units /= 10n
  return { units: sign === '-' ? -units : units, scale }
}

/** The number with so many digits after the point, or more where it has them. */
export function numberText({ units, scale }: ExactNumber, digits = 0): string {
  const places = Math.max(scale, digits)
  const all = String((units < 0n ? -units : units) * 10n ** BigInt(places - scale)).padStart(places + 1, '0')
  const sign = units < 0n ? '-' : ''
  return places === 0 ? `${sign}${all}` : `${sign}${all.slice(0, -places)}.${all.slice(-places)}`
}
