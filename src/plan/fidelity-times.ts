import type { Column, ValueRange } from '../contract/plugin.js'

const DATES: readonly ValueRange['dates'][] = ['calendar', 'zero', 'partial', undefined]

/** What dates and times of one column lose in another. */
export function timeLosses(source: Column, target: Column): string[] {
  const losses: string[] = []
  const from = source.valueRange
  const to = target.valueRange
  const hasTime = source.kind !== 'date'
  if (hasTime && target.kind === 'date') losses.push('the time of day')
  else if (hasTime && (from.fractionDigits ?? Infinity) > (to.fractionDigits ?? Infinity)) {
    losses.push(
      to.fractionDigits === 0 ? 'fractions of a second' : `digits of a second beyond ${to.fractionDigits}`,
    )
  }
  if (target.kind === 'time') return [...losses, ...clockLosses(from, to)]
  // All other dates are in its range, too.
  if (to.anyYear) return losses
  if (to.earliest !== undefined && firstMoment(source) < firstMoment(target)) {
    losses.push(`times before ${to.earliest}`)
  }
  if (to.latest !== undefined && lastMoment(source) > lastMoment(target))
    losses.push(`times after ${to.latest}`)
  if (to.dates !== 'calendar' && DATES.indexOf(from.dates) > DATES.indexOf(to.dates))
    losses.push('dates with month or day 0')
  return losses
}

/** Dates that hardly any column holds, where the target does not hold them. */
export function rareDateLosses({ valueRange: from }: Column, { kind, valueRange: to }: Column): string[] {
  if (kind === 'text' || to.dynamic) return []
  return [
    ...(from.anyYear && !to.anyYear ? ['years before 1 and after 9999, and infinity'] : []),
    ...(to.dates === 'calendar' && from.dates !== 'calendar' ? ['zero dates'] : []),
  ]
}

/** A time without bounds may be a span of many days, or a negative one. */
function clockLosses(from: ValueRange, to: ValueRange): string[] {
  const beyond = (bound: 'earliest' | 'latest') =>
    to[bound] !== undefined && (from[bound] === undefined || from[bound] !== to[bound])
  return [
    ...(beyond('earliest') ? [`times before ${to.earliest}`] : []),
    ...(beyond('latest') ? [`times after ${to.latest}`] : []),
  ]
}

/** What becomes of a moment that loses its zone, or of a wall clock that gets one; null: neither happens. */
export function zoneChange(source: Column, target: Column): string | null {
  const names = `${source.name} (${source.type})`
  const to = source.name === target.name ? target.type : `${target.name} (${target.type})`
  const clock = (kind: Column['kind']) => kind === 'datetime' || kind === 'date' || kind === 'time'
  if (source.kind === 'instant' && (clock(target.kind) || target.kind === 'text'))
    return `${names} is a moment: ${to} gets what clocks say of it in UTC`
  if (target.kind === 'instant' && (clock(source.kind) || source.kind === 'text'))
    return `${names} has no zone: ${to} takes it to be in UTC`
  return null
}

/** As text that can be compared; before everything when there is no bound. */
function firstMoment({ kind, valueRange: { earliest } }: Column): string {
  return earliest === undefined ? '' : kind === 'date' ? `${earliest} 00:00:00` : earliest
}

function lastMoment({ kind, valueRange: { latest } }: Column): string {
  return latest === undefined ? '~' : kind === 'date' ? `${latest} 23:59:59` : latest
}

/** Most characters of the text of a date or time; undefined when there is no bound. */
export function temporalTextLength({ kind, valueRange }: Column): number | undefined {
  if (valueRange.dynamic) return undefined
  const fraction =
    valueRange.fractionDigits === undefined || valueRange.fractionDigits > 0
      ? 1 + (valueRange.fractionDigits ?? 9)
      : 0
  // `5874897-12-31`, `294276-12-31 23:59:59`, `4713-01-01 00:00:00 BC`.
  const more = valueRange.anyYear ? 3 : 0
  if (kind === 'date') return 10 + more
  return (kind === 'time' ? 10 : 19) + fraction + more
}
