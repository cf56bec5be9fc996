import type { Window } from '../../src/contract/plugin.js'

/** Enough to tell nothing, a split's worth and more apart, and cheap to count. */
export const COUNT_TO = 20_000

/** Where a window begins and ends, as in {@link Window}. */
export type WindowEnds = Pick<Window, 'from' | 'to' | 'watermark' | 'reasons' | 'warnings' | 'delays'>
