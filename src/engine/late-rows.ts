/**
 * Rows before the watermark that a run reads because of its overlap have been read by earlier runs, unless they came late. They have splits of
 * their own, so that those of them that are written can be counted.
 */
import type { ReadSpec, Split, Window } from '../contract/plugin.js'

/** Which parts of the windows have splits of their own, in the order of reading. */
export function partsOf({ window, sources }: ReadSpec): readonly boolean[] {
  const windows = [window, ...(sources ?? []).map((table) => table.window)]
  return windows.some((one) => one?.late) ? [true, false] : [false]
}

/** What is to be read of one part of the windows: of what is before the watermark, or of the rest. */
export function specOfPart(spec: ReadSpec, { late = false }: Pick<Split, 'late'>): ReadSpec {
  const { sources } = spec
  return {
    ...spec,
    window: part(spec.window, late),
    ...(sources && { sources: sources.map((table) => ({ ...table, window: part(table.window, late) })) }),
  }
}

function part(window: Window | null, late: boolean): Window | null {
  if (window === null) return null
  if (window.late === null) return late ? { ...window, rows: 0 } : window
  return { ...window, sql: late ? window.late.sql : window.late.rest }
}
