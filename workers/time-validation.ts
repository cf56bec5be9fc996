import type { Column, ValueRange } from '../src/contract/plugin.js'

interface Layout {
  readonly pattern: RegExp
  readonly example: string
}

const moment: Layout = {
  pattern: /^(\d{4})-(\d\d)-(\d\d) ([01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.(\d+))?$/,
  example: '2026-11-21 12:30:00',
}
const layouts = {
  date: { pattern: /^(\d{4})-(\d\d)-(\d\d)$/, example: '2026-11-21' },
  time: { pattern: /^-?()()()\d{2,3}:[0-5]\d:[0-5]\d(?:\.(\d+))?$/, example: '12:30:00' },
  datetime: moment,
  instant: { ...moment, example: '2026-11-21 12:30:00, in UTC' },
} satisfies Partial<Record<Column['kind'], Layout>>

const DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** What keeps a value from being written into a column of dates or times; null: nothing. */
export function momentFault(value: unknown, { kind, valueRange }: Column): string | null {
  const { pattern, example } = layouts[kind as keyof typeof layouts]
  const article = `a ${kind} such as "${example}"`
  if (value instanceof Date) return `a Date: give ${article}, which says what is meant`
  const parts = typeof value === 'string' ? pattern.exec(value) : null
  if (parts === null) return `not ${article}`
  const text = value as string
  const fraction = text.indexOf('.') < 0 ? '' : text.slice(text.indexOf('.') + 1).replace(/(?<!0)0+$/, '')
  if (valueRange.fractionDigits !== undefined && fraction.length > valueRange.fractionDigits)
    return `more than ${valueRange.fractionDigits} digits of a second`
  return kind === 'time'
    ? null
    : dateFault(text, [Number(parts[1]), Number(parts[2]), Number(parts[3])], valueRange)
}

function dateFault(
  text: string,
  [year, month, day]: readonly [number, number, number],
  valueRange: ValueRange,
): string | null {
  const { dates, earliest, latest } = valueRange
  if (year === 0 && month === 0 && day === 0) return dates === 'calendar' ? 'a zero date' : null
  if (month > 12 || day > daysOf(year, month)) return 'not in the calendar'
  if ((month === 0 || day === 0) && (dates === 'calendar' || dates === 'zero')) return 'not in the calendar'
  if (earliest !== undefined && text < earliest) return `before ${earliest}`
  // The fraction of the last second is part of it.
  return latest !== undefined && text.slice(0, latest.length) > latest ? `after ${latest}` : null
}

function daysOf(year: number, month: number): number {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  return month === 2 && !leap ? 28 : (DAYS[month - 1] ?? 31)
}
