import type { IncrementalRequest } from '../../src/contract/plugin.js'
import { epochWindow, isEpoch, likelyEpochs, toEpoch, wrongUnit } from '../../src/sql/epoch.js'
import type { Session } from './connection.js'
import { identifier, text } from './sql.js'

/** Moments of a window, as the server counts them; texts are DATETIME(6) in the zone of the column. */
export interface Moments {
  /** Before which everything is settled. */
  readonly end: string
  /** Where the run before has ended, less the overlap; null: there is none, or the column does not hold times as such. */
  readonly begin: string | null
  /** The end is before the last watermark. */
  readonly behind: boolean
  /** In microseconds since 1970. */
  readonly endEpoch: string
  readonly clockEpoch: string
  readonly clock: string
  /** The day after that of the clock. */
  readonly nextDay: string
}

/** The window in values of the column. */
export interface Ticks {
  readonly from: string | null
  /** Without it. */
  readonly to: string
  readonly watermark: string
  readonly behind: boolean
  /** What is true of values that the clock has not yet reached. */
  readonly future: string
}

export function ticksOf(request: IncrementalRequest, moments: Moments): Ticks {
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
    return { from, to: rereads ? nextDay : day, watermark: day, behind, future: `>= ${text(nextDay)}` }
  }
  const cut = (time: string) => toTick(time, column.domain.fractionDigits ?? 0)
  const to = cut(end)
  return { from: begin && cut(begin), to, watermark: to, behind, future: `> ${text(moments.clock)}` }
}

/** Cut, not rounded, to what the column holds: the tick under way is not over. */
function toTick(time: string, digits: number): string {
  return digits === 0 ? time.slice(0, 19) : time.slice(0, 20 + digits)
}

/** Throws PARAMS_INVALID when the values of the column cannot be in its unit. */
export async function checkUnit(
  session: Session,
  request: IncrementalRequest,
  clockEpoch: string,
): Promise<void> {
  const { kind, table, column } = request
  if (!isEpoch(kind)) return
  const { low, high } = likelyEpochs(toEpoch(kind, BigInt(clockEpoch)))
  const name = identifier(column.name)
  const from = identifier(table.table)
  const likely = await session.query(`SELECT 1 FROM ${from} WHERE ${name} BETWEEN ${low} AND ${high} LIMIT 1`)
  if (likely.length > 0) return
  const [row] = await session.query(`SELECT MAX(${name}) FROM ${from} WHERE ${name} > 0`)
  if (row![0] != null) throw wrongUnit(request, kind, row![0])
}
