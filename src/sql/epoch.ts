/** Columns that count time since 1970. Values are exact whole numbers. */
import { RowshiftError } from '../contract/errors.js'
import type { IncrementalRequest, WindowKind } from '../contract/read.js'

/** Microseconds. */
const UNITS = { epoch_s: 1_000_000n, epoch_ms: 1_000n, epoch_us: 1n } as const
const NAMES = { epoch_s: 'seconds', epoch_ms: 'milliseconds', epoch_us: 'microseconds' } as const

export type EpochKind = keyof typeof UNITS

export function isEpoch(kind: WindowKind): kind is EpochKind {
  return Object.hasOwn(UNITS, kind)
}

/** For people: `milliseconds since 1970`. */
export function unitOf(kind: EpochKind): string {
  return `${NAMES[kind]} since 1970`
}

/** A moment, in microseconds since 1970, as the column has it: the tick that it is in. */
export function toEpoch(kind: EpochKind, microseconds: bigint): bigint {
  return microseconds / UNITS[kind]
}

/** As many ticks as cover so many seconds. */
export function epochTicks(kind: EpochKind, seconds: number): bigint {
  return (BigInt(Math.ceil(seconds * 1e6)) + UNITS[kind] - 1n) / UNITS[kind]
}

/**
 * Which values may be times of this century: a wrong unit is a thousand times off, so that rows would for ever be in the future,
 * or before the watermark.
 */
export function likelyEpochs(now: bigint): { readonly low: bigint; readonly high: bigint } {
  return { low: now / 100n, high: now * 100n }
}

/** For a column that has values, none of which is likely. */
export function wrongUnit(
  { table: { table }, column: { name } }: IncrementalRequest,
  kind: EpochKind,
  highest: string,
): RowshiftError {
  return new RowshiftError(
    'PARAMS_INVALID',
    `params.diff_column says that ${table}.${name} holds ${unitOf(kind)}, but its highest value is ${highest}, which is not a time near now. Correct "type": epoch_s, epoch_ms or epoch_us.`,
    { table, column: name },
  )
}

/** Where the window begins and ends, before the tick `end`. */
export function epochWindow(
  kind: EpochKind,
  { watermark, overlap }: Pick<IncrementalRequest, 'watermark' | 'overlap'>,
  end: bigint,
): { readonly from: string | null; readonly to: string; readonly behind: boolean } {
  if (watermark === null) return { from: null, to: String(end), behind: false }
  const last = BigInt(watermark)
  const from = (last < end ? last : end) - epochTicks(kind, overlap)
  return { from: String(from), to: String(end), behind: end < last }
}

/** The warning for a version column whose highest value is below the watermark. */
export function versionsBeginAnew(name: string, highest: string, watermark: string): string {
  return `the highest ${name} is ${highest}, below ${watermark}, which earlier runs have reached: if the numbers begin anew, copy all rows with --mode init`
}
