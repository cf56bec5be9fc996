/** `${yesterday}` in the params of a task: a time that is told when the run begins. */
import { MOST_DEPTH } from '../config/json-schema.js'
import { RowshiftError } from '../contract/errors.js'

const DAY_MS = 86_400_000
const FIXED_UNITS = { s: 1_000, m: 60_000, h: 3_600_000, d: DAY_MS, w: 7 * DAY_MS } as const
const DAY = 'yyyy-MM-dd'
/** Where the names begin, and how they are written where nothing else is asked for. */
const BASES = {
  now: { of: (now: Date) => now, format: 'yyyy-MM-dd HH:mm:ss' },
  today: { of: dayOf, format: DAY },
  yesterday: { of: (now: Date) => new Date(dayOf(now).getTime() - DAY_MS), format: DAY },
  tomorrow: { of: (now: Date) => new Date(dayOf(now).getTime() + DAY_MS), format: DAY },
  month: { of: (now: Date) => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1)), format: DAY },
  year: { of: (now: Date) => new Date(Date.UTC(now.getUTCFullYear(), 0, 1)), format: DAY },
} as const

/** `${now-1h:yyyyMMdd}`. A dollar before it (`$${now}`) keeps the text as it is, less that dollar. */
const VARIABLE =
  /(\$?)\$\{(now|today|yesterday|tomorrow|month|year)((?:[+-]\d{1,6}[smhdwMy])*)(?::([^{}]*))?\}/g
const STEP = /([+-]\d+)([smhdwMy])/g
const PLACE = /yyyy|yy|MM|dd|HH|mm|ss|T|[A-Za-z]+/g

/**
 * The same value with its variables replaced in all texts that it holds, at `now` in `zone` (null: UTC). What is nested too deeply for params
 * stays as it is: whoever validates them refuses it.
 */
export function withDates<T>(value: T, now: Date, zone: string | null, depth = 0): T {
  if (typeof value === 'string') return replaced(value, now, zone) as T
  if (typeof value !== 'object' || value === null || depth > MOST_DEPTH) return value
  const inner = (each: unknown): unknown => withDates(each, now, zone, depth + 1)
  if (Array.isArray(value)) return value.map(inner) as T
  const entries = Object.entries(value).map(([name, each]) => [name, inner(each)])
  return Object.fromEntries(entries) as T
}

/** Whether a text holds one. */
export function hasDates(text: string): boolean {
  return text.search(VARIABLE) >= 0
}

function replaced(text: string, now: Date, zone: string | null): string {
  if (!text.includes('${')) return text
  return text.replaceAll(
    VARIABLE,
    (whole, escape: string, name: keyof typeof BASES, steps: string, format?: string) => {
      if (escape !== '') return whole.slice(1)
      const base = BASES[name]
      const at = moved(base.of(clockIn(now, zone)), steps)
      if (Number.isNaN(at.getTime())) throw invalid(whole, 'is beyond the calendar')
      return written(at, format ?? base.format, whole)
    },
  )
}

function moved(from: Date, steps: string): Date {
  let at = from
  for (const [, count, unit] of steps.matchAll(STEP)) {
    if (unit === 'M' || unit === 'y') at = monthsLater(at, Number(count) * (unit === 'y' ? 12 : 1))
    else at = new Date(at.getTime() + Number(count) * FIXED_UNITS[unit as keyof typeof FIXED_UNITS])
  }
  return at
}

/** The 31st becomes the last day of a month that is shorter. */
function monthsLater(from: Date, months: number): Date {
  const first = Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + months, 1)
  const { date, last } = {
    date: new Date(first),
    last: new Date(Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + months + 1, 0)).getUTCDate(),
  }
  const day = Math.min(from.getUTCDate(), last)
  return new Date(date.getTime() + (day - 1) * DAY_MS + (from.getTime() - dayOf(from).getTime()))
}

function dayOf(at: Date): Date {
  return new Date(Math.floor(at.getTime() / DAY_MS) * DAY_MS)
}

function written(at: Date, format: string, variable: string): string {
  const two = (value: number) => String(value).padStart(2, '0')
  const year = String(at.getUTCFullYear()).padStart(4, '0')
  const parts: Readonly<Record<string, string>> = {
    yyyy: year,
    yy: year.slice(-2),
    MM: two(at.getUTCMonth() + 1),
    dd: two(at.getUTCDate()),
    HH: two(at.getUTCHours()),
    mm: two(at.getUTCMinutes()),
    ss: two(at.getUTCSeconds()),
  }
  return format.replaceAll(PLACE, (place) => {
    const part = Object.hasOwn(parts, place) ? parts[place] : undefined
    if (part === undefined && place !== 'T')
      throw invalid(
        variable,
        `has "${place}" in its format, which is made of yyyy, yy, MM, dd, HH, mm and ss`,
      )
    return part ?? place
  })
}

/** What a clock on the wall of that zone shows, as if it were UTC. */
function clockIn(now: Date, zone: string | null): Date {
  if (zone === null || zone === 'UTC') return now
  const [, sign, hours, minutes] = /^([+-])(\d{1,2}):(\d{2})$/.exec(zone) ?? []
  if (sign !== undefined) {
    const offset = (Number(hours) * 60 + Number(minutes)) * 60_000
    return new Date(now.getTime() + (sign === '-' ? -offset : offset))
  }
  return clockByName(now, zone === 'SYSTEM' ? undefined : zone)
}

function clockByName(now: Date, timeZone: string | undefined): Date {
  try {
    const format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
    const parts = Object.fromEntries(
      format.formatToParts(now).map(({ type, value }) => [type, Number(value)]),
    )
    const { year, month, day, hour, minute, second } = parts as Readonly<Record<string, number>>
    return new Date(Date.UTC(year!, month! - 1, day, hour, minute, second))
  } catch {
    throw new RowshiftError(
      'PARAMS_INVALID',
      `The params are not valid:\n  params.time_zone: ${JSON.stringify(timeZone)} is not a zone that this machine knows, and a date variable asks for it; give an offset like +08:00`,
    )
  }
}

function invalid(variable: string, what: string): RowshiftError {
  return new RowshiftError('PARAMS_INVALID', `The params are not valid:\n  ${variable} ${what}`, { variable })
}
