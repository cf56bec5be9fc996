import type { CastType, ColumnKind } from '../contract/plugin.js'
import { exactNumber, numberText } from './exact-number.js'

const DATE = /^(?!0000)(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/
const CLOCK = /^([01]\d|2[0-3]):[0-5]\d:[0-5]\d$/
const MOMENT = /^([\d-]{10})(?:[ T]([\d:]{8})(?:\.(\d*))?)?$/

/** The value as another type, exactly; null: it does not fit. The source's own casts say the same (`src/contract/derivation.ts`). */
export function castText(text: string, kind: ColumnKind, to: CastType): string | null {
  switch (to.kind) {
    case 'integer': {
      // A text is an integer only if it looks like one.
      if (kind === 'text' && !/^[+-]?\d+$/.test(text)) return null
      const number = exactNumber(text, kind === 'float')
      const fits = number?.scale === 0 && number.units >= BigInt(to.min) && number.units <= BigInt(to.max)
      return fits ? numberText(number) : null
    }
    case 'decimal': {
      const number = exactNumber(text, kind === 'float')
      if (number === null || number.scale > to.scale) return null
      const units = number.units * 10n ** BigInt(to.scale - number.scale)
      const limit = 10n ** BigInt(to.precision)
      return units > -limit && units < limit ? numberText(number, to.scale) : null
    }
    case 'float':
      return kind === 'float' ? text : castFloat(text)
    case 'text':
      return to.maxChars === null || lengthOf(text) <= to.maxChars ? text : null
    case 'date':
      return kind === 'text' ? dateOf(text) : midnightOf(text)
    case 'datetime':
      return momentOf(text, to.fractionDigits)
    default:
      return to satisfies never
  }
}

/** In characters, not in halves of them. */
export function lengthOf(text: string): number {
  return text.length < 2 ? text.length : Array.from(text).length
}

/** The number nearest to the value must have the same digits. It is only compared, and the text is what is written. */
function castFloat(text: string): string | null {
  const number = exactNumber(text, true)
  if (number === null) return null
  const nearest = exactNumber(String(Number(text)), true)
  const same = nearest !== null && nearest.units === number.units && nearest.scale === number.scale
  return same ? text.replace(/^\+/, '') : null
}

function dateOf(text: string): string | null {
  const [, year, month, day] = DATE.exec(text) ?? []
  if (year === undefined) return null
  const last = new Date(Date.UTC(2000 + (Number(year) % 400), Number(month), 0)).getUTCDate()
  return Number(day) <= last ? text : null
}

/** A date, or the date of a moment at its beginning. */
function midnightOf(text: string): string | null {
  const moment = momentOf(text, 0)
  return moment?.endsWith(' 00:00:00') === true ? moment.slice(0, 10) : null
}

function momentOf(text: string, digits: number): string | null {
  const [, date, clock = '00:00:00', fraction = ''] = MOMENT.exec(text) ?? []
  if (date === undefined || dateOf(date) === null || !CLOCK.test(clock)) return null
  if (/[^0]/.test(fraction.slice(digits))) return null
  const part = fraction.slice(0, digits).padEnd(digits, '0')
  return digits === 0 ? `${date} ${clock}` : `${date} ${clock}.${part}`
}
