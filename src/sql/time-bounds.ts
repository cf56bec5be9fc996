/** Where windows by time end. */
import type { IncrementalRequest } from '../contract/read.js'
import { counted } from '../wire/counted.js'
import { epochWindow, isEpoch, likelyEpochs, toEpoch, unitOf, wrongUnit } from './epoch.js'
import { countUpTo, COUNT_TO } from './window-rows.js'
import { highestValue } from './highest-value.js'
import { selectSql } from './select.js'
import type { SqlSession } from './session.js'
import type { Moments, WindowBounds, WindowSource } from './window-source.js'

/** From how far behind the clock on a run says whom it waits for. */
const LATE_SECONDS = 60

/** The window in values of the column. */
interface Ticks {
  readonly from: string | null
  /** Without it. */
  readonly to: string
  readonly watermark: string
  readonly behind: boolean
  /** What is true of values that the clock will reach later. */
  readonly future: string
}

/**
 * A row carries the time at which the statement began that changed it, and is seen when its transaction commits. So the window
 * ends before everybody who may still write, and before the clock's current tick.
 */
export async function timeBounds<S extends SqlSession>(
  session: S,
  request: IncrementalRequest,
  source: WindowSource<S>,
  indexed: boolean,
): Promise<WindowBounds> {
  const { column, kind, watermark } = request
  const times = await source.times(session, request)
  const { moments, lag, holder, late, hidden } = times
  await checkUnit(session, request, moments.clockEpoch)
  const ticks = ticksOf(session, request, moments)
  const { from, to } = ticks
  const warnings = [
    ...(hidden === null
      ? []
      : [`${hidden}, so this run stays ${lag} s behind the clock; a transaction open for longer is missed`]),
    ...(ticks.behind
      ? [
          `the source's clock, or a writer, is behind the last watermark ${watermark}: the window begins there`,
        ]
      : []),
    ...(indexed ? await futureRows(session, request, ticks.future) : []),
  ]
  const delays =
    holder !== null && late > LATE_SECONDS
      ? [
          `the window ends ${late} s behind the source's clock, held by ${holder}${request.lag === null ? '' : ` and by lag, ${lag} s`}`,
        ]
      : []
  const reasons = [reason()]
  const open = await times.held(from, ticks.watermark)
  const bounds = { from, to, secondsBehind: late, reasons, warnings }
  if (open === null) return { ...bounds, watermark: ticks.watermark, delays }
  const stays = `${open} has changed rows whose ${column.name} is before ${ticks.watermark}, so the watermark stays where it is until that transaction ends`
  return { ...bounds, watermark, delays: [...delays, stays] }

  function reason(): string {
    const clock = holder === null ? "the source's clock" : `the oldest writer (${holder})`
    const range = `${column.name} from ${from ?? 'the beginning'} up to ${to} (without it)`
    if (to !== ticks.watermark)
      return `${range}; the next run reads rows from ${ticks.watermark} on again, since that day was not over ${lag} s behind ${clock}`
    const what = isEpoch(kind) ? `, ${unitOf(kind)} (${moments.end} UTC)` : ''
    return `${range}${what}, ${lag} s behind ${clock}`
  }
}

function ticksOf({ dialect }: SqlSession, request: IncrementalRequest, moments: Moments): Ticks {
  const { kind, column, rereads } = request
  const { end, begin, behind, nextDay } = moments
  if (isEpoch(kind)) {
    const window = epochWindow(kind, request, toEpoch(kind, BigInt(moments.endEpoch)))
    return { ...window, watermark: window.to, future: `> ${toEpoch(kind, BigInt(moments.clockEpoch))}` }
  }
  if (kind === 'date') {
    // The day is not over: its rows are read now, and again by the next run.
    const day = end.slice(0, 10)
    const from = begin?.slice(0, 10) ?? null
    const future = `>= ${dialect.text(nextDay)}`
    return { from, to: rereads ? nextDay : day, watermark: day, behind, future }
  }
  const cut = (time: string) => toTick(time, column.valueRange.fractionDigits ?? 0)
  const to = cut(end)
  return { from: begin && cut(begin), to, watermark: to, behind, future: `> ${dialect.text(moments.clock)}` }
}

/** Cut, not rounded, to what the column holds: the tick under way is not over. */
function toTick(time: string, digits: number): string {
  return digits === 0 ? time.slice(0, 19) : time.slice(0, 20 + digits)
}

/** Throws PARAMS_INVALID when the values of the column cannot be in its unit. */
async function checkUnit(
  session: SqlSession,
  request: IncrementalRequest,
  clockEpoch: string,
): Promise<void> {
  const { kind, table, column } = request
  if (!isEpoch(kind)) return
  const { dialect } = session
  const { low, high } = likelyEpochs(toEpoch(kind, BigInt(clockEpoch)))
  const name = dialect.identifier(column.name)
  const from = dialect.table(table.table)
  const where = [`${name} BETWEEN ${low} AND ${high}`]
  const likely = await session.query(selectSql({ select: ['1'], from, where, tail: ' LIMIT 1' }))
  if (likely.length > 0) return
  const integers = dialect.isInteger?.(name)
  const conditions = [`${name} > 0`, ...(integers === undefined ? [] : [integers])]
  const highest = await highestValue(session, table.table, column, conditions)
  if (highest !== null) throw wrongUnit(request, kind, highest)
}

async function futureRows(
  session: SqlSession,
  request: IncrementalRequest,
  future: string,
): Promise<string[]> {
  const { table, column } = request
  const count = await countUpTo(session, table, `${session.dialect.identifier(column.name)} ${future}`)
  if (count === 0) return []
  return [
    `${count === COUNT_TO ? 'at least ' : ''}${counted(count, 'row')} ${count === 1 ? 'has' : 'have'} a ${column.name} in the future, to be copied when it has come`,
  ]
}
