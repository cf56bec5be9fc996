const NUMBER = /^([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d+))?$/i

/** The shortest decimal without exponent that reads back as `value`; always with a point, to tell it from an integer. */
export function decimalText(value: number): string {
  const [mantissa = '', exponent = '0'] = Math.abs(value).toString().split('e')
  const [whole = '', fraction = ''] = mantissa.split('.')
  const digits = whole + fraction
  const point = whole.length + Number(exponent)
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`
  return `${sign}${digits.slice(0, point).padEnd(point, '0')}.${digits.slice(point) || '0'}`
}

export function floatText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value)
}

/** SQL for exactly this number: by powers of two, since not every version of SQLite reads back all digits as they were. */
export function numberLiteral(value: number): string {
  if (Number.isSafeInteger(value)) return String(value)
  if (!Number.isFinite(value)) return value > 0 ? '9e999' : '-9e999'
  let [whole, shift] = [value, 0]
  for (; !Number.isInteger(whole); shift++) whole *= 2
  for (; !Number.isSafeInteger(whole); shift--) whole /= 2
  const factors = Array.from({ length: Math.ceil(Math.abs(shift) / 62) }, (_, i) =>
    Math.min(62, Math.abs(shift) - i * 62),
  )
  return `(${whole} * 1.0${factors.map((bits) => ` ${shift > 0 ? '/' : '*'} (1 << ${bits})`).join('')})`
}

/** Whether the number nearest to this decimal text is written, at its shortest, as the same decimal. */
export function isExact(text: string, value: number): boolean {
  const asked = scientific(text)
  return Number.isFinite(value) && asked !== null && asked === scientific(String(value))
}

/** The same string for every way to write the same decimal; null when it is not a number. */
function scientific(text: string): string | null {
  const [match, sign, whole = '', fraction = '', exponent = '0'] = NUMBER.exec(text) ?? []
  if (match === undefined || whole + fraction === '') return null
  const digits = (whole + fraction).replace(/^0+/, '')
  const significant = digits.replace(/(?<!0)0+$/, '')
  if (significant === '') return '0'
  const power = Number(exponent) - fraction.length + (digits.length - significant.length)
  return `${sign === '-' ? '-' : ''}${significant}e${power}`
}

export const INT64_MAX = 2n ** 63n - 1n
export const INT64_MIN = -(2n ** 63n)

export function fitsInt64(value: bigint): boolean {
  return value >= INT64_MIN && value <= INT64_MAX
}
