/** What one database knows about those who write to a table, for the windows of incremental runs. */
import type { IncrementalRequest, Window } from '../contract/read.js'
import type { SqlSession } from './session.js'

/** Where a window begins and ends, as in {@link Window}. */
export type WindowBounds = Pick<
  Window,
  'from' | 'to' | 'watermark' | 'secondsBehind' | 'reasons' | 'warnings' | 'delays'
>

export interface WindowSource<S extends SqlSession> {
  /**
   * What the table and the server say about such runs: an index that begins with the column, what the user has to see to (`reasons`),
   * and what may be missed all the same (`warnings`). Throws PARAMS_INVALID where what is being written to it cannot be seen at all.
   */
  look(session: S, request: IncrementalRequest): Promise<Pick<Window, 'index' | 'reasons' | 'warnings'>>
  /** More conditions for the column; see {@link WindowSql}. Default: none. */
  conditions?(
    request: IncrementalRequest,
    bounds: Pick<Window, 'from' | 'to'>,
  ): { readonly nearby?: readonly string[]; readonly outside?: readonly string[] }
  /** The next query sees committed rows only, or all. Default: all that a query sees is committed, and nothing is under way. */
  see?(session: S, rows: 'committed' | 'all'): Promise<void>
  /** The next value that the database gives to the column by itself; null: none, or it is not known. */
  nextId(session: S, request: IncrementalRequest): Promise<string | null>
  /** Up to which key, `top` or a lower one, no lower one will come. Waits for that, `lockWaitMs` at most. Default: nobody has a lower one. */
  settleKeys?(session: S, request: IncrementalRequest, top: string): Promise<SettledKeys>
  /** Who may still commit a number below the window's end. Waits for that, `lockWaitMs` at most. Default: nobody. */
  settleVersions?(
    session: S,
    request: IncrementalRequest,
    range: { readonly from: string | null; readonly to: string },
  ): Promise<SettledVersions>
  times(session: S, request: IncrementalRequest): Promise<SettledTimes>
}

export interface SettledKeys {
  /** null: there is no such key. */
  readonly to: string | null
  /** Who may still write a lower key than `to`; null: nobody. */
  readonly holder: string | null
  readonly warnings: readonly string[]
  readonly delays: readonly string[]
}

export interface SettledVersions {
  /** null: nobody. */
  readonly holder: string | null
  /** Why open transactions cannot be looked at; null: they can. */
  readonly hidden: string | null
}

export interface SettledTimes {
  readonly moments: Moments
  /** How many seconds the end stays behind. */
  readonly lag: number
  /** Whom it stays behind; null: the source's clock. */
  readonly holder: string | null
  /** How many seconds the end is behind the clock. */
  readonly late: number
  /** Why open transactions cannot be looked at; null: they can. */
  readonly hidden: string | null
  /** Which open transaction has changed rows between `from` and `to`; null: none. */
  held(from: string | null, to: string): Promise<string | null>
}

/** Moments of a window, as the database counts them; texts are written like values of the column, with all digits of the clock. */
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
